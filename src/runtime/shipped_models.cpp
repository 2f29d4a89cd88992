#include "runtime/shipped_models.h"

#include <cstdlib>
#include <string>

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> model_in(const fs::path& models, std::string_view name) {
  fs::path file = models / name / (std::string(name) + ".gguf");
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return std::nullopt;
  return file;
}

}  // namespace

std::optional<fs::path> shipped_model(std::string_view name) {
  if (const char* chosen = std::getenv("MEDLAR_MODELS")) return model_in(chosen, name);
  std::error_code ignored;
  fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  while (folder.has_relative_path()) {
    for (const char* place : {"share/medlar/models", "models"}) {
      if (auto file = model_in(folder / place, name)) return file;
    }
    folder = folder.parent_path();
  }
  return std::nullopt;
}

}  // namespace medlar::runtime
