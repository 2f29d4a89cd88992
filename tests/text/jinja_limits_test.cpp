#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "text/chat_template.h"
#include "text/jinja_limits.h"

/// Hostile templates and conversations: each ends in the right error, quickly.
namespace medlar::text {
namespace {

std::string repeated(const std::string& text, i64 times) {
  std::string out;
  for (i64 i = 0; i < times; ++i) out += text;
  return out;
}

/// The error that a template ends in; fails the test if there is none.
Error error_of(const std::string& source, const ChatInput& input = {}) {
  try {
    ChatTemplate(source).render(input);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error from " << source.substr(0, 200);
  return Error(ErrorCode::internal, "none");
}

void expect_limit(const std::string& source) {
  EXPECT_EQ(error_of(source).code(), ErrorCode::limit_exceeded) << source.substr(0, 200);
}

TEST(JinjaLimits, EndlessRecursion) {
  expect_limit("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
  expect_limit(
      "{% macro f() %}{% for i in [1] %}{% if true %}{{ f()|upper ~ 'x' }}{% endif %}{% endfor "
      "%}{% endmacro %}{{ f() }}");
  expect_limit("{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}");
  expect_limit("{% macro f(a=f()) %}{% endmacro %}{{ f() }}");
  expect_limit(
      "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}{{ f() "
      "}}");
}

TEST(JinjaLimits, SomeRecursionIsAllowed) {
  const std::string source =
      "{% macro f(n) %}{% if n > 0 %}{% for i in [n] %}{{ f(i - 1) }}{% endfor %}{% else %}end{% "
      "endif %}{% endmacro %}{{ f(64) }}";
  EXPECT_EQ(ChatTemplate(source).render({}), "end");
}

TEST(JinjaLimits, Ranges) {
  expect_limit("{{ range(10 ** 9)|length }}");
  expect_limit("{{ range(0, -9223372036854775807, -1)|length }}");
  EXPECT_EQ(
      ChatTemplate("{{ range(0, 9223372036854775807, 9223372036854775807)|list }}").render({}),
      "[0]");
}

TEST(JinjaLimits, NestedLoops) {
  std::string source;
  for (int i = 0; i < 5; ++i) source += "{% for i in range(100000) %}";
  source += repeated("{% endfor %}", 5);
  expect_limit(source);
}

TEST(JinjaLimits, TextBombs) {
  expect_limit("{{ 'x' * 10 ** 12 }}");
  expect_limit("{{ ('x' * 1000000) * 1000000 }}");
  expect_limit("{{ [0] * 10 ** 12 }}");
  expect_limit("{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}");
  expect_limit("{{ range(100000)|join('x' * 1000) }}");
  expect_limit("{{ ('x' * 1000).join(('a' * 90000)|list) }}");
  expect_limit("{{ ('a' * 100000).replace('a', 'b' * 1000) }}");
  expect_limit("{{ ('a' * 100000).replace('', 'b' * 1000) }}");
  expect_limit("{{ '%99999s' % 'a' }}");
  expect_limit("{{ '{:99999}'.format('a') }}");
  expect_limit("{{ ('{0}' * 10000).format('b' * 10000) }}");
  expect_limit("{{ 'a'.ljust(10 ** 12) }}");
  expect_limit("{{ 'a'|indent(10 ** 12) }}");
  expect_limit("{{ ('a\\n' * 10000)|indent(10000) }}");
  expect_limit("{{ [1]|tojson(indent=10 ** 9) }}");
  expect_limit(
      "{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}");
  expect_limit(
      "{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% "
      "endfor %}");
  expect_limit(
      "{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}");
  expect_limit(
      "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s] %}{% "
      "endfor %}{{ ns.s }}");
  expect_limit(
      "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s] %}{% "
      "endfor %}{{ ns.s|tojson }}");
  expect_limit(
      "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% else %}0123456789{% endif %}{% "
      "endmacro %}{{ f(40) }}");
}

TEST(JinjaLimits, SlowWork) {
  expect_limit(
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% if s.count('b') %}{% endif %}{% "
      "endfor %}");
  expect_limit(
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% if 'ab' in s %}{% endif %}{% "
      "endfor %}");
  expect_limit(
      "{% set l = range(100000)|list %}{% for i in l %}{% if -1 in l %}{% endif %}{% endfor %}");
  expect_limit(
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% if s[999999] %}{% endif %}{% "
      "endfor %}");
  expect_limit(
      "{% set l = range(100000)|list %}{% for i in l %}{% if l|sort %}{% endif %}{% endfor %}");
}

TEST(JinjaLimits, ValuesInsideThemselves) {
  expect_limit("{% set q = [] %}{% do q.append(q) %}{{ q }}");
  expect_limit("{% set q = {} %}{% do q.update({'q': q}) %}{{ q|tojson }}");
  expect_limit(
      "{% set q = [] %}{% do q.append(q) %}{% set p = [] %}{% do p.append(p) %}{{ q == p }}");
  expect_limit(
      "{% set ns = namespace(s=()) %}{% for i in range(9999) %}{% set ns.s = (ns.s,) %}{% endfor "
      "%}{{ {ns.s: 1} }}");
  expect_limit(
      "{% set q = [1] %}{% for i in q %}{% do q.extend(q * 100000) %}{% do q.extend(q * 100000) "
      "%}{% endfor %}");
  EXPECT_EQ(ChatTemplate("{% set q = [1] %}{% for i in q %}{% do q.append(i) %}{% endfor %}{{ q }}")
                .render({}),
            "[1, 1]");
}

TEST(JinjaLimits, NestedSource) {
  for (const i64 depth : {i64{1000}, i64{100000}}) {
    expect_limit("{{ " + repeated("(", depth) + "1" + repeated(")", depth) + " }}");
    expect_limit("{{ " + repeated("[", depth) + repeated("]", depth) + " }}");
    expect_limit("{{ " + repeated("-", depth) + "1 }}");
    expect_limit("{{ " + repeated("not ", depth) + "1 }}");
    expect_limit("{{ 1" + repeated("+1", depth) + " }}");
    expect_limit("{{ x" + repeated(".a", depth) + " }}");
    expect_limit("{{ x" + repeated("|e", depth) + " }}");
    expect_limit("{{ " + repeated("1 if 1 else ", std::min<i64>(depth, 10000)) + "1 }}");
    expect_limit("{{ 1" + repeated(" if 1", depth) + " }}");
  }
  expect_limit(repeated("{% if 1 %}", 1000) + repeated("{% endif %}", 1000));
  expect_limit("{% set " + repeated("(", 1000) + "a" + repeated(")", 1000) + " = 1 %}");
  // Chains that do not nest are fine.
  const std::string source =
      "{% if 0 %}" + repeated("{% elif 0 %}a", 5000) + "{% else %}b{% endif %}";
  EXPECT_EQ(ChatTemplate(source).render({}), "b");
  EXPECT_EQ(ChatTemplate("{{ ''" + repeated(" ~ 'a'", 5000) + " }}").render({}).size(), 5000u);
}

TEST(JinjaLimits, ParenthesesAndChainsTogether) {
  std::string source = "1";
  for (int i = 0; i < 100; ++i) source = "(" + source + repeated("+1", 100) + ")";
  expect_limit("{{ " + source + " }}");
}

TEST(JinjaLimits, SourceSize) {
  expect_limit(repeated("x", jinja::max_source_bytes + 1));
  EXPECT_EQ(ssize_of(ChatTemplate(repeated("x", jinja::max_source_bytes)).render({})),
            jinja::max_source_bytes);
}

TEST(JinjaLimits, NestedJson) {
  ChatInput input;
  Json nested = Json::array();
  for (int i = 0; i < 1000; ++i) nested = Json::array({std::move(nested)});
  input.tools = std::move(nested);
  EXPECT_EQ(error_of("{{ tools }}", input).code(), ErrorCode::limit_exceeded);
  expect_limit("{{ ('[' * 1000 ~ ']' * 1000)|from_json }}");
}

TEST(JinjaLimits, IntegersStayInBounds) {
  expect_limit("{{ 9223372036854775807 + 1 }}");
  expect_limit("{{ -9223372036854775807 - 2 }}");
  expect_limit("{{ 9223372036854775807 * 2 }}");
  expect_limit("{{ 10 ** 19 }}");
  expect_limit("{{ -(-9223372036854775807 - 1) }}");
  expect_limit("{{ (-9223372036854775807 - 1) // -1 }}");
  expect_limit("{{ (-9223372036854775807 - 1)|abs }}");
  EXPECT_EQ(ChatTemplate("{{ (-9223372036854775807 - 1) % -1 }}").render({}), "0");
  EXPECT_EQ(error_of("{{ 9223372036854775808 }}").code(), ErrorCode::corrupt_file);
}

TEST(JinjaLimits, LargeIntegersOfTheCallerArePrinted) {
  ChatInput input;
  input.kwargs = {{"n", 12345678901234567890u}};
  EXPECT_EQ(ChatTemplate("{{ n }} {{ n|tojson }} {{ n is integer }} {{ n > 1 }} {{ n == n }}")
                .render(input),
            "12345678901234567890 12345678901234567890 True True True");
  EXPECT_EQ(error_of("{{ n + 1 }}", input).code(), ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace medlar::text
