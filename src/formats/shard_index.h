#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace medlar::formats {

/// File name -> names of the tensors it must hold.
using ShardIndex = std::map<std::string, std::set<std::string, std::less<>>>;

/// Parses a *.index.json ("weight_map": tensor -> file). File names must stay inside the folder.
/// Throws corrupt_file (syntax, a repeated tensor, a path outside, no tensors), limit_exceeded
/// (nesting).
ShardIndex parse_shard_index(std::string_view text, const std::string& source);

/// Throws corrupt_file unless `name` is the plain name of a file: no folder, not hidden, not "..".
void check_file_name(std::string_view name, const std::string& source);

}  // namespace medlar::formats
