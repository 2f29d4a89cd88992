#include "text/jinja_expression_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "text/jinja_limits.h"

namespace medlar::text::jinja {
namespace {

/// The tallest of the trees directly below a node.
class Height {
 public:
  i64 result() const { return tallest_; }

  void operator()(const TextNode&) {}
  void operator()(const ConstantNode&) {}
  void operator()(const NameNode&) {}
  void operator()(const ListNode& node) { all(node.items); }
  void operator()(const DictNode& node) {
    for (const auto& [key, value] : node.entries) see(key, value);
  }
  void operator()(const AttributeNode& node) { see(node.object); }
  void operator()(const SubscriptNode& node) { see(node.object, node.key); }
  void operator()(const SliceNode& node) { see(node.object, node.start, node.stop, node.step); }
  void operator()(const CallNode& node) { see(node.callee), arguments(node.arguments); }
  void operator()(const FilterNode& node) { see(node.input), arguments(node.arguments); }
  void operator()(const TestNode& node) { see(node.input), arguments(node.arguments); }
  void operator()(const UnaryNode& node) { see(node.operand); }
  void operator()(const BinaryNode& node) { see(node.left, node.right); }
  void operator()(const ComparisonNode& node) {
    see(node.first);
    for (const auto& [op, operand] : node.rest) see(operand);
  }
  void operator()(const ConcatenationNode& node) { all(node.parts); }
  void operator()(const ConditionalNode& node) { see(node.condition, node.then, node.otherwise); }

 private:
  void see(const auto&... trees) {
    ((tallest_ = std::max(tallest_, trees ? trees->height : 0)), ...);
  }
  void all(const std::vector<ExpressionPtr>& trees) {
    for (const ExpressionPtr& tree : trees) see(tree);
  }
  void arguments(const ArgumentNodes& nodes) {
    all(nodes.positional);
    for (const auto& [name, value] : nodes.named) see(value);
    see(nodes.rest, nodes.named_rest);
  }

