#include "clinical/deid/names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

namespace medlar::clinical {
namespace {

constexpr u64 word_name = word_given | word_family;

bool is_name_only(const KnownWord& word, u64 kind) {
  return word.is(kind) && !word.is(word_common);
}

/// Ends of words that medicine makes: a word with one is no name, even if no dictionary has it.
bool has_medical_ending(std::string_view word) {
  constexpr std::array<std::string_view, 60> endings = {
      "mab",     "nib",     "pril",    "sartan",  "statin",   "olol",   "azole",  "mycin",
      "cillin",  "tidine",  "prazole", "vir",     "gliptin",  "flozin", "tide",   "parin",
      "oxetine", "azepam",  "caine",   "itis",    "osis",     "emia",   "aemia",  "oma",
      "ectomy",  "pathy",   "scopy",   "plasty",  "graphy",   "uria",   "algia",  "cyte",
      "blast",   "lysis",   "genic",   "phobia",  "ology",    "otomy",  "ostomy", "trophy",
      "plegia",  "paresis", "oxacin",  "cycline", "thiazide", "dipine", "setron", "triptan",
      "tocin",   "kinase",  "amine",   "idine",   "zepine",   "profen", "ium",    "gram",
      "metry",   "opia",    "iasis",   "oid"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
    return word.size() > ending.size() + 2 && word.ends_with(ending);
  });
}

/// In no dictionary, written as a name is.
bool is_unknown_name(const KnownWord& word) {
  constexpr u64 known = word_name | word_common | word_term | word_eponym | word_place | cue_title |
                        cue_facility | cue_facility_tail | cue_organization | cue_month;
  if (word.is(known) || word.text.size() < 3) return false;
  // an acronym is short and of ASCII letters
  if (word.shape == Shape::caps)
    return word.text.size() >= 6 && !has_medical_ending(folded(word.text));
  return word.shape == Shape::title && !has_medical_ending(word.text);
}

/// May stand in a run of words that are a name.
bool may_be_name(const KnownWord& word) {
  if (!word.is_capitalised() || word.is(cue_title)) return false;
  if (word.shape == Shape::capital) return true;
  if (word.shape == Shape::caps && word.text.size() < 3 && !word.is(word_name)) return false;
  if (word.is(word_term | cue_month) && !word.is(word_name)) return false;
  return word.is(word_name | word_eponym | word_place) || !word.is(word_common);
}

/// A run of words [begin, end) that may be a name; marks inside it count.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct Verdict {
  float score = 0.0F;
  const char* evidence = "";
};

class NameFinder {
 public:
  explicit NameFinder(const std::vector<KnownWord>& words) : words_(words) {}

  std::vector<Span> find() {
    for (std::size_t at = 0; at < words_.size();) {
      if (const std::size_t end = inverted_end(at); end > at) {
        add(at, end, {0.85F, "a family name, a comma and a given name"});
        at = end;
        continue;
      }
      const std::optional<Run> run = run_at(at);
      if (!run) {
        ++at;
        continue;
      }
      const std::size_t before = spans_.size();
      judge(*run);
      at = run->end;
      if (spans_.size() > before) add_listed(at);
    }
    find_small_letters();
    propagate();
    std::sort(spans_.begin(), spans_.end(),
              [](const Span& a, const Span& b) { return a.range.begin < b.range.begin; });
    return std::move(spans_);
  }

 private:
  const KnownWord& word(std::size_t at) const { return words_[at]; }
  bool exists(std::size_t at) const { return at < words_.size(); }

  /// A name goes on from word `at` to the next: same line, and only spaces, a hyphen, or the full
  /// stop of an initial between. Gives the place of the next word of the name.
  std::optional<std::size_t> next_in_name(std::size_t at) const {
    std::size_t next = at + 1;
    if (!exists(next)) return std::nullopt;
    if (word(at).shape == Shape::capital && word(next).is_mark('.') && word(next).touches) ++next;
    if (exists(next) && word(next).is_mark('-') && word(next).touches) ++next;
    if (!exists(next) || word(next).begins_line) return std::nullopt;
    std::size_t particle = next;
    while (exists(particle) && particle < next + 3 && word(particle).shape == Shape::lower &&
           word(particle).is(cue_particle)) {
      ++particle;
    }
    if (!exists(particle) || word(particle).begins_line) return std::nullopt;
    if (is_next_field(at, particle)) return std::nullopt;
    const bool after_particle = particle > next && word(particle).shape == Shape::title;
    return after_particle || may_be_name(word(particle)) ? std::optional(particle) : std::nullopt;
  }

