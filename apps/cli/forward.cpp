// medlar forward: raw outputs for given ids, under the names of the golden files.
#include <map>
#include <memory>
#include <mutex>

#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"
#include "runtime/engine.h"
#include "runtime/image_inputs.h"
#include "session.h"

namespace medlar::cli {
namespace {

using formats::StoredTensor;

struct ForwardOptions {
  std::string model;
  std::string in;
  std::string out;
  bool hidden = false;
  i64 greedy = 0;
  MachineOptions machine;
  bool chunked = false;  ///< --chunk was given
};

struct Inputs {
  formats::SafetensorsFile file;  ///< its tensors keep it mapped
  std::vector<std::vector<i64>> ids;
  std::vector<std::vector<i64>> types;
};

Inputs read_inputs(const std::string& path) {
  const auto mapped = MappedFile::open(path);
  Inputs inputs = {
      .file = formats::parse_safetensors(mapped->bytes(), path, mapped), .ids = {}, .types = {}};
  const formats::SafetensorsFile& file = inputs.file;
  for (i64 i = 0;; ++i) {
    const auto ids = file.tensors.find(fmt::format("ids_{}", i));
    if (ids == file.tensors.end()) break;
    const auto types = file.tensors.find(fmt::format("token_type_{}", i));
    inputs.ids.push_back(formats::to_integers(ids->second));
    inputs.types.push_back(types == file.tensors.end() ? std::vector<i64>()
                                                       : formats::to_integers(types->second));
    if (!inputs.types.back().empty() && inputs.types.back().size() != inputs.ids.back().size()) {
      fail(ErrorCode::shape_mismatch, "token_type_{} and ids_{} differ in length", i, i);
    }
  }
  if (inputs.ids.empty()) fail(ErrorCode::not_found, "{} has no tensor ids_0", path);
  return inputs;
}

/// Results by name, each with the memory that a StoredTensor views.
class OutputFile {
 public:
  void add(const std::string& name, Shape shape, std::span<const float> values) {
    put(name, QuantFormat::f32, shape, std::as_bytes(values));
  }
  void add(const std::string& name, const std::vector<i64>& values) {
    add(name, values, {ssize_of(values)});
  }
  void add(const std::string& name, const std::vector<i64>& values, Shape shape) {
    put(name, QuantFormat::i64, shape, std::as_bytes(std::span(values)));
  }
  void append(const std::string& name, const Tensor& rows) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return add(name, rows.shape(), rows.values());
    const auto bytes = std::as_bytes(rows.values());
    found->second.bytes.insert(found->second.bytes.end(), bytes.begin(), bytes.end());
    found->second.shape = {found->second.shape[0] + rows.size(0), rows.size(1)};
  }
  Json save(const std::string& path) const {
    std::vector<StoredTensor> tensors;
    Json shapes = Json::object();
    for (const auto& [name, entry] : entries_) {
      tensors.push_back({.name = name,
                         .format = entry.format,
                         .shape = entry.shape,
                         .bytes = entry.bytes,
                         .owner = nullptr});
      shapes[name] = std::vector<i64>(entry.shape.dims().begin(), entry.shape.dims().end());
    }
    formats::write_safetensors(path, tensors);
    return shapes;
  }

