#include "clinical/deid/places.h"

#include <algorithm>
#include <array>
#include <optional>

namespace medlar::clinical {
namespace {

constexpr std::size_t longest_phrase = 4;

class PlaceFinder {
 public:
  explicit PlaceFinder(const std::vector<KnownWord>& words) : words_(words) {}

  std::vector<Span> find() {
    for (std::size_t at = 0; at < words_.size(); ++at) {
      find_gazetteer(at);
      find_institution(at);
      find_after_preposition(at);
    }
    for (std::size_t at = 0; at < words_.size(); ++at) {
      const std::size_t end = street_end(at);
      if (end > at) at = add_address(at, end) - 1;
    }
    return std::move(spans_);
  }

 private:
  const KnownWord& word(std::size_t at) const { return words_[at]; }
  bool exists(std::size_t at) const { return at < words_.size(); }
  bool is_mark(std::size_t at, char c) const { return exists(at) && word(at).is_mark(c); }
  bool same_line(std::size_t at) const { return exists(at) && !word(at).begins_line; }

  void add(std::size_t begin, std::size_t end, const char* label, float score,
           const char* evidence) {
    spans_.push_back({.range = {.begin = word(begin).range.begin, .end = word(end - 1).range.end},
                      .label = label,
                      .score = score,
                      .producer = "rule:place",
                      .evidence = evidence});
  }

  static const char* label_of(u64 flags) {
    if ((flags & word_hospital) != 0) return "HOSPITAL";
    if ((flags & word_city) != 0) return "CITY";
    if ((flags & word_state) != 0) return "STATE";
    return "COUNTRY";
  }

  /// The longest entry of the gazetteer that begins at `at`.
  void find_gazetteer(std::size_t at) {
    const KnownWord& first = word(at);
    if (at < gazetteer_end_ || !first.is(word_place | word_phrase)) return;
    std::size_t best_end = at;
    u64 best = 0;
    std::string phrase;
    bool capitals = first.is_capitalised();
    std::size_t end = at;
    for (std::size_t count = 0; count < longest_phrase; ++count) {
      if (!exists(end) || (count > 0 && word(end).begins_line)) break;
      if (word(end).shape == Shape::mark) break;
      if (count > 0) phrase += ' ';
      phrase += folded(word(end).text);
      ++end;
      const u64 flags = count == 0 ? first.flags : Lexicon::embedded().flags(phrase);
      if ((flags & word_place) != 0) {
        best = flags & word_place;
        best_end = end;
      }
      if (!first.is(word_phrase)) break;
      // a full stop ("St. Louis") or a hyphen ("Cedars-Sinai") between the words does not count
      if ((is_mark(end, '.') || is_mark(end, '-')) && word(end).touches) ++end;
      if (exists(end) && word(end).shape == Shape::lower && count == 0 && word(end).text != "of")
        break;
    }
    if (best == 0) return;
    // small letters only where no other word is meant
    if (!capitals && (best_end - at < 2 || first.shape != Shape::lower)) {
      constexpr u64 other = word_common | word_given | word_family | word_term;
      if (first.is(other) || first.text.size() < 5) return;
    }
    if (best_end == at + 1 && !single_is_place(at, best)) return;
    add(at, best_end, label_of(best), 0.8F, "the gazetteer");
    gazetteer_end_ = best_end;
    add_state(best_end);
    if ((best & word_city) != 0) add_postal_code(best_end);
  }

  /// "Atlanta, GA", "Albany, New York": a state after a city.
  void add_state(std::size_t comma) {
    const std::size_t state = is_mark(comma, ',') ? comma + 1 : comma;
    if (!same_line(state) || !word(state).is_capitalised()) return;
    const Lexicon& lexicon = Lexicon::embedded();
    const bool code =
        word(state).shape == Shape::caps && (lexicon.flags(word(state).text) & word_state) != 0;
    std::size_t end = state + 1;
    if (!code && state > comma) {
      std::string name = folded(word(state).text);
      if ((lexicon.flags(name) & word_state) == 0 && same_line(end))
        name += ' ' + folded(word(end++).text);
      if ((lexicon.flags(name) & word_state) == 0) return;
    } else if (!code) {
      return;
    }
    add(state, end, "STATE", 0.8F, "a state after a city");
  }

