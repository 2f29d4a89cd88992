#pragma once

#include <memory>
#include <string>

#include "backend/kernels.h"
#include "comm/comm.h"
#include "ops/context.h"

namespace medlar::tests {

/// A context with its parts, for tests of ops and models.
struct Machine {
  explicit Machine(const std::string& isa = "auto", i64 thread_count = 2)
      : kernels(backend::kernels_named(isa)),
        threads(thread_count),
        pool(isa == "meta" ? Device::meta : Device::cpu),
        comm(comm::solo()) {}

  ops::Context context() { return {kernels, {&threads}, pool, *comm}; }

  const backend::Kernels& kernels;
  ThreadPool threads;
  Pool pool;
  std::unique_ptr<comm::Comm> comm;
};

}  // namespace medlar::tests
