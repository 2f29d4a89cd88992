// medlar models: what there is, what it needs, what fits.
#include <memory>
#include <set>

#include "command.h"
#include "runtime/catalogue.h"

namespace medlar::cli {
namespace {

std::string billions(i64 count) {
  return count < 1'000'000'000 ? fmt::format("{:.0f} M", static_cast<double>(count) / 1e6)
                               : fmt::format("{:.1f} B", static_cast<double>(count) / 1e9);
}

std::string gigabytes(i64 bytes) { return fmt::format("{:.1f}", static_cast<double>(bytes) / 1e9); }

/// An entry of the catalogue with what its configuration tells.
Json described(const Json& entry) {
  const runtime::ModelSize size =
      runtime::model_size(entry["config"], runtime::published_formats(entry), {});
  Json result = entry;
  result["architecture"] = entry["config"]["model_type"];
  result["parameters"] = {{"total", size.parameters}, {"active", size.active}};
  result["context"] = size.context;
  return result;
}

Result list(const Console& console) {
  Json models = Json::array();
  for (const Json& entry : runtime::catalogue()) {
    const Json model = described(entry);
    console.line(fmt::format("{:<30} {:>8} {:>8}  {:>7}  {}", model["id"].get<std::string>(),
                             billions(model["parameters"]["total"]),
                             billions(model["parameters"]["active"]), model["context"].get<i64>(),
                             model["licence"]["name"].get<std::string>()));
    models.push_back(model);
  }
  return {.data = {{"models", models}}};
}

/// Bytes on each rank for every way to store the model, at two contexts; ranks that cannot share it
/// are left out.
Json memory_table(const Json& entry, i64 full_context) {
  Json rows = Json::array();
  for (const runtime::StorageChoice& choice : runtime::storage_choices(entry)) {
    for (const i64 context : std::set<i64>{std::min(full_context, i64{8192}), full_context}) {
      for (const i64 ranks : {1, 2, 4, 8}) {
        try {
          const runtime::MemoryNeed need = runtime::model_size(entry["config"], choice.formats,
                                                               {.context = context, .ranks = ranks})
                                               .memory;
          rows.push_back({{"format", choice.name},
                          {"context", context},
                          {"ranks", ranks},
                          {"weights", need.weights},
                          {"cache", need.cache},
                          {"activations", need.activations},
                          {"total", need.total()}});
        } catch (const Error& error) {
          if (error.code() != ErrorCode::unsupported) throw;
        }
      }
    }
  }
  return rows;
}

Result info(const std::string& name, const Console& console) {
  const Json& entry = runtime::catalogue_entry(name);
  Json model = described(entry);
  model["memory"] = memory_table(entry, model["context"]);
  const auto row = [&](const char* key, const std::string& value) {
    console.line(fmt::format("{:<14} {}", key, value));
  };
  row("id", model["id"]);
  row("system", model["system"]);
  for (const Json& repository : model["repositories"]) row("repository", repository);
  row("architecture", model["architecture"]);
  row("parameters", fmt::format("{}, {} for each token", billions(model["parameters"]["total"]),
                                billions(model["parameters"]["active"])));
  row("context", fmt::format("{} tokens", model["context"].get<i64>()));
  const Json& licence = model["licence"];
  row("licence", licence["name"]);
  for (const Json& what : licence["forbids"]) row("  forbids", what);
  row("  in care", licence["clinical_use"]);
  for (const Json& score : model["scores"]) {
    row("score", fmt::format("{} {} ({})", score["name"].get<std::string>(),
                             score["value"].get<double>(), score["source"].get<std::string>()));
  }
  if (model.contains("notes")) row("note", model["notes"]);
  if (model.contains("unverified")) row("unverified", model["unverified"].dump());
  console.line("memory on each rank, GB");
  for (const Json& need : model["memory"]) {
    console.line(fmt::format("  {:<10} {:>7} tokens, {} ranks: {:>7} = weights {}, cache {}",
                             need["format"].get<std::string>(), need["context"].get<i64>(),
                             need["ranks"].get<i64>(), gigabytes(need["total"]),
                             gigabytes(need["weights"]), gigabytes(need["cache"])));
  }
  return {.data = std::move(model)};
}

struct RecommendOptions {
  runtime::Wish wish;
  double gigabytes = 0.0;
  std::string licence = "any";
};

Result recommend(const RecommendOptions& options, const Console& console) {
  runtime::Wish wish = options.wish;
  wish.memory = static_cast<i64>(options.gigabytes * 1e9);
  wish.commercial = options.licence == "commercial";
  wish.clinical = options.licence == "clinical";
  Json fitting = Json::array();
  Json others = Json::array();
  for (const runtime::Recommendation& r : runtime::recommend(wish)) {
    const std::string id = (*r.entry)["id"].get<std::string>();
    console.line(fmt::format("{}  {:<30} {}", r.fits ? "yes" : "no ", id, r.reason));
    Json answer = {{"id", id}, {"reason", r.reason}};
    if (r.fits) answer["format"] = r.storage;
    (r.fits ? fitting : others).push_back(std::move(answer));
  }
  if (fitting.empty() && others.empty())
    fail(ErrorCode::not_found, "no model of the catalogue is for that task");
  return {.data = {{"recommended", fitting}, {"others", others}}};
}

}  // namespace

Command add_models_list(CLI::App& models) {
  CLI::App* app = models.add_subcommand("list", "The models that medlar is for");
  app->footer("Example: medlar models list");
  return {app, list};
}

Command add_models_info(CLI::App& models) {
  CLI::App* app = models.add_subcommand("info", "Everything known of one, its memory included");
  const auto name = std::make_shared<std::string>();
  app->add_option("model", *name, "Id or repository")->required();
  app->footer("Example: medlar models info gpt-oss-20b");
  return {app, [name](const Console& console) { return info(*name, console); }};
}

Command add_models_recommend(CLI::App& models) {
  CLI::App* app = models.add_subcommand("recommend", "Models for a task that fit a machine");
  const auto options = std::make_shared<RecommendOptions>();
  app->add_option("--task", options->wish.task, "e.g. chat, ner, deidentify, images, qa, embed");
  app->add_option("--memory", options->gigabytes, "Memory of the machine in GB")
      ->required()
      ->check(CLI::Range(0.1, 1e6));
  app->add_option("--context", options->wish.context, "Tokens of a request")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app->add_option("--licence", options->licence, "What the licence must allow")
      ->check(CLI::IsMember({"any", "commercial", "clinical"}))
      ->capture_default_str();
  app->footer("Example: medlar models recommend --task chat --memory 24 --licence clinical");
  return {app, [options](const Console& console) { return recommend(*options, console); }};
}

}  // namespace medlar::cli