  /// "Toledo 43604", but not "Toledo 2019".
  void add_postal_code(std::size_t at) {
    if (!same_line(at) || word(at).shape != Shape::digits || word(at).text.size() < 4 ||
        word(at).text.size() > 6)
      return;
    const bool year = word(at).text.size() == 4 &&
                      (word(at).text.starts_with("19") || word(at).text.starts_with("20"));
    if (!year) add(at, at + 1, "ZIP", 0.7F, "a number after a city");
  }

  /// One word that is in the gazetteer may also be a name, a word or an acronym.
  bool single_is_place(std::size_t at, u64 flags) const {
    const KnownWord& w = word(at);
    if (w.is(word_common | word_eponym | word_term) && (flags & word_hospital) == 0) {
      if (!w.is_capitalised() || w.begins_sentence) return false;
      return at > 0 && (word(at - 1).text == "in" || word(at - 1).text == "from");
    }
    if (w.shape == Shape::caps && w.text.size() <= 3 && (flags & word_hospital) == 0) return false;
    return true;
  }

  bool is_capital_word(std::size_t at) const {
    return exists(at) && word(at).is_capitalised() && !word(at).is(cue_month);
  }

  /// "St. Mary's Hospital", "NYU Med. Center": the full stop ends no sentence.
  static bool is_abbreviation(const KnownWord& word) {
    constexpr std::array<std::string_view, 8> known = {"St",   "Mt",  "Ft",  "Med",
                                                       "Univ", "Gen", "Mem", "Reg"};
    return std::ranges::find(known, word.text) != known.end();
  }

  /// Walks left over the words of an institution's name; gives its first word.
  std::size_t institution_begin(std::size_t facility) const {
    std::size_t begin = facility;
    for (std::size_t steps = 0; steps < 8 && begin > 0 && !word(begin).begins_line; ++steps) {
      const KnownWord& w = word(begin - 1);
      const bool joins = w.is_mark('-') || w.is_mark('\'') || w.text == "\u2019" || w.text == "s" ||
                         w.is_mark('&') || w.is_mark('.') || w.text == "of" || w.text == "and" ||
                         w.text == "for" || w.text == "de";
      if (w.is(cue_title) && w.text != "St" && w.text.size() > 1 && w.is_capitalised()) {
        --begin;  // "Dr. Smith's Clinic" is named after him
        break;
      }
      if (!w.is_capitalised() && !joins) break;
      if (w.is_mark('.') && (begin < 2 || (!is_abbreviation(word(begin - 2)) &&
                                           word(begin - 2).shape != Shape::capital &&
                                           !word(begin - 2).is(cue_title))))
        break;
      if (w.is_capitalised() && w.begins_sentence && w.is(word_common) &&
          !w.is(word_family | word_given) && !is_abbreviation(w))
        break;
      if (w.text == "The" || w.text == "Our" || w.text == "At") break;
      --begin;
    }
    while (begin < facility && !word(begin).is_capitalised()) ++begin;
    return begin;
  }

  void find_institution(std::size_t at) {
    const KnownWord& w = word(at);
    const bool facility = w.is(cue_facility | cue_facility_tail);
    const bool organization = w.is(cue_organization);
    if (!facility && !organization) return;
    const bool capital = w.is_capitalised();
    if (!capital && !(facility && at > 0)) return;
    const std::size_t begin = institution_begin(at);
    if (begin == at) {
      find_institution_of(at);
      return;
    }
    if (!capital) {
      constexpr u64 named = word_place | word_family | word_given;
      const KnownWord& before = word(at - 1);
      const bool proper =
          before.is_capitalised() && (before.is(named) || !before.is(word_common | word_term)) &&
          !(before.shape == Shape::caps && !before.is(word_hospital) && before.text.size() < 3) &&
          (w.is(cue_facility) || before.is(word_place));
      if (!proper) return;
    } else if (!w.is(cue_facility) && !is_proper(begin, at)) {
      return;
    }
    std::size_t end = at + 1;
    while (same_line(end) &&
           (word(end).is(cue_facility | cue_facility_tail | cue_organization | word_place)) &&
           word(end).is_capitalised()) {
      ++end;
    }
    add(begin, end, facility ? "HOSPITAL" : "ORGANIZATION", 0.85F,
        "a word for an institution at its end");
  }

