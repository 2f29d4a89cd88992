// medlar bench machine, bench model: the limits of this machine, and how near a model comes to
// them.
#include <algorithm>
#include <chrono>
#include <memory>

#include "backend/kernels.h"
#include "runtime/engine.h"
#include "session.h"

namespace medlar::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Median of several timings of `work`, after one that is not counted.
double median_seconds(i64 repeats, const std::function<void()>& work) {
  work();
  std::vector<double> times;
  for (i64 i = 0; i < repeats; ++i) {
    stop_if_interrupted();
    const Clock::time_point start = Clock::now();
    work();
    times.push_back(seconds_since(start));
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

/// What the processor and the memory can do at most, measured.
struct MachineLimits {
  double gigabytes_per_second;
  double gigaflops;
};

MachineLimits measure_limits(const backend::Kernels& kernels, ThreadPool& threads) {
  if (kernels.read_burst == nullptr) {
    fail(ErrorCode::unsupported, "the instruction set '{}' has no measure of the machine's limits",
         kernels.name);
  }
  constexpr i64 floats = i64{1} << 27;  // 512 MiB: beyond every cache
  const std::unique_ptr<float[]> memory(new float[static_cast<std::size_t>(floats)]);
  const i64 share = floats / threads.size();
  threads.parallel_for(threads.size(), 1, [&](i64 begin, i64 end) {
    std::fill_n(memory.get() + begin * share, (end - begin) * share, 1.0f);
  });
  std::vector<float> sinks(static_cast<std::size_t>(threads.size()));
  const double read_seconds = median_seconds(7, [&] {
    threads.parallel_for(threads.size(), 1, [&](i64 begin, i64 end) {
      for (i64 t = begin; t < end; ++t)
        sinks[static_cast<std::size_t>(t)] = kernels.read_burst(memory.get() + t * share, share);
    });
  });
  constexpr i64 rounds = 20'000'000;
  i64 operations = 0;
  const double burst_seconds = median_seconds(5, [&] {
    threads.parallel_for(threads.size(), 1, [&](i64 begin, i64 end) {
      for (i64 t = begin; t < end; ++t)
        operations = kernels.multiply_add_burst(rounds, &sinks[static_cast<std::size_t>(t)]);
    });
  });
  return {
      .gigabytes_per_second = static_cast<double>(share * threads.size() * 4) / read_seconds / 1e9,
      .gigaflops = static_cast<double>(operations * threads.size()) / burst_seconds / 1e9};
}

/// The f32 product [512, 1024] x [1024, 1024], in GFLOP/s.
double gemm_gigaflops(const backend::Kernels& kernels, ThreadPool& threads) {
  constexpr i64 rows = 512, out = 1024, in = 1024;
  Pool pool(Device::cpu);
  Tensor x = Tensor::zeros(pool, {rows, in});
  Tensor w = Tensor::zeros(pool, {out, in});
  Tensor y = Tensor::empty(pool, {rows, out});
  Tensor packed = Tensor::empty(pool, {kernels.panel_bytes(QuantFormat::f32, out, in) / 4});
  const backend::Stream stream = {&threads};
  backend::WeightView view = {.format = QuantFormat::f32,
                              .layout = backend::WeightLayout::rows,
                              .data = reinterpret_cast<const std::byte*>(w.f32()),
                              .out = out,
                              .in = in};
  auto* panels = reinterpret_cast<std::byte*>(packed.f32());
  kernels.pack(stream, view, nullptr, panels);
  view.layout = backend::WeightLayout::panels;
  view.data = panels;
  const double seconds = median_seconds(15, [&] {
    kernels.linear(stream,
                   {.x = x.f32(), .rows = rows, .weight = view, .bias = nullptr, .y = y.f32()});
  });
  return 2.0 * rows * out * in / seconds / 1e9;
}

struct BenchOptions {
  std::string model;
  i64 prompt = 128;
  i64 tokens = 32;
  i64 repeats = 3;
  MachineOptions machine;
};

Result bench_machine(const BenchOptions& options, const Console& console) {
  const backend::Kernels& kernels = backend::kernels_named(options.machine.isa);
  ThreadPool threads(options.machine.threads_per_rank());
  const MachineLimits limits = measure_limits(kernels, threads);
  const double gemm = gemm_gigaflops(kernels, threads);
  console.line(fmt::format("instruction set {}, {} threads", kernels.name, threads.size()));
  console.line(fmt::format("memory read      {:8.1f} GB/s", limits.gigabytes_per_second));
  console.line(fmt::format("f32 multiply-add {:8.1f} GFLOP/s", limits.gigaflops));
  console.line(fmt::format("f32 product      {:8.1f} GFLOP/s  512x1024x1024, {:.0f} % of the peak",
                           gemm, 100.0 * gemm / limits.gigaflops));
  return {.data = {{"isa", kernels.name},
                   {"threads", threads.size()},
                   {"read_gb_per_s", limits.gigabytes_per_second},
                   {"f32_gflops", limits.gigaflops},
                   {"gemm_gflops", gemm},
                   {"gemm_share", gemm / limits.gigaflops}}};
}

/// Prefill seconds and seconds per decoded token of one request.
struct ModelTimes {
  double prefill;
  double per_token;
};

ModelTimes time_once(runtime::Runner& runner, const BenchOptions& options) {
  std::vector<i64> prompt(static_cast<std::size_t>(options.prompt));
  for (i64 i = 0; i < options.prompt; ++i) {
    prompt[static_cast<std::size_t>(i)] = i % runner.facts().vocabulary;
  }
  runtime::Engine engine(runner, {.cache_tokens = options.prompt + options.tokens + 1,
                                  .step_tokens = options.machine.chunk,
                                  .sequences = 1});
  engine.submit(
      {.prompt = prompt, .max_tokens = options.tokens + 1, .sampling = {}, .stop_ids = {}});
  Clock::time_point start = Clock::now();
  while (engine.step().empty()) stop_if_interrupted();
  const double prefill = seconds_since(start);
  start = Clock::now();
  while (!engine.idle()) {
    stop_if_interrupted();
    engine.step();
  }
  return {prefill, seconds_since(start) / static_cast<double>(options.tokens)};
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Result bench_model(const BenchOptions& options, const Console& console) {
  Result result;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               std::vector<double> prefill;
               std::vector<double> per_token;
               time_once(runner, options);
               for (i64 i = 0; i < options.repeats; ++i) {
                 const ModelTimes times = time_once(runner, options);
                 prefill.push_back(times.prefill);
                 per_token.push_back(times.per_token);
               }
               if (rank != 0) return;
               ThreadPool threads(options.machine.threads_per_rank() * options.machine.ranks);
               const MachineLimits limits = measure_limits(runner.kernels(), threads);
               const double bytes =
                   static_cast<double>(runner.decode_bytes() * options.machine.ranks);
               const double flops =
                   2.0 * static_cast<double>(runner.matrix_values() * options.machine.ranks);
               const double decode = median_of(per_token);
               const double fill = median_of(prefill) / static_cast<double>(options.prompt);
               result.data = {{"isa", runner.kernels().name},
                              {"threads", threads.size()},
                              {"prefill_tokens_per_s", 1.0 / fill},
                              {"prefill_gflops", flops / fill / 1e9},
                              {"prefill_share", flops / fill / 1e9 / limits.gigaflops},
                              {"decode_tokens_per_s", 1.0 / decode},
                              {"decode_gb_per_s", bytes / decode / 1e9},
                              {"decode_share", bytes / decode / 1e9 / limits.gigabytes_per_second},
                              {"read_gb_per_s", limits.gigabytes_per_second},
                              {"f32_gflops", limits.gigaflops},
                              {"weight_bytes", runner.weight_bytes()}};
             });
  const Json& d = result.data;
  console.line(fmt::format("prefill {:10.1f} tokens/s  {:7.1f} GFLOP/s  {:3.0f} % of the f32 peak",
                           d["prefill_tokens_per_s"].get<double>(),
                           d["prefill_gflops"].get<double>(),
                           100.0 * d["prefill_share"].get<double>()));
  console.line(
      fmt::format("decode  {:10.1f} tokens/s  {:7.1f} GB/s     {:3.0f} % of the read bandwidth",
                  d["decode_tokens_per_s"].get<double>(), d["decode_gb_per_s"].get<double>(),
                  100.0 * d["decode_share"].get<double>()));
  return result;
}

}  // namespace

Command add_bench_machine(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand(
      "machine", "Memory bandwidth and arithmetic peak, and how near the kernels come");
  const auto options = std::make_shared<BenchOptions>();
  options->machine.add_threads(*app);
  app->footer("Example: medlar bench machine --threads 2");
  return {app, [options](const Console& console) { return bench_machine(*options, console); }};
}

Command add_bench_model(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand(
      "model", "Prefill and decode speed of a model, with their share of the machine's limits");
  const auto options = std::make_shared<BenchOptions>();
  app->add_option("model", options->model, "Model folder or file")->required();
  app->add_option("--prompt-tokens", options->prompt, "Length of the prompt")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app->add_option("--max-tokens", options->tokens, "Tokens to decode")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app->add_option("--repeats", options->repeats, "Runs; the median counts")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  options->machine.add_chunk(*app);
  app->footer("Example: medlar bench model model.gguf --prompt-tokens 512 --max-tokens 64");
  return {app, [options](const Console& console) { return bench_model(*options, console); }};
}

}  // namespace medlar::cli
