#include "base/json.h"

#include "base/error.h"
#include "base/mapped_file.h"

namespace medlar {

Json parse_json(std::string_view text, const std::string& source) {
  constexpr int max_depth = 128;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > max_depth) {
      fail(ErrorCode::limit_exceeded, "{}: JSON nested deeper than {}", source, max_depth);
    }
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const Json::parse_error& error) {
    // The library's message may quote the text around the error; only its place is kept.
    fail(ErrorCode::corrupt_file, "{}: not valid JSON (at byte {})", source, error.byte);
  } catch (const Json::exception& error) {
    fail(ErrorCode::corrupt_file, "{}: not valid JSON (rule {})", source, error.id);
  }
}

Json read_json_file(const std::filesystem::path& path) {
  return parse_json(read_text_file(path), path.string());
}

}  // namespace medlar
