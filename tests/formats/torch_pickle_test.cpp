#include "formats/torch_pickle.h"

#include <gtest/gtest.h>

#include <functional>

#include "torch_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;
using tests::expect_error;
using tests::floats;
using tests::PickleWriter;
using tests::torch_zip;

using Tensors = std::map<std::string, StoredTensor, std::less<>>;

Tensors parse(const std::string& file) { return parse_torch(bytes_of_text(file), "f").tensors; }

std::vector<float> values_of(const StoredTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.count()));
  dequantise(tensor.format, tensor.bytes, values);
  return values;
}

const std::string six = floats({0, 1, 2, 3, 4, 5});

/// {"a": the tensor}
std::string one_tensor(i32 offset, const std::vector<i32>& sizes, const std::vector<i32>& strides,
                       std::string_view type = "FloatStorage", i32 count = 6) {
  return torch_zip(PickleWriter()
                       .op("}")
                       .text("a")
                       .tensor(type, "0", count, offset, sizes, strides)
                       .op("s")
                       .stop(),
                   {six});
}

/// {"a": whatever `write` pushes}
std::string one_value(const std::function<void(PickleWriter&)>& write) {
  PickleWriter writer;
  writer.op("}").text("a");
  write(writer);
  return torch_zip(writer.op("s").stop(), {six});
}

TEST(TorchPickle, ContiguousTensorsAreViews) {
  const std::string file = one_tensor(2, {2, 2}, {2, 1});
  const Tensors tensors = parse(file);
  const StoredTensor& a = tensors.at("a");
  EXPECT_EQ(a.shape, Shape({2, 2}));
  EXPECT_EQ(values_of(a), (std::vector<float>{2, 3, 4, 5}));
  const char* begin = reinterpret_cast<const char*>(a.bytes.data());
  EXPECT_TRUE(begin > file.data() && begin < file.data() + file.size());
}