  /// "Elena Marchetti      MRN: 1": a gap as wide as between columns, or capitals that a colon
  /// makes the name of a field behind words that are none.
  bool is_next_field(std::size_t at, std::size_t next) const {
    if (next == at + 1 && word(next).range.begin - word(at).range.end > 2) return true;
    const bool is_label = exists(next + 1) && word(next + 1).is_mark(':') && word(next + 1).touches;
    return is_label && word(next).shape == Shape::caps && word(at).shape != Shape::caps;
  }

  std::optional<Run> run_at(std::size_t at) const {
    const bool after_title = has_title_before(at);
    const bool particle = word(at).shape == Shape::title && word(at).is(cue_particle) &&
                          exists(at + 1) && word(at + 1).shape == Shape::title &&
                          may_be_name(word(at + 1));
    const bool can_begin =
        may_be_name(word(at)) || particle ||
        (after_title && (word(at).shape == Shape::title || word(at).shape == Shape::lower) &&
         !is_function_word(word(at)));
    if (!can_begin) return std::nullopt;
    constexpr std::size_t longest = 6;
    std::size_t last = at;
    for (std::size_t count = 1; count < longest; ++count) {
      std::optional<std::size_t> next = next_in_name(last);
      if (!next && ((after_title && count == 1) || is_middle_initial(at, last) ||
                    (count == 1 && is_name_only(word(at), word_given) && !word(at).is(word_place))))
        next = common_surname_after(last);
      if (!next) break;
      last = *next;
    }
    std::size_t end = last + 1;  // "Veitonen II"
    if (exists(end) && is_generation(word(end)) && last > at) ++end;
    // "Hauta-aho": small letters behind a hyphen
    if (exists(end + 1) && word(end).is_mark('-') && word(end).touches && word(end + 1).touches &&
        word(end + 1).shape == Shape::lower && !word(end + 1).is(word_common)) {
      end += 2;
    }
    // the full stop of a final initial belongs to the name
    if (word(last).shape == Shape::capital && last > at && exists(end) && word(end).is_mark('.') &&
        word(end).touches) {
      ++end;
    }
    return Run{at, end};
  }

  /// "SNOW, RUBY J", "Oh, J.": a field or a line that begins so; gives the end of the name, or
  /// `at`.
  std::size_t inverted_end(std::size_t at) const {
    const KnownWord& family = word(at);
    const bool begins =
        family.begins_line || (at > 0 && (word(at - 1).is_mark(':') || word(at - 1).is_mark('|')));
    if (!family.is_capitalised() || family.is(cue_title | word_term) ||
        !(family.is(word_family) || is_unknown_name(family)) || !exists(at + 2) ||
        !word(at + 1).is_mark(',') || word(at + 2).begins_line)
      return at;
    const KnownWord& given = word(at + 2);
    const bool initial = given.shape == Shape::capital;
    const bool dotted_initial = initial && exists(at + 3) && word(at + 3).is_mark('.') &&
                                word(at + 3).touches && !family.is(word_common | word_place);
    if (!begins && !dotted_initial) return at;
    if (!given.is_capitalised() || (!initial && (!given.is(word_given) || given.is(word_place))))
      return at;
    std::size_t end = at + 3;
    if (!initial && exists(end) && word(end).shape == Shape::capital && !word(end).begins_line)
      ++end;
    const bool dotted = exists(end) && word(end).is_mark('.') && word(end).touches;
    return dotted && word(end - 1).shape == Shape::capital ? end + 1 : end;
  }

  static bool is_generation(const KnownWord& word) {
    return word.text == "II" || word.text == "III" || word.text == "IV" || word.text == "Jr" ||
           word.text == "Sr";
  }

  /// "Daniela C Capon": an initial between a given name and a word is followed by a surname.
  bool is_middle_initial(std::size_t first, std::size_t at) const {
    return word(at).shape == Shape::capital && at > first &&
           (word(first).is(word_given) || is_unknown_name(word(first)));
  }