  i64 tallest_ = 0;
};

[[noreturn]] void fail_nesting(i64 line) {
  fail(ErrorCode::limit_exceeded, "chat template line {}: nested deeper than {}", line,
       max_nesting);
}

}  // namespace

Token TokenCursor::take() {
  Token token = tokens_[position_];
  if (position_ + 1 < tokens_.size()) ++position_;
  return token;
}

bool TokenCursor::skip_symbol(std::string_view text) {
  if (!at_symbol(text)) return false;
  take();
  return true;
}

bool TokenCursor::skip_name(std::string_view text) {
  if (!at_name(text)) return false;
  take();
  return true;
}

void TokenCursor::expect_symbol(std::string_view text) {
  if (!skip_symbol(text)) fail_here(fmt::format("'{}' is missing", text));
}

std::string TokenCursor::expect_name(std::string_view what) {
  if (!at(TokenKind::name)) fail_here(fmt::format("{} is missing", what));
  return take().text;
}

void TokenCursor::expect(TokenKind kind, std::string_view what) {
  if (!at(kind)) fail_here(fmt::format("{} is missing", what));
  take();
}

void TokenCursor::fail_here(std::string_view what) const {
  fail(ErrorCode::corrupt_file, "chat template line {}: {}", line(), what);
}

Nesting::Nesting(i64& depth, i64 line) : depth_(depth) {
  if (depth_ >= max_nesting) fail_nesting(line);
  ++depth_;
}

template <typename Node>
ExpressionPtr ExpressionParser::make(Node node, i64 line) const {
  Height height;
  height(node);
  if (height.result() >= max_nesting) fail_nesting(line);
  return std::make_unique<Expression>(
      Expression{.node = std::move(node), .line = line, .height = height.result() + 1});
}

ExpressionPtr ExpressionParser::expression() {
  const Nesting nesting(depth_, cursor_.line());
  ExpressionPtr value = logical_or();
  while (cursor_.at_name("if")) {
    const i64 line = cursor_.take().line;
    ExpressionPtr condition = logical_or();
    ExpressionPtr otherwise = cursor_.skip_name("else") ? expression() : nullptr;
    value =
        make(ConditionalNode{std::move(condition), std::move(value), std::move(otherwise)}, line);
  }
  return value;
}

ExpressionPtr ExpressionParser::expression_or_tuple() {
  return tuple_of(&ExpressionParser::expression);
}
ExpressionPtr ExpressionParser::plain_expression_or_tuple() {
  return tuple_of(&ExpressionParser::logical_or);
}

bool ExpressionParser::at_end_of_tuple() const {
  return cursor_.at(TokenKind::block_end) || cursor_.at(TokenKind::output_end) ||
         cursor_.at_symbol(")") || cursor_.at_name("in") || cursor_.at_name("if") ||
         cursor_.at_name("recursive");
}

ExpressionPtr ExpressionParser::tuple_of(ExpressionPtr (ExpressionParser::*item)()) {
  const i64 line = cursor_.line();
  ExpressionPtr first = (this->*item)();
  if (!cursor_.at_symbol(",")) return first;
  ListNode tuple{.items = {}, .is_tuple = true};
  tuple.items.push_back(std::move(first));
  while (cursor_.skip_symbol(",") && !at_end_of_tuple()) tuple.items.push_back((this->*item)());
  return make(std::move(tuple), line);
}

ExpressionPtr ExpressionParser::logical_or() {
  ExpressionPtr left = logical_and();
  while (cursor_.at_name("or")) {
    const i64 line = cursor_.take().line;
    ExpressionPtr right = logical_and();
    left = make(BinaryNode{Binary::logical_or, std::move(left), std::move(right)}, line);
  }
  return left;
}

ExpressionPtr ExpressionParser::logical_and() {
  ExpressionPtr left = logical_not();
  while (cursor_.at_name("and")) {
    const i64 line = cursor_.take().line;
    ExpressionPtr right = logical_not();
    left = make(BinaryNode{Binary::logical_and, std::move(left), std::move(right)}, line);
  }
  return left;
}

ExpressionPtr ExpressionParser::logical_not() {
  if (!cursor_.at_name("not")) return comparison();
  const Nesting nesting(depth_, cursor_.line());
  const i64 line = cursor_.take().line;
  return make(UnaryNode{Unary::logical_not, logical_not()}, line);
}

ExpressionPtr ExpressionParser::comparison() {
  constexpr std::array<std::pair<std::string_view, Comparison>, 6> symbols = {{
      {"==", Comparison::equal},
      {"!=", Comparison::not_equal},
      {"<", Comparison::less},
      {"<=", Comparison::less_equal},
      {">", Comparison::greater},
      {">=", Comparison::greater_equal},
  }};
  const i64 line = cursor_.line();
  ComparisonNode node{.first = sum(), .rest = {}};
  while (true) {
    const auto symbol = std::find_if(symbols.begin(), symbols.end(), [&](const auto& known) {
      return cursor_.at_symbol(known.first);
    });
    if (symbol != symbols.end()) {
      cursor_.take();
      node.rest.emplace_back(symbol->second, sum());
    } else if (cursor_.skip_name("in")) {
      node.rest.emplace_back(Comparison::in, sum());
    } else if (cursor_.at_name("not") && cursor_.next().kind == TokenKind::name &&
               cursor_.next().text == "in") {
      cursor_.take();
      cursor_.take();
      node.rest.emplace_back(Comparison::not_in, sum());
    } else {
      break;
    }
  }
  if (node.rest.empty()) return std::move(node.first);
  return make(std::move(node), line);
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concatenation();
  while (cursor_.at_symbol("+") || cursor_.at_symbol("-")) {
    const Token op = cursor_.take();
    ExpressionPtr right = concatenation();
    left = make(BinaryNode{op.text == "+" ? Binary::add : Binary::subtract, std::move(left),
                           std::move(right)},
                op.line);
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  const i64 line = cursor_.line();
  ExpressionPtr first = product();
  if (!cursor_.at_symbol("~")) return first;
  ConcatenationNode node;
  node.parts.push_back(std::move(first));
  while (cursor_.skip_symbol("~")) node.parts.push_back(product());
  return make(std::move(node), line);
}

ExpressionPtr ExpressionParser::product() {
  constexpr std::array<std::pair<std::string_view, Binary>, 4> symbols = {
      {{"*", Binary::multiply},
       {"/", Binary::divide},
       {"//", Binary::floor_divide},
       {"%", Binary::remainder}}};
  ExpressionPtr left = power();
  while (true) {
    const auto symbol = std::find_if(symbols.begin(), symbols.end(), [&](const auto& known) {
      return cursor_.at_symbol(known.first);
    });
    if (symbol == symbols.end()) return left;
    const i64 line = cursor_.take().line;
    ExpressionPtr right = power();
    left = make(BinaryNode{symbol->second, std::move(left), std::move(right)}, line);
  }
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = unary();
  while (cursor_.at_symbol("**")) {
    const i64 line = cursor_.take().line;
    ExpressionPtr right = unary();
    left = make(BinaryNode{Binary::power, std::move(left), std::move(right)}, line);
  }
  return left;
}

ExpressionPtr ExpressionParser::unary() { return filters_and_tests(signed_primary()); }

ExpressionPtr ExpressionParser::signed_primary() {
  const bool is_minus = cursor_.at_symbol("-");
  if (!is_minus && !cursor_.at_symbol("+")) return postfix(primary());
  const Nesting nesting(depth_, cursor_.line());
  const i64 line = cursor_.take().line;
  return postfix(make(UnaryNode{is_minus ? Unary::negate : Unary::plus, signed_primary()}, line));
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr input) {
  while (true) {
    if (cursor_.at_symbol("|")) {
      cursor_.take();
      const i64 line = cursor_.line();
      std::string name = dotted_name("the name of a filter");
      ArgumentNodes given = cursor_.at_symbol("(") ? arguments() : ArgumentNodes{};
      input = make(FilterNode{std::move(input), std::move(name), std::move(given)}, line);
    } else if (cursor_.at_name("is")) {
      input = test(std::move(input));
    } else if (cursor_.at_symbol("(")) {
      const i64 line = cursor_.line();
      input = make(CallNode{std::move(input), arguments()}, line);
    } else {
      return input;
    }
  }
}

ExpressionPtr ExpressionParser::filter_chain(ExpressionPtr input) {
  bool first = true;
  while (first || cursor_.skip_symbol("|")) {
    first = false;
    const i64 line = cursor_.line();
    std::string name = dotted_name("the name of a filter");
    ArgumentNodes given = cursor_.at_symbol("(") ? arguments() : ArgumentNodes{};
    input = make(FilterNode{std::move(input), std::move(name), std::move(given)}, line);
  }
  return input;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr input) {
  const i64 line = cursor_.take().line;
  const bool negated = cursor_.skip_name("not");
  std::string name = dotted_name("the name of a test");
  ArgumentNodes given;
  const Token& token = cursor_.current();
  constexpr std::array<std::string_view, 7> keywords = {"else", "or",  "and", "if",
                                                        "in",   "not", "is"};
  const bool starts_value =
      token.kind == TokenKind::string || token.kind == TokenKind::integer ||
      token.kind == TokenKind::real || cursor_.at_symbol("[") || cursor_.at_symbol("{") ||
      (token.kind == TokenKind::name &&
       std::find(keywords.begin(), keywords.end(), token.text) == keywords.end());
  if (cursor_.at_symbol("(")) {
    given = arguments();
  } else if (starts_value) {
    given.positional.push_back(postfix(primary()));
  }
  return make(TestNode{std::move(input), std::move(name), std::move(given), negated}, line);
}

std::string ExpressionParser::dotted_name(std::string_view what) {
  std::string name = cursor_.expect_name(what);
  while (cursor_.skip_symbol(".")) name += "." + cursor_.expect_name(what);
  return name;
}

ExpressionPtr ExpressionParser::primary() {
  const i64 line = cursor_.line();
  if (cursor_.at(TokenKind::name)) return name_or_constant();
  if (cursor_.at(TokenKind::string)) return string();
  if (cursor_.at_symbol("(")) return parenthesised();
  if (cursor_.at_symbol("[")) return list();
  if (cursor_.at_symbol("{")) return dict();
  if (cursor_.at(TokenKind::integer)) {
    std::string digits = cursor_.take().text;
    int base = 10;
    if (digits.size() > 2 && digits[0] == '0') {
      const char mark = digits[1];
      base = mark == 'x' || mark == 'X'   ? 16
             : mark == 'o' || mark == 'O' ? 8
             : mark == 'b' || mark == 'B' ? 2
                                          : 10;
      if (base != 10) digits.erase(0, 2);
    }
    i64 value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size())
      cursor_.fail_here("an integer beyond 63 bits");
    return make(ConstantNode{Value(value)}, line);
  }
  if (cursor_.at(TokenKind::real)) {
    const std::string digits = cursor_.take().text;
    double value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec != std::errc()) cursor_.fail_here("a number that no float holds");
    return make(ConstantNode{Value(value)}, line);
  }
  cursor_.fail_here("an expression is missing");
}

