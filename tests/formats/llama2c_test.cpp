#include "formats/llama2c.h"

#include <gtest/gtest.h>

#include "test_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;
using tests::ByteWriter;
using tests::expect_error;

struct Sizes {
  i32 dim = 8;
  i32 hidden = 12;
  i32 layers = 2;
  i32 heads = 4;
  i32 kv_heads = 2;
  i32 vocab = 5;
  i32 context = 3;
};

/// A file whose floats count up from 0.
std::string file_of(const Sizes& sizes) {
  ByteWriter writer;
  for (const i32 value : {sizes.dim, sizes.hidden, sizes.layers, sizes.heads, sizes.kv_heads,
                          sizes.vocab, sizes.context}) {
    writer.add<i32>(value);
  }
  const i32 vocab = std::abs(sizes.vocab);
  const i32 kv_dim = sizes.dim / sizes.heads * sizes.kv_heads;
  const i32 layer = 2 * sizes.dim + 2 * sizes.dim * sizes.dim + 2 * kv_dim * sizes.dim +
                    3 * sizes.hidden * sizes.dim;
  const i32 classifier = sizes.vocab < 0 ? vocab * sizes.dim : 0;
  const i32 count = vocab * sizes.dim + sizes.layers * layer + sizes.dim +
                    sizes.context * (sizes.dim / sizes.heads) + classifier;
  for (i32 i = 0; i < count; ++i) writer.add<float>(static_cast<float>(i));
  return writer.str();
}

float first_of(const StoredTensor& tensor) {
  float value;
  std::memcpy(&value, tensor.bytes.data(), sizeof(value));
  return value;
}

TEST(Llama2c, ReadsTheHeaderAndNamesTheTensors) {
  const std::string file = file_of({});
  EXPECT_TRUE(looks_like_llama2c(bytes_of_text(file)));
  const Llama2cFile model = parse_llama2c(bytes_of_text(file), "f");
  EXPECT_EQ(
      model.config.dump(),
      R"({"model_type":"llama","hidden_size":8,"intermediate_size":12,"num_hidden_layers":2,)"
      R"("num_attention_heads":4,"num_key_value_heads":2,"vocab_size":5,"max_position_embeddings":3,)"
      R"("rms_norm_eps":1e-05,"rope_theta":10000.0,"tie_word_embeddings":true,"bos_token_id":1,"eos_token_id":2})");
  EXPECT_EQ(model.tensors.size(), 20u);
  EXPECT_EQ(first_of(model.tensors.at("layers.0.attention_norm.weight")), 40);
  EXPECT_EQ(first_of(model.tensors.at("layers.1.attention_norm.weight")), 48);
  EXPECT_EQ(first_of(model.tensors.at("layers.0.wq.weight")), 56);
  EXPECT_EQ(model.tensors.at("layers.1.wk.weight").shape, Shape({4, 8}));
  EXPECT_EQ(model.tensors.at("layers.0.w2.weight").shape, Shape({8, 12}));
}

TEST(Llama2c, ANegativeVocabularyHasItsOwnClassifier) {
  const std::string file = file_of({.vocab = -5});
  const Llama2cFile model = parse_llama2c(bytes_of_text(file), "f");
  EXPECT_EQ(model.config.at("tie_word_embeddings"), false);
  EXPECT_EQ(model.config.at("vocab_size"), 5);
  const StoredTensor& output = model.tensors.at("output.weight");
  EXPECT_EQ(output.bytes.data() + output.bytes.size(), bytes_of_text(file).data() + file.size());
}

TEST(Llama2c, TheLengthMustBeExact) {
  const std::string file = file_of({});
  tests::expect_every_prefix_refused(file, [](Bytes bytes) { parse_llama2c(bytes, "f"); });
  expect_error(ErrorCode::corrupt_file, "the header needs",
               [&] { parse_llama2c(bytes_of_text(file + "x"), "f"); });
  EXPECT_FALSE(looks_like_llama2c(bytes_of_text(file + "x")));
}

TEST(Llama2c, HeaderValuesAreBounded) {
  const i32 huge = 2147483647;
  const i32 least = -huge - 1;
  for (const Sizes& sizes :
       {Sizes{.dim = 0}, Sizes{.dim = -8}, Sizes{.hidden = 0}, Sizes{.layers = -1},
        Sizes{.heads = 3}, Sizes{.kv_heads = 3}, Sizes{.kv_heads = 8}, Sizes{.vocab = 0},
        Sizes{.context = 0}, Sizes{.heads = 8, .kv_heads = 8}}) {
    ByteWriter writer;
    for (const i32 value : {sizes.dim, sizes.hidden, sizes.layers, sizes.heads, sizes.kv_heads,
                            sizes.vocab, sizes.context}) {
      writer.add<i32>(value);
    }
    EXPECT_THROW(parse_llama2c(bytes_of_text(writer.str()), "f"), Error);
  }
  for (int field = 0; field < 7; ++field) {
    for (const i32 value : {huge, least}) {
      std::string file = file_of({});
      std::memcpy(file.data() + field * 4, &value, 4);
      EXPECT_THROW(parse_llama2c(bytes_of_text(file), "f"), Error) << field << " " << value;
    }
  }
}

}  // namespace
}  // namespace medlar::formats
