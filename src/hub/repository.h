#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/text_runs.h"

/// Model repositories of a Hugging Face hub or a mirror of one, kept in the hub's own cache folder,
/// so that what other programs fetched is found and what is fetched here they find. Layout:
/// huggingface_hub, "Understand caching": models--ORG--NAME/{blobs, refs, snapshots}. Nothing here
/// runs unless it is asked for.
namespace medlar::hub {

struct Hub {
  std::string endpoint;         ///< without a slash at its end
  std::string token;            ///< empty: none
  std::filesystem::path cache;  ///< of all repositories
};

/// By HF_ENDPOINT, HF_TOKEN or the token file, HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME. Throws
/// invalid_argument where HF_HUB_OFFLINE is set.
Hub hub_of_environment();

struct HubFile {
  std::string name;  ///< in the repository, with its folders
  i64 size = 0;
  std::string blob;    ///< name in blobs/: SHA-256 of large files, git's object id of others
  bool large = false;  ///< kept outside git, so that `blob` is a SHA-256
};

struct HubSnapshot {
  std::string revision;  ///< the commit
  std::vector<HubFile> files;
};

/// "org/name" or "name". Throws usage for anything else: it becomes a folder's name.
void check_repository(const std::string& repository);

/// What a revision ("main", a tag, a commit) holds. Throws as http_get, corrupt_file for an answer
/// that is no listing or names files outside the repository.
HubSnapshot list_repository(const Hub& hub, const std::string& repository,
                            const std::string& revision);

/// The files that running the model needs: configuration, tokenizer, templates, licence, and the
/// weights in one form: safetensors, else GGUF, else PyTorch.
std::vector<HubFile> needed_files(const std::vector<HubFile>& files);

/// Fetches what is not there yet, going on where an earlier try stopped, checks size and digest of
/// each file, and gives the snapshot's folder. Throws as http_get, and corrupt_file for a file that
/// is not what the hub says: it is not kept.
std::filesystem::path pull(
    const Hub& hub, const std::string& repository, const std::string& revision,
    const HubSnapshot& snapshot, const std::vector<HubFile>& files,
    const runtime::OnProgress& progress = [](i64, i64) {});

/// Removes a repository from the cache; the bytes that were freed. Throws not_found.
i64 remove_repository(const Hub& hub, const std::string& repository);

}  // namespace medlar::hub
