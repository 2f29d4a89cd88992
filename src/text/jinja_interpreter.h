#pragma once

#include <string>

#include "text/jinja_ast.h"
#include "text/jinja_builtins.h"

namespace medlar::text::jinja {

/// Walks a syntax tree once. The tree and the environment must outlive it; not thread-safe, but any
/// number of interpreters may share a tree.
class Interpreter {
 public:
  explicit Interpreter(Environment& environment);

  /// Makes a variable visible to the whole template; `name` must outlive the interpreter.
  void define(const std::string& name, const Value& value) { variables_->set(name, value); }

  /// The text of the template. Throws invalid_argument for what the template raises (its message
  /// alone) or for an operation without meaning, unsupported for unknown names of filters and
  /// tests, and limit_exceeded at the bounds of jinja_limits.h.
  std::string run(const Body& body);

 private:
  enum class Flow { normal, leave, next };

  /// Where statements put their variables and their text.
  struct Frame {
    Scope* scope;
    std::string* out;
  };

  Flow execute(const Body& body, const Frame& frame);
  Flow execute(const DataNode& node, const Frame& frame);
  Flow execute(const OutputNode& node, const Frame& frame);
  Flow execute(const IfNode& node, const Frame& frame);
  Flow execute(const ForNode& node, const Frame& frame);
  Flow execute(const JumpNode& node, const Frame& frame);
  Flow execute(const SetNode& node, const Frame& frame);
  Flow execute(const SetBlockNode& node, const Frame& frame);
  Flow execute(const FilterBlockNode& node, const Frame& frame);
  Flow execute(const WithNode& node, const Frame& frame);
  Flow execute(const MacroNode& node, const Frame& frame);
  Flow execute(const CallBlockNode& node, const Frame& frame);
  Flow execute(const DoNode& node, const Frame& frame);
  Flow execute(const GroupNode& node, const Frame& frame);

  /// Runs a block with variables of its own, its text apart.
  Value capture(const Body& body, Scope* outer);
  Flow run_loop(const ForNode& node, const Value& source, i64 depth, const Frame& frame);
  List* loop_items(const ForNode& node, const Value& source, Scope* scope);
  void assign(const Target& target, const Value& value, Scope* scope);
  void write(const std::string& text, std::string& out);

  Value evaluate(const Expression& expression, Scope* scope);
  Value evaluate(const TextNode& node, Scope* scope);
  Value evaluate(const ConstantNode& node, Scope* scope);
  Value evaluate(const NameNode& node, Scope* scope);
  Value evaluate(const ListNode& node, Scope* scope);
  Value evaluate(const DictNode& node, Scope* scope);
  Value evaluate(const AttributeNode& node, Scope* scope);
  Value evaluate(const SubscriptNode& node, Scope* scope);
  Value evaluate(const SliceNode& node, Scope* scope);
  Value evaluate(const CallNode& node, Scope* scope);
  Value evaluate(const FilterNode& node, Scope* scope);
  Value evaluate(const TestNode& node, Scope* scope);
  Value evaluate(const UnaryNode& node, Scope* scope);
  Value evaluate(const BinaryNode& node, Scope* scope);
  Value evaluate(const ComparisonNode& node, Scope* scope);
  Value evaluate(const ConcatenationNode& node, Scope* scope);
  Value evaluate(const ConditionalNode& node, Scope* scope);

  Value call(const CallNode& node, Scope* scope, const Value* caller);
  Value call_value(const Value& callee, Arguments& given, const Value* caller);
  Value call_macro(const Macro& macro, const Arguments& given);
  Arguments arguments(const ArgumentNodes& nodes, Scope* scope);
  Value filter(const Expression& expression, const Value& input, Scope* scope);

  Environment& environment_;
  Heap& heap_;
  Scope* variables_;
  i64 depth_ = 0;
};

}  // namespace medlar::text::jinja
