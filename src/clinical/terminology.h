#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace medlar::clinical {

/// A meaning that names point to.
struct Concept {
  std::string code;  ///< "DOID:9352"
  std::string name;
  /// Other names. "=" before one asks for exactly these letters.
  std::vector<std::string> synonyms;
  std::vector<std::string> references;  ///< codes elsewhere: "ICD10CM:E11", "MESH:D003924"
};

struct Terminology {
  std::string name;
  std::string version;  ///< "" where it is not known
  std::vector<Concept> concepts;
};

/// The Disease Ontology with what notes call its diseases besides (data/disease_ontology.txt,
/// data/disease_synonyms.txt).
Terminology disease_ontology();

/// A terminology of the user: OBO; OMOP's CONCEPT.csv (tabs, a column concept_name); or CSV with a
/// header that names the columns code, name and, if there are any, synonyms ("|" between them) and
/// references (blanks between them). `source` names it in errors. Throws corrupt_file naming file
/// and line, invalid_argument for bytes that are not UTF-8.
Terminology parse_terminology(std::string_view text, const std::string& source);

/// A file of these kinds. Throws besides not_found, io, limit_exceeded above 2 GiB.
Terminology read_terminology(const std::filesystem::path& path);

/// The first of a concept's references into a system ("MESH"), without the system's name; "" if
/// there is none.
std::string reference_in(const Concept& one, const std::string& system);

}  // namespace medlar::clinical
