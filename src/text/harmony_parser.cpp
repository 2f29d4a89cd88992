// openai/harmony, src/encoding.rs, StreamableParser.
#include "text/harmony_parser.h"

#include <utility>

#include "base/error.h"
#include "text/harmony_header.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Length of the longest prefix that is whole characters.
i64 valid_prefix(std::string_view bytes) {
  i64 at = 0;
  while (at < ssize_of(bytes)) {
    const std::optional<i64> length = valid_sequence_at(bytes, at);
    if (!length) break;
    at += *length;
  }
  return at;
}

[[noreturn]] void fail_to_decode(HarmonyParser::DecodeError words, const std::string& why) {
  if (words == HarmonyParser::DecodeError::short_words)
    fail(ErrorCode::invalid_argument, "could not decode header");
  fail(ErrorCode::invalid_argument, "Could not decode tokens: {}", why);
}

}  // namespace

HarmonyParser::HarmonyParser(const HarmonyFormat& format, std::optional<HarmonyRole> role,
                             HarmonyStrictness strictness)
    : format_(format),
      strictness_(strictness),
      seeded_(role),
      state_(role ? State::header : State::expect_start) {}

std::optional<HarmonyRole> HarmonyParser::role() const {
  return state_ == State::content ? std::optional(current_.role) : seeded_;
}

void HarmonyParser::push(i64 id) {
  switch (state_) {
    case State::expect_start:
      if (id != format_.marks().start) {
        fail(ErrorCode::invalid_argument, "Unexpected token {} while expecting start token {}", id,
             format_.marks().start);
      }
      state_ = State::header;
      return;
    case State::header:
      return push_header(id);
    case State::content:
      return push_content(id);
  }
}

void HarmonyParser::finish() {
  if (state_ == State::header) {
    fail(ErrorCode::invalid_argument,
         "Unexpected EOS while waiting for message header to complete");
  }
  if (state_ == State::content) end_message();
}

void HarmonyParser::push_header(i64 id) {
  const HarmonyMarks& marks = format_.marks();
  if (id == marks.message) {
    state_ = State::expect_start;
    HarmonyHeader header = parse_harmony_header(header_text(DecodeError::short_words), seeded_);
    header_.clear();
    if (header.rest) {
      fail(ErrorCode::invalid_argument, "unexpected tokens remaining in message header: Some({})",
           quoted_debug(*header.rest));
    }
    seeded_.reset();
    current_ = std::move(header.message);
    state_ = State::content;
  } else if (strictness_ == HarmonyStrictness::tolerant && marks.ends_message(id)) {
    end_cut_header();
  } else {
    header_.push_back(id);
  }
}

/// A message whose <|message|> never came: where the role is known, its words are the content.
void HarmonyParser::end_cut_header() {
  if (seeded_ && !header_.empty()) {
    HarmonyHeader header = parse_harmony_header(header_text(DecodeError::with_reason), seeded_,
                                                HarmonyHeaderWords::only_role);
    header.message.content.emplace_back(header.rest.value_or(""));
    messages_.push_back(std::move(header.message));
  }
  header_.clear();
  seeded_.reset();
  state_ = State::expect_start;
}

std::string HarmonyParser::header_text(DecodeError words) const {
  std::string text;
  for (const i64 id : header_) {
    const std::optional<std::string> bytes = format_.bytes_of(id);
    if (!bytes)
      fail_to_decode(words, fmt::format("Invalid token error: Invalid token for decoding: {}", id));
    text += *bytes;
  }
  const i64 valid = valid_prefix(text);
  if (valid == ssize_of(text)) return text;
  const BrokenSequence broken = broken_sequence_at(text, valid);
  fail_to_decode(
      words,
      "Invalid utf-8 sequence: " +
          (broken.unfinished ? fmt::format("incomplete utf-8 byte sequence from index {}", valid)
                             : fmt::format("invalid utf-8 sequence of {} bytes from index {}",
                                           broken.bytes, valid)));
}

void HarmonyParser::push_content(i64 id) {
  if (format_.marks().ends_message(id)) return end_message();
  delta_.reset();
  const std::optional<std::string> bytes = format_.bytes_of(id);
  has_unknown_ids_ = has_unknown_ids_ || !bytes;
  if (has_unknown_ids_) return;
  pending_ += *bytes;
  const i64 valid = valid_prefix(pending_);
  std::string delta = pending_.substr(0, static_cast<std::size_t>(valid));
  pending_.erase(0, static_cast<std::size_t>(valid));
  // At most one broken sequence a token, as in the reference.
  if (const BrokenSequence broken = pending_.empty()
                                        ? BrokenSequence{.bytes = 0, .unfinished = true}
                                        : broken_sequence_at(pending_, 0);
      !broken.unfinished) {
    delta += replacement;
    pending_.erase(0, static_cast<std::size_t>(broken.bytes));
  }
  text_ += delta;
  if (!delta.empty()) delta_ = std::move(delta);
}

void HarmonyParser::end_message() {
  if (has_unknown_ids_) text_ += replacement;
  text_ += lossy_utf8(pending_);
  current_.content.emplace_back(std::move(text_));
  messages_.push_back(std::move(current_));
  current_ = {};
  text_.clear();
  pending_.clear();
  has_unknown_ids_ = false;
  delta_.reset();
  state_ = State::expect_start;
}

}  // namespace medlar::text
