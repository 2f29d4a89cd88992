// Every checkpoint under tests/golden/<family>/<case> (and ../shared/golden, where it is there) is
// held against its reference vectors and against itself: batches, chunks, threads, ranks,
// instruction sets, memory, gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"
#include "models/config.h"
#include "runtime/conformance.h"
#include "runtime/engine.h"
#include "runtime/image_inputs.h"
#include "runtime/memory.h"
#include "shared_data.h"
#include "support/random.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> golden_folders(const fs::path& root) {
  std::vector<fs::path> folders;
  if (!fs::is_directory(root)) return folders;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const bool is_picture = fs::exists(entry.path().parent_path() / "case.json");
    if (entry.path().filename() == "golden.safetensors" && !is_picture)
      folders.push_back(entry.path().parent_path());
  }
  std::ranges::sort(folders);
  return folders;
}

std::vector<std::vector<i64>> inputs_of(const Runner& runner) {
  std::vector<std::vector<i64>> inputs;
  for (const i64 length : {17, 1, 40, 9}) {
    std::vector<i64> ids;
    for (i64 i = 0; i < length; ++i)
      ids.push_back((i * 37 + length * 11 + 3) % runner.facts().vocabulary);
    inputs.push_back(ids);
  }
  return inputs;
}

std::vector<TokenInput> as_batch(const std::vector<std::vector<i64>>& inputs) {
  std::vector<TokenInput> batch;
  for (const auto& ids : inputs) batch.push_back({.ids = ids, .token_types = {}});
  return batch;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

std::vector<float> main_output(Runner& runner, std::span<const TokenInput> batch) {
  const models::Outputs outputs = runner.run(batch);
  const std::span<const float> values = outputs.front().value.values();
  return {values.begin(), values.end()};
}

class GoldenModel : public testing::Test {
 public:
  GoldenModel(fs::path folder, void (*check)(const formats::Checkpoint&, const fs::path&))
      : folder_(std::move(folder)), check_(check) {}
  void TestBody() override {
    const formats::Checkpoint checkpoint = open_model(folder_);
    check_(checkpoint, folder_);
  }

 private:
  fs::path folder_;
  void (*check_)(const formats::Checkpoint&, const fs::path&);
};

void check_reference_vectors(const formats::Checkpoint& checkpoint, const fs::path& folder) {
  const auto alone = comm::solo();
  Runner runner(checkpoint, *alone, {.isa = "auto", .threads = 2});
  const Certificate certificate =
      verify_checkpoint(runner, checkpoint, folder / "golden.safetensors");
  EXPECT_FALSE(certificate.vectors.empty());
  for (const VectorResult& v : certificate.vectors) {
    EXPECT_TRUE(v.pass) << v.name << " error " << v.error << " of " << v.tolerance << " expected "
                        << v.expected << " got " << v.got;
  }
}

/// The same bits for batch sizes, thread counts and instruction sets.
void check_same_bits(const formats::Checkpoint& checkpoint, const fs::path&) {
  const auto alone = comm::solo();
  Runner first(checkpoint, *alone, {.isa = "auto", .threads = 1});
  const auto inputs = inputs_of(first);
  const std::vector<TokenInput> batch = as_batch(inputs);
  const std::vector<float> together = main_output(first, batch);
  std::vector<float> singles;
  for (const TokenInput& input : batch) {
    const std::vector<float> one = main_output(first, {&input, 1});
    singles.insert(singles.end(), one.begin(), one.end());
  }
  EXPECT_TRUE(same_bits(together, singles)) << "a batch of 4 differs from 4 batches of 1";
  std::vector<TokenInput> twice = batch;
  twice.insert(twice.end(), batch.begin(), batch.end());
  const std::vector<float> eight = main_output(first, twice);
  EXPECT_TRUE(same_bits(together, std::span(eight).first(together.size())))
      << "a batch of 8 differs from one of 4";
  EXPECT_TRUE(same_bits(together, std::span(eight).last(together.size())))
      << "place in the batch matters";
  for (const auto& [isa, threads] : {std::pair{"auto", 2}, {"auto", 4}, {"reference", 2}}) {
    Runner other(checkpoint, *alone, {.isa = isa, .threads = threads});
    EXPECT_TRUE(same_bits(together, main_output(other, batch)))
        << isa << " with " << threads << " threads differs";
  }
}

/// Whether every attention of a configuration, pictures' included, has query heads to share out
/// whole.
bool heads_divide(const Json& config, i64 ranks) {
  for (const char* key : {"num_attention_heads", "n_heads", "n_head", "num_heads"}) {
    if (config.contains(key) && config[key].get<i64>() % ranks != 0) return false;
  }
  for (const char* part : {"text_config", "vision_config"}) {
    if (config.contains(part) && !heads_divide(config[part], ranks)) return false;
  }
  return true;
}

void check_ranks(const formats::Checkpoint& checkpoint, const fs::path&) {
  const auto alone = comm::solo();
  Runner one(checkpoint, *alone, {.isa = "auto", .threads = 1});
  const auto inputs = inputs_of(one);
  const std::vector<float> expected = main_output(one, as_batch(inputs));
  for (const i64 ranks : {2, 4}) {
    try {
      comm::run_ranks(ranks, [&](comm::Comm& comm) {
        Runner runner(checkpoint, comm, {.isa = "auto", .threads = 1});
        EXPECT_TRUE(same_bits(expected, main_output(runner, as_batch(inputs))))
            << "rank " << comm.rank() << " of " << ranks << " differs";
        EXPECT_LT(runner.weight_bytes(), one.weight_bytes());
      });
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported) << error.what();
      EXPECT_FALSE(heads_divide(one.config(), ranks)) << error.what();
    }
  }
}

