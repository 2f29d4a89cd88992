#include "hub/repository.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "formats/pending_file.h"
#include "hub/http.h"

namespace medlar::hub {
namespace {

namespace fs = std::filesystem;

constexpr i64 max_listing_bytes = i64{64} << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path hub_home() {
  const std::string home = environment("HF_HOME");
  if (!home.empty()) return home;
  const std::string cache = environment("XDG_CACHE_HOME");
  if (!cache.empty()) return fs::path(cache) / "huggingface";
  return fs::path(environment("HOME")) / ".cache" / "huggingface";
}

std::string trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.pop_back();
  return text;
}

/// Letters, digits and what paths inside a repository may have; no way out of the folder.
bool is_safe_name(const std::string& name) {
  if (name.empty() || name.size() > 1024 || name.front() == '/') return false;
  for (const fs::path& part : fs::path(name)) {
    if (part == ".." || part == "." || part.empty()) return false;
  }
  return std::ranges::all_of(name, [](char c) { return static_cast<u8>(c) >= 0x20 && c != '\\'; });
}

bool is_hex(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

i64 number_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<i64>() : -1;
}

HubFile file_of(const Json& entry, const std::string& repository) {
  HubFile file = {.name = text_at(entry, "rfilename"),
                  .size = number_at(entry, "size"),
                  .blob = text_at(entry, "blobId")};
  if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
    file.large = true;
    file.blob = text_at(*lfs, "sha256");
    file.size = number_at(*lfs, "size");
  }
  if (!is_safe_name(file.name) || !is_hex(file.blob) || file.size < 0)
    fail(ErrorCode::corrupt_file, "the hub's listing of {} has an entry that is no file",
         repository);
  return file;
}

/// SHA-256 of a file, or git's object id: SHA-1 of "blob SIZE\0" and the bytes.
std::string digest_of(const fs::path& path, const HubFile& file) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), file.large ? EVP_sha256() : EVP_sha1(), nullptr);
  if (!file.large) {
    const std::string head = fmt::format("blob {}", file.size);
    EVP_DigestUpdate(context.get(), head.c_str(), head.size() + 1);
  }
  if (file.size > 0) {
    const auto mapped = MappedFile::open(path);
    EVP_DigestUpdate(context.get(), mapped->bytes().data(), mapped->bytes().size());
  }
  std::array<u8, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

/// Appends to what an earlier try left of the blob.
class PartialBlob {
 public:
  explicit PartialBlob(fs::path path)
      : path_(std::move(path)),
        size_(size_of(path_)),
        file_(std::fopen(path_.c_str(), size_ > 0 ? "r+b" : "wb")) {
    if (file_ == nullptr) fail(ErrorCode::io, "cannot write {}", path_.string());
  }
  PartialBlob(const PartialBlob&) = delete;
  PartialBlob& operator=(const PartialBlob&) = delete;
  ~PartialBlob() {
    if (file_ != nullptr) std::fclose(file_);
  }

  i64 size() const { return size_; }

  void write(i64 at, Bytes bytes) {
    const bool written = ::fseeko(file_, at, SEEK_SET) == 0 &&
                         std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size();
    if (!written) fail(ErrorCode::io, "cannot write {}: is the disk full?", path_.string());
  }

  void close() {
    const int closed = std::fclose(std::exchange(file_, nullptr));
    if (closed != 0) fail(ErrorCode::io, "cannot write {}: is the disk full?", path_.string());
  }

 private:
  /// 0 where there is none.
  static i64 size_of(const fs::path& path) {
    std::error_code none;
    const auto size = fs::file_size(path, none);
    return none ? 0 : static_cast<i64>(size);
  }

  fs::path path_;
  i64 size_;
  std::FILE* file_;
};

/// "/" and names as they are, the rest as %XX.
std::string url_path(const std::string& name) {
  std::string url;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("-_.~/").find(c) != std::string_view::npos;
    url += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<u8>(c));
  }
  return url;
}

fs::path folder_of(const Hub& hub, const std::string& repository) {
  check_repository(repository);
  std::string name = "models--" + repository;
  if (const auto slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
  return hub.cache / name;
}

void fetch(const Hub& hub, const std::string& url, const fs::path& blob, const HubFile& file,
           const std::function<void(i64 bytes)>& progress) {
  const fs::path partial = blob.string() + ".incomplete";
  {
    PartialBlob target(partial);
    const i64 from = target.size() < file.size ? target.size() : 0;
    const auto sink = [&](i64 at, Bytes bytes) {
      if (at + ssize_of(bytes) > file.size)
        fail(ErrorCode::corrupt_file, "{} is longer than the hub says", file.name);
      target.write(at, bytes);
      progress(at + ssize_of(bytes));
    };
    if (target.size() != file.size) http_get({.url = url, .token = hub.token, .from = from}, sink);
    target.close();
  }
  std::error_code none;
  const bool whole = static_cast<i64>(fs::file_size(partial, none)) == file.size;
  if (!whole || digest_of(partial, file) != file.blob) {
    fs::remove(partial, none);
    fail(ErrorCode::corrupt_file, "{} is not what the hub says it is (size or digest): try again",
         file.name);
  }
  fs::rename(partial, blob);
}

}  // namespace

