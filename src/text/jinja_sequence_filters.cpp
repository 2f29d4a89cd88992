#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "base/error.h"
#include "text/jinja_builtins.h"
#include "text/jinja_operators.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

/// Filters over the items of a value.
namespace medlar::text::jinja {
namespace {

/// The value that sort, min, unique, ... look at: an attribute perhaps, in lower case perhaps.
Value sort_key(Environment& environment, const Value& item, const Value* attribute,
               bool case_sensitive) {
  const bool has_attribute = attribute != nullptr && !attribute->is<None>();
  const Value key = has_attribute ? get_path(environment, item, *attribute) : item;
  if (case_sensitive || !key.is_text()) return key;
  return environment.heap.text(change_case(key.text(), Case::lower));
}

Value length(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("length", given, {});
  if (input.is_text()) environment.heap.charge_text(ssize_of(input.text()));
  const auto size = length_of(input);
  if (!size) fail_type("length of a value of type", input);
  return Value(*size);
}

Value join(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("join", given, {"d", "attribute"});
  const std::string separator = bound.get(0) == nullptr ? "" : to_text(*bound.get(0));
  std::string out;
  bool first = true;
  for (const Value& item : items_of(environment.heap, input)) {
    if (!first) out += separator;
    first = false;
    const Value* attribute = bound.get(1);
    const bool has_attribute = attribute != nullptr && !attribute->is<None>();
    const i64 before = ssize_of(out);
    out += to_text(has_attribute ? get_path(environment, item, *attribute) : item);
    check_text_size(environment, out, ssize_of(out) - before + ssize_of(separator));
  }
  return environment.heap.text(std::move(out));
}

Value list(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("list", given, {});
  return environment.heap.list(items_of(environment.heap, input));
}

Value first(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("first", given, {});
  const auto items = items_of(environment.heap, input);
  return items.empty() ? Value() : items.front();
}

Value last(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("last", given, {});
  const auto items = items_of(environment.heap, input);
  return items.empty() ? Value() : items.back();
}

Value fallback(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("default", given, {"default_value", "boolean"});
  const bool is_absent = input.is<Undefined>() || (bound.truth(1, false) && !is_true(input));
  if (!is_absent) return input;
  return bound.get(0) == nullptr ? environment.heap.text("") : *bound.get(0);
}

Value reverse(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("reverse", given, {});
  auto items = items_of(environment.heap, input);
  std::reverse(items.begin(), items.end());
  if (!input.is_text()) return environment.heap.list(std::move(items));
  std::string out;
  for (const Value& item : items) out += item.text();
  return environment.heap.text(std::move(out));
}

/// Sorts by keys that are computed once.
void sort_by(Environment& environment, std::vector<Value>& items,
             const std::function<Value(const Value&)>& key, Order order) {
  std::vector<Dict::Entry> keyed;
  keyed.reserve(items.size());
  for (const Value& item : items) keyed.emplace_back(key(item), item);
  const auto rounds = static_cast<i64>(std::bit_width(items.size()));
  environment.heap.charge_text(ssize_of(items) * rounds * text_bytes_per_step);
  sort_by_first(keyed, order);
  std::transform(keyed.begin(), keyed.end(), items.begin(),
                 [](const auto& pair) { return pair.second; });
}

Order order_of(const Bound& bound, i64 reverse) {
  return bound.truth(reverse, false) ? Order::descending : Order::ascending;
}

Value sort(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("sort", given, {"reverse", "case_sensitive", "attribute"});
  auto items = items_of(environment.heap, input);
  const bool case_sensitive = bound.truth(1, false);
  const Value* attribute = bound.get(2);
  sort_by(
      environment, items,
      [&](const Value& item) {
        const bool is_several = attribute != nullptr && attribute->is_text() &&
                                attribute->text().find(',') != std::string::npos;
        if (!is_several) return sort_key(environment, item, attribute, case_sensitive);
        std::vector<Value> keys;
        for (std::string_view one : split(attribute->text(), ",", -1)) {
          const Value path = environment.heap.text(std::string(strip(one, Side::both)));
          keys.push_back(sort_key(environment, item, &path, case_sensitive));
        }
        return environment.heap.tuple(std::move(keys));
      },
      order_of(bound, 0));
  return environment.heap.list(std::move(items));
}

Value sort_dict(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("dictsort", given, {"case_sensitive", "by", "reverse"});
  const auto* dict = input.get_if<Dict*>();
  if (dict == nullptr) fail_type("dictsort needs a dict, not", input);
  const std::string_view by = bound.text(1, "key");
  if (by != "key" && by != "value")
    fail(ErrorCode::invalid_argument, "chat template: dictsort by key or by value");
  const Value place(static_cast<i64>(by == "value"));
  std::vector<Value> items;
  for (const auto& [key, value] : (*dict)->entries())
    items.push_back(environment.heap.tuple({key, value}));
  sort_by(
      environment, items,
      [&](const Value& item) { return sort_key(environment, item, &place, bound.truth(0, false)); },
      order_of(bound, 2));
  return environment.heap.list(std::move(items));
}

Value items(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("items", given, {});
  if (input.is<Undefined>()) return environment.heap.list({});
  if (!input.is<Dict*>()) fail_type("items needs a dict, not", input);
  return call_method(environment, input, "items", {});
}

Value unique(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("unique", given, {"case_sensitive", "attribute"});
  Dict seen;
  std::vector<Value> kept;
  for (const Value& item : items_of(environment.heap, input)) {
    const Value key = sort_key(environment, item, bound.get(1), bound.truth(0, false));
    if (seen.find(key) != nullptr) continue;
    environment.heap.charge_bytes(static_cast<i64>(sizeof(Dict::Entry)));
    seen.set(key, item);
    kept.push_back(item);
  }
  return environment.heap.list(std::move(kept));
}

Value sum(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("sum", given, {"attribute", "start"});
  Value total = bound.get(1) == nullptr ? Value(i64{0}) : *bound.get(1);
  for (const Value& item : items_of(environment.heap, input)) {
    total = apply_binary(environment, Binary::add, total,
                         sort_key(environment, item, bound.get(0), true));
  }
  return total;
}

template <int wanted>
Value extreme(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("min or max", given, {"case_sensitive", "attribute"});
  const auto all = items_of(environment.heap, input);
  if (all.empty()) return Value();
  const auto key = [&](const Value& item) {
    return sort_key(environment, item, bound.get(1), bound.truth(0, false));
  };
  Value best = all.front();
  Value best_key = key(best);
  for (const Value& item : all) {
    const Value item_key = key(item);
    if (compare(item_key, best_key) == wanted) best = item, best_key = item_key;
  }
  return best;
}

Value batch(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("batch", given, {"linecount", "fill_with"});
  const i64 size = bound.integer(0, 0);
  if (size < 1 || size > max_range)
    fail(ErrorCode::invalid_argument, "chat template: batches of {}", size);
  std::vector<Value> rows;
  std::vector<Value> row;
  for (const Value& item : items_of(environment.heap, input)) {
    row.push_back(item);
    if (ssize_of(row) == size) rows.push_back(environment.heap.list(std::exchange(row, {})));
  }
  if (!row.empty()) {
    const Value* fill = bound.get(1);
    if (fill != nullptr && !fill->is<None>()) row.resize(static_cast<std::size_t>(size), *fill);
    rows.push_back(environment.heap.list(std::move(row)));
  }
  return environment.heap.list(std::move(rows));
}

Value slices(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("slice", given, {"slices", "fill_with"});
  const i64 count = bound.integer(0, 0);
  if (count < 1 || count > max_range)
    fail(ErrorCode::invalid_argument, "chat template: {} slices", count);
  const auto all = items_of(environment.heap, input);
  const i64 size = ssize_of(all) / count;
  const i64 longer = ssize_of(all) % count;
  std::vector<Value> rows;
  auto next = all.begin();
  for (i64 i = 0; i < count; ++i) {
    std::vector<Value> row(next, next + size + static_cast<i64>(i < longer));
    next += ssize_of(row);
    const Value* fill = bound.get(1);
    if (fill != nullptr && !fill->is<None>() && i >= longer) row.push_back(*fill);
    rows.push_back(environment.heap.list(std::move(row)));
  }
  return environment.heap.list(std::move(rows));
}

Value group_by(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("groupby", given, {"attribute", "default", "case_sensitive"});
  bound.need(0);
  auto all = items_of(environment.heap, input);
  const auto key = [&](const Value& item) {
    const Value found = sort_key(environment, item, bound.get(0), bound.truth(2, false));
    return found.is<Undefined>() && bound.get(1) != nullptr ? *bound.get(1) : found;
  };
  sort_by(environment, all, key, Order::ascending);
  std::vector<Value> groups;
  for (std::size_t i = 0; i < all.size();) {
    std::vector<Value> members;
    const Value grouper = key(all[i]);
    for (; i < all.size() && equal(key(all[i]), grouper); ++i) members.push_back(all[i]);
    const Value shown = get_path(environment, members.front(), *bound.get(0));
    groups.push_back(environment.heap.tuple(
        {shown.is<Undefined>() ? grouper : shown, environment.heap.list(std::move(members))}));
  }
  return environment.heap.list(std::move(groups));
}

/// The arguments after the first `count` positional ones.
Arguments rest_of(const Arguments& given, std::size_t count) {
  Arguments rest = given;
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() +
                            static_cast<std::ptrdiff_t>(std::min(count, rest.positional.size())));
  return rest;
}

const std::string& name_in(const Arguments& given, std::size_t index) {
  if (!given.positional.at(index).is_text())
    fail_type("the name of a filter or a test cannot be", given.positional[index]);
  return given.positional[index].text();
}

Value map(Environment& environment, const Value& input, const Arguments& given) {
  std::vector<Value> mapped;
  const auto all = items_of(environment.heap, input);
  if (given.positional.empty()) {
    const Bound bound("map", given, {"attribute", "default"});
    const Value& path = bound.need(0);
    for (const Value& item : all) {
      const Value value = get_path(environment, item, path);
      mapped.push_back(value.is<Undefined>() && bound.get(1) != nullptr ? *bound.get(1) : value);
    }
  } else {
    const Arguments rest = rest_of(given, 1);
    for (const Value& item : all) {
      environment.heap.step();
      mapped.push_back(apply_filter(environment, name_in(given, 0), item, rest));
    }
  }
  return environment.heap.list(std::move(mapped));
}

enum class Of { item, attribute };
enum class Keep { matches, others };

/// select, reject, selectattr and rejectattr.
template <Of of, Keep keep>
Value select(Environment& environment, const Value& input, const Arguments& given) {
  constexpr std::size_t test_place = of == Of::attribute ? 1 : 0;
  if (of == Of::attribute && given.positional.empty()) {
    fail(ErrorCode::invalid_argument, "chat template: selectattr needs the name of an attribute");
  }
  const bool has_test = given.positional.size() > test_place;
  const Arguments rest = rest_of(given, test_place + 1);
  std::vector<Value> kept;
  for (const Value& item : items_of(environment.heap, input)) {
    environment.heap.step();
    const Value subject =
        of == Of::attribute ? get_path(environment, item, given.positional.front()) : item;
    const bool matches = has_test
                             ? apply_test(environment, name_in(given, test_place), subject, rest)
                             : is_true(subject);
    if (matches == (keep == Keep::matches)) kept.push_back(item);
  }
  return environment.heap.list(std::move(kept));
}

Value attribute(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("attr", given, {"name"});
  if (!bound.need(0).is_text()) fail_type("the name of an attribute cannot be", bound.need(0));
  return get_attribute(environment, input, bound.need(0).text());
}

}  // namespace

