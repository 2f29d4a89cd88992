#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/types.h"

namespace medlar::comm {

/// Ranks that run one model together. Every call is collective: all ranks make it, in the same
/// order. Results do not depend on timing. One object per rank, used by that rank's thread only.
class Comm {
 public:
  Comm() = default;
  virtual ~Comm() = default;
  Comm(const Comm&) = delete;
  Comm& operator=(const Comm&) = delete;

  virtual i64 rank() const = 0;
  virtual i64 size() const = 0;
  /// values[i] becomes the sum over ranks, added in the order of ranks from 0 on.
  virtual void all_reduce(std::span<float> values) = 0;
  /// Every rank's `mine`, one after the other in the order of ranks; `all` holds the sum of their
  /// sizes.
  virtual void all_gather(std::span<const float> mine, std::span<float> all) = 0;
  /// Piece r of `send` goes to rank r; `receive` gets the pieces for this rank in the order of
  /// ranks. All pieces have the size send.size() / size().
  virtual void all_to_all(std::span<const float> send, std::span<float> receive) = 0;
  /// Everybody gets the values of rank `root`.
  virtual void broadcast(std::span<float> values, i64 root) = 0;
  virtual void barrier() = 0;
};

/// The only rank: nothing to exchange.
std::unique_ptr<Comm> solo();

/// The first of `ranks` ranks of which the others do not exist: for runs on shapes alone, which
/// exchange nothing. Every exchange is refused.
std::unique_ptr<Comm> first_of(i64 ranks);

/// Ranks as threads of this process: runs body(comm) once per rank, each on its own thread, and
/// returns when all have ended. If one throws, the others are released from their collective calls
/// (they throw `cancelled`) and the first exception is rethrown here.
void run_ranks(i64 ranks, const std::function<void(Comm&)>& body);

}  // namespace medlar::comm