Hub hub_of_environment() {
  const std::string offline = environment("HF_HUB_OFFLINE");
  if (!offline.empty() && offline != "0")
    fail(ErrorCode::invalid_argument, "HF_HUB_OFFLINE is set: nothing is fetched");
  Hub hub;
  hub.endpoint = environment("HF_ENDPOINT");
  if (hub.endpoint.empty()) hub.endpoint = "https://huggingface.co";
  while (hub.endpoint.ends_with('/')) hub.endpoint.pop_back();
  hub.token = environment("HF_TOKEN");
  const fs::path token_file = hub_home() / "token";
  std::error_code none;
  if (hub.token.empty() && fs::is_regular_file(token_file, none))
    hub.token = trimmed(read_text_file(token_file, 4096));
  hub.cache = environment("HF_HUB_CACHE");
  if (hub.cache.empty()) hub.cache = hub_home() / "hub";
  return hub;
}

void check_repository(const std::string& repository) {
  const bool plain = repository.size() < 200 &&
                     std::ranges::all_of(
                         repository,
                         [](char c) {
                           return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                                  std::string_view("-_./").find(c) != std::string_view::npos;
                         }) &&
                     std::ranges::count(repository, '/') <= 1 &&
                     repository.find("..") == std::string::npos &&
                     repository.find("--") == std::string::npos;
  if (!plain || repository.empty() || repository.front() == '/' || repository.back() == '/' ||
      repository.front() == '.')
    fail(ErrorCode::usage, "a repository is written as organisation/name");
}

HubSnapshot list_repository(const Hub& hub, const std::string& repository,
                            const std::string& revision) {
  check_repository(repository);
  const std::string url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", hub.endpoint,
                                      repository, url_path(revision));
  const Json answer =
      parse_json(http_text({.url = url, .token = hub.token}, max_listing_bytes), url);
  HubSnapshot snapshot = {.revision = text_at(answer, "sha"), .files = {}};
  const auto files = answer.find("siblings");
  if (!is_hex(snapshot.revision) || files == answer.end() || !files->is_array())
    fail(ErrorCode::corrupt_file, "{} answers with no listing", hub.endpoint);
  for (const Json& entry : *files) snapshot.files.push_back(file_of(entry, repository));
  return snapshot;
}

std::vector<HubFile> needed_files(const std::vector<HubFile>& files) {
  const auto ends_with = [](const HubFile& file, std::initializer_list<std::string_view> ends) {
    return std::ranges::any_of(ends, [&](std::string_view e) { return file.name.ends_with(e); });
  };
  // Weights of other programs, and the same weights in the layout of the first authors.
  const auto is_foreign = [&](const HubFile& file) {
    return file.name.starts_with("original/") || file.name.starts_with("metal/") ||
           file.name.starts_with("onnx/") || file.name.starts_with("consolidated") ||
           file.name.starts_with(".");
  };
  const auto any = [&](std::string_view end) {
    return std::ranges::any_of(
        files, [&](const HubFile& f) { return !is_foreign(f) && f.name.ends_with(end); });
  };
  const bool safetensors = any(".safetensors");
  const bool gguf = any(".gguf");
  std::vector<HubFile> needed;
  for (const HubFile& file : files) {
    if (is_foreign(file)) continue;
    const bool is_text = ends_with(file, {".json", ".txt", ".model", ".tiktoken", ".jinja", ".md",
                                          "LICENSE", "NOTICE", "USE_POLICY"});
    const bool is_index = file.name.ends_with("pytorch_model.bin.index.json");
    const bool is_weights = safetensors ? file.name.ends_with(".safetensors")
                            : gguf      ? file.name.ends_with(".gguf")
                                   : (file.name.ends_with(".bin") || file.name.ends_with(".pt")) &&
                                         !file.name.starts_with("training_args");
    if ((is_text && !(is_index && safetensors)) || is_weights) needed.push_back(file);
  }
  return needed;
}

fs::path pull(const Hub& hub, const std::string& repository, const std::string& revision,
              const HubSnapshot& snapshot, const std::vector<HubFile>& files,
              const runtime::OnProgress& progress) {
  const fs::path root = folder_of(hub, repository);
  const fs::path folder = root / "snapshots" / snapshot.revision;
  fs::create_directories(root / "blobs");
  i64 total = 0;
  for (const HubFile& file : files) total += file.size;
  i64 done = 0;
  for (const HubFile& file : files) {
    const fs::path blob = root / "blobs" / file.blob;
    progress(done, total);
    std::error_code none;
    if (!fs::exists(blob, none)) {
      const std::string url = fmt::format("{}/{}/resolve/{}/{}", hub.endpoint, repository,
                                          snapshot.revision, url_path(file.name));
      fetch(hub, url, blob, file, [&](i64 bytes) { progress(done + bytes, total); });
    }
    done += file.size;
    const fs::path link = folder / file.name;
    fs::create_directories(link.parent_path());
    if (fs::exists(link, none)) continue;
    fs::remove(link, none);  // a link to a blob that is gone
    fs::create_symlink(fs::relative(blob, link.parent_path()), link);
  }
  if (is_safe_name(revision) && revision != snapshot.revision) {
    fs::create_directories((root / "refs" / revision).parent_path());
    formats::write_file(root / "refs" / revision, snapshot.revision);
  }
  return folder;
}

i64 remove_repository(const Hub& hub, const std::string& repository) {
  const fs::path root = folder_of(hub, repository);
  std::error_code none;
  if (!fs::is_directory(root, none))
    fail(ErrorCode::not_found, "{} is not in {}", repository, hub.cache.string());
  i64 bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() && !entry.is_symlink())
      bytes += static_cast<i64>(entry.file_size());
  }
  fs::remove_all(root);
  return bytes;
}

}  // namespace medlar::hub
