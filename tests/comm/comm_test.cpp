#include "comm/comm.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"

namespace medlar::comm {
namespace {

/// Every collective at 1 to 4 ranks, three times over, so that rounds must not mix.
void check_collectives(Comm& comm) {
  const i64 size = comm.size();
  const auto rank = static_cast<float>(comm.rank());
  for (int round = 0; round < 3; ++round) {
    const auto offset = static_cast<float>(10 * round);
    std::vector<float> sums = {rank + offset, 1.0f};
    comm.all_reduce(sums);
    const auto ranks = static_cast<float>(size);
    EXPECT_EQ(sums, (std::vector<float>{ranks * (ranks - 1.0f) / 2.0f + ranks * offset, ranks}));

    // Ranks may give different amounts: rank r gives r + 1 values.
    const std::vector<float> mine(static_cast<std::size_t>(comm.rank() + 1), rank + offset);
    std::vector<float> all(static_cast<std::size_t>(size * (size + 1) / 2));
    comm.all_gather(mine, all);
    std::size_t at = 0;
    for (i64 r = 0; r < size; ++r) {
      for (i64 i = 0; i <= r; ++i) EXPECT_EQ(all[at++], static_cast<float>(r) + offset);
    }

    std::vector<float> send(static_cast<std::size_t>(size));
    std::iota(send.begin(), send.end(), 100.0f * rank);
    std::vector<float> receive(send.size());
    comm.all_to_all(send, receive);
    for (i64 r = 0; r < size; ++r) {
      EXPECT_EQ(receive[static_cast<std::size_t>(r)], 100.0f * static_cast<float>(r) + rank);
    }

    std::vector<float> told = {rank};
    comm.broadcast(told, size - 1);
    EXPECT_EQ(told.front(), static_cast<float>(size - 1));
    comm.barrier();
  }
}

TEST(Comm, CollectivesGiveTheSameToAll) {
  check_collectives(*solo());
  for (const i64 ranks : {1, 2, 3, 4}) run_ranks(ranks, check_collectives);
}

TEST(Comm, AFailingRankReleasesTheOthers) {
  const auto body = [](Comm& comm) {
    if (comm.rank() == 1) fail(ErrorCode::not_found, "rank 1 has no weights");
    std::vector<float> values = {1.0f};
    comm.all_reduce(values);
  };
  try {
    run_ranks(3, body);
    FAIL() << "the error of rank 1 was lost";
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::not_found || error.code() == ErrorCode::cancelled);
  }
  EXPECT_THROW(run_ranks(0, body), Error);
}

}  // namespace
}  // namespace medlar::comm
