#include "text/jinja_interpreter.h"

#include <algorithm>

#include "base/error.h"
#include "text/jinja_operators.h"
#include "text/jinja_print.h"

namespace medlar::text::jinja {
namespace {

const std::string loop_name = "loop";
const std::string varargs_name = "varargs";
const std::string kwargs_name = "kwargs";
const std::string caller_name = "caller";

/// Bounds the recursion of the interpreter.
class Depth {
 public:
  explicit Depth(i64& depth) : depth_(depth) {
    if (depth_ >= max_depth) {
      fail(ErrorCode::limit_exceeded, "chat template: evaluation nested deeper than {}", max_depth);
    }
    ++depth_;
  }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  i64& depth_;
};

}  // namespace

Interpreter::Interpreter(Environment& environment)
    : environment_(environment), heap_(environment.heap), variables_(nullptr) {
  Scope* globals = heap_.scope(nullptr);
  for (const auto& [name, function] : functions()) globals->set(name, Value(function));
  variables_ = heap_.scope(globals);
}

std::string Interpreter::run(const Body& body) {
  std::string out;
  try {
    execute(body, {.scope = variables_, .out = &out});
  } catch (Error& error) {
    if (!environment_.was_raised) error.with_context(fmt::format("at line {}", environment_.line));
    throw;
  }
  return out;
}

void Interpreter::write(const std::string& text, std::string& out) {
  out += text;
  check_text_size(environment_, out, ssize_of(text));
}

Interpreter::Flow Interpreter::execute(const Body& body, const Frame& frame) {
  const Depth depth(depth_);
  for (const Statement& statement : body) {
    heap_.step();
    environment_.line = statement.line;
    const Flow flow =
        std::visit([&](const auto& node) { return execute(node, frame); }, statement.node);
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const DataNode& node, const Frame& frame) {
  write(node.text, *frame.out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const OutputNode& node, const Frame& frame) {
  const Value value = evaluate(*node.value, frame.scope);
  write(value.is_text() ? value.text() : to_text(value), *frame.out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const IfNode& node, const Frame& frame) {
  for (const auto& [condition, body] : node.branches) {
    if (is_true(evaluate(*condition, frame.scope))) return execute(body, frame);
  }
  return execute(node.otherwise, frame);
}

Interpreter::Flow Interpreter::execute(const ForNode& node, const Frame& frame) {
  return run_loop(node, evaluate(*node.items, frame.scope), 0, frame);
}

List* Interpreter::loop_items(const ForNode& node, const Value& source, Scope* scope) {
  std::vector<Value> items = items_of(heap_, source);
  if (node.condition) {
    std::vector<Value> kept;
    for (const Value& item : items) {
      heap_.step();
      Scope* inner = heap_.scope(scope);
      assign(node.target, item, inner);
      if (is_true(evaluate(*node.condition, inner))) kept.push_back(item);
    }
    items = std::move(kept);
  }
  return heap_.list(std::move(items)).get<List*>();
}

Interpreter::Flow Interpreter::run_loop(const ForNode& node, const Value& source, i64 depth,
                                        const Frame& frame) {
  const Depth guard(depth_);
  Loop* loop = heap_.loop();
  loop->node = &node;
  loop->scope = frame.scope;
  loop->items = loop_items(node, source, frame.scope);
  loop->depth = depth;
  for (const Value& item : loop->items->items) {
    heap_.step();
    const Frame inner{.scope = heap_.scope(frame.scope), .out = frame.out};
    inner.scope->set(loop_name, Value(loop));
    assign(node.target, item, inner.scope);
    if (execute(node.body, inner) == Flow::leave) break;
    ++loop->index;
  }
  if (!loop->items->items.empty()) return Flow::normal;
  return execute(node.otherwise, {.scope = heap_.scope(frame.scope), .out = frame.out});
}

Interpreter::Flow Interpreter::execute(const JumpNode& node, const Frame&) {
  return node.kind == Jump::leave ? Flow::leave : Flow::next;
}

void Interpreter::assign(const Target& target, const Value& value, Scope* scope) {
  if (!target.items.empty()) {
    const std::vector<Value> items = items_of(heap_, value);
    if (items.size() != target.items.size()) {
      fail(ErrorCode::invalid_argument, "chat template: {} values for {} names", items.size(),
           target.items.size());
    }
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.items[i], items[i], scope);
    return;
  }
  heap_.charge_bytes(static_cast<i64>(sizeof(Dict::Entry)));
  if (target.attribute.empty()) {
    scope->set(target.name, value);
    return;
  }
  const Value* found = scope->find(target.name);
  const auto* names = found == nullptr ? nullptr : found->get_if<Namespace*>();
  if (names == nullptr) {
    fail(ErrorCode::invalid_argument,
         "chat template: '{}' is no namespace, its attributes cannot be set", target.name);
  }
  (*names)->attributes.set(Value(&target.attribute), value);
}

Interpreter::Flow Interpreter::execute(const SetNode& node, const Frame& frame) {
  assign(node.target, evaluate(*node.value, frame.scope), frame.scope);
  return Flow::normal;
}

Value Interpreter::capture(const Body& body, Scope* outer) {
  std::string out;
  execute(body, {.scope = heap_.scope(outer), .out = &out});
  return heap_.text(std::move(out));
}

/// Applies a chain of filters whose innermost input is absent: the text of a block.
Value Interpreter::filter(const Expression& expression, const Value& input, Scope* scope) {
  const auto& node = std::get<FilterNode>(expression.node);
  const Value inner = node.input ? filter(*node.input, input, scope) : input;
  return apply_filter(environment_, node.name, inner, arguments(node.arguments, scope));
}

Interpreter::Flow Interpreter::execute(const SetBlockNode& node, const Frame& frame) {
  const Value text = capture(node.body, frame.scope);
  assign(node.target, node.filter ? filter(*node.filter, text, frame.scope) : text, frame.scope);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const FilterBlockNode& node, const Frame& frame) {
  write(to_text(filter(*node.filter, capture(node.body, frame.scope), frame.scope)), *frame.out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const WithNode& node, const Frame& frame) {
  const Frame inner{.scope = heap_.scope(frame.scope), .out = frame.out};
  for (const auto& [target, value] : node.variables)
    assign(target, evaluate(*value, frame.scope), inner.scope);
  return execute(node.body, inner);
}

Interpreter::Flow Interpreter::execute(const MacroNode& node, const Frame& frame) {
  heap_.charge_bytes(static_cast<i64>(sizeof(Dict::Entry)));
  frame.scope->set(node.name, Value(heap_.macro(&node, frame.scope)));
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const CallBlockNode& node, const Frame& frame) {
  const Value caller(heap_.macro(node.caller.get(), frame.scope));
  write(to_text(call(std::get<CallNode>(node.call->node), frame.scope, &caller)), *frame.out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const DoNode& node, const Frame& frame) {
  evaluate(*node.value, frame.scope);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const GroupNode& node, const Frame& frame) {
  return execute(node.body, frame);
}

Value Interpreter::evaluate(const Expression& expression, Scope* scope) {
  const Depth depth(depth_);
  heap_.step();
  environment_.line = expression.line;
  return std::visit([&](const auto& node) { return evaluate(node, scope); }, expression.node);
}

Value Interpreter::evaluate(const TextNode& node, Scope*) { return Value(&node.text); }
Value Interpreter::evaluate(const ConstantNode& node, Scope*) { return node.value; }

Value Interpreter::evaluate(const NameNode& node, Scope* scope) {
  const Value* found = scope->find(node.name);
  return found != nullptr ? *found : Value(Undefined{&node.name});
}

Value Interpreter::evaluate(const ListNode& node, Scope* scope) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const ExpressionPtr& item : node.items) items.push_back(evaluate(*item, scope));
  return node.is_tuple ? heap_.tuple(std::move(items)) : heap_.list(std::move(items));
}

Value Interpreter::evaluate(const DictNode& node, Scope* scope) {
  Dict* dict = heap_.dict();
  heap_.charge_bytes(static_cast<i64>(node.entries.size() * sizeof(Dict::Entry)));
  for (const auto& [key, value] : node.entries) {
    const Value name = evaluate(*key, scope);
    dict->set(name, evaluate(*value, scope));
  }
  return Value(dict);
}

Value Interpreter::evaluate(const AttributeNode& node, Scope* scope) {
  return get_attribute(environment_, evaluate(*node.object, scope), node.name);
}

Value Interpreter::evaluate(const SubscriptNode& node, Scope* scope) {
  const Value object = evaluate(*node.object, scope);
  return get_item(environment_, object, evaluate(*node.key, scope));
}

Value Interpreter::evaluate(const SliceNode& node, Scope* scope) {
  const auto bound = [&](const ExpressionPtr& part) {
    return part ? evaluate(*part, scope) : Value(None{});
  };
  const Value object = evaluate(*node.object, scope);
  const Value start = bound(node.start);
  const Value stop = bound(node.stop);
  return slice(environment_, object, start, stop, bound(node.step));
}

Value Interpreter::evaluate(const CallNode& node, Scope* scope) {
  return call(node, scope, nullptr);
}

Value Interpreter::evaluate(const FilterNode& node, Scope* scope) {
  const Value input = evaluate(*node.input, scope);
  return apply_filter(environment_, node.name, input, arguments(node.arguments, scope));
}

Value Interpreter::evaluate(const TestNode& node, Scope* scope) {
  const Value input = evaluate(*node.input, scope);
  return Value(apply_test(environment_, node.name, input, arguments(node.arguments, scope)) !=
               node.negated);
}

Value Interpreter::evaluate(const UnaryNode& node, Scope* scope) {
  return apply_unary(node.op, evaluate(*node.operand, scope));
}

Value Interpreter::evaluate(const BinaryNode& node, Scope* scope) {
  const Value left = evaluate(*node.left, scope);
  if (node.op == Binary::logical_and) return is_true(left) ? evaluate(*node.right, scope) : left;
  if (node.op == Binary::logical_or) return is_true(left) ? left : evaluate(*node.right, scope);
  return apply_binary(environment_, node.op, left, evaluate(*node.right, scope));
}

Value Interpreter::evaluate(const ComparisonNode& node, Scope* scope) {
  Value left = evaluate(*node.first, scope);
  for (const auto& [op, operand] : node.rest) {
    const Value right = evaluate(*operand, scope);
    if (!apply_comparison(environment_, op, left, right)) return Value(false);
    left = right;
  }
  return Value(true);
}

Value Interpreter::evaluate(const ConcatenationNode& node, Scope* scope) {
  std::string out;
  for (const ExpressionPtr& part : node.parts) write(to_text(evaluate(*part, scope)), out);
  return heap_.text(std::move(out));
}

Value Interpreter::evaluate(const ConditionalNode& node, Scope* scope) {
  if (is_true(evaluate(*node.condition, scope))) return evaluate(*node.then, scope);
  return node.otherwise ? evaluate(*node.otherwise, scope) : Value();
}

Arguments Interpreter::arguments(const ArgumentNodes& nodes, Scope* scope) {
  Arguments given;
  for (const ExpressionPtr& value : nodes.positional)
    given.positional.push_back(evaluate(*value, scope));
  for (const auto& [name, value] : nodes.named)
    given.named.emplace_back(name, evaluate(*value, scope));
  if (nodes.rest) {
    for (const Value& item : items_of(heap_, evaluate(*nodes.rest, scope)))
      given.positional.push_back(item);
  }
  if (nodes.named_rest) {
    const Value rest = evaluate(*nodes.named_rest, scope);
    if (!rest.is<Dict*>()) fail_type("** needs a dict, not", rest);
    for (const auto& [key, value] : rest.get<Dict*>()->entries()) {
      if (!key.is_text()) fail_type("the name of an argument cannot be", key);
      given.named.emplace_back(key.text(), value);
    }
  }
  return given;
}

Value Interpreter::call(const CallNode& node, Scope* scope, const Value* caller) {
  // OPTIMIZATION: `object.method(...)` does not make a value of the method.
  if (const auto* attribute = std::get_if<AttributeNode>(&node.callee->node)) {
    const Value object = evaluate(*attribute->object, scope);
    if (has_method(object, attribute->name)) {
      return call_method(environment_, object, attribute->name, arguments(node.arguments, scope));
    }
    Arguments given = arguments(node.arguments, scope);
    return call_value(get_attribute(environment_, object, attribute->name), given, caller);
  }
  const Value callee = evaluate(*node.callee, scope);
  Arguments given = arguments(node.arguments, scope);
  return call_value(callee, given, caller);
}

Value Interpreter::call_value(const Value& callee, Arguments& given, const Value* caller) {
  if (caller != nullptr) given.named.emplace_back(caller_name, *caller);
  if (const auto* macro = callee.get_if<Macro*>()) return call_macro(**macro, given);
  if (const auto* function = callee.get_if<Function>())
    return call_function(environment_, *function, given);
  if (const auto* method = callee.get_if<Method*>()) {
    return call_method(environment_, (*method)->object, (*method)->name, given);
  }
  if (const auto* loop = callee.get_if<Loop*>()) {
    if (!(*loop)->node->is_recursive) {
      fail(ErrorCode::invalid_argument, "chat template: this loop is not marked recursive");
    }
    std::string out;
    run_loop(*(*loop)->node, Bound("loop", given, {"iterable"}).need(0), (*loop)->depth + 1,
             {.scope = (*loop)->scope, .out = &out});
    return heap_.text(std::move(out));
  }
  fail_type("a call of a value of type", callee);
}

Value Interpreter::call_macro(const Macro& macro, const Arguments& given) {
  const Depth depth(depth_);
  const MacroNode& node = *macro.node;
  const std::size_t count = node.parameters.size();
  Scope* scope = heap_.scope(macro.scope);
  std::vector<Value> extra;
  if (given.positional.size() > count) {
    extra.assign(given.positional.begin() + static_cast<std::ptrdiff_t>(count),
                 given.positional.end());
    if (!node.takes_varargs) {
      fail(ErrorCode::invalid_argument, "chat template: macro '{}' takes at most {} arguments",
           node.name, count);
    }
  }
  Dict* named = heap_.dict();
  Value caller;
  std::vector<const Value*> values(count, nullptr);
  for (std::size_t i = 0; i < std::min(count, given.positional.size()); ++i)
    values[i] = &given.positional[i];
  for (const auto& [name, value] : given.named) {
    const auto found = std::find_if(node.parameters.begin(), node.parameters.end(),
                                    [&](const auto& parameter) { return parameter.name == name; });
    if (found != node.parameters.end()) {
      const Value*& place = values[static_cast<std::size_t>(found - node.parameters.begin())];
      if (place != nullptr) {
        fail(ErrorCode::invalid_argument, "chat template: macro '{}' got '{}' twice", node.name,
             name);
      }
      place = &value;
    } else if (name == caller_name && node.takes_caller) {
      caller = value;
    } else if (node.takes_kwargs) {
      named->set(heap_.text(name), value);
    } else {
      fail(ErrorCode::invalid_argument, "chat template: macro '{}' has no argument '{}'", node.name,
           name);
    }
  }
  if (node.takes_caller) scope->set(caller_name, caller);
  if (node.takes_varargs) scope->set(varargs_name, heap_.tuple(std::move(extra)));
  if (node.takes_kwargs) scope->set(kwargs_name, Value(named));
  for (std::size_t i = 0; i < count; ++i) {
    const MacroParameter& parameter = node.parameters[i];
    Value value(Undefined{&parameter.name});
    if (values[i] != nullptr) {
      value = *values[i];
    } else if (parameter.fallback) {
      value = evaluate(*parameter.fallback, scope);
    }
    scope->set(parameter.name, value);
  }
  std::string out;
  execute(node.body, {.scope = scope, .out = &out});
  return heap_.text(std::move(out));
}

}  // namespace medlar::text::jinja
