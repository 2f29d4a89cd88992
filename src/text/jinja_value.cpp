#include "text/jinja_value.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "text/jinja_text.h"

namespace medlar::text::jinja {
namespace {

/// Dicts up to this size are searched from the front, which is quicker than hashing.
constexpr std::size_t indexed_from = 12;

void check_depth(i64 depth) {
  if (depth > max_value_depth) {
    fail(ErrorCode::limit_exceeded, "chat template: values nested deeper than {}", max_value_depth);
  }
}

[[noreturn]] void fail_type(std::string_view what, const Value& value) {
  fail(ErrorCode::invalid_argument, "chat template: {}: '{}'", what, type_name(value));
}

bool equal_at(const Value& left, const Value& right, i64 depth);

bool equal_lists(const List& left, const List& right, i64 depth) {
  if (left.is_tuple != right.is_tuple || left.items.size() != right.items.size()) return false;
  for (std::size_t i = 0; i < left.items.size(); ++i) {
    if (!equal_at(left.items[i], right.items[i], depth)) return false;
  }
  return true;
}

bool equal_dicts(const Dict& left, const Dict& right, i64 depth) {
  if (left.size() != right.size()) return false;
  for (const auto& [key, value] : left.entries()) {
    const Value* other = right.find(key);
    if (other == nullptr || !equal_at(value, *other, depth)) return false;
  }
  return true;
}

bool equal_at(const Value& left, const Value& right, i64 depth) {
  check_depth(depth);
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer()) return left.integer() == right.integer();
    if (left.is<u64>() && right.is<u64>()) return left.get<u64>() == right.get<u64>();
    return left.real() == right.real();
  }
  if (left.data().index() != right.data().index()) return false;
  if (left.is_text()) return left.text() == right.text();
  if (const auto* list = left.get_if<List*>())
    return equal_lists(**list, *right.get<List*>(), depth + 1);
  if (const auto* dict = left.get_if<Dict*>())
    return equal_dicts(**dict, *right.get<Dict*>(), depth + 1);
  if (left.is<Undefined>() || left.is<None>()) return true;
  return same(left, right);
}

std::size_t hash_at(const Value& value, i64 depth) {
  check_depth(depth);
  if (value.is_integer()) return std::hash<double>{}(static_cast<double>(value.integer()));
  if (value.is_number()) return std::hash<double>{}(value.real());
  if (value.is_text()) return std::hash<std::string>{}(value.text());
  if (value.is<None>()) return 1;
  if (const auto* list = value.get_if<List*>(); list != nullptr && (*list)->is_tuple) {
    std::size_t hash = 2;
    for (const Value& item : (*list)->items) hash = hash * 1000003u + hash_at(item, depth + 1);
    return hash;
  }
  fail_type("a dict key must be a text, a number or a tuple", value);
}

int sign(const auto& left, const auto& right) {
  return left < right ? -1 : static_cast<int>(right < left);
}

int compare_at(const Value& left, const Value& right, i64 depth) {
  check_depth(depth);
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer()) return sign(left.integer(), right.integer());
    if (left.is<u64>() && right.is<u64>()) return sign(left.get<u64>(), right.get<u64>());
    return sign(left.real(), right.real());
  }
  if (left.is_text() && right.is_text()) return sign(left.text(), right.text());
  const auto* a = left.get_if<List*>();
  const auto* b = right.get_if<List*>();
  if (a == nullptr || b == nullptr || (*a)->is_tuple != (*b)->is_tuple) {
    fail(ErrorCode::invalid_argument, "chat template: no order between '{}' and '{}'",
         type_name(left), type_name(right));
  }
  const auto& x = (*a)->items;
  const auto& y = (*b)->items;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (!equal_at(x[i], y[i], depth + 1)) return compare_at(x[i], y[i], depth + 1);
  }
  return sign(x.size(), y.size());
}

}  // namespace

std::size_t ValueHash::operator()(const Value& value) const { return hash_at(value, 0); }
bool ValueEqual::operator()(const Value& left, const Value& right) const {
  return equal(left, right);
}

std::optional<std::size_t> Dict::position(const Value& key) const {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }
  if (!key.is_text()) hash_at(key, 0);  // refuses what cannot be a key
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (equal(entries_[i].first, key)) return i;
  }
  return std::nullopt;
}

