#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/memory.h"

/// The models that medlar is for, from models/catalogue.json, which is built into the program:
/// data, no code knows a model by name.
namespace medlar::runtime {

/// All entries: id, system, repositories, tasks, licence {name, forbids, clinical_use},
/// published_format, scores, config, unverified.
const Json& catalogue();

/// The entry with this id or repository. Throws not_found naming the ids.
const Json& catalogue_entry(const std::string& name);

/// The entry of a model's folder or file by the names on its path: a repository's own name
/// ("BioMistral-7B"), or the hub's cache folder ("models--BioMistral--BioMistral-7B"); null where
/// none is known.
const Json* catalogue_entry_at(const std::filesystem::path& model);

/// What a licence says against use in care, "" where nothing does.
std::string care_warning(const Json& entry);

/// Formats of an entry as published.
ImaginedFormats published_formats(const Json& entry);

/// A way to store a model: "published", or all matrices in one format.
struct StorageChoice {
  std::string name;
  ImaginedFormats formats;
};

/// As published, then BF16, Q8_0, Q6_K, Q4_K: what people choose among, best first.
std::vector<StorageChoice> storage_choices(const Json& entry);

/// What somebody looks for.
struct Wish {
  std::string task;         ///< "" for any
  i64 memory = 0;           ///< bytes on one machine
  i64 context = 8192;       ///< tokens
  bool commercial = false;  ///< the licence must not forbid commercial use
  bool clinical = false;    ///< nor use in care
};

struct Recommendation {
  const Json* entry;
  bool fits = false;
  std::string storage;  ///< name of the choice, where it fits
  ModelSize size;
  std::string reason;  ///< why, or why not
};

/// Every model for the task, those that fit first, the largest first.
std::vector<Recommendation> recommend(const Wish& wish);

}  // namespace medlar::runtime
