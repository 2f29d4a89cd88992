#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/jinja_builtins.h"

/// Methods of lists, dicts and loops; those of texts are in jinja_text_methods.cpp.
namespace medlar::text::jinja {
namespace {

constexpr std::array<std::string_view, 11> list_methods = {"append", "extend",  "insert", "pop",
                                                           "remove", "index",   "count",  "clear",
                                                           "copy",   "reverse", "sort"};
constexpr std::array<std::string_view, 2> tuple_methods = {"index", "count"};
constexpr std::array<std::string_view, 9> dict_methods = {
    "keys", "values", "items", "get", "update", "pop", "setdefault", "popitem", "copy"};
constexpr std::array<std::string_view, 2> loop_methods = {"cycle", "changed"};

template <std::size_t count>
bool is_among(const std::array<std::string_view, count>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The place of an item; -1 if there is none.
i64 place_of(const std::vector<Value>& items, const Value& item) {
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const Value& other) { return equal(other, item); });
  return found == items.end() ? -1 : found - items.begin();
}

Value pop_item(std::vector<Value>& items, i64 index) {
  if (index < 0) index += ssize_of(items);
  if (index < 0 || index >= ssize_of(items))
    fail(ErrorCode::invalid_argument, "chat template: pop from outside a list");
  const Value value = items[static_cast<std::size_t>(index)];
  items.erase(items.begin() + index);
  return value;
}

Value call_list(Environment& environment, List& list, std::string_view name,
                const Arguments& given) {
  std::vector<Value>& items = list.items;
  constexpr i64 value_bytes = static_cast<i64>(sizeof(Value));
  if (name == "pop") return pop_item(items, Bound(name, given, {"index"}).integer(0, -1));
  if (name == "clear") return items.clear(), Value(None{});
  if (name == "copy") return environment.heap.list(items);
  environment.heap.charge_text(ssize_of(items));
  if (name == "reverse") return std::reverse(items.begin(), items.end()), Value(None{});
  if (name == "insert") {
    const Bound bound(name, given, {"index", "value"});
    const i64 size = ssize_of(items);
    i64 index = bound.integer(0, 0);
    if (index < 0) index = std::max<i64>(0, index + size);
    environment.heap.charge_bytes(value_bytes);
    items.insert(items.begin() + std::min(index, size), bound.need(1));
    return Value(None{});
  }
  if (name == "sort") {
    const Value sorted = apply_filter(environment, "sort", Value(&list),
                                      {.positional = {Value(false), Value(true)}, .named = {}});
    items = sorted.get<List*>()->items;
    return Value(None{});
  }
  const Bound bound(name, given, {"value"});
  const Value& value = bound.need(0);
  if (name == "append") {
    environment.heap.charge_bytes(value_bytes);
    items.push_back(value);
    return Value(None{});
  }
  if (name == "extend") {
    const std::vector<Value> more = items_of(environment.heap, value);
    environment.heap.charge_bytes(ssize_of(more) * value_bytes);
    items.insert(items.end(), more.begin(), more.end());
    return Value(None{});
  }
  if (name == "count") {
    return Value(static_cast<i64>(std::count_if(
        items.begin(), items.end(), [&](const Value& other) { return equal(other, value); })));
  }
  const i64 place = place_of(items, value);
  if (place < 0)
    fail(ErrorCode::invalid_argument, "chat template: {} of what is not in the list", name);
  if (name == "index") return Value(place);
  items.erase(items.begin() + place);  // remove
  return Value(None{});
}

Value call_dict(Environment& environment, Dict& dict, std::string_view name,
                const Arguments& given) {
  Heap& heap = environment.heap;
  if (name == "get" || name == "setdefault" || name == "pop") {
    const Bound bound(name, given, {"key", "default"});
    const Value& key = bound.need(0);
    const Value* found = dict.find(key);
    const Value fallback = bound.get(1) == nullptr ? Value(None{}) : *bound.get(1);
    if (name == "get") return found == nullptr ? fallback : *found;
    if (name == "pop") {
      if (found == nullptr && bound.get(1) == nullptr) {
        fail(ErrorCode::invalid_argument, "chat template: pop of a key that is not there");
      }
      heap.charge_text(dict.size());
      return dict.take(key).value_or(fallback);
    }
    if (found != nullptr) return *found;
    heap.charge_bytes(static_cast<i64>(sizeof(Dict::Entry)));
    dict.set(key, fallback);
    return fallback;
  }
  if (name == "update") {
    const Value added = call_function(environment, Function::dict, given);
    const Dict& other = *added.get<Dict*>();
    heap.charge_bytes(other.size() * static_cast<i64>(sizeof(Dict::Entry)));
    for (const auto& [key, value] : other.entries()) dict.set(key, value);
    return Value(None{});
  }
  const Bound bound(name, given, {});
  if (name == "popitem") {
    if (dict.size() == 0)
      fail(ErrorCode::invalid_argument, "chat template: popitem of an empty dict");
    const Dict::Entry last = dict.entries().back();
    dict.take(last.first);
    return heap.tuple({last.first, last.second});
  }
  if (name == "copy") {
    Arguments self;
    self.positional.emplace_back(&dict);
    return call_function(environment, Function::dict, self);
  }
  std::vector<Value> items;
  items.reserve(dict.entries().size());
  for (const auto& [key, value] : dict.entries()) {
    items.push_back(name == "keys" ? key : name == "values" ? value : heap.tuple({key, value}));
  }
  return heap.list(std::move(items));
}

Value call_loop(Loop& loop, std::string_view name, const Arguments& given) {
  if (name == "cycle") {
    if (given.positional.empty())
      fail(ErrorCode::invalid_argument, "chat template: cycle needs values");
    return given.positional[static_cast<std::size_t>(loop.index % ssize_of(given.positional))];
  }
  const bool is_same = std::equal(loop.changed.begin(), loop.changed.end(),
                                  given.positional.begin(), given.positional.end(), equal);
  loop.changed = given.positional;
  return Value(!is_same);
}

}  // namespace

bool has_method(const Value& object, std::string_view name) {
  if (object.is_text()) return has_text_method(name);
  if (object.is<Dict*>()) return is_among(dict_methods, name);
  if (object.is<Loop*>()) return is_among(loop_methods, name);
  if (const auto* list = object.get_if<List*>()) {
    return (*list)->is_tuple ? is_among(tuple_methods, name) : is_among(list_methods, name);
  }
  return false;
}

Value call_method(Environment& environment, const Value& object, std::string_view name,
                  const Arguments& given) {
  if (object.is_text()) return call_text_method(environment, object.text(), name, given);
  if (const auto* list = object.get_if<List*>()) return call_list(environment, **list, name, given);
  if (const auto* dict = object.get_if<Dict*>()) return call_dict(environment, **dict, name, given);
  if (const auto* loop = object.get_if<Loop*>()) return call_loop(**loop, name, given);
  fail_type("no methods for a value of type", object);
}

}  // namespace medlar::text::jinja