const Value* Dict::find(const Value& key) const {
  const auto place = position(key);
  return place ? &entries_[*place].second : nullptr;
}

void Dict::set(const Value& key, const Value& value) {
  if (const auto place = position(key)) {
    entries_[*place].second = value;
    return;
  }
  entries_.emplace_back(key, value);
  if (!index_.empty()) {
    index_.emplace(key, entries_.size() - 1);
  } else if (entries_.size() == indexed_from) {
    for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
  }
}

std::optional<Value> Dict::take(const Value& key) {
  const auto place = position(key);
  if (!place) return std::nullopt;
  const Value value = entries_[*place].second;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(*place));
  if (!index_.empty()) {
    index_.clear();
    if (entries_.size() >= indexed_from) {
      for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
    }
  }
  return value;
}

void Dict::clear() {
  entries_.clear();
  index_.clear();
}

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    for (const auto& [known, value] : scope->variables_) {
      if (*known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(const std::string& name, const Value& value) {
  for (auto& [known, old] : variables_) {
    if (*known == name) {
      old = value;
      return;
    }
  }
  variables_.emplace_back(&name, value);
}

void Heap::add_steps(i64 count) {
  steps_ += count;
  if (steps_ > max_steps) {
    fail(ErrorCode::limit_exceeded, "chat template: more than {} steps of work", max_steps);
  }
}

void Heap::charge_bytes(i64 bytes) {
  bytes_ += bytes;
  if (bytes_ > max_heap_bytes) {
    fail(ErrorCode::limit_exceeded, "chat template: more than {} bytes of values", max_heap_bytes);
  }
}

Value Heap::text(std::string text) {
  const i64 bytes = ssize_of(text);
  if (bytes > max_text_bytes) {
    fail(ErrorCode::limit_exceeded, "chat template: a text of more than {} bytes", max_text_bytes);
  }
  charge_text(bytes);
  charge_bytes(bytes + static_cast<i64>(sizeof(std::string)));
  return Value(static_cast<const std::string*>(&texts_.emplace_back(std::move(text))));
}

Value Heap::keep_list(std::vector<Value> items, bool is_tuple) {
  charge_bytes(static_cast<i64>(sizeof(List) + items.size() * sizeof(Value)));
  return Value(&lists_.emplace_back(List{.items = std::move(items), .is_tuple = is_tuple}));
}

Value Heap::list(std::vector<Value> items) { return keep_list(std::move(items), false); }
Value Heap::tuple(std::vector<Value> items) { return keep_list(std::move(items), true); }

Dict* Heap::dict() {
  charge_bytes(static_cast<i64>(sizeof(Dict)));
  return &dicts_.emplace_back();
}

Namespace* Heap::name_space() {
  charge_bytes(static_cast<i64>(sizeof(Namespace)));
  return &namespaces_.emplace_back();
}

Macro* Heap::macro(const MacroNode* node, Scope* scope) {
  charge_bytes(static_cast<i64>(sizeof(Macro)));
  return &macros_.emplace_back(Macro{.node = node, .scope = scope});
}

Method* Heap::method(const Value& object, std::string name) {
  charge_bytes(static_cast<i64>(sizeof(Method)));
  return &methods_.emplace_back(Method{.object = object, .name = std::move(name)});
}

Loop* Heap::loop() {
  charge_bytes(static_cast<i64>(sizeof(Loop)));
  return &loops_.emplace_back();
}

Scope* Heap::scope(Scope* outer) {
  constexpr i64 usual_variables = 4;
  charge_bytes(static_cast<i64>(sizeof(Scope)) +
               usual_variables * static_cast<i64>(sizeof(Dict::Entry)));
  return &scopes_.emplace_back(outer);
}

Value Heap::from_json(const Json& json) { return convert_json(json, Texts::point, 0); }
Value Heap::copy_json(const Json& json) { return convert_json(json, Texts::copy, 0); }

Value Heap::convert_json(const Json& json, Texts texts, i64 depth) {
  check_depth(depth);
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<i64>());
    case Json::value_t::number_unsigned: {
      const u64 number = json.get<u64>();
      if (number > static_cast<u64>(std::numeric_limits<i64>::max())) return Value(number);
      return Value(static_cast<i64>(number));
    }
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      if (texts == Texts::copy) return text(json.get_ref<const std::string&>());
      return Value(json.get_ptr<const std::string*>());
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(convert_json(item, texts, depth + 1));
      return list(std::move(items));
    }
    case Json::value_t::object: {
      Dict* made = dict();
      charge_bytes(static_cast<i64>(json.size() * sizeof(Dict::Entry)));
      for (const auto& [key, value] : json.get_ref<const Json::object_t&>()) {
        const Value name = texts == Texts::copy ? text(key) : Value(&key);
        made->set(name, convert_json(value, texts, depth + 1));
      }
      return Value(made);
    }
    default:
      return Value(None{});
  }
}

