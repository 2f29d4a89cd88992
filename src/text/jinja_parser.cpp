#include "text/jinja_parser.h"

#include <algorithm>
#include <initializer_list>

#include "base/error.h"
#include "text/jinja_expression_parser.h"

namespace medlar::text::jinja {
namespace {

/// Parses the statements; one method per tag.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens)
      : cursor_(std::move(tokens)), expressions_(cursor_, depth_) {}

  Body run() {
    Body body = body_until({});
    if (!cursor_.at(TokenKind::end)) cursor_.fail_here("a tag without its beginning");
    return body;
  }

 private:
  using EndNames = std::initializer_list<std::string_view>;

  /// Statements up to a tag whose name is among `ends` (which stays unread past its `{%`), or the
  /// end.
  Body body_until(EndNames ends) {
    const Nesting nesting(depth_, cursor_.line());
    Body body;
    while (!cursor_.at(TokenKind::end)) {
      const i64 line = cursor_.line();
      if (cursor_.at(TokenKind::data)) {
        body.push_back({DataNode{cursor_.take().text}, line});
      } else if (cursor_.at(TokenKind::output_begin)) {
        cursor_.take();
        body.push_back({OutputNode{expressions_.expression_or_tuple()}, line});
        cursor_.expect(TokenKind::output_end, "the end of an output");
      } else {
        cursor_.expect(TokenKind::block_begin, "a tag");
        if (std::any_of(ends.begin(), ends.end(), [&](auto name) { return cursor_.at_name(name); }))
          return body;
        body.push_back(tag(line));
      }
    }
    if (ends.size() > 0) cursor_.fail_here(fmt::format("'{}' is missing", *(ends.end() - 1)));
    return body;
  }

  void end_of_tag() { cursor_.expect(TokenKind::block_end, "the end of a tag"); }

  /// The body of a block tag with its end tag, the tag's own end included.
  Body block(std::string_view end) {
    end_of_tag();
    Body body = body_until({end});
    cursor_.take();
    end_of_tag();
    return body;
  }

  Statement tag(i64 line) {
    const std::string name = cursor_.expect_name("the name of a tag");
    if (name == "if") return {if_tag(), line};
    if (name == "for") return {for_tag(), line};
    if (name == "set") return set_tag(line);
    if (name == "macro") return {macro_tag(), line};
    if (name == "call") return {call_tag(), line};
    if (name == "filter") return {filter_tag(), line};
    if (name == "with") return {with_tag(), line};
    // Marks what a model wrote, for training; nothing to the text.
    if (name == "generation") return {GroupNode{block("endgeneration")}, line};
    if (name == "break" || name == "continue") return jump_tag(name, line);
    if (name == "do") {
      DoNode node{expressions_.expression_or_tuple()};
      end_of_tag();
      return {std::move(node), line};
    }
    for (std::string_view known :
         {"include", "import", "from", "extends", "block", "autoescape", "trans"}) {
      if (name == known)
        fail(ErrorCode::unsupported, "chat template line {}: no tag '{}' here", line, name);
    }
    fail(ErrorCode::corrupt_file, "chat template line {}: an unknown or misplaced tag", line);
  }

  IfNode if_tag() {
    IfNode node;
    while (true) {
      ExpressionPtr condition = expressions_.expression_or_tuple();
      end_of_tag();
      node.branches.emplace_back(std::move(condition), body_until({"elif", "else", "endif"}));
      if (cursor_.skip_name("elif")) continue;
      if (cursor_.skip_name("else")) {
        node.otherwise = block("endif");
      } else {
        cursor_.take();
        end_of_tag();
      }
      return node;
    }
  }

  ForNode for_tag() {
    ForNode node;
    node.target = target();
    if (!cursor_.skip_name("in")) cursor_.fail_here("'in' is missing");
    node.items = expressions_.plain_expression_or_tuple();
    if (cursor_.skip_name("if")) node.condition = expressions_.expression();
    node.is_recursive = cursor_.skip_name("recursive");
    end_of_tag();
    ++open_loops_;
    node.body = body_until({"else", "endfor"});
    --open_loops_;
    if (cursor_.skip_name("else")) {
      node.otherwise = block("endfor");
    } else {
      cursor_.take();
      end_of_tag();
    }
    return node;
  }

  Statement jump_tag(const std::string& name, i64 line) {
    if (open_loops_ == 0) cursor_.fail_here(fmt::format("'{}' outside of a loop", name));
    end_of_tag();
    return {JumpNode{name == "break" ? Jump::leave : Jump::next}, line};
  }