void check_chunks_and_cache(const formats::Checkpoint& checkpoint, const fs::path&) {
  const auto alone = comm::solo();
  Runner runner(checkpoint, *alone, {.isa = "auto", .threads = 2});
  if (runner.facts().direction != models::Direction::causal) return;
  std::vector<i64> ids;
  const i64 length = runner.facts().context_ends ? runner.facts().context : 150;
  for (i64 i = 0; i < length; ++i) ids.push_back((i * 53 + 7) % runner.facts().vocabulary);
  const TokenInput input = {.ids = ids, .token_types = {}};
  const std::vector<float> whole = main_output(runner, {&input, 1});
  for (const i64 chunk : {1, 13, 64, 150}) {
    const models::Outputs cut = runner.run_chunked(input, chunk);
    EXPECT_TRUE(same_bits(whole, cut.front().value.values())) << "chunks of " << chunk;
  }
  if (!runner.facts().generates) return;
  // Requests that share steps, and a cache so small that some must wait and start again, change
  // nothing.
  const auto inputs = inputs_of(runner);
  std::vector<std::vector<i64>> expected;
  for (const auto& prompt : inputs) {
    expected.push_back(generate(runner, {.prompt = prompt,
                                         .max_tokens = runner.facts().context_ends ? 20 : 70,
                                         .sampling = {.temperature = 0.8f, .seed = 5},
                                         .stop_ids = {}}));
  }
  for (const i64 cache_tokens : {2048, 192}) {
    Engine engine(runner, {.cache_tokens = cache_tokens, .step_tokens = 24, .sequences = 8});
    for (const auto& prompt : inputs)
      engine.submit({.prompt = prompt,
                     .max_tokens = runner.facts().context_ends ? 20 : 70,
                     .sampling = {.temperature = 0.8f, .seed = 5},
                     .stop_ids = {}});
    std::vector<std::vector<i64>> got(inputs.size());
    while (!engine.idle()) {
      for (const TokenEvent& event : engine.step())
        got[static_cast<std::size_t>(event.request)].push_back(event.id);
    }
    EXPECT_EQ(got, expected) << "cache of " << cache_tokens << " tokens";
  }
}

/// The golden file's inputs, those with pictures among them.
struct PictureInputs {
  std::vector<std::vector<i64>> ids;
  std::vector<std::optional<ImageInput>> images;

  PictureInputs(Runner& runner, const fs::path& folder) {
    const auto mapped = MappedFile::open(folder / "golden.safetensors");
    const auto file = formats::parse_safetensors(mapped->bytes(), "golden", mapped);
    for (i64 i = 0; file.tensors.contains(fmt::format("ids_{}", i)); ++i) {
      ids.push_back(formats::to_integers(file.tensors.at(fmt::format("ids_{}", i))));
      images.push_back(image_input(runner, file, i));
    }
  }
  std::vector<TokenInput> batch() const {
    std::vector<TokenInput> inputs;
    for (std::size_t i = 0; i < ids.size(); ++i)
      inputs.push_back(
          {.ids = ids[i], .token_types = {}, .images = images[i] ? &*images[i] : nullptr});
    return inputs;
  }
};

