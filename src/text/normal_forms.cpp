#include "text/normal_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <optional>

#include "text/unicode.h"

namespace medlar::text {
namespace {

using Change = AlignedText::Change;

/// The primary composite of two characters, if there is one (Hangul included).
std::optional<u32> composed(u32 first, u32 second) {
  if (second < 0x300 || first < 0x3c) return std::nullopt;  // no composition involves these
  std::array<utf8proc_int32_t, 2> pair{static_cast<utf8proc_int32_t>(first),
                                       static_cast<utf8proc_int32_t>(second)};
  const utf8proc_ssize_t left = utf8proc_normalize_utf32(
      pair.data(), 2, static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  if (left != 1) return std::nullopt;
  return static_cast<u32>(pair[0]);
}

/// A run of non-starters by combining class, those of one class in their order.
void sort_by_class(std::span<Change> run) {
  std::vector<std::pair<i64, std::size_t>> order;
  order.reserve(run.size());
  for (std::size_t i = 0; i < run.size(); ++i) {
    order.emplace_back(combining_class(run[i].code_point), i);
  }
  std::sort(order.begin(), order.end());
  const std::vector<Change> before(run.begin(), run.end());
  for (std::size_t i = 0; i < run.size(); ++i) run[i] = before[order[i].second];
}

/// Decomposes into canonical order; changes travel with their characters.
std::vector<Change> decomposed(const std::string& text, bool compatibility) {
  std::vector<Change> changes;
  changes.reserve(text.size());
  for (i64 at = 0; at < ssize_of(text);) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    if (point.value < 0x80) {
      changes.push_back({point.value, 0});
      continue;
    }
    i64 change = 0;
    for (u32 c : decomposition(point.value, compatibility)) {
      changes.push_back({c, change});
      change = 1;
    }
  }
  // Canonical ordering: runs of non-starters are sorted by class, stably.
  for (std::size_t begin = 0; begin < changes.size();) {
    if (changes[begin].code_point < 0x300 || combining_class(changes[begin].code_point) == 0) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < changes.size() && combining_class(changes[end].code_point) != 0) ++end;
    sort_by_class({changes.data() + begin, end - begin});
    begin = end;
  }
  return changes;
}

/// Canonical composition: each mark that is not blocked joins the last starter.
std::vector<Change> recomposed(const std::vector<Change>& changes) {
  std::vector<Change> result;
  result.reserve(changes.size());
  std::optional<std::size_t> starter;
  i64 last_class = -1;  // class of the character before, -1 where the starter is just before
  for (const Change& change : changes) {
    const i64 own_class = change.code_point < 0x300 ? 0 : combining_class(change.code_point);
    if (starter && last_class < own_class) {
      if (const std::optional<u32> joined =
              composed(result[*starter].code_point, change.code_point)) {
        result[*starter].code_point = *joined;
        result[*starter].change += change.change - 1;
        continue;
      }
    }
    result.push_back(change);
    if (own_class == 0) {
      starter = result.size() - 1;
      last_class = -1;
    } else {
      last_class = own_class;
    }
  }
  return result;
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<u8>(c) < 0x80; });
}

/// True if every character stands for itself in the form, whatever its neighbours.
bool is_plainly_normal(const std::string& text, NormalForm form) {
  const bool compatibility = form == NormalForm::nfkc || form == NormalForm::nfkd;
  const bool composes = form == NormalForm::nfc || form == NormalForm::nfkc;
  for (i64 at = 0; at < ssize_of(text);) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    if (point.value < 0xa0) continue;
    // Latin letters before U+0300 are composed already and join nothing that comes before them.
    if (composes && !compatibility && point.value < 0x300) continue;
    if (combining_class(point.value) != 0) return false;
    if (point.value >= 0x1100 && composes) {
      if (point.value < 0x1200 || (point.value >= 0xac00 && point.value < 0xd7a4))
        return false;  // Hangul
    }
    const std::vector<u32> parts = decomposition(point.value, compatibility);
    if (parts.size() != 1 || parts[0] != point.value) return false;
    if (composes && (character_class(point.value) & class_mark) != 0) return false;
  }
  return true;
}

}  // namespace

i64 combining_class(u32 code_point) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(code_point))->combining_class;
}

std::vector<u32> decomposition(u32 code_point, bool compatibility) {
  std::array<utf8proc_int32_t, 32> parts{};  // the longest of Unicode has 18
  int boundary = 0;
  const int options = UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0);
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), parts.data(),
                              ssize_of(parts), static_cast<utf8proc_option_t>(options), &boundary);
  if (count <= 0 || count > ssize_of(parts)) return {code_point};
  std::vector<u32> result;
  for (utf8proc_ssize_t i = 0; i < count; ++i)
    result.push_back(static_cast<u32>(parts[static_cast<std::size_t>(i)]));
  return result;
}

void normalise(AlignedText& text, NormalForm form) {
  if (is_ascii(text.text()) || is_plainly_normal(text.text(), form)) return;
  const bool compatibility = form == NormalForm::nfkc || form == NormalForm::nfkd;
  std::vector<Change> changes = decomposed(text.text(), compatibility);
  if (form == NormalForm::nfc || form == NormalForm::nfkc) changes = recomposed(changes);
  text.transform(changes);
}

}  // namespace medlar::text
