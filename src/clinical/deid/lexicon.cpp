#include "clinical/deid/lexicon.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "clinical/data_files.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

/// FNV-1a, 64 bits: a collision among a hundred thousand words is less likely than 1e-9.
u64 hash_of(std::string_view word) {
  u64 hash = 0xcbf29ce484222325u;
  for (const char c : word) hash = (hash ^ static_cast<u8>(c)) * 0x100000001b3u;
  return hash;
}

/// Calls `visit` with each line that is neither empty nor a comment.
template <typename Visit>
void for_each_entry(std::string_view lines, Visit visit) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!line.empty() && line.front() != '#') visit(line);
  }
}

struct WordClass {
  std::string_view name;
  u64 flag;
};

constexpr std::array classes = {
    WordClass{"title", cue_title},
    WordClass{"doctor", cue_doctor},
    WordClass{"suffix", cue_suffix},
    WordClass{"label", cue_label},
    WordClass{"particle", cue_particle},
    WordClass{"facility", cue_facility},
    WordClass{"facility_tail", cue_facility_tail},
    WordClass{"organization", cue_organization},
    WordClass{"street", cue_street},
    WordClass{"street_prefix", cue_street_prefix},
    WordClass{"unit", cue_unit},
    WordClass{"disease", cue_disease},
    WordClass{"visit", cue_visit},
    WordClass{"home", cue_home},
    WordClass{"measure", cue_measure},
    WordClass{"month", cue_month},
};

}  // namespace

const Lexicon& Lexicon::embedded() {
  static const Lexicon lexicon;
  return lexicon;
}

Lexicon::Lexicon() : words_(110'000) {
  add_list(data::given_names(), word_given);
  add_list(data::family_names(), word_family);
  add_list(data::common_words(), word_common);
  add_list(data::cities(), word_city);
  add_list(data::countries(), word_country);
  add_list(data::states(), word_state);
  add_list(data::eponyms(), word_eponym);
  add_list(data::terms(), word_term);
  add_list(data::facilities(), word_hospital);
  add_classes(data::cues());
}

void Lexicon::add_list(std::string_view lines, u64 flag) {
  for_each_entry(lines, [&](std::string_view entry) {
    add(entry, flag);
    const std::size_t space = entry.find(' ');
    if (space != std::string_view::npos && (flag & word_place) != 0)
      add(entry.substr(0, space), word_phrase);
  });
}

void Lexicon::add_classes(std::string_view lines) {
  for_each_entry(lines, [&](std::string_view line) {
    const std::size_t name_end = line.find(' ');
    const auto* found = std::find_if(classes.begin(), classes.end(), [&](const WordClass& c) {
      return c.name == line.substr(0, name_end);
    });
    MEDLAR_CHECK(found != classes.end());
    for (std::size_t at = name_end; at != std::string_view::npos;) {
      const std::size_t end = line.find(' ', at + 1);
      add(line.substr(at + 1, end == std::string_view::npos ? end : end - at - 1), found->flag);
      at = end;
    }
  });
}

void Lexicon::add(std::string_view word, u64 flag) {
  const u64 key = hash_of(word);
  const u64* known = words_.find(key);
  words_.set(key, flag | (known != nullptr ? *known : 0));
}

u64 Lexicon::flags(std::string_view folded) const {
  const u64* found = words_.find(hash_of(folded));
  return found != nullptr ? *found : 0;
}

std::string folded(std::string_view word) {
  std::string result;
  result.reserve(word.size());
  for (i64 at = 0; at < ssize_of(word);) {
    const char c = word[static_cast<std::size_t>(at)];
    if (static_cast<u8>(c) < 0x80) {
      if (c >= 'A' && c <= 'Z') {
        result += static_cast<char>(c - 'A' + 'a');
      } else if (c == '-') {
        result += ' ';
      } else if (c != '\'' && c != '.') {
        result += c;
      }
      ++at;
      continue;
    }
    const text::CodePoint point = text::code_point_at(word, at);
    constexpr u32 right_quote = 0x2019;
    if (point.value != right_quote) {
      for (const u32 lower : text::lower_case(point.value)) text::append_utf8(result, lower);
    }
    at += point.bytes;
  }
  return result;
}

}  // namespace medlar::clinical