  Statement set_tag(i64 line) {
    Target left = target();
    if (cursor_.skip_symbol("=")) {
      SetNode node{std::move(left), expressions_.expression_or_tuple()};
      end_of_tag();
      return {std::move(node), line};
    }
    if (!left.items.empty()) cursor_.fail_here("a block cannot be assigned to several names");
    ExpressionPtr filter = cursor_.skip_symbol("|") ? expressions_.filter_chain(nullptr) : nullptr;
    return {SetBlockNode{std::move(left), std::move(filter), block("endset")}, line};
  }

  MacroNode macro_tag() {
    MacroNode node;
    node.name = cursor_.expect_name("the name of a macro");
    node.parameters = parameters();
    finish_macro(node, "endmacro");
    return node;
  }

  CallBlockNode call_tag() {
    CallBlockNode node{.caller = std::make_unique<MacroNode>(), .call = {}};
    node.caller->name = "caller";
    if (cursor_.at_symbol("(")) node.caller->parameters = parameters();
    node.call = expressions_.expression();
    if (!std::holds_alternative<CallNode>(node.call->node))
      cursor_.fail_here("a call block needs a call");
    finish_macro(*node.caller, "endcall");
    return node;
  }

  /// Reads a macro's body, and which of the special names it uses. Loops around the macro are not
  /// its own.
  void finish_macro(MacroNode& node, std::string_view end) {
    const auto outer_names = expressions_.special_names;
    const i64 outer_loops = open_loops_;
    expressions_.special_names = {};
    open_loops_ = 0;
    node.body = block(end);
    const auto used = expressions_.special_names;
    node.takes_varargs = used.varargs;
    node.takes_kwargs = used.kwargs;
    node.takes_caller = used.caller;
    open_loops_ = outer_loops;
    expressions_.special_names = {.varargs = outer_names.varargs || used.varargs,
                                  .kwargs = outer_names.kwargs || used.kwargs,
                                  .caller = outer_names.caller || used.caller};
  }

  std::vector<MacroParameter> parameters() {
    std::vector<MacroParameter> all;
    cursor_.expect_symbol("(");
    while (!cursor_.at_symbol(")")) {
      if (!all.empty()) cursor_.expect_symbol(",");
      MacroParameter parameter{.name = cursor_.expect_name("the name of a parameter"),
                               .fallback = {}};
      if (cursor_.skip_symbol("=")) {
        parameter.fallback = expressions_.expression();
      } else if (!all.empty() && all.back().fallback) {
        cursor_.fail_here("a parameter without a default after one with");
      }
      all.push_back(std::move(parameter));
    }
    cursor_.expect_symbol(")");
    return all;
  }

  FilterBlockNode filter_tag() {
    ExpressionPtr filter = expressions_.filter_chain(nullptr);
    return {std::move(filter), block("endfilter")};
  }

  WithNode with_tag() {
    WithNode node;
    while (!cursor_.at(TokenKind::block_end)) {
      if (!node.variables.empty()) cursor_.expect_symbol(",");
      Target left = target();
      cursor_.expect_symbol("=");
      node.variables.emplace_back(std::move(left), expressions_.expression());
    }
    node.body = block("endwith");
    return node;
  }

  /// `a`, `space.a`, `a, b` or `(a, b)`.
  Target target() {
    Target first = single_target();
    if (!cursor_.at_symbol(",")) return first;
    Target tuple;
    tuple.items.push_back(std::move(first));
    while (cursor_.skip_symbol(",") && !cursor_.at_name("in") && !cursor_.at_symbol("=") &&
           !cursor_.at_symbol(")")) {
      tuple.items.push_back(single_target());
    }
    return tuple;
  }

  Target single_target() {
    const Nesting nesting(depth_, cursor_.line());
    if (cursor_.skip_symbol("(")) {
      Target inside = target();
      cursor_.expect_symbol(")");
      return inside;
    }
    Target one;
    one.name = cursor_.expect_name("a name to assign to");
    for (std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
      if (one.name == constant) cursor_.fail_here("a constant cannot be assigned to");
    }
    if (cursor_.skip_symbol(".")) one.attribute = cursor_.expect_name("the name of an attribute");
    return one;
  }

  TokenCursor cursor_;
  i64 depth_ = 0;
  i64 open_loops_ = 0;
  ExpressionParser expressions_;
};

}  // namespace

Body parse(std::string_view source) { return Parser(tokenize(source)).run(); }

}  // namespace medlar::text::jinja
