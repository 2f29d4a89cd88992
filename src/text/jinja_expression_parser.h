#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja_ast.h"
#include "text/jinja_lexer.h"

namespace medlar::text::jinja {

/// A cursor over tokens with the helpers that both parsers need. Not thread-safe.
class TokenCursor {
 public:
  explicit TokenCursor(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[position_]; }
  const Token& next() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }
  Token take();
  bool at(TokenKind kind) const { return current().kind == kind; }
  bool at_symbol(std::string_view text) const {
    return at(TokenKind::symbol) && current().text == text;
  }
  bool at_name(std::string_view text) const {
    return at(TokenKind::name) && current().text == text;
  }
  bool skip_symbol(std::string_view text);
  bool skip_name(std::string_view text);
  void expect_symbol(std::string_view text);
  std::string expect_name(std::string_view what);
  void expect(TokenKind kind, std::string_view what);
  i64 line() const { return current().line; }

  /// Throws corrupt_file at the current line.
  [[noreturn]] void fail_here(std::string_view what) const;

 private:
  std::vector<Token> tokens_;
  std::size_t position_ = 0;
};

/// Counts what is open around the cursor; throws limit_exceeded beyond max_nesting.
class Nesting {
 public:
  Nesting(i64& depth, i64 line);
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  i64& depth_;
};

/// Parses expressions by Jinja's grammar: recursive descent, one method per level of precedence.
class ExpressionParser {
 public:
  ExpressionParser(TokenCursor& cursor, i64& depth) : cursor_(cursor), depth_(depth) {}

  /// One expression, `a if b else c` included.
  ExpressionPtr expression();
  /// One expression, or several with commas: a tuple.
  ExpressionPtr expression_or_tuple();
  /// An expression without a conditional: what follows `in` of a for, whose `if` is a filter.
  ExpressionPtr plain_expression_or_tuple();
  /// `name(args) | name ...` upon `input`, which is null in a filter block.
  ExpressionPtr filter_chain(ExpressionPtr input);

  /// True once any name of that spelling has been read; cleared by the caller.
  struct SpecialNames {
    bool varargs = false, kwargs = false, caller = false;
  };
  SpecialNames special_names;

 private:
  ExpressionPtr tuple_of(ExpressionPtr (ExpressionParser::*item)());
  ExpressionPtr logical_or();
  ExpressionPtr logical_and();
  ExpressionPtr logical_not();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary();
  ExpressionPtr signed_primary();
  ExpressionPtr filters_and_tests(ExpressionPtr input);
  ExpressionPtr test(ExpressionPtr input);
  ExpressionPtr primary();
  ExpressionPtr name_or_constant();
  ExpressionPtr string();
  ExpressionPtr parenthesised();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr object);
  ExpressionPtr attribute(ExpressionPtr object);
  ExpressionPtr subscript(ExpressionPtr object);
  ArgumentNodes arguments();
  std::string dotted_name(std::string_view what);
  bool at_end_of_tuple() const;

  template <typename Node>
  ExpressionPtr make(Node node, i64 line) const;

  TokenCursor& cursor_;
  i64& depth_;
};

}  // namespace medlar::text::jinja
