#pragma once

#include <string_view>
#include <vector>

/// The rules and word lists of clinical reading: the files of src/clinical/data, inside the
/// program. Lines that begin with "#" are comments.
namespace medlar::clinical {

/// One function a file, of the file's name; defined by what CMake makes of it.
namespace data {
std::string_view sections();
std::string_view abbreviations();
std::string_view assertion_rules();
std::string_view disease_ontology();
std::string_view disease_synonyms();
std::string_view findings();
std::string_view medications();
std::string_view sig();
std::string_view labs();
std::string_view units();
std::string_view human_words();
// of de-identification
std::string_view policies();
std::string_view given_names();
std::string_view family_names();
std::string_view common_words();
std::string_view cities();
std::string_view countries();
std::string_view states();
std::string_view eponyms();
std::string_view terms();
std::string_view facilities();
std::string_view cues();
}  // namespace data

/// The lines of a data file without comments and empty ones; views into `text`.
std::vector<std::string_view> data_lines(std::string_view text);

/// Parts between separators, without the blanks around them; empty parts stay.
std::vector<std::string_view> split_trimmed(std::string_view text, char separator);

/// Without blanks, tabs and line ends at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace medlar::clinical
