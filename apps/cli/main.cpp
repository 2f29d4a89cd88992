// medlar <verb>: parses the command line, runs one verb, turns errors into messages and exit codes.
// Exit 0: done; 1: failed, or a check did not pass; 2: wrong usage.
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "base/platform_memory.h"
#include "command.h"
#include "interrupt.h"

namespace medlar::cli {
namespace {

void print_json(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int report_error(bool json, const std::string& command, const Error& error) {
  if (json) {
    print_json({{"ok", false},
                {"command", command},
                {"error", {{"code", name_of(error.code())}, {"message", error.what()}}}});
  } else {
    std::fprintf(stderr, "medlar %s: %s\n", command.c_str(), error.what());
  }
  return error.code() == ErrorCode::usage ? 2 : 1;
}

std::string full_name(const CLI::App* app) {
  const std::string parent =
      app->get_parent() != nullptr && app->get_parent()->get_parent() != nullptr
          ? full_name(app->get_parent()) + " "
          : "";
  return parent + app->get_name();
}

/// "--json" anywhere: asked before parsing, so that a wrong command line answers in JSON too.
bool wants_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

/// True for what can only be a verb or a flag: short, small letters and dashes.
bool is_word(std::string_view text) {
  return text.size() < 24 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos;
}

/// What is wrong with a command line, without the words themselves: one may be the text of a
/// record.
std::string usage_message(const CLI::App& root, const CLI::ParseError& error,
                          const std::string& verb) {
  std::string said = error.what();
  const auto kind = static_cast<CLI::ExitCodes>(error.get_exit_code());
  if (kind == CLI::ExitCodes::ExtrasError) {
    const std::string last = said.substr(said.rfind(' ') + 1);
    const std::string flag = last.substr(0, last.find('='));
    return flag.starts_with("--") && is_word(flag)
               ? fmt::format("the argument {} was not expected", flag)
               : "an argument was not expected: texts belong in quotes, behind their flag";
  }
  if (kind == CLI::ExitCodes::ValidationError || kind == CLI::ExitCodes::ConversionError) {
    // "--flag: Value x not in range 1 to 9" or "Could not convert: --flag = x"
    const std::size_t begin = said.find("--");
    const std::string flag = begin == std::string::npos
                                 ? ""
                                 : said.substr(begin, said.find_first_of(": ", begin) - begin);
    const std::size_t range = said.rfind(" not in ");
    constexpr std::size_t longest = 60;  // a range up to the largest double helps nobody
    const bool helps = range != std::string::npos && said.size() - range < longest;
    const std::string allowed = helps ? ": it is" + said.substr(range) : "";
    return fmt::format("the value of {} is not allowed{}",
                       is_word(flag) && !flag.empty() ? flag : "an argument", allowed);
  }
  if (kind == CLI::ExitCodes::RequiredError && !verb.empty() && !verb.starts_with("-") &&
      said.starts_with("A subcommand")) {
    for (const CLI::App* group :
         root.get_subcommands([&](const CLI::App* app) { return app->get_name() == verb; })) {
      std::string needed;
      for (const CLI::App* one : group->get_subcommands({}))
        needed += (needed.empty() ? "" : ", ") + one->get_name();
      return fmt::format("{} needs one of {}", verb, needed);
    }
    return fmt::format("no verb '{}'", verb);
  }
  return said;
}

int run(int argc, char** argv) {
  Console console;
  CLI::App root(
      "medlar runs the open medical models on your own machine: exactly, offline, replayable.");
  root.name("medlar");
  root.set_version_flag("--version", MEDLAR_VERSION);
  root.require_subcommand(1);
  root.fallthrough();
  root.add_flag("--json", console.json,
                "Print one JSON object: {\"ok\", \"command\", \"data\" or \"error\"}");
  CLI::App* bench = root.add_subcommand("bench", "Measure this machine or a model on it");
  bench->require_subcommand(1);
  CLI::App* models =
      root.add_subcommand("models", "What there is, what it needs, what fits; fetch and remove");
  models->require_subcommand(1);
  CLI::App* eval = root.add_subcommand("eval", "How good something is on data with known answers");
  eval->require_subcommand(1);
  const std::vector<Command> commands = {
      add_analyze(root),
      add_link(root),
      add_eval_assertion(*eval),
      add_eval_link(*eval),
      add_inspect(root),
      add_tokenize(root),
      add_detokenize(root),
      add_template(root),
      add_parse(root),
      add_forward(root),
      add_verify(root),
      add_generate(root),
      add_embed(root),
      add_perplexity(root),
      add_ner(root),
      add_classify(root),
      add_qa(root),
      add_fill_mask(root),
      add_chat(root),
      add_quantize(root),
      add_convert(root),
      add_merge(root),
      add_train(root),
      add_eval_ner(*eval),
      add_bench_machine(*bench),
      add_bench_model(*bench),
      add_bench_train(*bench),
      add_bench_ner(*bench),
      add_deid(root),
      add_reid(root),
      add_eval_deid(*eval),
      add_eval_retrieval(*eval),
      add_doctor(root),
      add_models_list(*models),
      add_models_info(*models),
      add_models_recommend(*models),
      add_models_pull(*models),
      add_models_rm(*models),
      add_version(root),
      add_completion(root),
  };
  const bool json = wants_json(argc, argv);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return root.exit(error);
    const std::string verb = argc > 1 && is_word(argv[1]) ? argv[1] : "";
    const Error usage(ErrorCode::usage, usage_message(root, error, verb));
    if (json) return report_error(true, verb, usage);
    std::fprintf(stderr, "%s\nRun with --help for more information.\n", usage.what());
    return 2;
  }
  console.progress = !console.json && ::isatty(STDERR_FILENO) == 1;
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const std::string name = full_name(command.app);
    try {
      const Result result = command.action(console);
      if (console.json)
        print_json({{"ok", result.passed}, {"command", name}, {"data", result.data}});
      return result.passed ? 0 : 1;
    } catch (const Error& error) {
      return report_error(console.json, name, error);
    } catch (const std::bad_alloc&) {
      return report_error(console.json, name, Error(ErrorCode::out_of_memory, "out of memory"));
    } catch (const std::exception& error) {
      return report_error(console.json, name, Error(ErrorCode::internal, error.what()));
    }
  }
  return 2;
}

}  // namespace
}  // namespace medlar::cli

int main(int argc, char** argv) {
  medlar::keep_freed_memory();
  medlar::cli::install_interrupt_handler();
  return medlar::cli::run(argc, argv);
}