  /// "Dr. Sarah Long": after a title a word of the dictionary may be a surname.
  std::optional<std::size_t> common_surname_after(std::size_t at) const {
    std::size_t next = at + 1;
    const bool dotted = exists(next) && word(next).is_mark('.') && word(at).shape == Shape::capital;
    if (dotted) ++next;
    if (dotted && exists(next) && !word(next).is(word_name)) return std::nullopt;
    constexpr u64 no_name = cue_facility | cue_facility_tail | cue_organization | cue_title |
                            cue_month | cue_disease | word_term;
    const bool may = exists(next) && word(next).shape == Shape::title && !word(next).begins_line &&
                     !word(next).is(no_name);
    return may ? std::optional(next) : std::nullopt;
  }

  static bool is_function_word(const KnownWord& word) {
    return word.is(word_common) && !word.is(word_name) && word.shape == Shape::lower;
  }

  /// The word before `at`, past a full stop or colon; npos at the begin.
  std::size_t before(std::size_t at) const {
    std::size_t previous = at;
    while (previous > 0) {
      --previous;
      if (!word(previous).is_mark('.') && !word(previous).is_mark(':') &&
          !word(previous).is_mark('"') && !word(previous).is_mark('\'')) {
        return previous;
      }
      if (at - previous > 3) break;
    }
    return std::string::npos;
  }

  bool has_title_before(std::size_t at) const {
    const std::size_t previous = before(at);
    if (previous == std::string::npos || word(at).begins_line) return false;
    const KnownWord& title = word(previous);
    // "Doctor: How are you?": who speaks
    if (word(previous + 1).is_mark(':') && word(at).is(word_common)) return false;
    return title.is(cue_title) && title.text.size() > 1 &&
           (title.shape == Shape::title || title.shape == Shape::caps ||
            (title.shape == Shape::lower && title.text.size() <= 4 && title.is(cue_title) &&
             !title.is(word_common)) ||
            title.text == "dr" || title.text == "mr" || title.text == "mrs" || title.text == "ms");
  }

  bool has_label_before(std::size_t at) const {
    const std::size_t previous = before(at);
    return previous != std::string::npos && word(previous).is(cue_label);
  }

  bool has_suffix_after(std::size_t end) const {
    std::size_t next = end;
    if (exists(next) && word(next).is_mark(',')) ++next;
    if (!exists(next) || word(next).begins_line) return false;
    // "M.D." is four words
    if (exists(next + 2) && word(next).shape == Shape::capital && word(next + 1).is_mark('.') &&
        word(next + 2).shape == Shape::capital && word(next + 2).touches) {
      return true;
    }
    return word(next).is(cue_suffix) && word(next).shape != Shape::lower;
  }

  Verdict judge_words(const Run& run) const {
    int given = 0;
    int family = 0;
    int maybe = 0;
    int unknown = 0;
    int initials = 0;
    int eponyms = 0;
    int count = 0;
    bool caps = false;
    for (std::size_t at = run.begin; at < run.end; ++at) {
      const KnownWord& w = word(at);
      if (w.shape == Shape::mark || w.shape == Shape::lower) continue;
      ++count;
      caps = caps || w.shape == Shape::caps;
      if (w.shape == Shape::capital) {
        const bool word_of_one = w.text == "A" || w.text == "I";
        initials += !word_of_one || (exists(at + 1) && word(at + 1).is_mark('.')) || given > 0;
      } else if (w.is(word_term) && !is_name_only(w, word_given)) {
        continue;
      } else if (w.is(word_eponym) && !w.is(word_given)) {
        ++eponyms;
      } else if (is_name_only(w, word_given)) {
        ++given;
        eponyms += w.is(word_eponym) ? 1 : 0;
      } else if (is_name_only(w, word_family)) {
        ++family;
      } else if (w.is(word_name)) {
        ++maybe;
      } else if (is_unknown_name(w)) {
        ++unknown;
      }
    }
    const bool medicine = is_term_of_medicine(words_, run.end);
    if (medicine && (count == 1 || eponyms > 0) && !(given > 0 && count > 1 && eponyms < count))
      return {};
    const int others = family + maybe + unknown + initials + eponyms;
    if (given > 0 && (others > 0 || given > 1)) return {0.95F, "a given name and another"};
    if (maybe > 0 && (family + unknown + eponyms > 0) && count > 1)
      return {0.8F, "a word that may be a given name, and another name"};
    if (initials > 0 && (family + unknown + eponyms + maybe > 0) && count > 1)
      return {0.85F, "an initial and a name"};
    if (family + unknown > 1) return {0.75F, "two names"};
    if (given == 1)
      return caps && word(run.begin).text.size() < 5 ? Verdict{} : Verdict{0.75F, "a given name"};
    if (family == 1) return caps ? Verdict{} : Verdict{0.6F, "a family name"};
    if (unknown >= 1) return {0.5F, "a capital, in no dictionary"};
    return {};
  }

