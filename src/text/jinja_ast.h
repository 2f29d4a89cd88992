#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "text/jinja_value.h"

/// The syntax tree of a template: immutable once parsed, so any number of renderings may share it.
namespace medlar::text::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Body = std::vector<Statement>;

/// Arguments as written: f(a, key=b, *rest, **more).
struct ArgumentNodes {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr rest;
  ExpressionPtr named_rest;
};

enum class Unary { negate, plus, logical_not };
enum class Binary {
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  remainder,
  power,
  logical_and,
  logical_or
};
enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

struct TextNode {
  std::string text;
};
struct ConstantNode {
  Value value;  // None, a bool or a number
};
struct NameNode {
  std::string name;
};
struct ListNode {
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
};
struct DictNode {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
struct AttributeNode {
  ExpressionPtr object;
  std::string name;
};
struct SubscriptNode {
  ExpressionPtr object;
  ExpressionPtr key;
};
struct SliceNode {
  ExpressionPtr object;
  ExpressionPtr start, stop, step;  // null = absent
};
struct CallNode {
  ExpressionPtr callee;
  ArgumentNodes arguments;
};
struct FilterNode {
  ExpressionPtr input;  // null in a filter block: its text
  std::string name;
  ArgumentNodes arguments;
};
struct TestNode {
  ExpressionPtr input;
  std::string name;
  ArgumentNodes arguments;
  bool negated = false;
};
struct UnaryNode {
  Unary op;
  ExpressionPtr operand;
};
struct BinaryNode {
  Binary op;
  ExpressionPtr left, right;
};
struct ComparisonNode {
  ExpressionPtr first;
  std::vector<std::pair<Comparison, ExpressionPtr>> rest;
};
struct ConcatenationNode {
  std::vector<ExpressionPtr> parts;
};
struct ConditionalNode {
  ExpressionPtr condition, then, otherwise;  // otherwise may be null
};

struct Expression {
  std::variant<TextNode, ConstantNode, NameNode, ListNode, DictNode, AttributeNode, SubscriptNode,
               SliceNode, CallNode, FilterNode, TestNode, UnaryNode, BinaryNode, ComparisonNode,
               ConcatenationNode, ConditionalNode>
      node;
  i64 line = 0;
  i64 height = 1;  // of the tree below, at most max_nesting
};

/// What `set` and `for` assign to: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  std::string name;
  std::string attribute;      // not empty: name.attribute
  std::vector<Target> items;  // not empty: a tuple
};

struct DataNode {
  std::string text;
};
struct OutputNode {
  ExpressionPtr value;
};
struct IfNode {
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  Body otherwise;
};
struct ForNode {
  Target target;
  ExpressionPtr items;
  ExpressionPtr condition;  // null = all
  bool is_recursive = false;
  Body body;
  Body otherwise;
};
enum class Jump { leave, next };
struct JumpNode {
  Jump kind;
};
struct SetNode {
  Target target;
  ExpressionPtr value;
};
struct SetBlockNode {
  Target target;
  ExpressionPtr filter;  // null = none; its innermost input is the text
  Body body;
};
struct FilterBlockNode {
  ExpressionPtr filter;
  Body body;
};
struct WithNode {
  std::vector<std::pair<Target, ExpressionPtr>> variables;
  Body body;
};
struct MacroParameter {
  std::string name;
  ExpressionPtr fallback;  // null = required
};
struct MacroNode {
  std::string name;
  std::vector<MacroParameter> parameters;
  Body body;
  bool takes_varargs = false;  // the body names varargs, kwargs, caller
  bool takes_kwargs = false;
  bool takes_caller = false;
};
struct CallBlockNode {
  std::unique_ptr<MacroNode> caller;
  ExpressionPtr call;
};
struct DoNode {
  ExpressionPtr value;
};
struct GroupNode {
  Body body;
};

struct Statement {
  std::variant<DataNode, OutputNode, IfNode, ForNode, JumpNode, SetNode, SetBlockNode,
               FilterBlockNode, WithNode, MacroNode, CallBlockNode, DoNode, GroupNode>
      node;
  i64 line = 0;
};

}  // namespace medlar::text::jinja
