#pragma once

#include <vector>

#include "clinical/deid/words.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// Names of people: runs of words that may be names, judged by the dictionaries, by what stands
/// around them (titles, degrees, "named", "Dear", signatures) and by how they are written. A name
/// found with certainty is then found in the whole text, its parts and initials too. Eponyms, drug
/// names and words of medicine survive. Spans are in order of their begin.
std::vector<Span> find_names(const std::vector<KnownWord>& words);

/// What stands from word `end` on makes a term of medicine of the word before: "Babinski sign",
/// "Hodgkin's disease".
bool is_term_of_medicine(const std::vector<KnownWord>& words, std::size_t end);

/// Ends as words of medicine do: "-statin", "-itis".
bool is_medical_word(const KnownWord& word);

/// Where else in the text the names stand that `labelled` spans of PATIENT and DOCTOR hold.
std::vector<Span> find_known_names(std::string_view text, const std::vector<Span>& labelled);

}  // namespace medlar::clinical