  /// "Klinikum Arnsfeld", "Hospital San Carlos": the word for it comes first in other languages.
  void find_institution_before(std::size_t at) {
    constexpr u64 no_name = word_common | word_term | word_eponym | cue_month | cue_title;
    std::size_t end = at + 1;
    while (same_line(end) && end < at + 5 && word(end).shape == Shape::title &&
           !word(end).is(no_name))
      ++end;
    if (end > at + 1 && word(at).shape == Shape::title && word(at).is(cue_facility))
      add(at, end, "HOSPITAL", 0.7F, "a word for an institution before it");
  }

  /// "University of X", "Hospital of St. Mary".
  void find_institution_of(std::size_t at) {
    if (exists(at + 1) && word(at + 1).shape == Shape::title) return find_institution_before(at);
    if (!word(at).is_capitalised() || !exists(at + 2) || word(at + 1).text != "of") return;
    std::size_t end = at + 2;
    while (is_capital_word(end) && same_line(end) && end < at + 6) ++end;
    if (end > at + 2) add(at, end, "ORGANIZATION", 0.8F, "a word for an institution before it");
  }

  /// At least one word of [begin, end) is a name and not only a common word: "Cancer Center" is not
  /// named, "Riverside Center" is.
  bool is_proper(std::size_t begin, std::size_t end) const {
    for (std::size_t at = begin; at < end; ++at) {
      const KnownWord& w = word(at);
      if (!w.is_capitalised()) continue;
      if (w.is(word_place | word_family | word_given | cue_facility)) return true;
      if (!w.is(word_common | word_term)) return w.shape != Shape::caps || w.text.size() > 2;
    }
    return end - begin >= 2 || word(end).is(cue_facility_tail);
  }

  /// "seen at Cedar Crest", "lives in Elmwood": the preposition and the verb say what it is.
  void find_after_preposition(std::size_t at) {
    const KnownWord& w = word(at);
    const bool is_at = w.text == "at";
    if (!is_at && w.text != "in" && w.text != "from" && w.text != "to" && w.text != "by") return;
    if (w.text == "in") add_city_with_code(at + 1);
    const bool visit = cue_within(at, cue_visit, 6);
    const bool home = cue_within(at, cue_home, 3);
    if (!is_at && !visit && !home) return;
    std::size_t begin = at + 1;
    if (exists(begin) &&
        (word(begin).text == "our" || word(begin).text == "the" || word(begin).text == "The"))
      ++begin;
    std::size_t end = begin;
    while (exists(end) && end < begin + 7 && !word(end).begins_line) {
      const KnownWord& x = word(end);
      const bool joins =
          end > begin &&
          (x.is_mark('-') || x.is_mark('\'') || x.text == "\u2019" || x.text == "s" ||
           x.is_mark('&') || x.text == "of" ||
           (x.is_mark('.') && (word(end - 1).text == "St" || word(end - 1).text == "Mt" ||
                               word(end - 1).text == "Ft")));
      if (!is_capital_word(end) && !joins) break;
      if (x.is(cue_measure) && end == begin) return;
      ++end;
    }
    while (end > begin && !word(end - 1).is_capitalised() && word(end - 1).text != "s") --end;
    if (end == begin) return;
    const KnownWord& first = word(begin);
    if (first.is(cue_title | word_term) && !first.is(word_place | word_given | word_family) &&
        first.text != "St")
      return;
    if (end == begin + 1) {
      const bool known_acronym = first.is(word_hospital);
      if (first.shape == Shape::capital) return;
      if (first.shape == Shape::caps && !known_acronym &&
          (first.text.size() < 4 || !(visit || home)))
        return;
      if (w.text == "by" || w.text == "to") return;
      if (first.is(word_common) && !known_acronym && !first.is(word_place)) return;
    } else if (w.text == "by") {
      return;
    }
    if (exists(end) && word(end).shape == Shape::digits && word(end).touches) return;
    add(begin, end, is_at || visit ? "HOSPITAL" : "LOCATION_OTHER", 0.7F,
        "a preposition of place before it");
  }  /// "in Ballerup 2750": capitals that are no common word, and a number as postal codes are.
  void add_city_with_code(std::size_t begin) {
    std::size_t end = begin;
    while (same_line(end) && end < begin + 4 && word(end).shape == Shape::title &&
           !word(end).is(word_common | word_term | cue_month))
      ++end;
    if (end == begin) return;
    const std::size_t before = spans_.size();
    add_postal_code(end);
    if (spans_.size() > before) add(begin, end, "CITY", 0.7F, "a postal code after it");
  }

