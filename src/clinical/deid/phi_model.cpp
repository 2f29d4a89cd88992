#include "clinical/deid/phi_model.h"

#include <algorithm>
#include <array>
#include <optional>

#include "clinical/deid/kinds.h"
#include "clinical/deid/names.h"
#include "clinical/deid/words.h"

namespace medlar::clinical {
namespace {

using Words = std::span<const KnownWord>;

/// Of the mean probability of a span's labels. Beside the rules, 0.3 finds 0.4 % more of what is
/// direct than 0.5 does and hides 0.2 % more of other words (odd half of Presidio v2). Professions
/// are none of the eighteen and may wait for certainty.
constexpr float least_score = 0.3F;
constexpr float least_profession = 0.5F;
/// A word that is also written in small letters is taken for a name only from here on.
constexpr float sure_score = 0.9F;
/// Rules with a check digit or context have at least this.
constexpr float below_rules = 0.79F;

enum class Form { name, place, number, date, age, free };

Form form_of(std::string_view label) {
  constexpr std::array<std::string_view, 2> names = {"PATIENT", "DOCTOR"};
  constexpr std::array<std::string_view, 6> places = {"HOSPITAL", "ORGANIZATION", "CITY",
                                                      "STATE",    "COUNTRY",      "LOCATION_OTHER"};
  constexpr std::array<std::string_view, 5> free = {"STREET", "PROFESSION", "USERNAME", "EMAIL",
                                                    "URL"};
  if (std::ranges::find(names, label) != names.end()) return Form::name;
  if (std::ranges::find(places, label) != places.end()) return Form::place;
  if (std::ranges::find(free, label) != free.end()) return Form::free;
  if (label == "DATE") return Form::date;
  return label == "AGE" ? Form::age : Form::number;
}

bool has_digit(const KnownWord& word) {
  return std::ranges::any_of(word.text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The words that a span touches.
Words words_at(const std::vector<KnownWord>& words, text::ByteRange range) {
  const auto begin = std::ranges::partition_point(
      words, [&](const KnownWord& word) { return word.range.end <= range.begin; });
  const auto end = std::partition_point(
      begin, words.end(), [&](const KnownWord& word) { return word.range.begin < range.end; });
  return {begin, end};
}

/// Without marks at the ends that belong to no value.
Words trimmed(Words words) {
  constexpr std::string_view at_begin = ",;:.)]|-/'\"";
  constexpr std::string_view at_end = ",;:([|-/'\"";
  const auto is_mark = [](const KnownWord& word, std::string_view marks) {
    return word.shape == Shape::mark && word.text.size() == 1 &&
           marks.find(word.text.front()) != std::string_view::npos;
  };
  while (!words.empty() && is_mark(words.front(), at_begin)) words = words.subspan(1);
  while (!words.empty() && is_mark(words.back(), at_end)) words = words.first(words.size() - 1);
  return words;
}

bool is_year(const KnownWord& word) {
  return word.shape == Shape::digits && word.text.size() == 4 &&
         (word.text.starts_with("19") || word.text.starts_with("20"));
}

/// What medicine calls so is no name and no place.
bool may_name(const KnownWord& word, float score) {
  if (word.shape == Shape::mark || word.shape == Shape::digits || word.is(cue_title)) return false;
  constexpr u64 name = word_given | word_family | word_place;
  if (!word.is(name) && (word.is(word_term) || is_medical_word(word))) return false;
  const bool is_word = word.is(word_common | word_term);
  if (word.shape != Shape::lower) return true;
  if (!is_word) return word.text.size() > 1;
  return score >= sure_score && word.text.size() > 3;
}

/// "SLE", "GERD": short, in capitals, and no known name.
bool is_acronym(const KnownWord& word) {
  return word.shape == Shape::caps && word.text.size() < 5 && !word.is(word_given | word_family);
}

bool may_stand(const Span& span, Words words, bool is_term) {
  switch (form_of(span.label)) {
    case Form::name:
      return !is_term && std::ranges::any_of(words, [&](const KnownWord& word) {
        return may_name(word, span.score) && !is_acronym(word);
      });
    case Form::place:
      return !is_term && std::ranges::any_of(words, [&](const KnownWord& word) {
        return may_name(word, span.score);
      });
    case Form::number:
      return std::ranges::any_of(words, has_digit);
    case Form::date:
      return std::ranges::any_of(words, [](const KnownWord& word) {
        return (has_digit(word) && !is_year(word)) || word.is(cue_month);
      });
    case Form::age:
      return words.size() == 1 && words[0].shape == Shape::digits &&
             (words[0].text.size() == 3 || (words[0].text.size() == 2 && words[0].text[0] == '9'));
    case Form::free:
      return true;
  }
  return true;
}

}  // namespace

std::vector<Span> PhiModel::find(const Document& note) const {
  const runtime::EntityRequest request = {.aggregation = text::Aggregation::first};
  std::vector<Span> spans;
  for (text::Entity& entity : classifier_.entities(note, request)) {
    spans.push_back({.range = entity.range,
                     .label = std::move(entity.label),
                     .score = std::clamp(entity.score, 0.0F, 1.0F),
                     .producer = "model:" + name(),
                     .evidence = "token classifier"});
  }
  return sifted(note, std::move(spans));
}

std::vector<Span> sifted(const Document& note, std::vector<Span> spans) {
  const std::vector<KnownWord> words = words_of(note.text(), Lexicon::embedded());
  std::erase_if(spans, [&](Span& span) {
    const float least = span.label == "PROFESSION" ? least_profession : least_score;
    if (span.score < least || phi_kind(span.label) == nullptr) return true;
    const Words own = trimmed(words_at(words, span.range));
    if (own.empty()) return true;
    const auto end = static_cast<std::size_t>(own.data() + own.size() - words.data());
    const bool is_term = own.size() == 1 && is_term_of_medicine(words, end);
    if (!may_stand(span, own, is_term)) return true;
    span.range = {.begin = own.front().range.begin, .end = own.back().range.end};
    span.score *= below_rules;
    return false;
  });
  return spans;
}

}  // namespace medlar::clinical