TEST(TorchPickle, StridedTensorsAreGathered) {
  EXPECT_EQ(values_of(parse(one_tensor(0, {3, 2}, {1, 3})).at("a")),
            (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values_of(parse(one_tensor(1, {2}, {4})).at("a")), (std::vector<float>{1, 5}));
  EXPECT_EQ(values_of(parse(one_tensor(3, {3}, {0})).at("a")), (std::vector<float>{3, 3, 3}));
  EXPECT_EQ(values_of(parse(one_tensor(5, {}, {})).at("a")), (std::vector<float>{5}));
  EXPECT_TRUE(values_of(parse(one_tensor(6, {0, 4}, {4, 1})).at("a")).empty());
  EXPECT_EQ(values_of(parse(one_tensor(4, {1, 2}, {77, 1})).at("a")), (std::vector<float>{4, 5}));
}

TEST(TorchPickle, EveryStorageTypeIsRead) {
  const std::pair<const char*, i32> types[] = {
      {"DoubleStorage", 3}, {"FloatStorage", 6}, {"HalfStorage", 12},  {"BFloat16Storage", 12},
      {"LongStorage", 3},   {"IntStorage", 6},   {"ShortStorage", 12}, {"CharStorage", 24},
      {"ByteStorage", 24},  {"BoolStorage", 24}};
  for (const auto& [type, count] : types) {
    EXPECT_EQ(parse(one_tensor(0, {count}, {1}, type, count)).at("a").bytes.size(), 24u) << type;
  }
  expect_error(ErrorCode::unsupported, "QInt8Storage",
               [] { parse(one_tensor(0, {24}, {1}, "QInt8Storage", 24)); });
  expect_error(ErrorCode::corrupt_file, "need 20",
               [] { parse(one_tensor(0, {5}, {1}, "FloatStorage", 5)); });
}

TEST(TorchPickle, RefusesExtentsOutsideTheStorage) {
  const i32 big = 2'000'000'000;
  expect_error(ErrorCode::corrupt_file, "reaches", [] { parse(one_tensor(1, {6}, {1})); });
  expect_error(ErrorCode::corrupt_file, "reaches", [] { parse(one_tensor(0, {2, 2}, {5, 1})); });
  expect_error(ErrorCode::corrupt_file, "bad offset", [] { parse(one_tensor(-1, {1}, {1})); });
  expect_error(ErrorCode::corrupt_file, "bad strides", [] { parse(one_tensor(5, {2}, {-1})); });
  expect_error(ErrorCode::corrupt_file, "bad sizes", [] { parse(one_tensor(0, {-2}, {1})); });
  expect_error(ErrorCode::corrupt_file, "different length",
               [] { parse(one_tensor(0, {2, 3}, {1})); });
  expect_error(ErrorCode::limit_exceeded, "rank",
               [] { parse(one_tensor(0, {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1})); });
  expect_error(ErrorCode::limit_exceeded, "too many",
               [&] { parse(one_tensor(0, {big, big, big}, {0, 0, 0})); });
  expect_error(ErrorCode::limit_exceeded, "larger than the file",
               [&] { parse(one_tensor(0, {big}, {0})); });
  expect_error(ErrorCode::corrupt_file, "reaches", [&] { parse(one_tensor(big, {2}, {big})); });
}

TEST(TorchPickle, NestedDictsAndListsGetDottedNames) {
  PickleWriter writer;
  writer.op("}(")
      .text("model")
      .op("}(")
      .text("x.weight")
      .tensor("FloatStorage", "0", 6, 0, {6}, {1});
  writer.text("step")
      .integer(3)
      .text("list")
      .op("](")
      .tensor("FloatStorage", "0", 6, 0, {1}, {1})
      .integer(1)
      .op("eu");
  writer.text("args").global("argparse", "Namespace").op(")\x81}").text("lr").integer(1).op("sb");
  writer.integer(7).op("}").text("y").tensor("FloatStorage", "0", 6, 1, {1}, {1}).op("su");
  const Tensors tensors = parse(torch_zip(writer.stop(), {six}));
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_TRUE(tensors.contains("model.x.weight"));
  EXPECT_TRUE(tensors.contains("model.list.0"));
  EXPECT_TRUE(tensors.contains("7.y"));
}

TEST(TorchPickle, ParametersAndOrderedDictsAreUnderstood) {
  PickleWriter writer;
  writer.global("collections", "OrderedDict")
      .op(")R")
      .text("p")
      .global("torch._utils", "_rebuild_parameter");
  writer.op("(")
      .tensor("FloatStorage", "0", 6, 0, {2}, {1})
      .op("\x88")
      .global("collections", "OrderedDict");
  writer.op(")RtRs").op("}").text("_metadata").op("}sb");
  EXPECT_EQ(values_of(parse(torch_zip(writer.stop(), {six})).at("p")), (std::vector<float>{0, 1}));

  PickleWriter pairs;  // how Python 2 wrote an OrderedDict
  pairs.global("collections", "OrderedDict")
      .op("(](](")
      .text("p")
      .tensor("FloatStorage", "0", 6, 0, {1}, {1});
  EXPECT_TRUE(parse(torch_zip(pairs.op("eetR").stop(), {six})).contains("p"));

  PickleWriter typed;  // a newer dtype over an untyped storage
  typed.op("}").text("a").global("torch._utils", "_rebuild_tensor_v3").op("((").text("storage");
  typed.global("torch.storage", "UntypedStorage")
      .text("0")
      .text("cpu")
      .integer(24)
      .op("tQ")
      .integer(8);
  typed.tuple({16}).tuple({1}).op("\x89").op("N").global("torch", "float8_e4m3fn").op("tRs");
  EXPECT_EQ(parse(torch_zip(typed.stop(), {six})).at("a").format, QuantFormat::f8_e4m3);
}

TEST(TorchPickle, UnknownCallsAreInertUntilATensorNeedsThem) {
  const auto evil = [](PickleWriter& writer) {
    writer.global("os", "system").op("(").text("touch /tmp/medlar_was_here").op("tR");
  };
  PickleWriter beside;
  beside.op("}").text("x");
  evil(beside);
  beside.op("s").text("a").tensor("FloatStorage", "0", 6, 0, {1}, {1}).op("s");
  EXPECT_EQ(parse(torch_zip(beside.stop(), {six})).size(), 1u);
  EXPECT_FALSE(std::filesystem::exists("/tmp/medlar_was_here"));

  expect_error(ErrorCode::corrupt_file, "no storage", [&] {
    parse(one_value([&](PickleWriter& writer) {
      writer.global("torch._utils", "_rebuild_tensor_v2").op("(");
      evil(writer);
      writer.rebuild(0, {1}, {1});
    }));
  });
  expect_error(ErrorCode::unsupported, "_rebuild_qtensor", [] {
    parse(one_value(
        [](PickleWriter& writer) { writer.global("torch._utils", "_rebuild_qtensor").op(")R"); }));
  });
  expect_error(ErrorCode::corrupt_file, "no tensors", [&] { parse(one_value(evil)); });
}

TEST(TorchPickle, CyclesAndBombsEnd) {
  PickleWriter cycle;
  cycle.op("}q")
      .op(std::string_view("\0", 1))
      .text("a")
      .op("h")
      .op(std::string_view("\0", 1))
      .op("s");
  expect_error(ErrorCode::limit_exceeded, "holds itself",
               [&] { parse(torch_zip(cycle.stop(), {})); });
  PickleWriter bomb;  // lists of ten times the list before: 10^20 leaves
  bomb.op("]");
  for (int level = 0; level < 20; ++level) {
    bomb.op("q").op(std::string_view("\1", 1)).op("](");
    for (int i = 0; i < 10; ++i) bomb.op("h").op(std::string_view("\1", 1));
    bomb.op("e");
  }
  expect_error(ErrorCode::limit_exceeded, "more than", [&] { parse(torch_zip(bomb.stop(), {})); });
  PickleWriter deep;
  for (int level = 0; level < 100'000; ++level) deep.op("]");
  for (int level = 1; level < 100'000; ++level) deep.op("a");
  expect_error(ErrorCode::limit_exceeded, "nested", [&] { parse(torch_zip(deep.stop(), {})); });
  PickleWriter parameters;  // a parameter of itself
  parameters.op("}").text("a").global("torch._utils", "_rebuild_parameter").op("]\x85Rs");
  expect_error(ErrorCode::corrupt_file, "without a tensor",
               [&] { parse(torch_zip(parameters.stop(), {})); });
}

TEST(TorchPickle, RefusesBrokenPrograms) {
  const auto refuse = [](ErrorCode code, std::string_view part, std::string_view program) {
    expect_error(code, part, [&] { parse(torch_zip(std::string(program), {})); });
  };
  refuse(ErrorCode::corrupt_file, "opcode", "");
  refuse(ErrorCode::corrupt_file, "stack is empty", ".");
  refuse(ErrorCode::corrupt_file, "stack is empty", "0.");
  refuse(ErrorCode::corrupt_file, "stack is empty", "N(\x86.");
  refuse(ErrorCode::corrupt_file, "no mark", "Nt.");
  refuse(ErrorCode::corrupt_file, "stack is empty", "(.");
  refuse(ErrorCode::corrupt_file, "memo place", "h\x01.");
  refuse(ErrorCode::corrupt_file, "without a value", "}(Nu.");
  refuse(ErrorCode::corrupt_file, "no container", "NNa.");
  refuse(ErrorCode::corrupt_file, "no container", "]NNs.");
  refuse(ErrorCode::corrupt_file, "needs", "X\xff\xff\xff\xff.");
  refuse(ErrorCode::corrupt_file, "needs", "\x8b\xff\xff\xff\xff.");
  refuse(ErrorCode::corrupt_file, "global", "cos\nsystem");
  refuse(ErrorCode::corrupt_file, "no end", "c" + std::string(5000, 'x'));
  refuse(ErrorCode::corrupt_file, "by text", "NN\x93.");
  refuse(ErrorCode::unsupported, "opcode 0x49", "I1\n.");
  refuse(ErrorCode::unsupported, "protocol", "\x80\x01.");
  refuse(ErrorCode::unsupported, "protocol", "\x80\x06.");
  refuse(ErrorCode::limit_exceeded, "values", std::string(2'200'000, 'N'));
  refuse(ErrorCode::limit_exceeded, "opcodes", std::string(8'400'000, '('));
}

TEST(TorchPickle, RefusesEveryPrefix) {
  tests::expect_every_prefix_refused(one_tensor(0, {3, 2}, {1, 3}),
                                     [](Bytes bytes) { parse_torch(bytes, "f"); });
}

TEST(TorchPickle, SurvivesChangedBytes) {
  tests::expect_no_crash_with_changed_bytes(one_tensor(0, {3, 2}, {1, 3}),
                                            [](Bytes bytes) { parse_torch(bytes, "f"); });
}

/// The form before PyTorch 1.6.
std::string legacy_file(const std::string& objects, i64 stored_count = 6) {
  tests::ByteWriter writer;
  writer.text(PickleWriter().op("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19").stop());
  writer.text(PickleWriter().integer(1001).stop());
  writer.text(PickleWriter().op("}").text("little_endian").op("\x88s").stop());
  writer.text(objects).text(PickleWriter().op("]").text("k").op("a").stop());
  return writer.add<i64>(stored_count).text(six).str();
}

std::string legacy_objects(const std::function<void(PickleWriter&)>& view) {
  PickleWriter writer;
  writer.op("}").text("a").global("torch._utils", "_rebuild_tensor_v2").op("((").text("storage");
  writer.global("torch", "FloatStorage").text("k").text("cpu").integer(6);
  view(writer);
  return writer.op("tQ").rebuild(1, {2}, {2}).op("s").stop();
}

TEST(TorchPickle, TheOldFormIsRead) {
  const std::string file =
      legacy_file(legacy_objects([](PickleWriter& writer) { writer.op("N"); }));
  EXPECT_TRUE(looks_like_torch(bytes_of_text(file)));
  EXPECT_EQ(values_of(parse(file).at("a")), (std::vector<float>{1, 3}));
  tests::expect_every_prefix_refused(file, [](Bytes bytes) { parse_torch(bytes, "f"); });
  tests::expect_no_crash_with_changed_bytes(file, [](Bytes bytes) { parse_torch(bytes, "f"); });

  const auto viewed = [](i32 offset, i32 count) {
    return legacy_file(legacy_objects([=](PickleWriter& writer) {
      writer.op("(").text("v").integer(offset).integer(count).op("t");
    }));
  };
  EXPECT_EQ(values_of(parse(viewed(2, 4)).at("a")), (std::vector<float>{3, 5}));
  expect_error(ErrorCode::corrupt_file, "reaches", [&] { parse(viewed(2, 3)); });
  expect_error(ErrorCode::corrupt_file, "view of", [&] { parse(viewed(3, 4)); });
  expect_error(ErrorCode::corrupt_file, "view of", [&] { parse(viewed(-1, 4)); });
  expect_error(ErrorCode::corrupt_file, "elements, expected", [] {
    parse(legacy_file(legacy_objects([](PickleWriter& writer) { writer.op("N"); }), 5));
  });
  expect_error(ErrorCode::corrupt_file, "behind", [&] { parse(file + "x"); });
}

}  // namespace
}  // namespace medlar::formats
