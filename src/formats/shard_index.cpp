#include "formats/shard_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

constexpr std::size_t max_depth = 16;

/// Parses into a sorted tree: the ordered one takes time in the square of the number of tensors.
nlohmann::json parse_unique(std::string_view text, const std::string& source) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::size_t arrays = 0;
  const auto check = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::array_start) ++arrays;
    if (event == Event::array_end) --arrays;
    if (keys.size() + arrays > max_depth) {
      fail(ErrorCode::limit_exceeded, "{}: nested deeper than {}", source, max_depth);
    }
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second) {
      fail(ErrorCode::corrupt_file, "{}: the key '{}' is there twice", source,
           printable(parsed.get_ref<const std::string&>()));
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, check);
  } catch (const nlohmann::json::parse_error& error) {
    fail(ErrorCode::corrupt_file, "{}: not valid JSON (at byte {})", source, error.byte);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::corrupt_file, "{}: not valid JSON (rule {})", source, error.id);
  }
}

}  // namespace

ShardIndex parse_shard_index(std::string_view text, const std::string& source) {
  const nlohmann::json tree = parse_unique(text, source);
  const auto map = tree.is_object() ? tree.find("weight_map") : tree.end();
  if (map == tree.end() || !map->is_object() || map->empty()) {
    fail(ErrorCode::corrupt_file, "{}: holds no object 'weight_map' of tensors", source);
  }
  ShardIndex index;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' names no file", source, printable(tensor));
    }
    check_file_name(file.get_ref<const std::string&>(), source);
    index[file.get_ref<const std::string&>()].insert(tensor);
  }
  return index;
}

void check_file_name(std::string_view name, const std::string& source) {
  const bool has_separator = name.find_first_of(std::string_view("/\\\0", 3)) != name.npos;
  if (name.empty() || name.size() > 255 || name.front() == '.' || has_separator) {
    fail(ErrorCode::corrupt_file, "{}: '{}' is not the name of a file in the same folder", source,
         printable(name));
  }
}

}  // namespace medlar::formats
