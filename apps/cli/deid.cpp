// medlar deid, medlar reid: take out of texts who it is, and put it back with the sealed mapping.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/mapped_file.h"
#include "clinical/deid/batch.h"
#include "clinical/deid/redactor.h"
#include "clinical/deid/secret.h"
#include "clinical/deid/surrogate.h"
#include "command.h"
#include "formats/pending_file.h"
#include "phi_model.h"

namespace medlar::cli {
namespace {

namespace fs = std::filesystem;

struct DeidVerbOptions {
  std::string input = "-";
  std::string policy = "hipaa_safe_harbor";
  std::string method;
  std::string patient;
  std::string date_shift;
  bool shifts_dates = false;
  std::string key_file;
  std::string seed;
  std::string site;
  std::string mapping;
  std::string report;
  std::string out;
  bool resume = false;
  bool jsonl = false;
  PhiModelOptions model;
};

constexpr std::string_view seed_mark = "seed:";

/// The secret behind hashes, invented values, shifts and sealed mappings, or empty.
std::string secret_of(const std::string& key_file, const std::string& seed) {
  if (!key_file.empty()) return read_text_file(key_file, i64{1} << 20);
  const char* passphrase = std::getenv("MEDLAR_PASSPHRASE");
  if (passphrase != nullptr && *passphrase != '\0') return passphrase;
  return seed.empty() ? "" : std::string(seed_mark) + seed;
}

/// A whole number of days. None is no shift: dates would stay as they are.
i64 days_of(const std::string& text) {
  i64 days = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, days);
  constexpr i64 most = 36'500;
  if (error != std::errc() || stopped != end || days == 0 || days < -most || days > most)
    fail(ErrorCode::usage, "--date-shift is a whole number of days up to {}, not 0", most);
  return days;
}

clinical::DeidOptions deid_options(const DeidVerbOptions& options) {
  clinical::DeidOptions deid;
  deid.policy = clinical::policy_named(options.policy);
  deid.method =
      options.method.empty() ? deid.policy.method : clinical::method_named(options.method);
  deid.patient = options.patient;
  deid.reversible = !options.mapping.empty();
  deid.key = secret_of(options.key_file, options.seed);
  deid.secret_key = !deid.key.empty() && !deid.key.starts_with(seed_mark);
  if (deid.reversible && !deid.secret_key)
    fail(ErrorCode::usage, "--mapping needs --key-file or MEDLAR_PASSPHRASE");
  if (deid.key.empty() && deid.method == clinical::Method::hash && options.resume)
    fail(ErrorCode::usage, "hashes that resume need --key-file or MEDLAR_PASSPHRASE");
  deid = clinical::with_key(std::move(deid));
  if (options.shifts_dates) {
    const bool own = options.date_shift.empty();
    deid.days =
        own ? clinical::Surrogates(deid.key, deid.patient).days() : days_of(options.date_shift);
  }
  if (!options.site.empty())
    deid.site = clinical::Site::from_json(read_text_file(options.site), options.site);
  deid.model = open_phi_model(options.model);
  return deid;
}

void print_raw(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

/// One line of --jsonl, without a word of the input where it fails.
Json line_result(const clinical::Deidentifier& deidentifier, const std::string& line) {
  Json answer = Json::object();
  try {
    const Json request = parse_json(line, "the line");
    if (!request.is_object() || !request.contains("text") || !request["text"].is_string())
      fail(ErrorCode::invalid_argument, "a line is {{\"id\": .., \"text\": \"..\"}}");
    if (request.contains("id")) answer["id"] = request["id"];
    const clinical::Document document(request["text"].get<std::string>());
    clinical::DeidResult result = [&] {
      if (!request.contains("patient")) return deidentifier.run(document);
      clinical::DeidOptions own = deidentifier.options();
      own.patient = request["patient"].is_string() ? request["patient"].get<std::string>()
                                                   : request["patient"].dump();
      return clinical::Deidentifier(std::move(own)).run(document);
    }();
    answer["text"] = result.text.text();
    answer["spans"] = clinical::spans_json(document, result.redactions);
  } catch (const Error& error) {
    answer["error"] = {{"code", name_of(error.code())}, {"message", error.what()}};
  }
  return answer;
}

Result deid_lines(const clinical::Deidentifier& deidentifier, const DeidVerbOptions& options) {
  i64 lines = 0;
  i64 failed = 0;
  for_each_line(options.input, [&](const std::string& line) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) return;
    const Json answer = line_result(deidentifier, line);
    ++lines;
    failed += answer.contains("error") ? 1 : 0;
    print_raw(answer.dump() + "\n");
  });
  return {.data = {{"lines", lines}, {"failed", failed}}};
}

void write_report(const std::string& path, const clinical::DeidReport& report) {
  const std::string ending = fs::path(path).extension().string();
  formats::write_file(path, ending == ".html"  ? report.html()
                            : ending == ".txt" ? report.terminal()
                                               : report.json().dump(2) + "\n");
}

void write_mapping(const DeidVerbOptions& options, const clinical::Mapping& mapping,
                   const std::string& secret) {
  if (options.mapping.empty()) return;
  formats::write_file(options.mapping, clinical::seal(Json(mapping).dump(), secret));
}

