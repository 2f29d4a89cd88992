// medlar inspect: what a file or folder holds, read without loading any weights.
#include <filesystem>
#include <map>
#include <memory>

#include "backend/kernels.h"
#include "models/config.h"
#include "runtime/memory.h"
#include "session.h"
#include "text/chat_template.h"

namespace medlar::cli {
namespace {

namespace fs = std::filesystem;

struct InspectOptions {
  std::string path;
  i64 context = 4096;
  i64 requests = 1;
  bool tensors = false;
};

std::string_view name_of(formats::Container container) {
  switch (container) {
    case formats::Container::huggingface:
      return "safetensors or PyTorch";
    case formats::Container::gguf:
      return "GGUF";
    case formats::Container::tensorflow:
      return "TensorFlow 1 checkpoint";
    case formats::Container::llama2c:
      return "llama2.c";
  }
  return "?";
}

Json formats_of(const formats::Checkpoint& checkpoint) {
  std::map<std::string, std::pair<i64, i64>> counts;  // tensors, bytes
  for (const auto& [name, tensor] : checkpoint.tensors) {
    auto& [tensors, bytes] = counts[std::string(layout_of(tensor.format).name)];
    ++tensors;
    bytes += ssize_of(tensor.bytes);
  }
  Json result = Json::object();
  for (const auto& [name, count] : counts)
    result[name] = {{"tensors", count.first}, {"bytes", count.second}};
  return result;
}

/// The answer of `look`, or why there is none.
Json or_reason(const std::function<Json()>& look) {
  try {
    return look();
  } catch (const Error& error) {
    return {{"unavailable", error.what()}};
  }
}

Json tokenizer_facts(const std::string& path) {
  const text::Tokenizer tokenizer = tokenizer_of(path);
  Json facts = {{"vocabulary", tokenizer.vocab_size()}};
  const auto& special = tokenizer.special_ids();
  for (const auto& [name, id] : {std::pair{"bos", special.bos},
                                 {"eos", special.eos},
                                 {"unk", special.unk},
                                 {"pad", special.pad},
                                 {"cls", special.cls},
                                 {"sep", special.sep},
                                 {"mask", special.mask}}) {
    if (id) facts[name] = *id;
  }
  return facts;
}

Json template_facts(const formats::Checkpoint& checkpoint, const std::string& path) {
  const text::ChatTemplate chat =
      checkpoint.container == formats::Container::gguf
          ? text::chat_template_from_gguf(checkpoint.metadata)
          : text::load_chat_template(fs::is_directory(path) ? fs::path(path)
                                                            : fs::path(path).parent_path());
  return {{"characters", chat.source().size()}};
}

Json model_facts(const formats::Checkpoint& checkpoint, const InspectOptions& options) {
  const Json config = models::model_config(checkpoint);
  const runtime::MemoryNeed need =
      runtime::memory_need(checkpoint, {.context = options.context, .requests = options.requests});
  return {{"family", models::family_of(config).name},
          {"architecture", models::architecture(config)},
          {"context", models::ConfigReader(config).size_or("max_position_embeddings", 0)},
          {"memory",
           {{"context", options.context},
            {"requests", options.requests},
            {"weights", need.weights},
            {"cache", need.cache},
            {"activations", need.activations},
            {"total", need.total()}}}};
}

std::string megabytes(const Json& bytes) {
  return fmt::format("{:.1f} MB", bytes.get<double>() / 1e6);
}

void print(const Json& data, const Console& console) {
  const auto row = [&](const std::string& name, const std::string& value) {
    console.line(fmt::format("{:<14} {}", name, value));
  };
  const auto reason = [](const Json& part) {
    return part.contains("unavailable") ? part["unavailable"].get<std::string>() : std::string();
  };
  row("container", data["container"]);
  row("parameters",
      fmt::format("{} in {} tensors", data["parameters"].get<i64>(), data["tensors"].get<i64>()));
  for (const auto& [name, count] : data["formats"].items()) {
    row("  " + name,
        fmt::format("{} tensors, {}", count["tensors"].get<i64>(), megabytes(count["bytes"])));
  }
  const Json& model = data["model"];
  if (model.contains("family")) {
    row("family", fmt::format("{} ({})", model["family"].get<std::string>(),
                              model["architecture"].get<std::string>()));
    row("context", fmt::format("{} tokens", model["context"].get<i64>()));
    const Json& memory = model["memory"];
    row("memory", fmt::format("{} = weights {} + cache {} + activations {}  ({} x {} tokens)",
                              megabytes(memory["total"]), megabytes(memory["weights"]),
                              megabytes(memory["cache"]), megabytes(memory["activations"]),
                              memory["requests"].get<i64>(), memory["context"].get<i64>()));
  } else {
    row("family", reason(model));
  }
  const Json& tokenizer = data["tokenizer"];
  row("tokenizer", tokenizer.contains("vocabulary")
                       ? fmt::format("{} tokens", tokenizer["vocabulary"].get<i64>())
                       : reason(tokenizer));
  const Json& chat = data["template"];
  row("template", chat.contains("characters")
                      ? fmt::format("{} characters", chat["characters"].get<i64>())
                      : reason(chat));
}

Result inspect(const InspectOptions& options, const Console& console) {
  const formats::Checkpoint checkpoint = formats::open_checkpoint(options.path);
  i64 parameters = 0;
  Json list = Json::array();
  for (const auto& [name, tensor] : checkpoint.tensors) {
    parameters += tensor.shape.count();
    if (!options.tensors) continue;
    list.push_back(
        {{"name", name},
         {"format", layout_of(tensor.format).name},
         {"shape", std::vector<i64>(tensor.shape.dims().begin(), tensor.shape.dims().end())}});
  }
  Json data = {{"path", options.path},
               {"container", name_of(checkpoint.container)},
               {"parameters", parameters},
               {"tensors", checkpoint.tensors.size()},
               {"formats", formats_of(checkpoint)},
               {"model", or_reason([&] { return model_facts(checkpoint, options); })},
               {"tokenizer", or_reason([&] { return tokenizer_facts(options.path); })},
               {"template", or_reason([&] { return template_facts(checkpoint, options.path); })}};
  if (options.tensors) data["tensor_list"] = list;
  print(data, console);
  for (const Json& entry : list) {
    console.line(fmt::format("  {:<8} {:<20} {}", entry["format"].get<std::string>(),
                             entry["shape"].dump(), entry["name"].get<std::string>()));
  }
  return {.data = std::move(data)};
}

}  // namespace

Command add_inspect(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "inspect", "What a file or folder holds: architecture, formats, tokenizer, template, memory");
  const auto options = std::make_shared<InspectOptions>();
  app->add_option("path", options->path, "Model folder or file")->required();
  app->add_option("--context", options->context, "Tokens of each request, for the memory need")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app->add_option("--requests", options->requests, "Requests at once, for the memory need")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  app->add_flag("--tensors", options->tensors, "List every tensor");
  app->footer("Example: medlar inspect model.gguf --context 8192");
  return {app, [options](const Console& console) { return inspect(*options, console); }};
}

}  // namespace medlar::cli