std::string_view type_name(const Value& value) {
  constexpr std::array<std::string_view, 14> names = {
      "Undefined", "NoneType", "bool",      "int",   "int",    "float",       "str",
      "list",      "dict",     "Namespace", "Macro", "method", "LoopContext", "function"};
  if (const auto* list = value.get_if<List*>(); list != nullptr && (*list)->is_tuple)
    return "tuple";
  return names[value.data().index()];
}

bool is_true(const Value& value) {
  if (value.is<Undefined>() || value.is<None>()) return false;
  if (const auto* boolean = value.get_if<bool>()) return *boolean;
  if (const auto* integer = value.get_if<i64>()) return *integer != 0;
  if (value.is_number()) return value.real() != 0.0;
  if (value.is_text()) return !value.text().empty();
  if (const auto* list = value.get_if<List*>()) return !(*list)->items.empty();
  if (const auto* dict = value.get_if<Dict*>()) return (*dict)->size() > 0;
  return true;
}

bool equal(const Value& left, const Value& right) { return equal_at(left, right, 0); }

bool same(const Value& left, const Value& right) {
  if (left.data().index() != right.data().index()) return false;
  if (left.is<Undefined>() || left.is<None>()) return true;
  if (left.is_number() || left.is_text()) return equal(left, right);
  return std::visit(
      [&](const auto& pointer) -> bool {
        using Pointer = std::decay_t<decltype(pointer)>;
        if constexpr (std::is_pointer_v<Pointer> || std::is_same_v<Pointer, Function>) {
          return pointer == right.get<Pointer>();
        }
        return false;
      },
      left.data());
}

int compare(const Value& left, const Value& right) { return compare_at(left, right, 0); }

void sort_by_first(std::vector<Dict::Entry>& pairs, Order order) {
  // A merge sort from below; std::stable_sort leans on what the standard has deprecated.
  const auto before = [&](const Dict::Entry& a, const Dict::Entry& b) {
    return order == Order::ascending ? compare(a.first, b.first) < 0
                                     : compare(b.first, a.first) < 0;
  };
  const i64 count = ssize_of(pairs);
  std::vector<Dict::Entry> merged(pairs.size());
  for (i64 width = 1; width < count; width *= 2) {
    for (i64 start = 0; start < count; start += 2 * width) {
      const auto first = pairs.begin() + start;
      const auto middle = pairs.begin() + std::min(start + width, count);
      const auto end = pairs.begin() + std::min(start + 2 * width, count);
      std::merge(first, middle, middle, end, merged.begin() + start, before);
    }
    pairs.swap(merged);
  }
}

std::vector<Value> items_of(Heap& heap, const Value& value) {
  if (value.is<Undefined>()) return {};
  if (const auto* list = value.get_if<List*>()) {
    heap.charge_bytes(ssize_of((*list)->items) * static_cast<i64>(sizeof(Value)));
    return (*list)->items;
  }
  std::vector<Value> items;
  if (const auto* dict = value.get_if<Dict*>()) {
    for (const auto& entry : (*dict)->entries()) items.push_back(entry.first);
    return items;
  }
  if (value.is_text()) {
    for (std::string_view character : characters(value.text())) {
      items.push_back(heap.text(std::string(character)));
    }
    return items;
  }
  fail_type("a value that cannot be iterated", value);
}

std::optional<i64> length_of(const Value& value) {
  if (value.is<Undefined>()) return 0;
  if (value.is_text()) return count_characters(value.text());
  if (const auto* list = value.get_if<List*>()) return ssize_of((*list)->items);
  if (const auto* dict = value.get_if<Dict*>()) return (*dict)->size();
  return std::nullopt;
}

}  // namespace medlar::text::jinja