ExpressionPtr ExpressionParser::name_or_constant() {
  const Token token = cursor_.take();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return make(ConstantNode{Value(true)}, token.line);
  if (name == "false" || name == "False") return make(ConstantNode{Value(false)}, token.line);
  if (name == "none" || name == "None") return make(ConstantNode{Value(None{})}, token.line);
  special_names.varargs |= name == "varargs";
  special_names.kwargs |= name == "kwargs";
  special_names.caller |= name == "caller";
  return make(NameNode{name}, token.line);
}

ExpressionPtr ExpressionParser::string() {
  Token token = cursor_.take();
  while (cursor_.at(TokenKind::string)) token.text += cursor_.take().text;
  return make(TextNode{std::move(token.text)}, token.line);
}

ExpressionPtr ExpressionParser::parenthesised() {
  const Nesting nesting(depth_, cursor_.line());
  const i64 line = cursor_.take().line;
  if (cursor_.skip_symbol(")")) return make(ListNode{.items = {}, .is_tuple = true}, line);
  ExpressionPtr inside = expression_or_tuple();
  cursor_.expect_symbol(")");
  return inside;
}

ExpressionPtr ExpressionParser::list() {
  const Nesting nesting(depth_, cursor_.line());
  const i64 line = cursor_.take().line;
  ListNode node;
  while (!cursor_.at_symbol("]")) {
    if (!node.items.empty()) {
      cursor_.expect_symbol(",");
      if (cursor_.at_symbol("]")) break;
    }
    node.items.push_back(expression());
  }
  cursor_.expect_symbol("]");
  return make(std::move(node), line);
}

