#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <string_view>
#include <vector>

/// The classes of include/medlar for Python: medlar/__init__.py wraps them and has their
/// documentation. What was found leaves as tuples in the order of its fields there. The
/// interpreter's lock is released while medlar works.
namespace medlar::python {

/// Offsets of UTF-8 bytes in code points, by which Python indexes a str.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : text_(text), before_(text.size() + 1) {
    for (std::size_t i = 0; i < text.size(); ++i) before_[i + 1] = before_[i] + (starts(i) ? 1 : 0);
  }

  /// Of the character that the byte is part of.
  std::int64_t begin(std::int64_t byte) const {
    auto at = static_cast<std::size_t>(byte);
    while (at > 0 && at < text_.size() && !starts(at)) --at;
    return before_.at(at);
  }
  /// Behind the character that the byte before is part of.
  std::int64_t end(std::int64_t byte) const { return before_.at(static_cast<std::size_t>(byte)); }

 private:
  bool starts(std::size_t at) const {
    return (static_cast<unsigned char>(text_[at]) & 0xC0U) != 0x80U;
  }

  std::string_view text_;
  std::vector<std::int64_t> before_;  ///< characters that begin before each byte
};

/// What `work` gives, without the interpreter's lock.
template <typename Work>
auto unlocked(const Work& work) -> decltype(work()) {
  const nanobind::gil_scoped_release release;
  return work();
}

void add_model(nanobind::module_& module);
void add_notes(nanobind::module_& module);

}  // namespace medlar::python
