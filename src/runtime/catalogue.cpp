#include "runtime/catalogue.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "runtime/catalogue_text.h"

namespace medlar::runtime {
namespace {

QuantFormat format_named(const Json& name) {
  const auto format = quant_format_named(name.get<std::string>());
  MEDLAR_CHECK(format.has_value());
  return *format;
}

bool lists(const Json& array, const std::string& value) {
  return std::ranges::find(array, Json(value)) != array.end();
}

/// Why the licence stands in the way, "" where it does not.
std::string refusal(const Json& licence, const Wish& wish) {
  const std::string name = licence["name"].get<std::string>();
  if (wish.commercial && lists(licence["forbids"], "commercial use"))
    return fmt::format("{} forbids commercial use", name);
  const std::string clinical = licence["clinical_use"].get<std::string>();
  if (wish.clinical && clinical.starts_with("forbidden"))
    return fmt::format("{}: use in care is {}", name, clinical);
  return "";
}

std::string gigabytes(i64 bytes) {
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

Recommendation weigh(const Json& entry, const Wish& wish) {
  Recommendation result = {.entry = &entry, .fits = false, .storage = {}, .size = {}, .reason = {}};
  result.reason = refusal(entry["licence"], wish);
  if (!result.reason.empty()) return result;
  for (const StorageChoice& choice : storage_choices(entry)) {
    result.size = model_size(entry["config"], choice.formats, {.context = wish.context});
    result.fits = result.size.memory.total() <= wish.memory;
    if (!result.fits) continue;
    result.storage = choice.name;
    result.reason = fmt::format(
        "{} in {} with {} tokens, of {}; {}", choice.name, gigabytes(result.size.memory.total()),
        wish.context, gigabytes(wish.memory), entry["licence"]["name"].get<std::string>());
    return result;
  }
  result.reason =
      fmt::format("needs {} even as {}, there are {}", gigabytes(result.size.memory.total()),
                  storage_choices(entry).back().name, gigabytes(wish.memory));
  return result;
}

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// "org/name" as a path has it: the name alone, or both as the hub's cache folder.
bool is_on_path(const std::string& repository, const std::filesystem::path& path) {
  const std::string name = lowered(std::filesystem::path(repository).filename().string());
  std::string cached = "models";
  for (const std::filesystem::path& part : std::filesystem::path(repository))
    cached += "--" + lowered(part.string());
  return std::ranges::any_of(path, [&](const std::filesystem::path& part) {
    const std::string have = lowered(part.string());
    return have == cached || have == name || have == name + ".gguf";
  });
}

}  // namespace

const Json& catalogue() {
  static const Json models = parse_json(catalogue_text, "models/catalogue.json")["models"];
  return models;
}

const Json& catalogue_entry(const std::string& name) {
  std::string ids;
  for (const Json& entry : catalogue()) {
    if (entry["id"] == name || lists(entry["repositories"], name)) return entry;
    ids += (ids.empty() ? "" : ", ") + entry["id"].get<std::string>();
  }
  fail(ErrorCode::not_found, "the catalogue has no model of that name (it has {})", ids);
}

const Json* catalogue_entry_at(const std::filesystem::path& model) {
  const std::filesystem::path path = std::filesystem::absolute(model).lexically_normal();
  for (const Json& entry : catalogue()) {
    for (const Json& repository : entry["repositories"]) {
      if (is_on_path(repository.get<std::string>(), path)) return &entry;
    }
  }
  return nullptr;
}

std::string care_warning(const Json& entry) {
  const Json& licence = entry["licence"];
  const std::string use = licence["clinical_use"].get<std::string>();
  if (!use.starts_with("forbidden") && !use.starts_with("advised against")) return "";
  return fmt::format("{} ({}): use in care is {}", entry["id"].get<std::string>(),
                     licence["name"].get<std::string>(), use);
}

ImaginedFormats published_formats(const Json& entry) {
  const Json& format = entry["published_format"];
  const QuantFormat matrices = format_named(format["matrices"]);
  return {.matrices = matrices,
          .experts = format.contains("experts") ? format_named(format["experts"]) : matrices};
}

std::vector<StorageChoice> storage_choices(const Json& entry) {
  std::vector<StorageChoice> choices = {{"published", published_formats(entry)}};
  for (const QuantFormat format :
       {QuantFormat::bf16, QuantFormat::q8_0, QuantFormat::q6_k, QuantFormat::q4_k})
    choices.push_back({std::string(layout_of(format).name), {format, format}});
  return choices;
}

std::vector<Recommendation> recommend(const Wish& wish) {
  std::vector<Recommendation> list;
  for (const Json& entry : catalogue()) {
    if (wish.task.empty() || lists(entry["tasks"], wish.task)) list.push_back(weigh(entry, wish));
  }
  std::ranges::sort(list, [](const Recommendation& a, const Recommendation& b) {
    if (a.fits != b.fits) return a.fits;
    if (a.size.parameters != b.size.parameters) return a.size.parameters > b.size.parameters;
    return (*a.entry)["id"] < (*b.entry)["id"];
  });
  return list;
}

}  // namespace medlar::runtime
