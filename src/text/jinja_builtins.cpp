#include "text/jinja_builtins.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/jinja_format.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

namespace medlar::text::jinja {

void fail_undefined(const Value& value) {
  const auto* undefined = value.get_if<Undefined>();
  if (undefined != nullptr && undefined->name != nullptr) {
    fail(ErrorCode::invalid_argument, "chat template: '{}' is undefined", *undefined->name);
  }
  fail(ErrorCode::invalid_argument, "chat template: a value is undefined");
}

void fail_type(std::string_view what, const Value& value) {
  if (value.is<Undefined>()) fail_undefined(value);
  fail(ErrorCode::invalid_argument, "chat template: {} '{}'", what, type_name(value));
}

Bound::Bound(std::string_view function, const Arguments& given,
             std::initializer_list<std::string_view> names)
    : function_(function), names_(names), values_(names.size(), nullptr) {
  if (given.positional.size() > names.size()) {
    fail(ErrorCode::invalid_argument, "chat template: {} takes at most {} arguments", function,
         names.size());
  }
  for (std::size_t i = 0; i < given.positional.size(); ++i) values_[i] = &given.positional[i];
  for (const auto& [name, value] : given.named) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      fail(ErrorCode::invalid_argument, "chat template: {} has no argument '{}'", function, name);
    }
    values_[static_cast<std::size_t>(found - names_.begin())] = &value;
  }
}

void Bound::fail_type(i64 index, std::string_view wanted) const {
  const std::string_view name = names_[static_cast<std::size_t>(index)];
  const Value* value = get(index);
  fail(ErrorCode::invalid_argument, "chat template: argument '{}' of {} must be {}, not '{}'", name,
       function_, wanted, value == nullptr ? "absent" : type_name(*value));
}

const Value& Bound::need(i64 index) const {
  if (get(index) == nullptr) fail_type(index, "given");
  return *get(index);
}

bool Bound::truth(i64 index, bool fallback) const {
  const Value* value = get(index);
  return value == nullptr ? fallback : is_true(*value);
}

i64 Bound::integer(i64 index, i64 fallback) const {
  const Value* value = get(index);
  if (value == nullptr || value->is<None>()) return fallback;
  if (!value->is_integer()) fail_type(index, "an integer");
  return value->integer();
}

std::string_view Bound::text(i64 index, std::string_view fallback) const {
  const Value* value = get(index);
  if (value == nullptr) return fallback;
  if (!value->is_text()) fail_type(index, "a text");
  return value->text();
}

std::optional<std::string_view> Bound::optional_text(i64 index) const {
  const Value* value = get(index);
  if (value == nullptr || value->is<None>()) return std::nullopt;
  return text(index, "");
}

std::span<const std::pair<std::string, Function>> functions() {
  static const std::array<std::pair<std::string, Function>, 5> all = {{
      {"range", Function::range},
      {"dict", Function::dict},
      {"namespace", Function::make_namespace},
      {"raise_exception", Function::raise_exception},
      {"strftime_now", Function::strftime_now},
  }};
  return all;
}

