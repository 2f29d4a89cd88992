// openai/harmony, src/encoding.rs, parse_header_from_string.
#include "text/harmony_header.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr std::string_view channel_mark = "<|channel|>";
constexpr std::string_view constrain_mark = "<|constrain|>";
constexpr std::string_view ascii_space = " \t\n\f\r";

bool is_space(u32 code_point) { return (character_class(code_point) & class_space) != 0; }

/// Cuts "<|channel|>NAME" out of the header. NAME ends at white space or "<".
std::optional<std::string> take_channel(std::string& header) {
  const std::size_t mark = header.find(channel_mark);
  if (mark == std::string::npos) return std::nullopt;
  const std::string behind = header.substr(mark + channel_mark.size());
  i64 end = 0;
  while (end < ssize_of(behind)) {
    const CodePoint c = code_point_at(behind, end);
    if (c.value == '<' || is_space(c.value)) break;
    end += c.bytes;
  }
  if (end == 0) {
    fail(ErrorCode::invalid_argument,
         "channel marker present but no channel value found in header");
  }
  header = header.substr(0, mark) + behind.substr(static_cast<std::size_t>(end));
  return behind.substr(0, static_cast<std::size_t>(end));
}

/// "to=f<|constrain|>json" -> "to=f <|constrain|>json".
void set_constrain_apart(std::string& header) {
  for (std::size_t at = header.find(constrain_mark); at != std::string::npos;
       at = header.find(constrain_mark, at + constrain_mark.size() + 1)) {
    header.insert(at, " ");
  }
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t begin = text.find_first_not_of(ascii_space); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(ascii_space, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(ascii_space, end);
  }
  return words;
}

/// White space of all of Unicode.
std::string_view trimmed(std::string_view text) {
  while (!text.empty()) {
    const CodePoint first = code_point_at(text, 0);
    if (!is_space(first.value)) break;
    text.remove_prefix(static_cast<std::size_t>(first.bytes));
  }
  while (!text.empty()) {
    const i64 last = character_begin_before(text, ssize_of(text));
    if (!is_space(code_point_at(text, last).value)) break;
    text = text.substr(0, static_cast<std::size_t>(last));
  }
  return text;
}

/// The first word names the role; one that is none of the roles, with more behind it, is a tool's
/// name.
void take_author(std::vector<std::string>& words, HarmonyMessage& message) {
  if (words.empty()) fail(ErrorCode::invalid_argument, "message header did not contain a role");
  const std::string first = words.front();
  const std::optional<HarmonyRole> role = harmony_role_named(first);
  if (!role) {
    if (words.size() == 1 && !first.starts_with("to="))
      fail(ErrorCode::invalid_argument, "Unknown role: {}", first);
    words.erase(words.begin());
  }
  message.role = role.value_or(HarmonyRole::tool);
  if (message.role == HarmonyRole::tool) message.name = first;
}

std::string without_to(const std::string& word) {
  return word.starts_with("to=") ? word.substr(3) : word;
}

/// A word alone is the recipient, whatever it is (openai-harmony 0.0.8; later versions take a lone
/// "<|constrain|>json" for a content type).
void take_recipient_and_type(std::vector<std::string>& words, HarmonyMessage& message) {
  if (words.empty()) return;
  const bool is_only = words.size() == 1;
  const std::string last = words.back();
  words.pop_back();
  if (last.starts_with("to=") || is_only) {
    message.recipient = without_to(last);
    return;
  }
  message.content_type = last;
  if (words.empty()) return;
  message.recipient = without_to(words.back());
  words.pop_back();
}

}  // namespace

HarmonyHeader parse_harmony_header(std::string header, std::optional<HarmonyRole> role,
                                   HarmonyHeaderWords words_that_count) {
  HarmonyHeader result;
  result.message.channel = take_channel(header);
  set_constrain_apart(header);
  std::vector<std::string> words = words_of(trimmed(header));
  if (role) {
    result.message.role = *role;
  } else {
    take_author(words, result.message);
  }
  if (!words.empty() && words.front() == name_of(result.message.role)) words.erase(words.begin());
  if (words_that_count == HarmonyHeaderWords::all) take_recipient_and_type(words, result.message);
  if (!words.empty()) result.rest = fmt::format("{}", fmt::join(words, " "));
  return result;
}

std::string quoted_debug(std::string_view text) {
  std::string out = "\"";
  for (i64 at = 0; at < ssize_of(text);) {
    const CodePoint c = code_point_at(text, at);
    const u32 bits = character_class(c.value);
    const bool is_printed =
        c.value == ' ' ||
        (bits != 0 && (bits & (class_control | class_space | class_nonspacing)) == 0);
    if (c.value == '"' || c.value == '\\') {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (c.value == '\t' || c.value == '\n' || c.value == '\r') {
      out += c.value == '\t' ? "\\t" : c.value == '\n' ? "\\n" : "\\r";
    } else if (c.value == 0) {
      out += "\\0";
    } else if (is_printed) {
      out += text.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(c.bytes));
    } else {
      out += fmt::format("\\u{{{:x}}}", c.value);
    }
    at += c.bytes;
  }
  return out + "\"";
}

}  // namespace medlar::text