  bool cue_within(std::size_t at, u64 cue, std::size_t reach) const {
    for (std::size_t steps = 1; steps <= reach && steps <= at; ++steps) {
      if (word(at - steps).is(cue)) return true;
      if (word(at - steps).is_mark('.') && !word(at - steps).touches) return false;
    }
    return false;
  }

  static bool has_street_ending(const KnownWord& w) {
    if (w.shape != Shape::title && w.shape != Shape::caps) return false;
    constexpr std::string_view endings[] = {
        "strasse", "straße", "straat", "gatan", "vegen",  "veien", "gata",   "gate",
        "vej",     "gade",   "katu",   "kuja",  "polku",  "utca",  "laan",   "gasse",
        "plein",   "platz",  "allee",  "väg",   "vägen",  "gränd", "stræde", "weg",
        "singel",  "kade",   "dijk",   "tänav", "stradă", "tie"};
    const std::string name = folded(w.text);
    for (const std::string_view ending : endings) {
      if (name.size() > ending.size() + 2 && name.ends_with(ending)) return !w.is(word_common);
    }
    return false;
  }

  bool is_house_number(std::size_t at) const {
    if (!exists(at)) return false;
    const KnownWord& w = word(at);
    if (w.shape == Shape::digits) return w.text.size() <= 6;
    return w.shape == Shape::mixed && w.text.size() <= 6 && w.text[0] >= '0' && w.text[0] <= '9';
  }

  /// The end of a street address that begins at `at`, or `at`.
  std::size_t street_end(std::size_t at) const {
    const std::size_t named = std::max(street_by_suffix(at), street_by_prefix(at));
    if (named > at) return named;
    const std::size_t by_box = street_by_box(at);
    return by_box > at ? by_box : street_by_number(at);
  }

  /// "P.O. Box 149", "PSC 6293, Box 8158", "Unit 8505 Box 9220", "Apt. 12": a word for a part of
  /// an address, and its number.
  std::size_t street_by_box(std::size_t at) const {
    std::size_t unit = after_numbers(at);
    if (word(unit).text == "P" && is_mark(unit + 1, '.') && exists(unit + 2) &&
        word(unit + 2).text == "O")
      unit += is_mark(unit + 3, '.') ? 4 : 3;
    if (!exists(unit) || !word(unit).is(cue_unit)) return at;
    const std::size_t number =
        is_mark(unit + 1, '.') || word(unit).text == "PO" ? unit + 2 : unit + 1;
    if (!same_line(number) || !is_house_number(number)) return at;
    const bool lower = word(unit).shape == Shape::lower;
    const std::size_t box = is_mark(number + 1, ',') ? number + 2 : number + 1;
    const bool box_follows = exists(box) && word(box).is(cue_unit);
    const bool clear = word(unit).text == "apt" || word(unit).text == "suite" || box_follows;
    return lower && !clear ? at : number + 1;
  }

