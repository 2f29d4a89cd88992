// medlar verify: holds a model, tokenizer, template or number format against stored reference
// vectors.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "runtime/conformance.h"
#include "runtime/image_golden.h"
#include "session.h"

namespace medlar::cli {
namespace {

namespace fs = std::filesystem;

struct VerifyOptions {
  std::string path;
  std::string golden;
  MachineOptions machine;
  bool names_vision = false;  ///< --vision-weights was given
};

runtime::Certificate verify_with(const VerifyOptions& options, const fs::path& golden,
                                 const Console& console, const std::string& variant = {}) {
  runtime::Certificate certificate;
  with_model(options.path, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint& checkpoint, i64 rank) {
               runtime::Certificate mine = runtime::verify_checkpoint(
                   runner, checkpoint, golden, variant, progress_of(console, "verifying", rank));
               if (rank == 0) certificate = std::move(mine);
             });
  return certificate;
}

void append(runtime::Certificate& certificate, runtime::Certificate more) {
  for (runtime::VectorResult& v : more.vectors) certificate.vectors.push_back(std::move(v));
}

/// With the tower's own weights and, where there are vectors for them, with its stock ones; with
/// those alone that the caller named.
runtime::Certificate verify_model(const VerifyOptions& options, const fs::path& golden,
                                  const Console& console) {
  const bool asked_for_stock = options.names_vision && options.machine.vision_weights == "stock";
  if (asked_for_stock) return verify_with(options, golden, console, "stock");
  if (!options.machine.adapters.empty()) {
    const fs::path adapter = options.machine.adapters.back();
    const std::string name = adapter.filename().string();
    return verify_with(options, golden, console,
                       runtime::has_variant(golden, name) ? name : std::string());
  }
  runtime::Certificate certificate = verify_with(options, golden, console);
  if (options.names_vision || !runtime::has_variant(golden, "stock")) return certificate;
  VerifyOptions stock = options;
  stock.machine.vision_weights = "stock";
  append(certificate, verify_with(stock, golden, console, "stock"));
  return certificate;
}

/// A folder with a base/ and adapters beside it: the base alone, then each adapter on it.
runtime::Certificate verify_adapters(const VerifyOptions& options, const fs::path& golden,
                                     const Console& console) {
  VerifyOptions base = options;
  base.path = (fs::path(options.path) / "base").string();
  runtime::Certificate certificate =
      verify_with(base, golden, console, runtime::has_variant(golden, "base") ? "base" : "");
  certificate.subject = options.path;
  std::vector<fs::path> adapters;
  for (const auto& entry : fs::directory_iterator(options.path)) {
    if (fs::exists(entry.path() / "adapter_config.json")) adapters.push_back(entry.path());
  }
  std::ranges::sort(adapters);
  for (const fs::path& adapter : adapters) {
    // The same adapter in another container has no vectors of its own.
    std::string name = adapter.filename().string();
    if (!runtime::has_variant(golden, name) && name.ends_with("_bin")) name.resize(name.size() - 4);
    base.machine.adapters = {adapter.string()};
    append(certificate, verify_with(base, golden, console, name));
  }
  return certificate;
}

/// A checkpoint's own vectors lie beside its weights.
fs::path own_golden(const fs::path& path) {
  return (fs::is_directory(path) ? path : path.parent_path()) / "golden.safetensors";
}

/// Vectors of a model are ids and what follows from them.
bool is_checkpoint_golden(const fs::path& golden) {
  return golden.filename() == "golden.safetensors" && fs::exists(golden) &&
         !fs::exists(golden.parent_path() / "case.json");
}

runtime::Certificate verify_any(const VerifyOptions& options, const Console& console) {
  if (!options.golden.empty()) {
    const fs::path named =
        fs::is_directory(options.golden) && is_checkpoint_golden(own_golden(options.golden))
            ? own_golden(options.golden)
            : fs::path(options.golden);
    return is_checkpoint_golden(named) ? verify_model(options, named, console)
                                       : runtime::verify_golden_file(options.path, named);
  }
  const fs::path golden = own_golden(options.path);
  if (fs::exists(golden) && fs::exists(fs::path(options.path) / "base" / "config.json"))
    return verify_adapters(options, golden, console);
  if (is_checkpoint_golden(golden)) return verify_model(options, golden, console);
  if (fs::is_regular_file(options.path))
    return runtime::verify_golden_file(options.path, options.path);
  if (fs::is_directory(options.path)) {
    runtime::Certificate pictures = {.subject = options.path,
                                     .reference = {},
                                     .vectors = runtime::verify_image_golden(options.path)};
    if (!pictures.vectors.empty()) return pictures;
  }
  fail(ErrorCode::not_found, "{} has no golden.safetensors; name the vectors with --golden FILE",
       options.path);
}

Result verify(const VerifyOptions& options, const Console& console) {
  const runtime::Certificate certificate = verify_any(options, console);
  console.line(fmt::format("certificate for {}", certificate.subject));
  if (!certificate.reference.empty())
    console.line(fmt::format("reference: {}", certificate.reference));
  for (const runtime::VectorResult& v : certificate.vectors) {
    const std::string measure = v.tolerance > 0.0
                                    ? fmt::format("  error {:.2e} of {:.0e}", v.error, v.tolerance)
                                    : "  exact";
    console.line(fmt::format("{}  {}{}", v.pass ? "pass" : "FAIL", v.name,
                             v.tolerance > 0.0 || v.pass ? measure : ""));
    if (!v.pass)
      console.line(fmt::format("      expected {}\n      got      {}", v.expected, v.got));
  }
  const Json data = certificate.to_json();
  console.line(fmt::format("{} of {} vectors pass: {}", data["passed"].get<i64>(),
                           certificate.vectors.size(),
                           certificate.passed() ? "conformant" : "NOT conformant"));
  return {.data = data, .passed = certificate.passed()};
}

}  // namespace

Command add_verify(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "verify", "Run reference vectors and print the certificate; exit 1 if any fails");
  const auto options = std::make_shared<VerifyOptions>();
  app->add_option("path", options->path, "Model, tokenizer or template under test")->required();
  app->add_option("--golden", options->golden,
                  "Reference vectors (default: golden.safetensors beside the model)");
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  options->machine.add_vision_weights(*app);
  options->machine.add_adapters(*app);
  app->footer("Example: medlar verify tokenizer.json --golden golden/tokenizers/gpt2.json");
  return {app, [options, app](const Console& console) {
            options->names_vision = app->count("--vision-weights") > 0;
            return verify(*options, console);
          }};
}

}  // namespace medlar::cli
