#include "text/jinja_operators.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "text/jinja_format.h"
#include "text/jinja_text.h"

namespace medlar::text::jinja {
namespace {

[[noreturn]] void fail_operands(std::string_view op, const Value& left, const Value& right) {
  if (left.is<Undefined>()) fail_undefined(left);
  if (right.is<Undefined>()) fail_undefined(right);
  fail(ErrorCode::invalid_argument, "chat template: '{}' is not defined between '{}' and '{}'", op,
       type_name(left), type_name(right));
}

[[noreturn]] void fail_overflow() {
  fail(ErrorCode::limit_exceeded, "chat template: an integer beyond 63 bits");
}

/// Python rounds the quotient down, C++ towards zero.
i64 floor_quotient(i64 left, i64 right) {
  const i64 quotient = left / right;
  return quotient - static_cast<i64>(left % right != 0 && (left < 0) != (right < 0));
}

double floor_remainder(double left, double right) {
  const double rest = std::fmod(left, right);
  return rest != 0.0 && (rest < 0.0) != (right < 0.0) ? rest + right : rest;
}

Value integer_power(i64 base, i64 exponent) {
  i64 result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) fail_overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) fail_overflow();
  }
  return Value(result);
}

Value integer_arithmetic(Binary op, i64 left, i64 right) {
  const bool divides =
      op == Binary::divide || op == Binary::floor_divide || op == Binary::remainder;
  if (divides && right == 0) fail(ErrorCode::invalid_argument, "chat template: division by zero");
  i64 result = 0;
  bool overflows = false;
  switch (op) {
    case Binary::add:
      overflows = __builtin_add_overflow(left, right, &result);
      break;
    case Binary::subtract:
      overflows = __builtin_sub_overflow(left, right, &result);
      break;
    case Binary::multiply:
      overflows = __builtin_mul_overflow(left, right, &result);
      break;
    case Binary::divide:
      return Value(static_cast<double>(left) / static_cast<double>(right));
    case Binary::floor_divide:
      if (right != -1) return Value(floor_quotient(left, right));
      overflows = __builtin_sub_overflow(i64{0}, left, &result);
      break;
    case Binary::remainder:
      return Value(right == -1 ? i64{0} : left - right * floor_quotient(left, right));
    default:
      if (right < 0 && left == 0)
        fail(ErrorCode::invalid_argument, "chat template: division by zero");
      if (right < 0) return Value(std::pow(static_cast<double>(left), static_cast<double>(right)));
      return integer_power(left, right);
  }
  if (overflows) fail_overflow();
  return Value(result);
}

Value real_arithmetic(Binary op, double left, double right) {
  const bool divides =
      op == Binary::divide || op == Binary::floor_divide || op == Binary::remainder;
  if (divides && right == 0.0) fail(ErrorCode::invalid_argument, "chat template: division by zero");
  switch (op) {
    case Binary::add:
      return Value(left + right);
    case Binary::subtract:
      return Value(left - right);
    case Binary::multiply:
      return Value(left * right);
    case Binary::divide:
      return Value(left / right);
    case Binary::floor_divide:
      return Value(std::floor(left / right));
    case Binary::remainder:
      return Value(floor_remainder(left, right));
    default:
      return Value(std::pow(left, right));
  }
}

Value repeat(Environment& environment, const Value& value, i64 times) {
  times = std::max<i64>(times, 0);
  const i64 bytes = value.is_text()
                        ? ssize_of(value.text())
                        : ssize_of(value.get<List*>()->items) * static_cast<i64>(sizeof(Value));
  i64 total = 0;
  if (__builtin_mul_overflow(bytes, times, &total) || total > max_text_bytes) {
    fail(ErrorCode::limit_exceeded, "chat template: '*' makes more than {} bytes", max_text_bytes);
  }
  if (value.is_text()) {
    std::string out;
    out.reserve(static_cast<std::size_t>(total));
    for (i64 i = 0; i < times && bytes > 0; ++i) out += value.text();
    return environment.heap.text(std::move(out));
  }
  const List& list = *value.get<List*>();
  std::vector<Value> items;
  for (i64 i = 0; i < times && bytes > 0; ++i)
    items.insert(items.end(), list.items.begin(), list.items.end());
  return list.is_tuple ? environment.heap.tuple(std::move(items))
                       : environment.heap.list(std::move(items));
}

Value join_lists(Environment& environment, const List& left, const List& right) {
  std::vector<Value> items = left.items;
  items.insert(items.end(), right.items.begin(), right.items.end());
  return left.is_tuple ? environment.heap.tuple(std::move(items))
                       : environment.heap.list(std::move(items));
}

std::string_view symbol(Binary op) {
  switch (op) {
    case Binary::add:
      return "+";
    case Binary::subtract:
      return "-";
    case Binary::multiply:
      return "*";
    case Binary::divide:
      return "/";
    case Binary::floor_divide:
      return "//";
    case Binary::remainder:
      return "%";
    default:
      return "**";
  }
}

}  // namespace

Value apply_binary(Environment& environment, Binary op, const Value& left, const Value& right) {
  if (left.is_integer() && right.is_integer())
    return integer_arithmetic(op, left.integer(), right.integer());
  if (left.is_number() && right.is_number() && !left.is<double>() && !right.is<double>())
    fail_overflow();
  if (left.is_number() && right.is_number()) return real_arithmetic(op, left.real(), right.real());
  if (op == Binary::add && left.is_text() && right.is_text()) {
    return environment.heap.text(left.text() + right.text());
  }
  const auto* left_list = left.get_if<List*>();
  const auto* right_list = right.get_if<List*>();
  if (op == Binary::add && left_list != nullptr && right_list != nullptr &&
      (*left_list)->is_tuple == (*right_list)->is_tuple) {
    return join_lists(environment, **left_list, **right_list);
  }
  if (op == Binary::multiply && (left.is_text() || left_list != nullptr) && right.is_integer()) {
    return repeat(environment, left, right.integer());
  }
  if (op == Binary::multiply && (right.is_text() || right_list != nullptr) && left.is_integer()) {
    return repeat(environment, right, left.integer());
  }
  if (op == Binary::remainder && left.is_text()) {
    return environment.heap.text(format_percent(left.text(), right));
  }
  fail_operands(symbol(op), left, right);
}

