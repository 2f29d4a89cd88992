#include "text/tagged_output.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/tool_calls.h"

namespace medlar::text {
namespace {

constexpr std::string_view think_begin = "<think>";
constexpr std::string_view think_end = "</think>";
constexpr std::string_view answer_begin = "<answer>";
constexpr std::string_view answer_end = "</answer>";
constexpr std::string_view box_begin = "<|begin_of_box|>";
constexpr std::string_view box_end = "<|end_of_box|>";
constexpr std::string_view call_begin = "<tool_call>";
constexpr std::string_view call_end = "</tool_call>";
constexpr std::string_view deepseek_begin = "<｜tool▁calls▁begin｜>";
constexpr std::string_view deepseek_end = "<｜tool▁calls▁end｜>";
constexpr std::string_view deepseek_call_begin = "<｜tool▁call▁begin｜>";
constexpr std::string_view deepseek_call_end = "<｜tool▁call▁end｜>";
constexpr std::string_view deepseek_separator = "<｜tool▁sep｜>";
constexpr std::string_view white = " \t\r\n";

/// Tokens that an output may hold on purpose; other special ones are never shown.
bool is_mark(std::string_view token) {
  constexpr std::array marks = {
      think_begin,       think_end,    answer_begin,        answer_end,
      box_begin,         box_end,      call_begin,          call_end,
      deepseek_begin,    deepseek_end, deepseek_call_begin, deepseek_call_end,
      deepseek_separator};
  return std::ranges::find(marks, token) != marks.end();
}

OutputEvent text_event(OutputPart part, std::string text) {
  return {.kind = OutputEvent::Kind::text, .part = part, .text = std::move(text), .call = {}};
}

}  // namespace

TaggedOutput::TaggedOutput(const Tokenizer& tokenizer, const OutputFormat& format)
    : tokenizer_(tokenizer), format_(format), decoder_(tokenizer, SpecialsInText::keep) {
  for (const i64 id : tokenizer.eos_ids()) {
    const std::optional<std::string_view> text = tokenizer.token_text(id);
    if (text && !text->empty()) ends_.emplace_back(*text);
  }
  for (const std::string_view turn : {"<|user|>", "<|observation|>", "<｜User｜>"}) {
    if (tokenizer.id_of(turn)) ends_.emplace_back(turn);
  }
  if (format.thinks && format.thinking == Thinking::opened_by_prompt) enter(State::reasoning);
}

OutputEvents TaggedOutput::push(i64 id) {
  if (tokenizer_.is_special(id) && !is_mark(tokenizer_.token_text(id).value_or(""))) return {};
  return push_text(decoder_.push(id).value_or(""));
}

OutputEvents TaggedOutput::push_text(std::string_view text) {
  OutputEvents events;
  scanner_.feed(text, [&] { run(events); });
  return events;
}

OutputEvents TaggedOutput::finish() {
  OutputEvents events = push_text(decoder_.finish());
  // What is held back here is the begin of a mark: one letter may be text, more are a cut mark.
  if (const std::string rest = scanner_.rest(); rest.size() == 1) on_text(rest, events);
  if (state_ == State::tool_call || state_ == State::deepseek_call) end_call(events);
  const bool shows_space = state_ == State::answer && !drops_space_ && !space_.empty();
  if (shows_space) events.push_back(text_event(OutputPart::answer, std::exchange(space_, "")));
  return events;
}

/// Those that mean something now.
std::vector<std::string_view> TaggedOutput::marks() const {
  std::vector<std::string_view> marks(ends_.begin(), ends_.end());
  switch (state_) {
    case State::reasoning:
      marks.insert(marks.end(), {think_begin, think_end});
      break;
    case State::answer:
      if (format_.thinks) marks.insert(marks.end(), {think_begin, think_end});
      if (format_.has_answer_tags) marks.insert(marks.end(), {answer_begin, answer_end});
      if (format_.has_boxes && format_.boxes == Boxes::strip)
        marks.insert(marks.end(), {box_begin, box_end});
      if (format_.has_tool_calls) marks.push_back(call_begin);
      if (format_.has_deepseek_calls) marks.push_back(deepseek_begin);
      break;
    case State::tool_call:
      marks.push_back(call_end);
      break;
    case State::between_calls:
      marks.insert(marks.end(), {deepseek_call_begin, deepseek_end});
      break;
    case State::deepseek_call:
      marks.push_back(deepseek_call_end);
      break;
  }
  return marks;
}

void TaggedOutput::run(OutputEvents& events) {
  while (true) {
    const std::optional<MarkScanner::Part> part = scanner_.next(marks());
    if (!part) return;
    if (part->is_mark) {
      on_mark(part->text, events);
    } else {
      on_text(part->text, events);
    }
  }
}

void TaggedOutput::on_mark(std::string_view mark, OutputEvents& events) {
  if (mark == think_begin) {
    seen_thinking_ = true;
    enter(State::reasoning);
  } else if (mark == think_end) {
    // An end without a begin: what came before was reasoning, whatever the prompt seemed to say.
    if (state_ == State::answer && !std::exchange(seen_thinking_, true))
      events.push_back(
          {.kind = OutputEvent::Kind::answer_was_reasoning, .part = {}, .text = {}, .call = {}});
    seen_thinking_ = true;
    enter(State::answer);
  } else if (mark == answer_begin) {
    enter(State::answer);
  } else if (mark == call_begin) {
    enter(State::tool_call);
  } else if (mark == deepseek_begin) {
    enter(State::between_calls);
  } else if (mark == deepseek_call_begin) {
    enter(State::deepseek_call);
  } else if (mark == call_end || mark == deepseek_call_end) {
    end_call(events);
  } else if (mark == deepseek_end) {
    enter(State::answer);
  }
  // The ends of answers and generations, and boxes, are nothing but left out.
}

/// White space at the begin of a part and at the end of reasoning or before a call is no part of
/// it.
void TaggedOutput::on_text(std::string_view text, OutputEvents& events) {
  if (state_ == State::between_calls || text.empty()) return;
  if (state_ == State::tool_call || state_ == State::deepseek_call) {
    body_ += text;
    return;
  }
  if (drops_space_) {
    const std::size_t begin = text.find_first_not_of(white);
    if (begin == std::string_view::npos) return;
    text.remove_prefix(begin);
    drops_space_ = false;
  }
  const std::size_t end = text.find_last_not_of(white);
  const std::size_t size = end == std::string_view::npos ? 0 : end + 1;
  const OutputPart part = state_ == State::reasoning ? OutputPart::reasoning : OutputPart::answer;
  if (size > 0) {
    events.push_back(
        text_event(part, std::exchange(space_, "") + std::string(text.substr(0, size))));
  }
  space_ += text.substr(size);
}

void TaggedOutput::enter(State state) {
  state_ = state;
  drops_space_ = true;
  space_.clear();
}

void TaggedOutput::end_call(OutputEvents& events) {
  const bool is_deepseek = state_ == State::deepseek_call;
  const std::string body = std::exchange(body_, std::string());
  events.push_back({.kind = OutputEvent::Kind::tool_call,
                    .part = {},
                    .text = {},
                    .call = is_deepseek ? deepseek_call_of_body(body) : tool_call_of_body(body)});
  enter(is_deepseek ? State::between_calls : State::answer);
}

}  // namespace medlar::text
