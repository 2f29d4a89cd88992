#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/jinja_builtins.h"
#include "text/jinja_operators.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

/// What may follow `is`.
namespace medlar::text::jinja {
namespace {

using Test = bool (*)(Environment&, const Value&, const Arguments&);
using TestEntry = std::pair<std::string_view, Test>;

template <typename... Types>
bool holds(Environment&, const Value& value, const Arguments&) {
  return (value.is<Types>() || ...);
}

bool is_defined(Environment&, const Value& value, const Arguments&) {
  return !value.is<Undefined>();
}
bool is_true_constant(Environment&, const Value& value, const Arguments&) {
  return value.is<bool>() && value.get<bool>();
}
bool is_false_constant(Environment&, const Value& value, const Arguments&) {
  return value.is<bool>() && !value.get<bool>();
}

/// Whatever has a length and subscripts: a text and a dict too, and an undefined value.
bool is_sequence(Environment&, const Value& value, const Arguments&) {
  return value.is<Undefined>() || value.is_text() || value.is<List*>() || value.is<Dict*>();
}

i64 integer_of(const Value& value) {
  if (!value.is_integer()) fail_type("a test of integers for", value);
  return value.integer();
}
bool is_even(Environment&, const Value& value, const Arguments&) {
  return integer_of(value) % 2 == 0;
}
bool is_odd(Environment&, const Value& value, const Arguments&) {
  return integer_of(value) % 2 != 0;
}

bool is_divisible(Environment&, const Value& value, const Arguments& given) {
  const i64 by = integer_of(Bound("divisibleby", given, {"num"}).need(0));
  if (by == 0) fail(ErrorCode::invalid_argument, "chat template: division by zero");
  return by == -1 || integer_of(value) % by == 0;
}

template <Comparison op>
bool compares(Environment& environment, const Value& value, const Arguments& given) {
  return apply_comparison(environment, op, value, Bound("a comparison", given, {"other"}).need(0));
}

bool is_same(Environment&, const Value& value, const Arguments& given) {
  return same(value, Bound("sameas", given, {"other"}).need(0));
}

template <Case how>
bool is_of_case(Environment& environment, const Value& value, const Arguments&) {
  const std::string text = to_text(value);
  environment.heap.charge_text(ssize_of(text));
  return change_case(text, how) == text &&
         change_case(text, how == Case::upper ? Case::lower : Case::upper) != text;
}

bool is_filter(Environment&, const Value& value, const Arguments&) {
  const std::string name = to_text(value);
  const auto has = [&](std::span<const FilterEntry> filters) {
    return std::any_of(filters.begin(), filters.end(),
                       [&](const auto& entry) { return entry.first == name; });
  };
  return has(text_filters()) || has(sequence_filters());
}

bool never(Environment&, const Value&, const Arguments&) { return false; }

constexpr std::array<TestEntry, 39> tests = {{
    {"defined", is_defined},
    {"undefined", holds<Undefined>},
    {"none", holds<None>},
    {"None", holds<None>},
    {"true", is_true_constant},
    {"false", is_false_constant},
    {"boolean", holds<bool>},
    {"integer", holds<i64, u64>},
    {"float", holds<double>},
    {"number", holds<bool, i64, u64, double>},
    {"string", holds<const std::string*>},
    {"mapping", holds<Dict*>},
    {"sequence", is_sequence},
    {"iterable", is_sequence},
    {"callable", holds<Macro*, Method*, Function, Loop*>},
    {"even", is_even},
    {"odd", is_odd},
    {"divisibleby", is_divisible},
    {"upper", is_of_case<Case::upper>},
    {"lower", is_of_case<Case::lower>},
    {"sameas", is_same},
    {"in", compares<Comparison::in>},
    {"eq", compares<Comparison::equal>},
    {"equalto", compares<Comparison::equal>},
    {"==", compares<Comparison::equal>},
    {"ne", compares<Comparison::not_equal>},
    {"!=", compares<Comparison::not_equal>},
    {"lt", compares<Comparison::less>},
    {"lessthan", compares<Comparison::less>},
    {"<", compares<Comparison::less>},
    {"le", compares<Comparison::less_equal>},
    {"<=", compares<Comparison::less_equal>},
    {"gt", compares<Comparison::greater>},
    {"greaterthan", compares<Comparison::greater>},
    {">", compares<Comparison::greater>},
    {"ge", compares<Comparison::greater_equal>},
    {">=", compares<Comparison::greater_equal>},
    {"filter", is_filter},
    {"escaped", never},
}};

}  // namespace

bool apply_test(Environment& environment, std::string_view name, const Value& input,
                const Arguments& given) {
  for (const auto& [known, test] : tests) {
    if (known == name) return test(environment, input, given);
  }
  fail(ErrorCode::unsupported, "chat template: no test '{}' here", name);
}

}  // namespace medlar::text::jinja
