#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <chrono>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr i64 max_pattern_bytes = 16384;
constexpr u32 match_limit = 2'000'000;  // backtracking steps of one match
constexpr u32 depth_limit = 20'000;     // nested backtracking points
constexpr u32 heap_limit_kib = 64 * 1024;
constexpr auto time_limit = std::chrono::seconds(20);  // of one find_all, however long the text

constexpr std::string_view white_space =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

/// Spells out \s and \S: PCRE2's own class has U+180E, Unicode's White_Space has not.
std::string with_unicode_spaces(std::string_view pattern) {
  std::string result;
  bool in_class = false;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '\\' && at + 1 < pattern.size()) {
      const char next = pattern[++at];
      if (next == 's') {
        result += in_class ? std::string(white_space) : fmt::format("[{}]", white_space);
      } else if (next == 'S' && !in_class) {
        result += fmt::format("[^{}]", white_space);
      } else {
        result += c;
        result += next;
      }
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    result += c;
  }
  return result;
}

}  // namespace

struct Regex::Program {
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
};

Regex::Regex(std::string_view pattern) : program_(std::make_unique<Program>()) {
  if (ssize_of(pattern) > max_pattern_bytes) {
    fail(ErrorCode::limit_exceeded, "a regular expression of {} bytes is over the limit of {}",
         pattern.size(), max_pattern_bytes);
  }
  const std::string source = with_unicode_spaces(pattern);
  int error = 0;
  std::size_t error_at = 0;
  program_->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &error_at, nullptr);
  if (program_->code == nullptr) {
    PCRE2_UCHAR reason[256] = {};
    pcre2_get_error_message(error, reason, sizeof(reason));
    fail(ErrorCode::unsupported, "the regular expression cannot be compiled: {} (at byte {})",
         reinterpret_cast<const char*>(reason), error_at);
  }
  pcre2_jit_compile(program_->code,
                    PCRE2_JIT_COMPLETE);  // without JIT the interpreter runs: same matches
  program_->limits = pcre2_match_context_create(nullptr);
  if (program_->limits == nullptr)
    fail(ErrorCode::out_of_memory, "no memory for a regular expression");
  pcre2_set_match_limit(program_->limits, match_limit);
  pcre2_set_depth_limit(program_->limits, depth_limit);
  pcre2_set_heap_limit(program_->limits, heap_limit_kib);
}

Regex::~Regex() = default;

std::vector<ByteRange> Regex::find_all(std::string_view text, ByteRange range) const {
  std::vector<ByteRange> matches;
  const std::string_view searched =
      text.substr(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size()));
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
      pcre2_match_data_create_from_pattern(program_->code, nullptr), pcre2_match_data_free);
  if (!data) fail(ErrorCode::out_of_memory, "no memory for a match");
  const auto deadline = std::chrono::steady_clock::now() + time_limit;
  i64 at = 0;
  i64 steps = 0;
  while (at < ssize_of(searched)) {
    const int result =
        pcre2_match(program_->code, reinterpret_cast<PCRE2_SPTR>(searched.data()), searched.size(),
                    static_cast<std::size_t>(at), PCRE2_NO_UTF_CHECK, data.get(), program_->limits);
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      fail(ErrorCode::limit_exceeded,
           "a regular expression of the tokenizer went beyond its bounds (PCRE2 error {})", result);
    }
    if ((++steps & 1023) == 0 && std::chrono::steady_clock::now() > deadline) {
      fail(ErrorCode::limit_exceeded, "a regular expression of the tokenizer took longer than {} s",
           time_limit.count());
    }
    const std::size_t* bounds = pcre2_get_ovector_pointer(data.get());
    const i64 begin = static_cast<i64>(bounds[0]);
    const i64 end = static_cast<i64>(bounds[1]);
    if (end > begin && begin >= at) {
      matches.push_back({range.begin + begin, range.begin + end});
      at = end;
    } else {
      const i64 empty_at = std::max(at, begin);
      if (empty_at >= ssize_of(searched)) break;
      at = empty_at + code_point_at(searched, empty_at).bytes;
    }
  }
  return matches;
}

std::string Regex::quoted(std::string_view literal) {
  std::string pattern;
  for (char c : literal) {
    if (static_cast<u8>(c) < 0x80 &&
        (character_class(static_cast<u8>(c)) & (class_letter | class_number)) == 0) {
      pattern += '\\';
    }
    pattern += c;
  }
  return pattern;
}

}  // namespace medlar::text
