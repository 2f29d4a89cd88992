// medlar doctor, version, completion: the machine and the program itself.
#include <unistd.h>

#include <memory>

#include "backend/kernels.h"
#include "base/threads.h"
#include "command.h"
#include "models/model.h"

namespace medlar::cli {
namespace {

i64 memory_bytes(int pages_name) {
  return static_cast<i64>(::sysconf(pages_name)) * static_cast<i64>(::sysconf(_SC_PAGESIZE));
}

/// One look at the machine: what is there, whether it is enough, and the mend.
struct Finding {
  std::string what;
  std::string found;
  bool good;
  std::string mend;
};

std::vector<Finding> examine() {
  const std::vector<std::string> sets = backend::available_backends();
  const double free_gb = static_cast<double>(memory_bytes(_SC_AVPHYS_PAGES)) / 1e9;
  const double all_gb = static_cast<double>(memory_bytes(_SC_PHYS_PAGES)) / 1e9;
  std::string families;
  for (const models::Family* family : models::all_families())
    families += (families.empty() ? "" : ", ") + std::string(family->name);
  return {
      {"processors", fmt::format("{}", available_processors()), true, ""},
      {"instruction set", fmt::format("{}", fmt::join(sets, ", ")), sets.front() != "reference",
       "this processor lacks AVX2, FMA or F16C: models run, some twenty times slower; use a "
       "machine of 2013 or later"},
      {"memory", fmt::format("{:.1f} GB, {:.1f} GB free", all_gb, free_gb), free_gb > 2.0,
       "close other programs: a 1B model in Q8_0 needs about 2 GB (medlar inspect MODEL says what "
       "yours needs)"},
      {"families", families, true, ""},
      {"accelerator", "none: this build runs on the processor", true, ""},
  };
}

Result doctor(const Console& console) {
  Json list = Json::array();
  bool healthy = true;
  for (const Finding& f : examine()) {
    console.line(fmt::format("{} {:<16} {}", f.good ? "ok  " : "MEND", f.what, f.found));
    if (!f.good) console.line("     " + f.mend);
    healthy = healthy && f.good;
    Json entry = {{"what", f.what}, {"found", f.found}, {"good", f.good}};
    if (!f.good) entry["mend"] = f.mend;
    list.push_back(std::move(entry));
  }
  return {.data = {{"healthy", healthy}, {"findings", list}}};
}

/// Every verb with its long options, from the command line's own description.
void collect_verbs(const CLI::App& app, const std::string& prefix,
                   std::vector<std::pair<std::string, std::string>>& verbs) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::string options = "--help --json";
    for (const CLI::Option* option : verb->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (name != "help") options += " --" + name;
      }
    }
    verbs.emplace_back(prefix + verb->get_name(), options);
    collect_verbs(*verb, prefix + verb->get_name() + " ", verbs);
  }
}

std::string bash_completion(const CLI::App& root) {
  std::vector<std::pair<std::string, std::string>> verbs;
  collect_verbs(root, "", verbs);
  std::string names;
  std::string bench;
  std::string cases;
  for (const auto& [verb, options] : verbs) {
    const bool nested = verb.find(' ') != std::string::npos;
    if (!nested) names += (names.empty() ? "" : " ") + verb;
    if (nested) bench += (bench.empty() ? "" : " ") + verb.substr(verb.find(' ') + 1);
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", verb, options);
  }
  return fmt::format(R"(# bash completion for medlar; load with: source <(medlar completion bash)
_medlar() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{}" -- "$current")); return
  fi
  if [ "$verb" = bench ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "{}" -- "$current")); return; fi
    verb="bench ${{COMP_WORDS[2]}}"
  fi
  case "$verb" in
{}  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}}
complete -o filenames -F _medlar medlar
)",
                     names, bench, cases);
}

Result completion(const CLI::App& root, const std::string& shell, const Console& console) {
  std::string script = bash_completion(root);
  // zsh reads bash completions through its own adapter.
  if (shell == "zsh") script = "autoload -U +X bashcompinit && bashcompinit\n" + script;
  console.write(script);
  return {.data = {{"script", script}}};
}

}  // namespace

Command add_doctor(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "doctor", "This machine: what can run, what is missing and the command that mends it");
  app->footer("Example: medlar doctor");
  return {app, doctor};
}

Command add_version(CLI::App& root) {
  CLI::App* app = root.add_subcommand("version", "The version of medlar");
  app->footer("Example: medlar version --json");
  return {app, [](const Console& console) {
            console.line("medlar " MEDLAR_VERSION);
            return Result{.data = {{"version", MEDLAR_VERSION}}};
          }};
}

Command add_completion(CLI::App& root) {
  CLI::App* app = root.add_subcommand("completion", "A completion script for your shell");
  const auto shell = std::make_shared<std::string>("bash");
  app->add_option("shell", *shell, "bash or zsh")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->capture_default_str();
  app->footer("Example: source <(medlar completion bash)");
  return {app,
          [&root, shell](const Console& console) { return completion(root, *shell, console); }};
}

}  // namespace medlar::cli