ExpressionPtr ExpressionParser::dict() {
  const Nesting nesting(depth_, cursor_.line());
  const i64 line = cursor_.take().line;
  DictNode node;
  while (!cursor_.at_symbol("}")) {
    if (!node.entries.empty()) {
      cursor_.expect_symbol(",");
      if (cursor_.at_symbol("}")) break;
    }
    ExpressionPtr key = expression();
    cursor_.expect_symbol(":");
    node.entries.emplace_back(std::move(key), expression());
  }
  cursor_.expect_symbol("}");
  return make(std::move(node), line);
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr object) {
  while (true) {
    if (cursor_.at_symbol(".")) {
      object = attribute(std::move(object));
    } else if (cursor_.at_symbol("[")) {
      object = subscript(std::move(object));
    } else if (cursor_.at_symbol("(")) {
      const i64 line = cursor_.line();
      object = make(CallNode{std::move(object), arguments()}, line);
    } else {
      return object;
    }
  }
}

ExpressionPtr ExpressionParser::attribute(ExpressionPtr object) {
  const i64 line = cursor_.take().line;
  if (cursor_.at(TokenKind::integer)) {
    ExpressionPtr key = primary();
    return make(SubscriptNode{std::move(object), std::move(key)}, line);
  }
  return make(AttributeNode{std::move(object), cursor_.expect_name("the name of an attribute")},
              line);
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr object) {
  const Nesting nesting(depth_, cursor_.line());
  const i64 line = cursor_.take().line;
  const auto at_stop = [&] { return cursor_.at_symbol(":") || cursor_.at_symbol("]"); };
  ExpressionPtr first = cursor_.at_symbol(":") ? nullptr : expression_or_tuple();
  if (!cursor_.at_symbol(":")) {
    cursor_.expect_symbol("]");
    return make(SubscriptNode{std::move(object), std::move(first)}, line);
  }
  SliceNode node{.object = std::move(object), .start = std::move(first), .stop = {}, .step = {}};
  cursor_.take();
  if (!at_stop()) node.stop = expression();
  if (cursor_.skip_symbol(":") && !at_stop()) node.step = expression();
  cursor_.expect_symbol("]");
  return make(std::move(node), line);
}

ArgumentNodes ExpressionParser::arguments() {
  const Nesting nesting(depth_, cursor_.line());
  ArgumentNodes given;
  cursor_.expect_symbol("(");
  bool first = true;
  while (!cursor_.at_symbol(")")) {
    if (!first) {
      cursor_.expect_symbol(",");
      if (cursor_.at_symbol(")")) break;
    }
    first = false;
    if (cursor_.skip_symbol("*")) {
      if (given.rest || given.named_rest) cursor_.fail_here("a second * argument");
      given.rest = expression();
    } else if (cursor_.skip_symbol("**")) {
      if (given.named_rest) cursor_.fail_here("a second ** argument");
      given.named_rest = expression();
    } else if (cursor_.at(TokenKind::name) && cursor_.next().kind == TokenKind::symbol &&
               cursor_.next().text == "=") {
      std::string name = cursor_.take().text;
      cursor_.take();
      given.named.emplace_back(std::move(name), expression());
    } else {
      if (!given.named.empty() || given.rest || given.named_rest) {
        cursor_.fail_here("a positional argument after a named one");
      }
      given.positional.push_back(expression());
    }
  }
  cursor_.expect_symbol(")");
  return given;
}

}  // namespace medlar::text::jinja