  void judge(const Run& run) {
    const KnownWord& first = word(run.begin);
    const bool only_initial = std::all_of(
        words_.begin() + static_cast<i64>(run.begin), words_.begin() + static_cast<i64>(run.end),
        [](const KnownWord& w) { return w.shape == Shape::capital || w.shape == Shape::mark; });
    if (only_initial && !has_title_before(run.begin)) return;
    Verdict verdict = judge_words(run);
    if (has_title_before(run.begin)) {
      verdict = {0.97F, "a title before it"};
    } else if (has_suffix_after(run.end) && first.shape != Shape::lower && !first.is(word_term)) {
      verdict = {0.95F, "a degree after it"};
    } else if (has_label_before(run.begin) && first.is_capitalised() &&
               !first.is(word_term | cue_month) && !is_term_of_medicine(words_, run.end) &&
               (verdict.score > 0.0F || first.is(word_name) || run.end - run.begin > 1)) {
      verdict = {std::max(verdict.score, 0.9F), "a word for a person before it"};
    }
    if (verdict.score < 0.5F && names_with_age(run))
      verdict = {0.8F, "two words that may be names, and an age"};
    if (verdict.score < 0.5F) return;
    add(run.begin, run.end, verdict);
  }

  /// "Hope Price, 34,": words that are names too, one after the other, and an age.
  bool names_with_age(const Run& run) const {
    const bool names = std::all_of(
        words_.begin() + static_cast<i64>(run.begin), words_.begin() + static_cast<i64>(run.end),
        [](const KnownWord& w) { return w.shape == Shape::title && w.is(word_name); });
    const bool gap =
        exists(run.end + 2) && (word(run.end).is_mark(',') || word(run.end).is_mark('('));
    return names && run.end - run.begin > 1 && gap && word(run.end + 1).shape == Shape::digits &&
           word(run.end + 1).text.size() < 3 && !word(run.end + 2).is(cue_month) &&
           (word(run.end + 2).is_mark(',') || word(run.end + 2).is_mark(')'));
  }

  bool gives_care(std::size_t begin, std::size_t end) const {
    std::size_t at = begin;
    for (int steps = 0; steps < 2; ++steps) {
      at = before(at);
      if (at == std::string::npos) break;
      if (word(at).is(cue_doctor)) return true;
      if (!word(at).is(cue_title | cue_label)) break;
    }
    return has_suffix_after(end);
  }

  void add(std::size_t begin, std::size_t end, Verdict verdict) {
    Span span = {.range = {.begin = word(begin).range.begin, .end = word(end - 1).range.end},
                 .label = gives_care(begin, end) ? "DOCTOR" : "PATIENT",
                 .score = verdict.score,
                 .producer = "rule:name",
                 .evidence = verdict.evidence};
    constexpr float certain = 0.8F;
    if (verdict.score >= certain) remember(begin, end, span.label);
    spans_.push_back(std::move(span));
    covered_.insert(begin);
    for (std::size_t at = begin; at < end; ++at) covered_.insert(at);
  }  /// "Muslija and Brown": behind a name and a comma or "and", a family name that is a word too.
  void add_listed(std::size_t at) {
    if (!exists(at + 1) || (word(at).text != "and" && !word(at).is_mark(','))) return;
    const KnownWord& next = word(at + 1);
    if (next.shape != Shape::title || next.begins_line || !next.is(word_family)) return;
    if (!next.is(word_common | word_eponym) ||
        next.is(cue_title | cue_facility | cue_month | word_term))
      return;
    add(at + 1, at + 2, {0.6F, "a family name beside another name"});
  }