  /// "789 Maple St.", "12B North Oak Avenue", "Maple Street".
  std::size_t street_by_suffix(std::size_t at) const {
    const bool numbered = is_house_number(at);
    std::size_t name = numbered ? at + 1 : at;
    const bool in_parts = numbered && (is_mark(name, '-') || is_mark(name, '/')) &&
                          word(name).touches && is_house_number(name + 1);  // "165-13 Elm Road"
    if (in_parts) name += 2;
    if (numbered && exists(name) && word(name).shape == Shape::digits) ++name;
    std::size_t end = name;
    while (exists(end) && end < name + 7 && (end == name || !word(end).begins_line)) {
      const KnownWord& w = word(end);
      if (end > name && w.is(cue_street) &&
          (w.is_capitalised() || numbered || (is_mark(end + 1, '.') && is_house_number(end + 2)))) {
        const bool dotted_number = is_mark(end + 1, '.') && is_house_number(end + 2);
        if (!numbered && w.text.size() <= 2 && w.text != "St" && w.text != "Rd" && !dotted_number)
          return at;
        if (!numbered && word(name).is(word_common) && word(name).begins_sentence) return at;
        std::size_t last = end + 1;
        if (is_mark(last, '.') && word(last).touches) ++last;
        return same_line(last) && is_house_number(last) ? last + 1 : last;
      }
      const bool in_name =
          w.is_capitalised() || w.shape == Shape::mixed || w.is_mark('.') || w.is_mark('\'') ||
          w.is_mark('-') ||
          (numbered && w.shape == Shape::lower && (w.is(cue_particle) || !w.is(word_common)));
      if (!in_name) break;
      ++end;
    }
    return at;
  }

  /// "Rua Diadema 1903", "Via Roma 131", "Rue de Virton".
  std::size_t street_by_prefix(std::size_t at) const {
    const std::size_t prefix = after_numbers(at);
    if (!exists(prefix) || !word(prefix).is(cue_street_prefix) || word(prefix).shape == Shape::caps)
      return at;
    const bool dotted =
        is_mark(prefix + 1, '.') && exists(prefix + 2) && word(prefix + 2).shape == Shape::title;
    if (prefix == at && word(prefix).shape == Shape::lower && !dotted) return at;
    std::size_t end = prefix + 1;
    if (is_mark(end, '.')) ++end;
    const std::size_t first = end;
    while (same_line(end) && end < first + 6 && is_in_street_name(end, prefix > at)) ++end;
    if (end == first) return at;
    if (is_mark(end, ',') && is_house_number(end + 1)) ++end;
    return same_line(end) && is_house_number(end) ? end + 1 : end;
  }

  bool is_in_street_name(std::size_t at, bool numbered) const {
    const KnownWord& w = word(at);
    return w.is_capitalised() || w.is(cue_particle) || w.is_mark('\'') || w.is_mark('.') ||
           w.is_mark('-') || w.text == "\u2019" || w.text == "d" ||
           (numbered && w.shape == Shape::lower && !w.is(word_common));
  }

  /// Past at most two numbers of a house: "143 31 rue de la Hulotais".
  std::size_t after_numbers(std::size_t at) const {
    std::size_t next = at;
    while (next < at + 2 && is_house_number(next) && exists(next + 1)) ++next;
    return next;
  }

  /// "Gesterbyntie 68", "Pagari 18": a word that no dictionary has, or one that ends as streets do,
  /// and a house number.
  std::size_t street_by_number(std::size_t at) const {
    const std::size_t name = after_numbers(at);
    if (name > at && word(name).begins_line) return at;
    std::size_t end = name;
    bool street = false;
    bool unknown = false;
    while (exists(end) && end < name + 4 && (end == name || !word(end).begins_line) &&
           (word(end).shape == Shape::title ||
            (end > name &&
             (word(end).is(cue_particle) ||
              (name > at && word(end).shape != Shape::mark && is_house_number(end + 1)) ||
              (word(end).is_mark('-') && word(end).touches))))) {
      street = street || has_street_ending(word(end));
      unknown =
          unknown || !word(end).is(word_common | word_term | word_given | word_eponym | cue_month);
      ++end;
    }
    const bool unit_follows = name > at && exists(end) && word(end).is(cue_unit);
    if (end == name || (!street && !unknown && !unit_follows)) return at;
    const bool number_after = same_line(end) && is_house_number(end) && word(end).text.size() <= 4;
    if (number_after) return end + 1;
    if (street) return end;
    const bool address_follows =
        name > at && (!exists(end) || is_mark(end, ',') || word(end).begins_line || unit_follows);
    return address_follows ? end : at;
  }

