#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja_text.h"
#include "text/jinja_value.h"

/// The functions, methods, filters and tests of the language. All of them throw invalid_argument
/// for values they are not defined for, and limit_exceeded at the bounds of jinja_limits.h.
namespace medlar::text::jinja {

/// What one rendering needs besides its variables. Not thread-safe.
struct Environment {
  Heap heap;
  std::optional<std::chrono::local_seconds> now;  ///< behind strftime_now; empty = the local clock
  i64 line = 0;                                   ///< of the source being evaluated, for messages
  bool was_raised = false;                        ///< the template itself called raise_exception
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Arguments matched with the names of parameters, all of them optional. Refers to the arguments.
class Bound {
 public:
  /// Throws invalid_argument for an unknown name or too many values.
  Bound(std::string_view function, const Arguments& given,
        std::initializer_list<std::string_view> names);

  /// The value of a parameter, null when it was not given.
  const Value* get(i64 index) const { return values_[static_cast<std::size_t>(index)]; }
  /// The same, which must have been given.
  const Value& need(i64 index) const;
  bool truth(i64 index, bool fallback) const;
  i64 integer(i64 index, i64 fallback) const;
  std::string_view text(i64 index, std::string_view fallback) const;
  /// Empty for an absent value or None.
  std::optional<std::string_view> optional_text(i64 index) const;

 private:
  [[noreturn]] void fail_type(i64 index, std::string_view wanted) const;

  std::string_view function_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

/// The functions that a template finds among its variables.
std::span<const std::pair<std::string, Function>> functions();
Value call_function(Environment& environment, Function function, const Arguments& given);

/// `object.name`: a method first, then a key. Names that begin with two underscores never have a
/// value. An absent name gives an Undefined that points to `name`. Throws invalid_argument for an
/// undefined object.
Value get_attribute(Environment& environment, const Value& object, const std::string& name);
/// `object[key]`: a key or an index first, then a method.
Value get_item(Environment& environment, const Value& object, const Value& key);
/// get_item along a path like "function.name" or "0.text", as `map(attribute=...)` takes it.
Value get_path(Environment& environment, const Value& object, const Value& path);

bool has_method(const Value& object, std::string_view name);
Value call_method(Environment& environment, const Value& object, std::string_view name,
                  const Arguments& given);

/// Methods of str.
bool has_text_method(std::string_view name);
Value call_text_method(Environment& environment, const std::string& text, std::string_view name,
                       const Arguments& given);

/// Counts the work on `added` bytes; throws limit_exceeded for a text above max_text_bytes.
void check_text_size(Environment& environment, const std::string& text, i64 added);
/// The text in a field of `width` characters, on the side named.
std::string pad_text(std::string_view text, i64 width, std::string_view fill, Side text_side);
/// str.replace; `maximum` < 0 means all.
std::string replace_text(Environment& environment, std::string_view text, std::string_view old,
                         std::string_view by, i64 maximum);

/// Throws unsupported for an unknown name.
Value apply_filter(Environment& environment, std::string_view name, const Value& input,
                   const Arguments& given);
bool apply_test(Environment& environment, std::string_view name, const Value& input,
                const Arguments& given);

using FilterFunction = Value (*)(Environment&, const Value&, const Arguments&);
using FilterEntry = std::pair<std::string_view, FilterFunction>;
std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> sequence_filters();

/// Throws invalid_argument: the value is undefined (with its name where it is known).
[[noreturn]] void fail_undefined(const Value& value);
/// Throws invalid_argument: `what` is not defined for values of this type.
[[noreturn]] void fail_type(std::string_view what, const Value& value);

}  // namespace medlar::text::jinja
