#include "text/aligned_text.h"

#include <utility>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

std::size_t index(i64 at) { return static_cast<std::size_t>(at); }

}  // namespace

AlignedText::AlignedText(std::string_view text, i64 base)
    : text_(text), base_(base), original_bytes_(ssize_of(text)) {
  if (text.size() > (1u << 31))
    fail(ErrorCode::limit_exceeded, "a text of {} bytes is over the limit of 2 GiB", text.size());
}

ByteRange AlignedText::original(ByteRange range) const {
  if (spans_.empty()) return {base_ + range.begin, base_ + range.end};
  if (range.size() <= 0) {
    const i64 at = range.begin < ssize_of(spans_) ? spans_[index(range.begin)].begin
                   : spans_.empty()               ? 0
                                                  : spans_.back().end;
    return {base_ + at, base_ + at};
  }
  return {base_ + spans_[index(range.begin)].begin, base_ + spans_[index(range.end - 1)].end};
}

AlignedText::Span AlignedText::span_at(i64 at) const {
  if (!spans_.empty()) return spans_[index(at)];
  const i64 begin = character_begin_before(text_, at + 1);
  return {static_cast<u32>(begin), static_cast<u32>(begin + code_point_at(text_, begin).bytes)};
}

void AlignedText::check_growth(i64 bytes) const {
  // The largest growth of Unicode's own mappings is 11 (U+FDFA in NFKD), doubled by byte alphabets.
  if (bytes > 32 * original_bytes_ + (i64{1} << 16)) {
    fail(ErrorCode::limit_exceeded, "the tokenizer's normaliser makes {} bytes of {}", bytes,
         original_bytes_);
  }
}

void AlignedText::make_spans() {
  if (!spans_.empty()) return;
  spans_.reserve(text_.size());
  for (i64 at = 0; at < ssize_of(text_);) {
    const i64 bytes = code_point_at(text_, at).bytes;
    const Span span{static_cast<u32>(at), static_cast<u32>(at + bytes)};
    for (i64 i = 0; i < bytes; ++i) spans_.push_back(span);
    at += bytes;
  }
}

void AlignedText::transform(const std::vector<Change>& changes, i64 skipped) {
  make_spans();
  std::string text;
  std::vector<Span> spans;
  text.reserve(text_.size());
  spans.reserve(text_.size());
  i64 at = 0;
  const auto skip = [&](i64 characters) {
    for (; characters > 0 && at < ssize_of(text_); --characters)
      at += code_point_at(text_, at).bytes;
  };
  skip(skipped);
  for (const Change& change : changes) {
    Span span{0, 0};
    if (change.change > 0) {
      if (at > 0) span = spans_[index(at - 1)];
    } else {
      if (at < ssize_of(spans_)) span = spans_[index(at)];
      skip(1 - change.change);
    }
    const std::size_t before = text.size();
    append_utf8(text, change.code_point);
    spans.resize(spans.size() + text.size() - before, span);
  }
  check_growth(ssize_of(text));
  text_ = std::move(text);
  spans_ = std::move(spans);
}

void AlignedText::prepend(std::string_view content) {
  if (text_.empty()) return;
  check_growth(ssize_of(text_) + ssize_of(content));
  make_spans();
  spans_.insert(spans_.begin(), content.size(), spans_.front());
  text_.insert(0, content);
}

void AlignedText::replace(const std::vector<ByteRange>& ranges, std::string_view content) {
  if (ranges.empty()) return;
  check_growth(ssize_of(text_) + ssize_of(ranges) * ssize_of(content));
  make_spans();
  std::string text;
  std::vector<Span> spans;
  i64 at = 0;
  const auto copy_to = [&](i64 end) {
    text.append(text_, index(at), index(end - at));
    spans.insert(spans.end(), spans_.begin() + at, spans_.begin() + end);
  };
  for (const ByteRange& range : ranges) {
    copy_to(range.begin);
    text.append(content);
    spans.resize(text.size(), range.end > 0 ? spans_[index(range.end - 1)] : Span{0, 0});
    at = range.end;
  }
  copy_to(ssize_of(text_));
  text_ = std::move(text);
  spans_ = std::move(spans);
}

AlignedText AlignedText::slice(ByteRange range) const {
  const std::string_view part =
      std::string_view(text_).substr(index(range.begin), index(range.size()));
  if (spans_.empty()) return AlignedText(part, base_ + range.begin);
  AlignedText result(part, base_);
  result.spans_.assign(spans_.begin() + range.begin, spans_.begin() + range.end);
  return result;
}

void AlignedText::assign_in_place(std::string text) {
  MEDLAR_CHECK(text.size() == text_.size());
  text_ = std::move(text);
}

void AlignedText::assign(std::string text, std::vector<Span> spans) {
  MEDLAR_CHECK(text.size() == spans.size());
  check_growth(ssize_of(text));
  text_ = std::move(text);
  spans_ = std::move(spans);
}

}  // namespace medlar::text