/// Prompts with pictures: the same bits in company and alone, whole and in chunks, on one rank and
/// two, for all kernels; the same tokens whoever else is served.
void check_pictures(const formats::Checkpoint& checkpoint, const fs::path& folder) {
  const auto alone = comm::solo();
  Runner runner(checkpoint, *alone, {.isa = "auto", .threads = 2});
  if (!runner.facts().images) return;
  const PictureInputs inputs(runner, folder);
  const std::vector<TokenInput> batch = inputs.batch();
  const std::vector<float> together = main_output(runner, batch);
  std::vector<float> singles;
  for (const TokenInput& input : batch) {
    const std::vector<float> one = main_output(runner, {&input, 1});
    singles.insert(singles.end(), one.begin(), one.end());
    for (const i64 chunk : {1, 5, 64})
      EXPECT_TRUE(same_bits(one, runner.run_chunked(input, chunk).front().value.values()))
          << "chunks of " << chunk;
  }
  EXPECT_TRUE(same_bits(together, singles)) << "a batch differs from its inputs alone";
  Runner reference(checkpoint, *alone, {.isa = "reference", .threads = 1});
  EXPECT_TRUE(same_bits(together, main_output(reference, batch))) << "reference kernels differ";
  comm::run_ranks(2, [&](comm::Comm& comm) {
    Runner half(checkpoint, comm, {.isa = "auto", .threads = 1});
    const PictureInputs own(half, folder);
    EXPECT_TRUE(same_bits(together, main_output(half, own.batch()))) << "two ranks differ";
  });
  const auto request = [&](std::size_t i) {
    return GenerateRequest{.prompt = inputs.ids[i],
                           .max_tokens = 30,
                           .sampling = {.temperature = 0.8f, .seed = 5},
                           .stop_ids = {},
                           .images = inputs.images[i]};
  };
  // A cache in which not all fit at once: some wait, and start again with their pictures.
  Engine engine(runner, {.cache_tokens = 128, .step_tokens = 7, .sequences = 8});
  std::vector<std::vector<i64>> got(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) engine.submit(request(i));
  while (!engine.idle()) {
    for (const TokenEvent& event : engine.step())
      got[static_cast<std::size_t>(event.request)].push_back(event.id);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(got[i], generate(runner, request(i)));
  // Pictures that the prompt has no place for, and places that no picture fills.
  const std::vector<i64> bare = {3, 4, 5};
  EXPECT_THROW(runner.prepare(bare, *inputs.images.front()), Error);
  ImageInput misplaced = *inputs.images.front();
  misplaced.rows = {0, 1};
  EXPECT_THROW(runner.prepare(bare, misplaced), Error);
  misplaced.rows = {2, 1, 7};
  EXPECT_THROW(runner.prepare(bare, misplaced), Error);
}

/// The tower's stock weights, where a checkpoint comes with them.
void check_stock_vision(const formats::Checkpoint&, const fs::path& folder) {
  const fs::path golden = folder / "golden.safetensors";
  if (!has_variant(golden, "stock")) return;
  const auto alone = comm::solo();
  const formats::Checkpoint checkpoint = open_model(folder, {.vision = VisionWeights::stock});
  Runner runner(checkpoint, *alone, {.isa = "auto", .threads = 2});
  const Certificate certificate = verify_checkpoint(runner, checkpoint, golden, "stock");
  EXPECT_GE(certificate.vectors.size(), 2u);
  EXPECT_TRUE(certificate.passed());
}

/// The meta backend's answer is what a real run takes.
void check_memory(const formats::Checkpoint& checkpoint, const fs::path&) {
  const auto alone = comm::solo();
  Runner runner(checkpoint, *alone, {.isa = "auto", .threads = 1});
  const MemoryNeed need =
      memory_need(checkpoint, {.context = 64, .requests = 1, .step_tokens = 40});
  EXPECT_EQ(need.weights, runner.weight_bytes());
  const std::vector<i64> ids(40, 1);
  const TokenInput input = {.ids = ids, .token_types = {}};
  const i64 before = runner.pool().bytes_in_use();
  runner.pool().reset_peak();
  runner.run({&input, 1});
  EXPECT_EQ(need.activations, runner.pool().peak_bytes() - before);
}

double loss_of(Runner& runner, const TokenInput& input, const Tensor& targets, ops::Tape* tape) {
  const models::Outputs outputs = runner.run({&input, 1}, nullptr, tape);
  ops::Context ctx = runner.context();
  ctx.tape = tape;
  const Tensor rows = outputs.front().per == models::Per::sequence
                          ? Tensor::of(runner.pool(), {1}, std::span<const i64>(targets.i64s(), 1))
                          : targets;
  const Tensor loss = ops::cross_entropy(ctx, outputs.front().value, rows);
  if (tape != nullptr) {
    const float one = 1.0f;
    tape->backward(ctx, loss, Tensor::of(runner.pool(), {1}, std::span<const float>(&one, 1)));
  }
  return static_cast<double>(loss.f32()[0]);
}

/// The slope of the loss along each parameter's gradient is the gradient's length.
void check_gradients(const formats::Checkpoint& checkpoint, const fs::path&) {
  const auto alone = comm::solo();
  Runner runner(checkpoint, *alone,
                {.isa = "auto", .threads = 2, .training = nn::Training::trainable});
  std::vector<i64> ids;
  std::vector<i64> classes;
  for (i64 i = 0; i < 12; ++i) ids.push_back((i * 29 + 5) % runner.facts().vocabulary);
  const TokenInput input = {.ids = ids, .token_types = {}};
  const i64 width = runner.run({&input, 1}).front().value.size(1);
  if (width < 2) return;  // start and end logits of question answering: one column each
  for (i64 i = 0; i < 12; ++i) classes.push_back((i * 7 + 1) % width);
  const Tensor targets = Tensor::of(runner.pool(), {12}, std::span<const i64>(classes));
  ops::Tape tape;
  try {
    loss_of(runner, input, targets, &tape);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    GTEST_SKIP() << error.what();
  }
  i64 checked = 0;
  for (const nn::Parameter& parameter : runner.parameters()) {
    const Tensor* grad = tape.gradient(parameter.values);
    if (grad == nullptr) continue;
    double length = 0.0;
    for (const float g : grad->values()) length += static_cast<double>(g) * static_cast<double>(g);
    length = std::sqrt(length);
    // A change of the loss of about 0.01: far above its rounding (1e-6), small enough for the slope
    // to hold.
    const double step = 0.01 / length;
    if (!(length > 1e-3)) continue;
    Tensor values = parameter.values;
    const std::vector<float> kept(values.values().begin(), values.values().end());
    const auto moved = [&](double by) {
      for (i64 i = 0; i < values.count(); ++i)
        values.f32()[i] = kept[static_cast<std::size_t>(i)] +
                          static_cast<float>(by * static_cast<double>(grad->f32()[i]) / length);
      return loss_of(runner, input, targets, nullptr);
    };
    const double slope = (moved(step) - moved(-step)) / (2.0 * step);
    moved(0.0);
    EXPECT_NEAR(slope, length, 0.05 * length) << parameter.name;
    ++checked;
  }
  EXPECT_GT(checked, runner.facts().layers) << "hardly any parameter had a gradient";
}

/// Whether there is a family for the folder's model; says why not.
bool known_family(const fs::path& folder) {
  try {
    models::family_of(models::model_config(formats::open_checkpoint(folder)));
    return true;
  } catch (const Error& error) {
    std::printf("not run: %s: %s\n", folder.filename().c_str(), error.what());
    return false;
  }
}

struct Check {
  const char* name;
  void (*run)(const formats::Checkpoint&, const fs::path&);
};

void register_goldens() {
  constexpr Check checks[] = {{"ReferenceVectors", check_reference_vectors},
                              {"SameBits", check_same_bits},
                              {"Ranks", check_ranks},
                              {"ChunksAndCache", check_chunks_and_cache},
                              {"Pictures", check_pictures},
                              {"StockVision", check_stock_vision},
                              {"Memory", check_memory},
                              {"Gradients", check_gradients}};
  std::vector<fs::path> folders = golden_folders(fs::path(MEDLAR_SOURCE_DIR) / "tests" / "golden");
  if (const fs::path shared = tests::shared_folder(); !shared.empty()) {
    for (const fs::path& folder : golden_folders(shared / "golden")) folders.push_back(folder);
  }
  for (const fs::path& folder : folders) {
    if (!known_family(folder)) continue;
    const std::string name =
        folder.parent_path().filename().string() + "_" + folder.filename().string();
    const bool own = folder.string().starts_with(MEDLAR_SOURCE_DIR "/tests");
    for (const Check& check : checks) {
      testing::RegisterTest(
          own ? "Golden" : "SharedGolden", (name + "_" + check.name).c_str(), nullptr, nullptr,
          __FILE__, __LINE__,
          [folder, run = check.run]() -> testing::Test* { return new GoldenModel(folder, run); });
    }
  }
}

}  // namespace
}  // namespace medlar::runtime

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  medlar::runtime::register_goldens();
  return RUN_ALL_TESTS();
}
