#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace medlar {

/// Why a request could not go on. Mapped once to exit codes (apps/cli) and once to HTTP (server).
enum class ErrorCode {
  usage,             ///< the caller's words are wrong: an unknown flag, a value out of range
  not_found,         ///< no such file, tensor, model or verb
  corrupt_file,      ///< the bytes break the rules of their format
  unsupported,       ///< well-formed, but nothing here can run it
  shape_mismatch,    ///< a tensor is not of the shape that its use asks for
  invalid_argument,  ///< a value that the operation is not defined for
  limit_exceeded,    ///< a bound on size, depth, steps or time was reached
  out_of_memory,     ///< the memory asked for cannot be had
  io,                ///< the operating system refused to read or write
  cancelled,         ///< the caller stopped the work
  failed_check,      ///< a verification ran and did not pass
  internal,          ///< a broken invariant of medlar itself: a bug
};

/// The code's name as it appears in JSON, e.g. "corrupt_file".
std::string_view name_of(ErrorCode code);

/// The one exception type. `what()` is the message followed by its context, innermost first.
/// Messages say what, where and what to do; they never hold text of a patient's record.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), text_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const char* what() const noexcept override { return text_.c_str(); }

  /// Adds where the error was met, e.g. "while loading layer 3"; returns itself for rethrowing.
  Error& with_context(std::string_view context) {
    text_ += fmt::format(" ({})", context);
    return *this;
  }

 private:
  ErrorCode code_;
  std::string text_;
};

/// Throws an Error with a formatted message.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

[[noreturn]] void fail_check(const char* condition, const char* file, int line);

}  // namespace medlar

/// A broken invariant, always on; never reachable from input.
#define MEDLAR_CHECK(condition)                        \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::medlar::fail_check(#condition, __FILE__, __LINE__))