std::span<const FilterEntry> sequence_filters() {
  static constexpr std::array<FilterEntry, 27> filters = {{
      {"length", length},
      {"count", length},
      {"join", join},
      {"list", list},
      {"first", first},
      {"last", last},
      {"default", fallback},
      {"d", fallback},
      {"reverse", reverse},
      {"sort", sort},
      {"dictsort", sort_dict},
      {"items", items},
      {"unique", unique},
      {"sum", sum},
      {"min", extreme<-1>},
      {"max", extreme<1>},
      {"batch", batch},
      {"slice", slices},
      {"groupby", group_by},
      {"map", map},
      {"select", select<Of::item, Keep::matches>},
      {"reject", select<Of::item, Keep::others>},
      {"selectattr", select<Of::attribute, Keep::matches>},
      {"rejectattr", select<Of::attribute, Keep::others>},
      {"attr", attribute},
      {"keys",
       [](Environment& environment, const Value& input, const Arguments& given) {
         return call_method(environment, input, "keys", given);
       }},
      {"values",
       [](Environment& environment, const Value& input, const Arguments& given) {
         return call_method(environment, input, "values", given);
       }},
  }};
  return filters;
}

Value apply_filter(Environment& environment, std::string_view name, const Value& input,
                   const Arguments& given) {
  if (input.is_text()) environment.heap.charge_text(ssize_of(input.text()));
  for (const auto& filters : {text_filters(), sequence_filters()}) {
    for (const auto& [known, function] : filters) {
      if (known == name) return function(environment, input, given);
    }
  }
  fail(ErrorCode::unsupported, "chat template: no filter '{}' here", name);
}

}  // namespace medlar::text::jinja
