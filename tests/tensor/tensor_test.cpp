#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace medlar {
namespace {

TEST(Tensor, ReshapedViewsShareElementsAndIdentity) {
  Pool pool(Device::cpu);
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Tensor x = Tensor::of(pool, {2, 3}, std::span<const float>(values));
  const Tensor y = x.reshape({3, 2});
  EXPECT_EQ(y.f32(), x.f32());
  EXPECT_EQ(y.id(), x.id());
  EXPECT_EQ(y.size(-1), 2);
  EXPECT_THROW(x.reshape({4, 2}), Error);
  EXPECT_NE(Tensor::zeros(pool, {2}).id(), x.id());
  EXPECT_THROW(x.i64s(), Error) << "an f32 tensor gave its memory as i64";
}

TEST(Pool, CountsWhatLivesAndThePeak) {
  Pool pool(Device::cpu);
  {
    const Tensor a = Tensor::empty(pool, {100});
    const Tensor b = Tensor::empty(pool, {10});
    EXPECT_EQ(pool.bytes_in_use(), 448 + 64) << "sizes are rounded up to cache lines";
  }
  EXPECT_EQ(pool.bytes_in_use(), 0);
  EXPECT_EQ(pool.peak_bytes(), 448 + 64);
  pool.reset_peak();
  EXPECT_EQ(pool.peak_bytes(), 0);
}

TEST(Pool, MetaCountsWithoutMemory) {
  Pool pool(Device::meta);
  const Tensor x = Tensor::zeros(pool, {1 << 20, 1 << 20});
  EXPECT_EQ(x.f32(), nullptr);
  EXPECT_EQ(pool.bytes_in_use(), i64{4} << 40);
}

TEST(Shape, RefusesWhatNoTensorCanHave) {
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1}), Error);
  EXPECT_THROW((Shape{-1}), Error);
  EXPECT_THROW((void)(Shape{i64{1} << 40, i64{1} << 40}.count()), Error);
  EXPECT_EQ((Shape{}.count()), 1);
  EXPECT_EQ((Shape{2, 3}.to_string()), "[2, 3]");
}

}  // namespace
}  // namespace medlar