Value apply_unary(Unary op, const Value& operand) {
  if (op == Unary::logical_not) return Value(!is_true(operand));
  if (operand.is_integer()) {
    i64 result = operand.integer();
    if (op == Unary::negate && __builtin_sub_overflow(i64{0}, result, &result)) fail_overflow();
    return Value(result);
  }
  if (operand.is<u64>()) fail_overflow();
  if (const auto* real = operand.get_if<double>())
    return Value(op == Unary::negate ? -*real : *real);
  fail_type("a sign before a value of type", operand);
}

bool apply_comparison(Environment& environment, Comparison op, const Value& left,
                      const Value& right) {
  const auto size = [](const Value& value) { return value.is_text() ? ssize_of(value.text()) : 0; };
  environment.heap.charge_text(std::min(size(left), size(right)));
  const bool is_order = op == Comparison::less || op == Comparison::less_equal ||
                        op == Comparison::greater || op == Comparison::greater_equal;
  if (is_order && (left.is<Undefined>() || right.is<Undefined>())) fail_operands("<", left, right);
  const bool is_nan = is_order && left.is_number() && right.is_number() &&
                      (std::isnan(left.real()) || std::isnan(right.real()));
  if (is_nan) return false;
  switch (op) {
    case Comparison::equal:
      return equal(left, right);
    case Comparison::not_equal:
      return !equal(left, right);
    case Comparison::less:
      return compare(left, right) < 0;
    case Comparison::less_equal:
      return compare(left, right) <= 0;
    case Comparison::greater:
      return compare(left, right) > 0;
    case Comparison::greater_equal:
      return compare(left, right) >= 0;
    case Comparison::in:
      return contains(environment, right, left);
    case Comparison::not_in:
      return !contains(environment, right, left);
  }
  return false;
}

bool contains(Environment& environment, const Value& container, const Value& item) {
  if (container.is<Undefined>()) return false;
  if (container.is_text()) {
    if (!item.is_text()) fail_operands("in", item, container);
    environment.heap.charge_text(ssize_of(container.text()));
    return find_text(container.text(), item.text()) >= 0;
  }
  if (const auto* dict = container.get_if<Dict*>()) return (*dict)->find(item) != nullptr;
  if (const auto* list = container.get_if<List*>()) {
    environment.heap.charge_text(ssize_of((*list)->items) * text_bytes_per_step / 4);
    return std::any_of((*list)->items.begin(), (*list)->items.end(),
                       [&](const Value& other) { return same(item, other) || equal(item, other); });
  }
  fail_type("'in' a value of type", container);
}

namespace {

/// Where a slice begins and ends, by Python's rules: for (i = start; step > 0 ? i < stop : i >
/// stop; ...).
struct SliceRange {
  i64 start, stop, step;
};

SliceRange slice_range(i64 size, const Value& start, const Value& stop, const Value& step) {
  const auto bound = [&](const Value& value, i64 fallback, i64 low, i64 high) {
    if (value.is<None>() || value.is<Undefined>()) return fallback;
    if (!value.is_integer()) fail_type("a slice needs integers, not a value of type", value);
    i64 index = value.integer();
    if (index < 0) index = index < -size ? low : index + size;
    return std::clamp(index, low, high);
  };
  const bool has_step = !step.is<None>() && !step.is<Undefined>();
  if (has_step && !step.is_integer())
    fail_type("a slice needs integers, not a value of type", step);
  // A step beyond the size takes one item, as the size itself does.
  const i64 by = has_step ? std::clamp(step.integer(), -size - 1, size + 1) : 1;
  if (by == 0) fail(ErrorCode::invalid_argument, "chat template: a slice with a step of 0");
  if (by > 0) return {bound(start, 0, 0, size), bound(stop, size, 0, size), by};
  return {bound(start, size - 1, -1, size - 1), bound(stop, -1, -1, size - 1), by};
}

}  // namespace

Value slice(Environment& environment, const Value& object, const Value& start, const Value& stop,
            const Value& step) {
  if (object.is_text()) {
    const std::string& text = object.text();
    environment.heap.charge_text(ssize_of(text));
    const i64 size = count_characters(text);
    const SliceRange range = slice_range(size, start, stop, step);
    if (range.step == 1) {
      const i64 begin = byte_offset(text, range.start);
      const i64 end = std::max(begin, byte_offset(text, range.stop));
      return environment.heap.text(
          text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
    }
    const auto all = characters(text);
    std::string out;
    for (i64 i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step) {
      out += all[static_cast<std::size_t>(i)];
    }
    return environment.heap.text(std::move(out));
  }
  if (const auto* list = object.get_if<List*>()) {
    const auto& all = (*list)->items;
    const SliceRange range = slice_range(ssize_of(all), start, stop, step);
    std::vector<Value> items;
    for (i64 i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step) {
      items.push_back(all[static_cast<std::size_t>(i)]);
    }
    return (*list)->is_tuple ? environment.heap.tuple(std::move(items))
                             : environment.heap.list(std::move(items));
  }
  if (object.is<Undefined>()) fail_undefined(object);
  return Value(Undefined{});
}

}  // namespace medlar::text::jinja
