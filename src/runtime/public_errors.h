#pragma once

#include <filesystem>
#include <new>
#include <string>

#include "base/error.h"
#include "medlar/types.h"

namespace medlar {

/// What `work` gives, its errors as the public type. A callback's own exceptions pass.
template <typename Work>
auto translated(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Error& error) {
    throw EngineError(std::string(name_of(error.code())), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    throw EngineError(std::string(name_of(ErrorCode::io)), error.what());
  } catch (const std::bad_alloc&) {
    throw EngineError(std::string(name_of(ErrorCode::out_of_memory)), "out of memory");
  }
}

}  // namespace medlar
