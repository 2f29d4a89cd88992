#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/types.h"
#include "text/jinja_limits.h"

/// Values of the template language, with the semantics of Python's.
///
/// Goals: numbers, texts and None behave as values; lists, dicts and namespaces are shared and
/// mutable, as `append` and `namespace` demand; a list that contains itself can neither leak nor
/// overflow the stack. So a Value is a small handle, and what it points to is owned by the Heap of
/// one rendering (or by the template, or by the caller's JSON, both of which outlive it). Non-goal:
/// attributes of any object beyond the tables in jinja_builtins.h; there is nothing to walk to.
namespace medlar::text::jinja {

class Value;
struct List;
class Dict;
struct Namespace;
struct Macro;
struct Method;
struct Loop;
struct MacroNode;
struct ForNode;
class Scope;

/// A name that has no value; prints as nothing, fails when it is used. `name` may be null.
struct Undefined {
  const std::string* name = nullptr;
};
struct None {};
/// A function of the environment, see builtin_names in jinja_builtins.h.
enum class Function : i64 { range, dict, make_namespace, raise_exception, strftime_now };

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, i64, u64, double, const std::string*, List*,
                            Dict*, Namespace*, Macro*, Method*, Loop*, Function>;

  Value() = default;
  template <typename T>
    requires(!std::is_same_v<T, Value> && std::is_constructible_v<Data, std::in_place_type_t<T>, T>)
  Value(T data) : data_(std::in_place_type<T>, data) {}  // NOLINT(google-explicit-constructor)

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }
  /// The alternative, or null.
  template <typename T>
  const T* get_if() const {
    return std::get_if<T>(&data_);
  }
  /// The alternative, which must be the one held.
  template <typename T>
  T get() const {
    return std::get<T>(data_);
  }
  const Data& data() const { return data_; }

  bool is_text() const { return is<const std::string*>(); }
  const std::string& text() const { return *get<const std::string*>(); }
  bool is_number() const { return is_integer() || is<u64>() || is<double>(); }
  /// Within 63 bits. A u64 is an integer of the caller's beyond them: it can be printed and
  /// compared.
  bool is_integer() const { return is<bool>() || is<i64>(); }
  /// A bool as 0 or 1, as Python counts.
  i64 integer() const { return is<bool>() ? static_cast<i64>(get<bool>()) : get<i64>(); }
  double real() const {
    if (is<u64>()) return static_cast<double>(get<u64>());
    return is<double>() ? get<double>() : static_cast<double>(integer());
  }

 private:
  Data data_;
};

/// A list, or a tuple: the same but for printing, hashing and mutation.
struct List {
  std::vector<Value> items;
  bool is_tuple = false;
};

struct ValueHash {
  std::size_t operator()(const Value& value) const;
};
struct ValueEqual {
  bool operator()(const Value& left, const Value& right) const;
};

/// A dict in order of insertion.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  i64 size() const { return ssize_of(entries_); }
  /// The value under the key, or null. Throws invalid_argument for a key that cannot be hashed.
  const Value* find(const Value& key) const;
  const Value* find(const std::string& key) const { return find(Value(&key)); }
  void set(const Value& key, const Value& value);
  /// Removes the key; empty if it is not there.
  std::optional<Value> take(const Value& key);
  void clear();

 private:
  std::optional<std::size_t> position(const Value& key) const;

  std::vector<Entry> entries_;
  std::unordered_map<Value, std::size_t, ValueHash, ValueEqual> index_;
};

struct Namespace {
  Dict attributes;
};

/// A macro with the scope in which it was written; `node` belongs to the template.
struct Macro {
  const MacroNode* node = nullptr;
  Scope* scope = nullptr;
};

/// `object.name`, not yet called.
struct Method {
  Value object;
  std::string name;
};

/// The variable `loop`; `items` is the list that is being walked.
struct Loop {
  const ForNode* node = nullptr;
  Scope* scope = nullptr;
  const List* items = nullptr;
  i64 index = 0;
  i64 depth = 0;
  std::vector<Value> changed;
};

/// Variables of one block, within those of the block around it.
class Scope {
 public:
  explicit Scope(Scope* outer) : outer_(outer) {}
  /// The innermost variable of that name, or null.
  const Value* find(const std::string& name) const;
  /// Sets it here; `name` must outlive the scope.
  void set(const std::string& name, const Value& value);

 private:
  Scope* outer_;
  std::vector<std::pair<const std::string*, Value>> variables_;
};

/// Owns what the values of one rendering point to, and counts the work done. Not thread-safe.
class Heap {
 public:
  /// Throws limit_exceeded for a text or a total above the bounds of jinja_limits.h.
  Value text(std::string text);
  Value list(std::vector<Value> items);
  Value tuple(std::vector<Value> items);
  Dict* dict();
  Namespace* name_space();
  Macro* macro(const MacroNode* node, Scope* scope);
  Method* method(const Value& object, std::string name);
  Loop* loop();
  Scope* scope(Scope* outer);

  /// A copy of the JSON's structure; its texts are pointed to. Throws limit_exceeded for
  /// nesting beyond max_value_depth.
  Value from_json(const Json& json);
  /// The same for JSON that will not outlive the rendering: its texts are copied.
  Value copy_json(const Json& json);

  /// Counts one step of evaluation, or the work on so many bytes of text.
  void step() { add_steps(1); }
  void charge_text(i64 bytes) { add_steps(1 + bytes / text_bytes_per_step); }
  /// Counts memory that is about to be used.
  void charge_bytes(i64 bytes);

 private:
  void add_steps(i64 count);
  Value keep_list(std::vector<Value> items, bool is_tuple);
  enum class Texts { point, copy };
  Value convert_json(const Json& json, Texts texts, i64 depth);

  std::deque<std::string> texts_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Namespace> namespaces_;
  std::deque<Macro> macros_;
  std::deque<Method> methods_;
  std::deque<Loop> loops_;
  std::deque<Scope> scopes_;
  i64 steps_ = 0;
  i64 bytes_ = 0;
};

/// Python's name of the value's type, for messages: "str", "dict", ...
std::string_view type_name(const Value& value);

/// Python's truth of a value.
bool is_true(const Value& value);

/// Python's `==`: numbers by value, texts, lists and dicts by content.
bool equal(const Value& left, const Value& right);

/// Python's `is`.
bool same(const Value& left, const Value& right);

/// -1, 0 or 1 as Python orders numbers, texts and lists. Throws invalid_argument for other pairs; a
/// NaN is equal to everything here.
int compare(const Value& left, const Value& right);

enum class Order { ascending, descending };
/// Sorts pairs by their first values; stable, and safe for values whose order is inconsistent
/// (NaN).
void sort_by_first(std::vector<Dict::Entry>& pairs, Order order);

/// The items that a `for` would walk: of a list, keys of a dict, characters of a text, none of an
/// undefined value. Throws invalid_argument for others.
std::vector<Value> items_of(Heap& heap, const Value& value);

/// Characters, items or entries; nothing for values without a length.
std::optional<i64> length_of(const Value& value);

}  // namespace medlar::text::jinja