 private:
  struct Entry {
    QuantFormat format;
    Shape shape;
    std::vector<std::byte> bytes;
  };
  void put(const std::string& name, QuantFormat format, Shape shape,
           std::span<const std::byte> bytes) {
    entries_[name] = {format, shape, {bytes.begin(), bytes.end()}};
  }
  std::map<std::string, Entry> entries_;
};

/// Rows [first, first + count) of an output, in the shape the reference gives a single sequence.
void add_rows(OutputFile& file, const std::string& name, const Tensor& value, i64 first, i64 count,
              bool vector) {
  const i64 width = value.size(1);
  const auto rows = value.values().subspan(static_cast<std::size_t>(first * width),
                                           static_cast<std::size_t>(count * width));
  if (vector) return file.add(name, {count * width}, rows);
  file.add(name, {count, width}, rows);
}

using InputImages = std::vector<std::optional<runtime::ImageInput>>;

/// What the pictures of each input become, and where their tokens stand.
InputImages add_images(runtime::Runner& runner, const Inputs& inputs, OutputFile& file) {
  InputImages all;
  for (std::size_t i = 0; i < inputs.ids.size(); ++i) {
    all.push_back(runtime::image_input(runner, inputs.file, static_cast<i64>(i)));
    if (!all.back()) continue;
    const runtime::PromptImages images = runner.prepare(inputs.ids[i], *all.back());
    file.add(fmt::format("image_features_{}", i), images.features.shape(),
             images.features.values());
    const std::vector<i64>& positions = images.positions.values;
    const i64 tokens = ssize_of(inputs.ids[i]);
    if (ssize_of(positions) > tokens)
      file.add(fmt::format("positions_{}", i), positions, {ssize_of(positions) / tokens, tokens});
  }
  return all;
}

runtime::TokenInput input_of(const Inputs& inputs, const InputImages& images, std::size_t i) {
  return {.ids = inputs.ids[i],
          .token_types = inputs.types[i],
          .images = images[i] ? &*images[i] : nullptr};
}

void run_batch(runtime::Runner& runner, const Inputs& inputs, const InputImages& images,
               OutputFile& file, const ForwardOptions& options) {
  std::vector<runtime::TokenInput> batch;
  std::vector<i64> starts = {0};
  for (std::size_t i = 0; i < inputs.ids.size(); ++i) {
    batch.push_back(input_of(inputs, images, i));
    starts.push_back(starts.back() + ssize_of(inputs.ids[i]));
  }
  const auto rows_of = [&](std::size_t i) { return starts[i + 1] - starts[i]; };
  const ops::Observer observer = [&](i64 layer, const Tensor& h) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      add_rows(file, fmt::format("hidden_{}_{}", i, layer), h, starts[i], rows_of(i), false);
    }
  };
  const models::Outputs outputs = runner.run(batch, options.hidden ? &observer : nullptr);
  for (const models::Output& output : outputs) {
    const bool per_token = output.per == models::Per::token;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const bool vector = !per_token || output.value.size(1) == 1;
      add_rows(file, fmt::format("{}_{}", output.name, i), output.value,
               per_token ? starts[i] : static_cast<i64>(i), per_token ? rows_of(i) : 1, vector);
    }
  }
}

void run_chunked(runtime::Runner& runner, const Inputs& inputs, const InputImages& images,
                 OutputFile& file, const ForwardOptions& options) {
  for (std::size_t i = 0; i < inputs.ids.size(); ++i) {
    const ops::Observer observer = [&](i64 layer, const Tensor& h) {
      file.append(fmt::format("hidden_{}_{}", i, layer), h);
    };
    for (const models::Output& output :
         runner.run_chunked(input_of(inputs, images, i), options.machine.chunk,
                            options.hidden ? &observer : nullptr)) {
      file.add(fmt::format("{}_{}", output.name, i), output.value.shape(), output.value.values());
    }
  }
}

Result forward(const ForwardOptions& options, const Console& console) {
  const Inputs inputs = read_inputs(options.in);
  Result result;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               OutputFile file;
               const InputImages images = add_images(runner, inputs, file);
               if (options.chunked) {
                 run_chunked(runner, inputs, images, file, options);
               } else {
                 run_batch(runner, inputs, images, file, options);
               }
               for (std::size_t i = 0; options.greedy > 0 && i < inputs.ids.size(); ++i) {
                 stop_if_interrupted();
                 file.add(fmt::format("greedy_{}", i),
                          runtime::generate(runner,
                                            {.prompt = inputs.ids[i],
                                             .max_tokens = options.greedy,
                                             .sampling = {},
                                             .stop_ids = {},
                                             .images = images[i]},
                                            options.machine.chunk));
               }
               if (rank == 0)
                 result.data = {{"out", options.out}, {"tensors", file.save(options.out)}};
             });
  for (const auto& [name, shape] : result.data["tensors"].items())
    console.line(fmt::format("{} {}", name, shape.dump()));
  return result;
}

}  // namespace

Command add_forward(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("forward", "Raw outputs of a model for token ids in a safetensors file");
  const auto options = std::make_shared<ForwardOptions>();
  app->add_option("model", options->model, "Model folder or file")->required();
  app->add_option("--in", options->in,
                  "safetensors with ids_0, ids_1, .. [T] (and token_type_i; pixel_rows_i with "
                  "grid_thw_i, or pixel_values_i)")
      ->required();
  app->add_option("--out", options->out,
                  "safetensors to write: logits_0, .. or what the heads give")
      ->required();
  app->add_flag("--hidden", options->hidden, "Also hidden_i_L after the embedding and each block");
  app->add_option("--greedy", options->greedy, "Also greedy_i, N tokens that follow each input")
      ->check(CLI::Range(1, 1 << 20));
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  options->machine.add_chunk(*app);
  options->machine.add_vision_weights(*app);
  options->machine.add_adapters(*app);
  app->footer(
      "Example: medlar forward model/ --in golden.safetensors --out out.safetensors --hidden "
      "--greedy 16");
  return {app, [options, app](const Console& console) {
            options->chunked = app->count("--chunk") > 0;
            return forward(*options, console);
          }};
}

}  // namespace medlar::cli
