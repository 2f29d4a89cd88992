#include "text/harmony_output.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "text/harmony_header.h"
#include "text/tool_calls.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr std::array<std::string_view, 7> mark_texts = {
    "<|start|>", "<|message|>", "<|end|>",      "<|return|>",
    "<|call|>",  "<|channel|>", "<|constrain|>"};

std::optional<HarmonyHeader> header_or_none(const std::string& text,
                                            std::optional<HarmonyRole> role,
                                            HarmonyHeaderWords words) {
  try {
    return parse_harmony_header(text, role, words);
  } catch (const Error&) {  // expected of a model: the caller hides the message
    return std::nullopt;
  }
}

/// The header as it is, or as far as it can be understood; a channel that nobody knows where it
/// cannot.
HarmonyMessage tolerant_header(const std::string& text, std::optional<HarmonyRole> role) {
  for (const auto words : {HarmonyHeaderWords::all, HarmonyHeaderWords::only_role}) {
    for (const auto seeded : {role, std::optional(HarmonyRole::assistant)}) {
      const std::optional<HarmonyHeader> header = header_or_none(text, seeded, words);
      if (header && (!header->rest || words == HarmonyHeaderWords::only_role))
        return header->message;
    }
  }
  return {.role = HarmonyRole::assistant,
          .name = {},
          .content = {},
          .channel = "unknown",
          .recipient = {},
          .content_type = {}};
}

/// Only the assistant's own words on a known channel are shown.
OutputPart part_of(const HarmonyMessage& message) {
  if (message.role != HarmonyRole::assistant) return OutputPart::reasoning;
  if (!message.channel || *message.channel == "final") return OutputPart::answer;
  return *message.channel == "commentary" ? OutputPart::commentary : OutputPart::reasoning;
}

bool is_tool(const std::optional<std::string>& recipient) {
  return recipient && !recipient->empty() && *recipient != "all" && *recipient != "user" &&
         *recipient != "assistant" && recipient->find('<') == std::string::npos;
}

}  // namespace

HarmonyOutput::HarmonyOutput(const Tokenizer& tokenizer) : format_(tokenizer) {}

OutputEvents HarmonyOutput::push(i64 id) {
  const HarmonyMarks& marks = format_.marks();
  OutputEvents events;
  const bool is_mark = marks.ends_message(id) || id == marks.start || id == marks.message ||
                       id == marks.channel || id == marks.constrain;
  if (is_mark) {
    on_mark(id, events);
  } else {
    on_bytes(format_.bytes_of(id).value_or(""), events);
  }
  return events;
}

OutputEvents HarmonyOutput::push_text(std::string_view text) {
  const HarmonyMarks& m = format_.marks();
  const std::array<i64, 7> ids = {m.start, m.message, m.end,      m.end_of_answer,
                                  m.call,  m.channel, m.constrain};
  OutputEvents events;
  scanner_.feed(text, [&] {
    while (const std::optional<MarkScanner::Part> part = scanner_.next(mark_texts)) {
      if (!part->is_mark) {
        on_bytes(part->text, events);
        continue;
      }
      const auto place = std::ranges::find(mark_texts, part->text) - mark_texts.begin();
      on_mark(ids[static_cast<std::size_t>(place)], events);
    }
  });
  return events;
}

OutputEvents HarmonyOutput::finish() {
  OutputEvents events;
  on_bytes(scanner_.rest(), events);
  if (state_ == State::content) {
    end_message(events);
  } else if (state_ == State::header && !header_.empty()) {
    part_ = OutputPart::reasoning;
    is_call_ = false;
    add_content(std::exchange(header_, std::string()), events);
    end_message(events);
  }
  return events;
}

void HarmonyOutput::on_mark(i64 id, OutputEvents& events) {
  const HarmonyMarks& marks = format_.marks();
  const bool begins_header = id == marks.start || (id == marks.channel && state_ != State::header);
  if (begins_header) {
    if (state_ == State::content) end_message(events);
    state_ = State::header;
    header_ = id == marks.channel ? "<|channel|>" : "";
    seeded_ = id == marks.channel ? std::optional(HarmonyRole::assistant) : std::nullopt;
  } else if (id == marks.message) {
    // A second one within a message changes nothing; one without a header opens what nobody sees.
    if (state_ == State::between) header_ = "<|channel|>unknown";
    if (state_ != State::content) end_header();
  } else if (marks.ends_message(id)) {
    if (state_ == State::header) end_header();
    if (state_ == State::content) end_message(events);
  } else if (state_ == State::header) {
    header_ += id == marks.channel ? "<|channel|>" : "<|constrain|>";
  }
}

void HarmonyOutput::on_bytes(std::string_view bytes, OutputEvents& events) {
  if (state_ == State::header) {
    header_ += bytes;
  } else if (state_ == State::content) {
    add_content(bytes, events);
  }
  // Between messages stands nothing that anybody is to see.
}

void HarmonyOutput::end_header() {
  message_ = tolerant_header(lossy_utf8(header_), seeded_);
  // A stray word counts as recipient to the format, but only "to=" makes a call.
  const bool addresses = header_.find("to=") != std::string::npos && message_.channel != "final";
  header_.clear();
  seeded_.reset();
  part_ = part_of(message_);
  is_call_ = addresses && message_.role == HarmonyRole::assistant && is_tool(message_.recipient);
  state_ = State::content;
}

/// Whole characters go out at once, the rest waits.
void HarmonyOutput::add_content(std::string_view bytes, OutputEvents& events) {
  if (is_call_) {
    body_ += bytes;
    return;
  }
  pending_ += bytes;
  std::size_t whole = pending_.size();
  for (std::size_t back = 1; back <= 3 && back <= pending_.size(); ++back) {
    const std::size_t at = pending_.size() - back;
    if ((static_cast<unsigned char>(pending_[at]) & 0xc0u) == 0x80u) continue;
    const bool is_cut = !valid_sequence_at(pending_, static_cast<i64>(at)) &&
                        broken_sequence_at(pending_, static_cast<i64>(at)).unfinished;
    if (is_cut) whole = at;
    break;
  }
  if (whole == 0) return;
  events.push_back({.kind = OutputEvent::Kind::text,
                    .part = part_,
                    .text = lossy_utf8(std::string_view(pending_).substr(0, whole)),
                    .call = {}});
  pending_.erase(0, whole);
}

void HarmonyOutput::end_message(OutputEvents& events) {
  if (is_call_) {
    events.push_back({.kind = OutputEvent::Kind::tool_call,
                      .part = {},
                      .text = {},
                      .call = tool_call_with_json(*message_.recipient, lossy_utf8(body_))});
  } else if (!pending_.empty()) {
    events.push_back(
        {.kind = OutputEvent::Kind::text, .part = part_, .text = lossy_utf8(pending_), .call = {}});
  }
  body_.clear();
  pending_.clear();
  is_call_ = false;
  state_ = State::between;
}

}  // namespace medlar::text
