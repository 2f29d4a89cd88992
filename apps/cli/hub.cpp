// medlar models pull, medlar models rm: repositories of a hub in the hub's own cache folder.
#include "hub/repository.h"

#include <filesystem>
#include <memory>

#include "comm/comm.h"
#include "runtime/conformance.h"
#include "session.h"

namespace medlar::cli {
namespace {

namespace fs = std::filesystem;

struct PullOptions {
  std::string repository;
  std::string revision = "main";
  bool all = false;
};

/// What the fetched files make: a model whose tensors are all there in the right shapes, and where
/// reference vectors lie beside it, one that gives them.
Json certify(const fs::path& folder, const Console& console) {
  const formats::Checkpoint checkpoint = runtime::open_model(folder);
  const auto alone = comm::solo();
  const runtime::Runner shapes(checkpoint, *alone, {.isa = "meta", .threads = 1});
  Json answer = {{"family", shapes.family().name}, {"parameters", shapes.parameter_count()}};
  console.line(
      fmt::format("complete: {}, {} parameters", shapes.family().name, shapes.parameter_count()));
  const fs::path golden = folder / "golden.safetensors";
  if (!fs::exists(golden)) {
    console.line("no reference vectors lie beside it: medlar verify " + folder.string() +
                 " --golden FILE holds it against yours");
    return answer;
  }
  with_model(folder.string(), {}, console,
             [&](runtime::Runner& runner, const formats::Checkpoint& loaded, i64) {
               const runtime::Certificate certificate =
                   runtime::verify_checkpoint(runner, loaded, golden);
               answer["certificate"] = certificate.to_json();
               console.line(certificate.passed() ? "conformant" : "NOT conformant");
             });
  return answer;
}

Result pull(const PullOptions& options, const Console& console) {
  const hub::Hub source = hub::hub_of_environment();
  const hub::HubSnapshot snapshot =
      hub::list_repository(source, options.repository, options.revision);
  const std::vector<hub::HubFile> files =
      options.all ? snapshot.files : hub::needed_files(snapshot.files);
  i64 bytes = 0;
  for (const hub::HubFile& file : files) bytes += file.size;
  console.line(fmt::format("{} at {}: {} files, {:.1f} MB", options.repository, snapshot.revision,
                           files.size(), static_cast<double>(bytes) / 1e6));
  const fs::path folder = hub::pull(source, options.repository, options.revision, snapshot, files,
                                    progress_of(console, "fetching"));
  console.line(folder.string());
  Result result = {.data = {{"path", folder.string()},
                            {"revision", snapshot.revision},
                            {"files", files.size()},
                            {"bytes", bytes}}};
  result.data["model"] = certify(folder, console);
  const Json& model = result.data["model"];
  result.passed = !model.contains("certificate") || model["certificate"]["conformant"].get<bool>();
  return result;
}

Result remove(const std::string& repository, const Console& console) {
  const i64 bytes = hub::remove_repository(hub::hub_of_environment(), repository);
  console.line(fmt::format("{:.1f} MB freed", static_cast<double>(bytes) / 1e6));
  return {.data = {{"freed_bytes", bytes}}};
}

}  // namespace

Command add_models_pull(CLI::App& models) {
  CLI::App* app = models.add_subcommand("pull", "Fetch a repository into the hub's cache folder");
  const auto options = std::make_shared<PullOptions>();
  app->add_option("repository", options->repository, "organisation/name")->required();
  app->add_option("--revision", options->revision, "Branch, tag or commit")->capture_default_str();
  app->add_flag("--all", options->all, "Every file, not only what running the model needs");
  app->footer(
      "HF_ENDPOINT names a mirror, HF_TOKEN a token, HF_HOME or HF_HUB_CACHE the folder.\n"
      "Example: medlar models pull dmis-lab/biobert-v1.1");
  return {app, [options](const Console& console) { return pull(*options, console); }};
}

Command add_models_rm(CLI::App& models) {
  CLI::App* app = models.add_subcommand("rm", "Remove a repository from the hub's cache folder");
  const auto repository = std::make_shared<std::string>();
  app->add_option("repository", *repository, "organisation/name")->required();
  app->footer("Example: medlar models rm dmis-lab/biobert-v1.1");
  return {app, [repository](const Console& console) { return remove(*repository, console); }};
}

}  // namespace medlar::cli
