#pragma once

#include <string>
#include <string_view>

#include "text/flat_map.h"

namespace medlar::clinical {

/// What is known of a word, as bits. The first nine come from a list each, the others from the
/// classes of lists/cues.txt.
enum WordFlag : u64 {
  word_given = 1u << 0,     ///< a given name
  word_family = 1u << 1,    ///< a family name
  word_common = 1u << 2,    ///< is written in small letters: evidence against a name
  word_city = 1u << 3,      ///< a city, or with more words a city
  word_country = 1u << 4,   ///< a country
  word_state = 1u << 5,     ///< a state or province; its postal code only in capitals
  word_eponym = 1u << 6,    ///< a name that is a term of medicine
  word_term = 1u << 7,      ///< written with a capital and no identifier
  word_hospital = 1u << 8,  ///< the short name of a hospital
  word_phrase = 1u << 9,    ///< begins a place of several words
  cue_title = 1u << 10,     ///< Dr, Mrs: a name follows
  cue_doctor = 1u << 11,    ///< the person before or after gives care
  cue_suffix = 1u << 12,    ///< MD, RN: a name came before
  cue_label = 1u << 13,     ///< "named", "cc": a name may follow
  cue_particle = 1u << 14,  ///< van, de: inside names
  cue_facility = 1u << 15,  ///< hospital, clinic
  cue_facility_tail = 1u << 16,
  cue_organization = 1u << 17,
  cue_street = 1u << 18,
  cue_street_prefix = 1u << 19,
  cue_unit = 1u << 20,
  cue_disease = 1u << 21,  ///< disease, sign, catheter: the name before it is an eponym
  cue_visit = 1u << 22,
  cue_home = 1u << 23,
  cue_measure = 1u << 24,  ///< week, stage: "at Week 12" is no place
  cue_month = 1u << 25,
};

constexpr u64 word_place = word_city | word_country | word_state | word_hospital;

/// The embedded dictionaries of de-identification. Immutable; safe to share between threads.
class Lexicon {
 public:
  /// The one of the program, built at its first use (some milliseconds).
  static const Lexicon& embedded();

  /// Flags of a word or phrase as `folded` gives it; 0 if unknown.
  u64 flags(std::string_view folded) const;

 private:
  Lexicon();
  void add_list(std::string_view lines, u64 flag);
  void add_classes(std::string_view lines);
  void add(std::string_view word, u64 flag);

  text::FlatMap words_;
};

/// Lower case without dots and apostrophes; hyphens become spaces: how words are looked up.
std::string folded(std::string_view word);

}  // namespace medlar::clinical
