// Ranks as threads: every rank publishes a view of its data, all meet, each reads what it needs,
// all meet again before the data may change.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "comm/comm.h"

namespace medlar::comm {
namespace {

struct Meeting {
  explicit Meeting(i64 ranks) : size(ranks), published(static_cast<std::size_t>(ranks)) {}

  /// Waits for all ranks. Throws cancelled when one of them has failed.
  void wait() {
    std::unique_lock lock(mutex);
    const i64 round = rounds;
    if (++arrived == size) {
      arrived = 0;
      ++rounds;
      changed.notify_all();
    } else {
      changed.wait(lock, [&] { return rounds != round || failed; });
    }
    if (failed) fail(ErrorCode::cancelled, "another rank failed");
  }

  void fail_all() {
    const std::lock_guard lock(mutex);
    failed = true;
    changed.notify_all();
  }

  i64 size;
  std::vector<std::span<const float>> published;
  std::mutex mutex;
  std::condition_variable changed;
  i64 arrived = 0;
  i64 rounds = 0;
  bool failed = false;
};

class ThreadRank final : public Comm {
 public:
  ThreadRank(Meeting& meeting, i64 rank) : meeting_(meeting), rank_(rank) {}

  i64 rank() const override { return rank_; }
  i64 size() const override { return meeting_.size; }

  void all_reduce(std::span<float> values) override {
    publish(values);
    std::vector<float> sums(values.size(), 0.0f);
    for (const auto& other : meeting_.published) {
      MEDLAR_CHECK(other.size() == values.size());
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += other[i];
    }
    meeting_.wait();
    std::copy(sums.begin(), sums.end(), values.begin());
  }

  void all_gather(std::span<const float> mine, std::span<float> all) override {
    publish(mine);
    auto out = all.begin();
    for (const auto& other : meeting_.published) {
      MEDLAR_CHECK(static_cast<i64>(other.size()) <= all.end() - out);
      out = std::copy(other.begin(), other.end(), out);
    }
    MEDLAR_CHECK(out == all.end());
    meeting_.wait();
  }

  void all_to_all(std::span<const float> send, std::span<float> receive) override {
    MEDLAR_CHECK(send.size() == receive.size() && ssize_of(send) % size() == 0);
    publish(send);
    const std::size_t piece = send.size() / static_cast<std::size_t>(size());
    auto out = receive.begin();
    for (const auto& other : meeting_.published) {
      const auto mine = other.subspan(static_cast<std::size_t>(rank_) * piece, piece);
      out = std::copy(mine.begin(), mine.end(), out);
    }
    meeting_.wait();
  }

  void broadcast(std::span<float> values, i64 root) override {
    publish(values);
    const auto& source = meeting_.published[static_cast<std::size_t>(root)];
    MEDLAR_CHECK(source.size() == values.size());
    if (rank_ != root) std::copy(source.begin(), source.end(), values.begin());
    meeting_.wait();
  }

  void barrier() override { meeting_.wait(); }

 private:
  void publish(std::span<const float> data) {
    meeting_.published[static_cast<std::size_t>(rank_)] = data;
    meeting_.wait();
  }

  Meeting& meeting_;
  i64 rank_;
};

}  // namespace

void run_ranks(i64 ranks, const std::function<void(Comm&)>& body) {
  if (ranks < 1)
    fail(ErrorCode::invalid_argument, "the number of ranks must be at least 1, got {}", ranks);
  Meeting meeting(ranks);
  std::mutex mutex;
  std::exception_ptr first_error;
  {
    std::vector<std::jthread> threads;
    for (i64 rank = 0; rank < ranks; ++rank) {
      threads.emplace_back([&, rank] {
        try {
          ThreadRank comm(meeting, rank);
          body(comm);
        } catch (...) {
          {
            const std::lock_guard lock(mutex);
            if (!first_error) first_error = std::current_exception();
          }
          meeting.fail_all();
        }
      });
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace medlar::comm