  /// A street and the lines that go on with it: unit, city, state, postal code, country. Gives the
  /// end.
  std::size_t add_address(std::size_t begin, std::size_t street) {
    add(begin, street, "STREET", 0.85F, "the form of a street address");
    std::size_t street_span = spans_.size() - 1;
    constexpr int most_lines = 8;
    constexpr std::size_t most_words = 20;
    int lines = 0;
    std::size_t end = street;
    std::size_t count = 0;
    for (std::size_t at = street; exists(at); ++at) {
      const KnownWord& w = word(at);
      if (w.begins_line && ++lines > most_lines) break;
      if (joins_address(at)) continue;
      if (!goes_on_with_address(at) || ++count > most_words) break;
      const char* label = address_label(at, street);
      if (std::string_view(label) == "STREET" && end == at) {
        spans_[street_span].range.end = w.range.end;
      } else {
        add(at, at + 1, label, 0.75F, "goes on with a street address");
        if (std::string_view(label) == "STREET") street_span = spans_.size() - 1;
      }
      end = at + 1;
    }
    return add_corner(begin, end);
  }

  /// "the corner of Pachergasse 64 and Harbor View": the second street needs no form of its own.
  std::size_t add_corner(std::size_t begin, std::size_t end) {
    bool corner = false;
    for (std::size_t steps = 1; steps <= 3 && steps <= begin; ++steps)
      corner = corner || word(begin - steps).text == "corner";
    if (!corner || !same_line(end) || word(end).text != "and") return end;
    std::size_t last = end + 1;
    while (same_line(last) && last < end + 5 &&
           (word(last).is_capitalised() || word(last).is(cue_particle)))
      ++last;
    if (last == end + 1) return end;
    add(end + 1, last, "STREET", 0.7F, "the other street of a corner");
    return last;
  }

  /// Marks between the parts of an address; a full stop only inside "Apt. 5".
  bool joins_address(std::size_t at) const {
    const KnownWord& w = word(at);
    if (w.is_mark('.')) {
      const bool ordinal =
          word(at - 1).shape == Shape::digits && at >= 2 && is_mark(at - 2, '.');  // "u. 97."
      return ordinal || (word(at - 1).is(cue_unit | cue_street) && same_line(at + 1));
    }
    if (w.is_mark('?')) return is_mark(at + 1, '?') || word(at - 1).is_mark('?');
    if (w.is_mark('\'')) return w.touches && word(at - 1).is_capitalised();
    return w.is_mark('(') || w.is_mark(')') || w.is_mark(',') || w.is_mark('>') || w.is_mark('#') ||
           w.is_mark('-');
  }

  bool goes_on_with_address(std::size_t at) const {
    const KnownWord& w = word(at);
    if (w.shape == Shape::digits || w.shape == Shape::mixed) return w.text.size() <= 10;
    if (w.is(cue_unit)) return exists(at + 1);
    if (w.begins_line && exists(at + 1) && word(at + 1).is_mark(':'))
      return false;  // the next field
    if (w.is(cue_facility_tail) && !w.is(word_place)) return false;
    if (w.is_capitalised()) return !w.is(cue_month | cue_title);
    const bool before_place = w.is(cue_particle) && exists(at + 1) && word(at + 1).is_capitalised();
    const bool code = w.text.size() == 2 && exists(at + 1) && word(at + 1).shape == Shape::digits;
    if (before_place || code) return !w.begins_line;
    return w.shape == Shape::lower && !w.is(word_common) && w.text.size() > 2;
  }

  const char* address_label(std::size_t at, std::size_t street) const {
    const KnownWord& w = word(at);
    if (w.shape == Shape::digits || w.shape == Shape::mixed)
      return at > street + 1 && w.text.size() >= 4 ? "ZIP" : "STREET";
    if (w.is(cue_unit)) return "STREET";
    return w.is(word_country) ? "COUNTRY" : "CITY";
  }

  const std::vector<KnownWord>& words_;
  std::vector<Span> spans_;
  std::size_t gazetteer_end_ = 0;
};

}  // namespace

std::vector<Span> find_places(const std::vector<KnownWord>& words) {
  return PlaceFinder(words).find();
}

}  // namespace medlar::clinical