Result deid_folder(const clinical::Deidentifier& deidentifier, const DeidVerbOptions& options,
                   const Console& console) {
  if (options.out.empty()) fail(ErrorCode::usage, "a folder needs --out");
  const clinical::FolderResult done =
      clinical::deidentify_folder(deidentifier, {.input = options.input,
                                                 .output = options.out,
                                                 .resume = options.resume,
                                                 .between_files = stop_if_interrupted});
  write_mapping(options, done.mapping, deidentifier.options().key);
  if (!options.report.empty()) write_report(options.report, done.report);
  console.write(done.report.terminal());
  console.line(fmt::format("{} files, {} failed", done.files, done.failed));
  Json data = done.report.json();
  data["files"] = done.files;
  return {.data = std::move(data), .passed = done.failed == 0};
}

Result deid_one(const clinical::Deidentifier& deidentifier, const DeidVerbOptions& options,
                const Console& console) {
  const std::string bytes = read_input(options.input);
  const clinical::FileResult done = clinical::deidentify_file(deidentifier, bytes, options.input);
  const std::string name =
      options.input == "-" ? "stdin" : clinical::safe_name(deidentifier, options.input, bytes);
  const Json entry = clinical::document_entry(name, bytes, done.result);
  clinical::DeidReport report(deidentifier.options());
  report.add(entry);
  write_mapping(options, done.result.mapping, deidentifier.options().key);
  if (!options.report.empty()) write_report(options.report, report);
  Json data = report.json();
  data["spans"] = entry["spans"];
  if (options.out.empty()) {
    console.write(done.result.text.text());
    data["text"] = done.result.text.text();
  } else {
    formats::write_file(options.out, done.result.text.text());
    console.write(report.terminal());
  }
  return {.data = std::move(data)};
}

Result deid(const DeidVerbOptions& options, const Console& console) {
  const clinical::Deidentifier deidentifier(deid_options(options));
  if (options.jsonl) return deid_lines(deidentifier, options);
  if (options.input != "-" && fs::is_directory(options.input))
    return deid_folder(deidentifier, options, console);
  return deid_one(deidentifier, options, console);
}

struct ReidOptions {
  std::string file = "-";
  std::string mapping;
  std::string key_file;
  std::string out;
};

Result reid(const ReidOptions& options, const Console& console) {
  const std::string secret = secret_of(options.key_file, "");
  if (secret.empty()) fail(ErrorCode::usage, "reid needs --key-file or MEDLAR_PASSPHRASE");
  const Json stored =
      parse_json(clinical::unseal(read_text_file(options.mapping), secret), "the mapping");
  const auto mapping = stored.get<clinical::Mapping>();
  const std::string text = clinical::reidentified(read_input(options.file), mapping);
  Json data = {{"tokens", mapping.size()}};
  if (options.out.empty()) {
    console.write(text);
    data["text"] = text;
  } else {
    formats::write_file(options.out, text);
  }
  return {.data = std::move(data)};
}

}  // namespace

Command add_deid(CLI::App& root) {
  CLI::App* app = root.add_subcommand("deid", "Take out of notes and records who it is");
  const auto options = std::make_shared<DeidVerbOptions>();
  app->add_option("input", options->input, "File, folder, or - for stdin")->capture_default_str();
  app->add_option("--policy", options->policy,
                  "hipaa_safe_harbor, limited_dataset, gdpr_pseudonymization, strict")
      ->capture_default_str();
  app->add_option("--method", options->method,
                  "mask, remove, replace, hash, shift_dates (default: the policy's)");
  app->add_option("--patient-key", options->patient,
                  "Whose record it is: the same patient gets the same values and shift");
  CLI::Option* shift = app->add_option("--date-shift", options->date_shift,
                                       "Days that dates move; without a number the patient's own");
  shift->expected(0, 1);
  app->add_option("--key-file", options->key_file,
                  "Secret of hashes, values, shifts and mapping (or MEDLAR_PASSPHRASE)");
  app->add_option("--seed", options->seed,
                  "In place of a secret, where none is needed (default 0; not for --mapping)");
  app->add_option("--site", options->site, "JSON of the site: patterns, staff, hospitals, lists");
  app->add_option("--mapping", options->mapping,
                  "Make it reversible: tokens, and their originals sealed in this file");
  app->add_option("--report", options->report, "Write the report: .json, .html or .txt");
  options->model.add_to(*app);
  app->add_option("--out", options->out, "Output file or folder");
  app->add_flag("--resume", options->resume, "Go on with a folder that was broken off");
  app->add_flag("--jsonl", options->jsonl,
                "Lines {\"id\", \"text\"} in, lines {\"id\", \"text\", \"spans\"} out");
  app->footer("Example: medlar deid notes/ --policy hipaa_safe_harbor --out clean/");
  return {app, [options, shift](const Console& console) {
            DeidVerbOptions chosen = *options;
            chosen.shifts_dates = shift->count() > 0;
            return deid(chosen, console);
          }};
}

Command add_reid(CLI::App& root) {
  CLI::App* app = root.add_subcommand("reid", "Put back what deid --mapping took out");
  const auto options = std::make_shared<ReidOptions>();
  app->add_option("file", options->file, "Text with tokens, - for stdin")->capture_default_str();
  app->add_option("--mapping", options->mapping, "The sealed mapping")->required();
  app->add_option("--key-file", options->key_file, "Its secret (or MEDLAR_PASSPHRASE)");
  app->add_option("--out", options->out, "Output file");
  app->footer("Example: medlar reid answer.txt --mapping notes.map --key-file site.key");
  return {app, [options](const Console& console) { return reid(*options, console); }};
}

}  // namespace medlar::cli
