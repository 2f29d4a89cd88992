// medlar chat: a conversation with a model in the terminal.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>

#include "base/mapped_file.h"
#include "formats/pending_file.h"
#include "interrupt.h"
#include "runtime/chat.h"
#include "runtime/engine.h"
#include "runtime/text_runs.h"
#include "session.h"

namespace medlar::cli {
namespace {

struct ChatOptions {
  std::string model;
  std::string system;
  std::vector<std::string> prompts;
  std::vector<std::string> images;
  std::string load;
  std::string save;
  std::string reasoning;
  bool no_thinking = false;
  bool fold = false;
  i64 max_tokens = 2048;
  runtime::SamplingParameters sampling;
  MachineOptions machine;
};

std::string today() {
  const auto day = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

runtime::ChatSettings settings_of(const ChatOptions& options) {
  runtime::ChatSettings settings = {.effort = {}, .thinks = !options.no_thinking, .date = today()};
  if (options.reasoning == "low") settings.effort = text::ReasoningEffort::low;
  if (options.reasoning == "medium") settings.effort = text::ReasoningEffort::medium;
  if (options.reasoning == "high") settings.effort = text::ReasoningEffort::high;
  return settings;
}

/// What is said, one line at a time. Reasoning is dim on a terminal, or folded to a count.
class Screen {
 public:
  Screen(const Console& console, bool folds)
      : console_(console), folds_(folds), colours_(::isatty(STDOUT_FILENO) == 1) {}

  void begin() { last_.reset(); }

  void show(const text::OutputEvent& event) {
    if (event.kind == text::OutputEvent::Kind::tool_call) {
      switch_to(text::OutputPart::commentary);
      console_.write(
          fmt::format("[calls {}({})]", event.call.name,
                      event.call.arguments.dump(-1, ' ', false, Json::error_handler_t::replace)));
    } else if (event.kind == text::OutputEvent::Kind::text) {
      switch_to(event.part);
      if (event.part != text::OutputPart::reasoning || !folds_) console_.write(event.text);
    }
  }

  void end() {
    if (colours_ && last_ == text::OutputPart::reasoning) console_.write("\033[0m");
    console_.line("");
  }

 private:
  void switch_to(text::OutputPart part) {
    if (last_ == part) return;
    const bool was_reasoning = last_ == text::OutputPart::reasoning;
    if (was_reasoning && colours_) console_.write("\033[0m");
    if (last_) console_.write("\n");
    if (part == text::OutputPart::reasoning) {
      if (colours_) console_.write("\033[2m");
      if (folds_) console_.write("[reasoning: /reasoning shows it]");
    }
    last_ = part;
  }

  const Console& console_;
  bool folds_;
  bool colours_;
  std::optional<text::OutputPart> last_;
};

/// The messages so far, and what a line typed adds to them.
class Conversation {
 public:
  explicit Conversation(const ChatOptions& options) {
    if (!options.load.empty()) load(options.load);
    if (!options.system.empty()) set_system(options.system);
  }

  const Json& messages() const { return messages_; }
  void add(Json message) { messages_.push_back(std::move(message)); }
  void drop_last() { messages_.erase(messages_.size() - 1); }

  void reset() {
    Json kept = Json::array();
    for (const Json& message : messages_) {
      if (message.value("role", std::string()) == "system") kept.push_back(message);
    }
    messages_ = std::move(kept);
  }

  void load(const std::string& path) {
    const Json stored = read_json_file(path);
    const bool is_wrapped = stored.is_object() && stored.contains("messages");
    const Json& messages = is_wrapped ? stored["messages"] : stored;
    if (!messages.is_array()) fail(ErrorCode::invalid_argument, "{} has no list of messages", path);
    for (const Json& message : messages) {
      if (!message.is_object())
        fail(ErrorCode::invalid_argument, "{}: a message is no object", path);
    }
    messages_ = messages;
  }

  void save(const std::string& path) const {
    formats::write_file(
        path,
        Json({{"messages", messages_}}).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }

  std::string last_reasoning() const {
    return messages_.empty() ? "" : messages_.back().value("reasoning_content", std::string());
  }

 private:
  void set_system(const std::string& text) {
    const Json system = {{"role", "system"}, {"content", text}};
    const bool has_one =
        !messages_.empty() && messages_.front().value("role", std::string()) == "system";
    if (has_one) {
      messages_.front() = system;
    } else {
      messages_.insert(messages_.begin(), system);
    }
  }

  Json messages_ = Json::array();
};

/// One loaded model that answers.
class Answerer {
 public:
  Answerer(runtime::Runner& runner, const text::Tokenizer& tokenizer,
           const formats::Checkpoint& checkpoint, const ChatOptions& options)
      : runner_(runner),
        tokenizer_(tokenizer),
        prompter_(tokenizer, runtime::chat_template_of(options.model)),
        stop_ids_(prompter_.stop_ids(checkpoint, runner.config())),
        settings_(settings_of(options)),
        options_(options) {
    if (!runner.facts().generates)
      fail(ErrorCode::unsupported, "this model does not generate text: nothing to chat with");
  }

  /// The answer to the messages, shown as it comes; Ctrl-C ends it early.
  text::ModelOutput answer(const Json& messages, Screen& screen) {
    const runtime::ChatPrompt prompt = prompter_.prompt(messages, settings_);
    const i64 room = runner_.facts().context - ssize_of(prompt.ids);
    if (room < 1) {
      fail(ErrorCode::limit_exceeded,
           "the conversation has {} tokens, the model takes {}: /reset begins a new one",
           prompt.ids.size(), runner_.facts().context);
    }
    const auto parser = text::make_output_parser(tokenizer_, prompt.format);
    text::ModelOutput output;
    const auto take = [&](const text::OutputEvents& events) {
      for (const text::OutputEvent& event : events) {
        screen.show(event);
        output.add(event);
      }
    };
    clear_interrupt();
    screen.begin();
    bool stopped = false;
    const runtime::ContinueOptions how = {
        .step_tokens = options_.machine.chunk,
        .on_text = [&](std::string_view) { return !interrupted(); },
        .between =
            [&] {
              stopped = interrupted();
              stop_if_interrupted();
            },
        .on_token = [&](i64 id) { take(parser->push(id)); }};
    try {
      runtime::continue_prompt(runner_, tokenizer_,
                               {.prompt = prompt.ids,
                                .max_tokens = std::min(options_.max_tokens, room),
                                .sampling = options_.sampling,
                                .stop_ids = stop_ids_},
                               how);
    } catch (const Error& error) {
      // Ctrl-C stops the answer, not the program.
      if (!stopped || error.code() != ErrorCode::cancelled) throw;
    }
    take(parser->finish());
    screen.end();
    clear_interrupt();
    return output;
  }

 private:
  runtime::Runner& runner_;
  const text::Tokenizer& tokenizer_;
  runtime::ChatPrompter prompter_;
  std::vector<i64> stop_ids_;
  runtime::ChatSettings settings_;
  const ChatOptions& options_;
};

constexpr const char* help =
    "/reset  /save FILE  /load FILE  /reasoning  /exit; Ctrl-C stops an answer";

/// A line that begins with "/": false ends the conversation.
bool obey(const std::string& line, Conversation& conversation, const Console& console) {
  const std::size_t space = line.find(' ');
  const std::string command = line.substr(0, space);
  const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
  if (command == "/exit" || command == "/quit") return false;
  if (command == "/reset") {
    conversation.reset();
  } else if (command == "/save" && !argument.empty()) {
    conversation.save(argument);
  } else if (command == "/load" && !argument.empty()) {
    conversation.load(argument);
  } else if (command == "/reasoning") {
    console.line(conversation.last_reasoning());
  } else {
    console.line(help);
  }
  return true;
}

void reply(Conversation& conversation, Answerer& answerer, Screen& screen, std::string said) {
  conversation.add({{"role", "user"}, {"content", std::move(said)}});
  try {
    conversation.add(runtime::message_of(answerer.answer(conversation.messages(), screen)));
  } catch (const Error&) {
    conversation.drop_last();  // a message without an answer would be part of all that follow
    throw;
  }
}

void talk(Conversation& conversation, Answerer& answerer, Screen& screen, const Console& console) {
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1 && !console.json;
  if (is_terminal) console.line(help);
  for (std::string line;;) {
    if (is_terminal) console.write("> ");
    if (!std::getline(std::cin, line)) return;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (!is_terminal && !line.starts_with('/')) {
      reply(conversation, answerer, screen, line);
      continue;
    }
    try {
      if (line.starts_with('/')) {
        if (!obey(line, conversation, console)) return;
      } else {
        reply(conversation, answerer, screen, line);
      }
    } catch (const Error& error) {
      // At a terminal a mistake ends nothing: it is told, and the next line counts.
      if (!is_terminal) throw;
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
}

void refuse_images(const ChatOptions& options, const runtime::Runner& runner) {
  if (options.images.empty()) return;
  const bool sees = runner.config().contains("vision_config");
  fail(ErrorCode::unsupported, "{}",
       sees ? "images are not read by this version of chat yet" : "this model takes no images");
}

Result chat(const ChatOptions& options, const Console& console) {
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  Conversation conversation(options);
  Result result;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint& checkpoint, i64) {
               refuse_images(options, runner);
               Answerer answerer(runner, tokenizer, checkpoint, options);
               Screen screen(console, options.fold);
               for (const std::string& prompt : options.prompts)
                 reply(conversation, answerer, screen, prompt);
               if (options.prompts.empty()) talk(conversation, answerer, screen, console);
             });
  if (!options.save.empty()) conversation.save(options.save);
  return {.data = {{"messages", conversation.messages()}}};
}

}  // namespace

Command add_chat(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "chat", "Talk with a model; each line is a message, Ctrl-C stops an answer");
  const auto options = std::make_shared<ChatOptions>();
  app->add_option("model", options->model, "Model folder or file")->required();
  app->add_option("--system", options->system, "What the model is told before all else");
  app->add_option("--prompt", options->prompts,
                  "Say this and end (default: lines of stdin); may be repeated");
  app->add_option("--reasoning", options->reasoning, "How much a model that can be told reasons")
      ->check(CLI::IsMember({"low", "medium", "high"}));
  app->add_flag("--no-thinking", options->no_thinking,
                "Answer at once, where the model can (gpt-oss: low reasoning)");
  app->add_flag("--fold", options->fold, "Do not print the reasoning");
  app->add_option("--image", options->images, "A picture for the next message");
  app->add_option("--load", options->load, "Begin with a conversation in this JSON file");
  app->add_option("--save", options->save, "Write the conversation to this JSON file at the end");
  app->add_option("--max-tokens", options->max_tokens, "Most tokens of an answer")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  add_sampling(*app, options->sampling);
  options->machine.add_threads(*app);
  options->machine.add_chunk(*app);
  app->footer("Example: medlar chat model/ --system 'Answer for a ward doctor.' --reasoning low");
  return {app, [options](const Console& console) { return chat(*options, console); }};
}

}  // namespace medlar::cli