namespace {

Value make_range(Environment& environment, const Arguments& given) {
  const Bound bound("range", given, {"start", "stop", "step"});
  const auto integer = [&](i64 index) {
    if (!bound.need(index).is_integer()) fail_type("range needs integers, not", bound.need(index));
    return bound.need(index).integer();
  };
  const bool only_stop = bound.get(1) == nullptr;
  const i64 start = only_stop ? 0 : integer(0);
  const i64 stop = only_stop ? integer(0) : integer(1);
  const i64 step = bound.get(2) == nullptr ? 1 : integer(2);
  if (step == 0) fail(ErrorCode::invalid_argument, "chat template: a range with a step of 0");
  std::vector<Value> numbers;
  for (i64 i = start; step > 0 ? i < stop : i > stop;) {
    if (ssize_of(numbers) >= max_range) {
      fail(ErrorCode::limit_exceeded, "chat template: a range of more than {} numbers", max_range);
    }
    numbers.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return environment.heap.list(std::move(numbers));
}

/// Fills a dict from what dict() and namespace() take: a dict or pairs, then names.
void fill(Environment& environment, Dict& dict, const Arguments& given) {
  if (given.positional.size() > 1)
    fail(ErrorCode::invalid_argument, "chat template: dict takes one argument");
  if (!given.positional.empty()) {
    const Value& source = given.positional.front();
    if (const auto* other = source.get_if<Dict*>()) {
      for (const auto& [key, value] : (*other)->entries()) dict.set(key, value);
    } else {
      for (const Value& pair : items_of(environment.heap, source)) {
        const auto entry = items_of(environment.heap, pair);
        if (entry.size() != 2) fail(ErrorCode::invalid_argument, "chat template: dict needs pairs");
        dict.set(entry[0], entry[1]);
      }
    }
  }
  environment.heap.charge_bytes((dict.size() + ssize_of(given.named)) *
                                static_cast<i64>(sizeof(Dict::Entry)));
  for (const auto& [name, value] : given.named) dict.set(environment.heap.text(name), value);
}

std::optional<Value> loop_attribute(Environment& environment, const Loop& loop,
                                    std::string_view name) {
  const i64 count = ssize_of(loop.items->items);
  const auto item = [&](i64 index) {
    return index >= 0 && index < count ? loop.items->items[static_cast<std::size_t>(index)]
                                       : Value();
  };
  if (name == "index") return Value(loop.index + 1);
  if (name == "index0") return Value(loop.index);
  if (name == "revindex") return Value(count - loop.index);
  if (name == "revindex0") return Value(count - loop.index - 1);
  if (name == "first") return Value(loop.index == 0);
  if (name == "last") return Value(loop.index == count - 1);
  if (name == "length") return Value(count);
  if (name == "depth") return Value(loop.depth + 1);
  if (name == "depth0") return Value(loop.depth);
  if (name == "previtem") return item(loop.index - 1);
  if (name == "nextitem") return item(loop.index + 1);
  static_cast<void>(environment);
  return std::nullopt;
}

}  // namespace

Value call_function(Environment& environment, Function function, const Arguments& given) {
  switch (function) {
    case Function::range:
      return make_range(environment, given);
    case Function::dict: {
      Dict* dict = environment.heap.dict();
      fill(environment, *dict, given);
      return Value(dict);
    }
    case Function::make_namespace: {
      Namespace* made = environment.heap.name_space();
      fill(environment, made->attributes, given);
      return Value(made);
    }
    case Function::raise_exception: {
      const Bound bound("raise_exception", given, {"message"});
      const std::string message = to_text(bound.need(0));
      environment.was_raised = true;
      throw Error(ErrorCode::invalid_argument, message);
    }
    case Function::strftime_now: {
      const Bound bound("strftime_now", given, {"format"});
      return environment.heap.text(
          format_time(bound.text(0, "%c"), environment.now.value_or(local_now())));
    }
  }
  return Value();
}

Value get_attribute(Environment& environment, const Value& object, const std::string& name) {
  if (object.is<Undefined>()) fail_undefined(object);
  if (name.starts_with("__")) return Value(Undefined{&name});
  if (has_method(object, name)) return Value(environment.heap.method(object, name));
  const Value* found = nullptr;
  if (const auto* dict = object.get_if<Dict*>()) found = (*dict)->find(name);
  if (const auto* names = object.get_if<Namespace*>()) found = (*names)->attributes.find(name);
  if (found != nullptr) return *found;
  if (const auto* loop = object.get_if<Loop*>()) {
    if (const auto value = loop_attribute(environment, **loop, name)) return *value;
  }
  return Value(Undefined{&name});
}

Value get_item(Environment& environment, const Value& object, const Value& key) {
  if (object.is<Undefined>()) fail_undefined(object);
  if (const auto* dict = object.get_if<Dict*>()) {
    const bool is_key = key.is_text() || key.is_number() || key.is<None>() ||
                        (key.is<List*>() && key.get<List*>()->is_tuple);
    if (const Value* found = is_key ? (*dict)->find(key) : nullptr) return *found;
  } else if (key.is_integer()) {
    const auto size = length_of(object);
    const i64 index = key.integer() < 0 ? key.integer() + size.value_or(0) : key.integer();
    if (!size || index < 0 || index >= *size) return Value();
    if (const auto* list = object.get_if<List*>())
      return (*list)->items[static_cast<std::size_t>(index)];
    const std::string& text = object.text();
    environment.heap.charge_text(ssize_of(text));
    const i64 offset = byte_offset(text, index);
    return environment.heap.text(text.substr(
        static_cast<std::size_t>(offset), static_cast<std::size_t>(character_bytes(text, offset))));
  }
  if (!key.is_text()) return Value();
  if (object.is<Dict*>()) {
    if (has_method(object, key.text())) return Value(environment.heap.method(object, key.text()));
    return Value(Undefined{&key.text()});
  }
  return get_attribute(environment, object, key.text());
}

Value get_path(Environment& environment, const Value& object, const Value& path) {
  if (path.is_integer()) return get_item(environment, object, path);
  if (!path.is_text()) fail_type("the name of an attribute cannot be", path);
  Value value = object;
  for (std::string_view part : split(path.text(), ".", -1)) {
    const bool is_index = !part.empty() && part.size() < 10 &&
                          part.find_first_not_of("0123456789") == std::string_view::npos;
    value = is_index ? get_item(environment, value,
                                Value(static_cast<i64>(std::stoll(std::string(part)))))
                     : get_item(environment, value, environment.heap.text(std::string(part)));
  }
  return value;
}

}  // namespace medlar::text::jinja
