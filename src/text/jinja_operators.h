#pragma once

#include "text/jinja_ast.h"
#include "text/jinja_builtins.h"

/// Python's operators. Integers that leave 63 bits throw limit_exceeded; other values that an
/// operator is not defined for throw invalid_argument.
namespace medlar::text::jinja {

/// Everything but `and` and `or`, whose right side is not always evaluated.
Value apply_binary(Environment& environment, Binary op, const Value& left, const Value& right);
Value apply_unary(Unary op, const Value& operand);
bool apply_comparison(Environment& environment, Comparison op, const Value& left,
                      const Value& right);

/// `item in container`.
bool contains(Environment& environment, const Value& container, const Value& item);

/// `object[start:stop:step]`; None or undefined bounds are absent.
Value slice(Environment& environment, const Value& object, const Value& start, const Value& stop,
            const Value& step);

}  // namespace medlar::text::jinja