  void remember(std::size_t begin, std::size_t end, const std::string& label) {
    for (std::size_t at = begin; at < end; ++at) {
      const KnownWord& w = word(at);
      if (w.shape == Shape::mark || w.shape == Shape::capital || w.text.size() < 3) continue;
      if (w.is(cue_particle) && w.shape == Shape::lower) continue;
      if (w.is(word_term)) continue;
      known_.insert_or_assign(folded(w.text), label);
    }
  }

  /// "tracy sukhorukova", "ms. wijtze": names of the dictionary in small letters side by side.
  void find_small_letters() {
    for (std::size_t at = 0; at + 1 < words_.size(); ++at) {
      const KnownWord& first = word(at);
      const KnownWord& second = word(at + 1);
      if (first.shape != Shape::lower || second.shape != Shape::lower || second.begins_line)
        continue;
      constexpr u64 lower_known = word_common | word_term | cue_title | word_place;
      if (!first.is(word_given) || first.is(lower_known) || second.is(lower_known)) continue;
      if (second.text.size() < 3 || (!second.is(word_name) && has_medical_ending(second.text)))
        continue;
      add(at, at + 2, {0.7F, "a given name and another, in small letters"});
      ++at;
    }
  }

  void propagate() {
    if (known_.empty()) return;
    for (std::size_t at = 0; at < words_.size(); ++at) {
      const KnownWord& w = word(at);
      if (covered_.contains(at) || !w.is_capitalised() || w.text.size() < 3) continue;
      const auto found = known_.find(folded(w.text));
      if (found == known_.end()) continue;
      if (w.is(word_common) && w.begins_sentence) continue;
      if (w.is(word_eponym) && is_term_of_medicine(words_, at + 1)) continue;
      spans_.push_back({.range = w.range,
                        .label = found->second,
                        .score = 0.85F,
                        .producer = "rule:name-again",
                        .evidence = "a name found elsewhere in the text"});
    }
  }

  const std::vector<KnownWord>& words_;
  std::vector<Span> spans_;
  std::unordered_set<std::size_t> covered_;
  std::map<std::string, std::string> known_;
};

}  // namespace

bool is_term_of_medicine(const std::vector<KnownWord>& words, std::size_t end) {
  std::size_t next = end;
  while (next < words.size() && next < end + 3 &&
         (words[next].is_mark('\'') || words[next].text == "\u2019" || words[next].text == "s" ||
          words[next].is_mark('-'))) {
    ++next;
  }
  for (std::size_t at = next; at < next + 2 && at < words.size(); ++at) {
    if (words[at].is(cue_disease)) return true;
    if (words[at].shape == Shape::mark) break;
  }
  return false;
}

bool is_medical_word(const KnownWord& word) { return has_medical_ending(folded(word.text)); }

std::vector<Span> find_names(const std::vector<KnownWord>& words) {
  return NameFinder(words).find();
}

std::vector<Span> find_known_names(std::string_view text, const std::vector<Span>& labelled) {
  const Lexicon& lexicon = Lexicon::embedded();
  std::map<std::string, std::string> known;
  for (const Span& span : labelled) {
    if (span.label != "PATIENT" && span.label != "DOCTOR") continue;
    const std::string_view name = text.substr(static_cast<std::size_t>(span.range.begin),
                                              static_cast<std::size_t>(span.range.size()));
    for (const KnownWord& word : words_of(name, lexicon)) {
      const bool says_nothing = word.shape == Shape::mark || word.shape == Shape::digits ||
                                word.shape == Shape::mixed || word.is(cue_title | cue_particle);
      if (!says_nothing && word.text.size() > 2) known.emplace(folded(word.text), span.label);
    }
  }
  std::vector<Span> spans;
  if (known.empty()) return spans;
  for (const KnownWord& word : words_of(text, lexicon)) {
    if (word.shape == Shape::mark || (word.is(word_common) && !word.is_capitalised())) continue;
    const auto found = known.find(folded(word.text));
    if (found == known.end()) continue;
    spans.push_back({.range = word.range,
                     .label = found->second,
                     .score = 0.9F,
                     .producer = "rule:name-again",
                     .evidence = "a name of a field of the record"});
  }
  return spans;
}

}  // namespace medlar::clinical
