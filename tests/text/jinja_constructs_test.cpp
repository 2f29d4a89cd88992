#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "text/chat_template.h"

/// One table per construct. The expected texts come from the reference implementation of the
/// language.
namespace medlar::text {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

ChatInput usual_input() {
  ChatInput input = chat_input_from_case(parse_json(R"({
    "messages": [{"role": "user", "content": "Dose?"}, {"role": "assistant", "content": "4 µg", "n": 1.0}],
    "kwargs": {"d": {"b": 2, "A": 1, "c": [3]}, "l": [3, 1, 2], "s": "äöü", "f": 0.1},
    "now": "2026-03-07T09:05:03"})",
                                                    "test"));
  return input;
}

void check_templates(const Rows& rows) {
  for (const auto& [source, expected] : rows) {
    EXPECT_EQ(ChatTemplate(source).render(usual_input()), expected) << source;
  }
}

void check_expressions(const Rows& rows) {
  for (const auto& [expression, expected] : rows) {
    EXPECT_EQ(ChatTemplate("{{ " + expression + " }}").render(usual_input()), expected)
        << expression;
  }
}

TEST(Jinja, Literals) {
  check_expressions({
      {"1_000", "1000"},
      {"0x1F", "31"},
      {"0b11", "3"},
      {"0o17", "15"},
      {"1.5e3", "1500.0"},
      {"'a' 'b'", "ab"},
      {R"("a\tb\x41\u00e9\\ \d")", "a\tbAé\\ \\d"},
      {R"('it\'s')", "it's"},
      {"[1, 'x', none, true]", "[1, 'x', None, True]"},
      {"(1, 2)", "(1, 2)"},
      {"(1,)", "(1,)"},
      {"()", "()"},
      {R"({'a': 1, "b": [1]})", "{'a': 1, 'b': [1]}"},
      {"none", "None"},
      {"{1: 'i', true: 't'}", "{1: 't'}"},
  });
}

TEST(Jinja, FloatsPrintTheShortestDigits) {
  check_expressions({
      {"f", "0.1"},
      {"1.0", "1.0"},
      {"1e16", "1e+16"},
      {"1e15", "1000000000000000.0"},
      {"1e22", "1e+22"},
      {"1e-7", "1e-07"},
      {"0.0001", "0.0001"},
      {"123456789.125", "123456789.125"},
      {"5 / 2", "2.5"},
      {"1e308 * 10", "inf"},
      {"2 ** -1", "0.5"},
  });
}

TEST(Jinja, Arithmetic) {
  check_expressions({
      {"5 // 2", "2"},
      {"-5 // 2", "-3"},
      {"-5 % 3", "1"},
      {"7.5 // 2", "3.0"},
      {"-7.5 % 2", "0.5"},
      {"2 ** 10", "1024"},
      {"2 - -3", "5"},
      {"--3", "3"},
      {"-l[0]", "-3"},
      {"1 + true", "2"},
      {"'x' * 3", "xxx"},
      {"[0] * 2", "[0, 0]"},
      {"[1] + [2]", "[1, 2]"},
      {"'a' ~ 1 ~ none ~ 2.0 ~ [1]", "a1None2.0[1]"},
      {"-3|abs", "3"},
      {"'ab' | upper ~ 'c'", "ABc"},
  });
}

TEST(Jinja, Comparisons) {
  check_expressions({
      {"1 < 2 < 3", "True"},
      {"1 < 3 < 2", "False"},
      {"'a' in 'abc'", "True"},
      {"4 not in l", "True"},
      {"'b' in d", "True"},
      {"1 == 1.0", "True"},
      {"1 == true", "True"},
      {"'1' == 1", "False"},
      {"none == none", "True"},
      {"[1, 2] < [1, 3]", "True"},
      {"'a' < 'b'", "True"},
      {"(1, 2) == [1, 2]", "False"},
      {"{'a': 1} == {'a': 1.0}", "True"},
      {"5 in range(10)", "True"},
      {"u == v", "True"},
      {"'q' in u", "False"},
  });
}

TEST(Jinja, Logic) {
  check_expressions({
      {"not 1", "False"},
      {"1 and 2", "2"},
      {"0 or 'x'", "x"},
      {"'a' is string and not u", "True"},
      {"'yes' if false", ""},
      {"1 if 0 else 2 if 0 else 3", "3"},
  });
}

TEST(Jinja, Subscripts) {
  check_expressions({
      {"messages[0]['content']", "Dose?"},
      {"messages[0].content", "Dose?"},
      {"messages[5]", ""},
      {"messages[0].nope", ""},
      {"d['zz']", ""},
      {"l.0", "3"},
      {"l[-1]", "2"},
      {"s[1]", "ö"},
      {"s[-1]", "ü"},
      {"d.A", "1"},
      {"d.items is defined", "True"},
      {"{'items': 3}['items']", "3"},
      {"{'items': 3}.items()|list", "[('items', 3)]"},
      {"messages.__class__", ""},
      {"''['__class__']", ""},
  });
}

TEST(Jinja, Slices) {
  check_expressions({
      {"l[1:2]", "[1]"},
      {"l[:-1]", "[3, 1]"},
      {"l[-2:]", "[1, 2]"},
      {"l[::2]", "[3, 2]"},
      {"l[5:]", "[]"},
      {"l[::-1]", "[2, 1, 3]"},
      {"s[1:]", "öü"},
      {"s[0:2]", "äö"},
      {"s[::-1]", "üöä"},
      {"'abcdef'[4:1:-2]", "ec"},
      {"l[-100:100]", "[3, 1, 2]"},
  });
}

TEST(Jinja, TextMethods) {
  check_expressions({
      {"'a b  c'.split()", "['a', 'b', 'c']"},
      {"'a b  c'.split(' ')", "['a', 'b', '', 'c']"},
      {"'a,b,c'.split(',', 1)", "['a', 'b,c']"},
      {"'a,b,c'.rsplit(',', 1)", "['a,b', 'c']"},
      {"' a b '.rsplit(none, 1)", "[' a', 'b']"},
      {"'  x '.strip()", "x"},
      {"'xxaxx'.strip('x')", "a"},
      {"'xa'.lstrip('x')", "a"},
      {"'ax'.rstrip('x')", "a"},
      {"'aXbX'.replace('X', '--', 1)", "a--bX"},
      {"'abc'.replace('', '-')", "-a-b-c-"},
      {"'abc'.startswith('ab')", "True"},
      {"'abc'.startswith(('x', 'a'))", "True"},
      {"'abc'.endswith('c')", "True"},
      {"'banana'.count('an')", "2"},
      {"'banana'.find('n')", "2"},
      {"'banana'.rfind('n')", "4"},
      {"'äbc'.find('c')", "2"},
      {"'banana'.index('n', 3)", "4"},
      {"'-'.join(['a', 'b'])", "a-b"},
      {"'a-b-c'.partition('-')", "('a', '-', 'b-c')"},
      {"'a-b-c'.rpartition('-')", "('a-b', '-', 'c')"},
      {"'7'.zfill(3)", "007"},
      {"'-7'.zfill(4)", "-007"},
      {"'ab'.center(7, '*')", "***ab**"},
      {"'a'.ljust(3, '.')", "a.."},
      {"'a'.rjust(3)", "  a"},
      {R"('a\nb\r\nc'.splitlines())", "['a', 'b', 'c']"},
      {"'straße'.upper()", "STRASSE"},
      {"'ABC'.lower()", "abc"},
      {R"("hello wORLD-foo".title())", "Hello World-Foo"},
      {"'aBC dEF'.capitalize()", "Abc def"},
      {"'Ab'.swapcase()", "aB"},
      {"'abc'.isalpha()", "True"},
      {"'a1'.isalnum()", "True"},
      {"'12'.isdigit()", "True"},
      {"' '.isspace()", "True"},
      {"'AB'.isupper()", "True"},
      {"'foobar'.removeprefix('foo')", "bar"},
      {"'foobar'.removesuffix('bar')", "foo"},
  });
}

TEST(Jinja, Formats) {
  check_expressions({
      {"'%s is %d, %.2f %5s|%-5s|%05d|%x|%r|%%' % ('Bob', 42, 3.14159, 'a', 'b', 42, 255, 'q')",
       "Bob is 42, 3.14     a|b    |00042|ff|'q'|%"},
      {"'%s'|format(5)", "5"},
      {"'%(a)s' % {'a': 1}", "1"},
      {"'%+d % d' % (5, 5)", "+5  5"},
      {"'%e %g' % (12345.678, 0.00001234)", "1.234568e+04 1.234e-05"},
      {"'{} {n:>5} {!r:5}|'.format('a', 'b', n='x')", "a     x 'b'  |"},
      {"'{0:.2f}|{1:,}|{2:05d}|{3:^5}|'.format(2.5, 1234567, 42, 7)",
       "2.50|1,234,567|00042|  7  |"},
      {"'{{}}'.format()", "{}"},
      {"strftime_now('%Y-%m-%d %H:%M:%S')", "2026-03-07 09:05:03"},
      {"strftime_now('%B %d, %Y, %a %A %b %j %p %I %y %-d')",
       "March 07, 2026, Sat Saturday Mar 066 AM 09 26 7"},
  });
}

TEST(Jinja, Json) {
  check_expressions({
      {"messages|tojson",
       R"([{"role": "user", "content": "Dose?"}, {"role": "assistant", "content": "4 µg", "n": 1.0}])"},
      {"{'b': 1, 'a': {'d': 1, 'c': []}}|tojson(sort_keys=true)",
       R"({"a": {"c": [], "d": 1}, "b": 1})"},
      {"[1, {'a': []}]|tojson(indent=2)", "[\n  1,\n  {\n    \"a\": []\n  }\n]"},
      {"[1, 2]|tojson(separators=(',', ':'))", "[1,2]"},
      {"'é'|tojson(ensure_ascii=true)", R"("\u00e9")"},
      {"'😀'|tojson(ensure_ascii=true)", R"("\ud83d\ude00")"},
      {R"('\u2028\x7f\x01<\"'|tojson)", "\"\xe2\x80\xa8\x7f\\u0001<\\\"\""},
      {"1e22|tojson", "1e+22"},
      {"1.0|tojson", "1.0"},
      {"{1: 2, none: 3, true: 4}|tojson", R"({"1": 4, "null": 3})"},
      {"(1, 2)|tojson", "[1, 2]"},
      {"none|tojson", "null"},
  });
}

TEST(Jinja, Repr) {
  check_expressions({
      {R"(["a'b", 'a"b', 'a\'"b', 'a\\b', 'tab\t'])",
       R"(["a'b", 'a"b', 'a\'"b', 'a\\b', 'tab\t'])"},
      {R"(['\x00\x7f\xa0\u200b\U0001F600é'])", R"(['\x00\x7f\xa0\u200b😀é'])"},
      {"[none, true, 1e-7]", "[None, True, 1e-07]"},
  });
}

TEST(Jinja, TextFilters) {
  check_expressions({
      {"'  x '|trim", "x"},
      {"'xax'|trim('x')", "a"},
      {"'aXb'|replace('X', '-')", "a-b"},
      {R"('a\n\nb'|indent(2))", "a\n\n  b"},
      {R"('a\nb\n'|indent(2, true))", "  a\n  b\n"},
      {R"('a\n\nb'|indent(width=1, blank=true))", "a\n \n b"},
      {R"('a\nb'|indent('>>'))", "a\n>>b"},
      {"s|upper", "ÄÖÜ"},
      {"'ABC'|lower", "abc"},
      {"s|capitalize", "Äöü"},
      {R"("hello wORLD-foo bar's"|title)", "Hello World-Foo Bar's"},
      {"42|string", "42"},
      {"none|string", "None"},
      {R"('<a&"\'>'|escape)", "&lt;a&amp;&#34;&#39;&gt;"},
      {"'<a>'|safe", "<a>"},
      {"'a b&c/d'|urlencode", "a%20b%26c/d"},
      {"'foo bar baz qux quux'|truncate(9)", "foo..."},
      {"'ab'|center(6)", "  ab  "},
      {"'a b, c'|wordcount", "3"},
  });
}

TEST(Jinja, NumberFilters) {
  check_expressions({
      {"'12'|int", "12"},
      {"'12.7'|int", "12"},
      {"'x'|int(5)", "5"},
      {"'0x1f'|int(base=16)", "31"},
      {"3.9|int", "3"},
      {"'1.5'|float", "1.5"},
      {"'q'|float", "0.0"},
      {"2.5|round", "2.0"},
      {"2.675|round(2)", "2.67"},
      {"3|round", "3"},
      {"2.1|round(method='ceil')", "3.0"},
      {"-3|abs", "3"},
  });
}

TEST(Jinja, SequenceFilters) {
  check_expressions({
      {"s|length", "3"},
      {"d|length", "3"},
      {"u|length", "0"},
      {"l|join(', ')", "3, 1, 2"},
      {"messages|join('/', attribute='role')", "user/assistant"},
      {"l|first", "3"},
      {"[]|last", ""},
      {"''|first", ""},
      {"'abc'|list", "['a', 'b', 'c']"},
      {"u|list", "[]"},
      {"l|sort", "[1, 2, 3]"},
      {"l|sort(reverse=true)", "[3, 2, 1]"},
      {"['b', 'A', 'c']|sort", "['A', 'b', 'c']"},
      {"['b', 'A', 'c']|sort(case_sensitive=true)", "['A', 'b', 'c']"},
      {"[{'a': {'b': 2}}, {'a': {'b': 1}}]|sort(attribute='a.b')",
       "[{'a': {'b': 1}}, {'a': {'b': 2}}]"},
      {"d|dictsort", "[('A', 1), ('b', 2), ('c', [3])]"},
      {"{'b': 1, 'a': 2}|dictsort(false, 'value')", "[('b', 1), ('a', 2)]"},
      {"d|items|list", "[('b', 2), ('A', 1), ('c', [3])]"},
      {"['a', 'A', 'b']|unique|list", "['a', 'b']"},
      {"l|reverse|list", "[2, 1, 3]"},
      {"s|reverse", "üöä"},
      {"l|sum", "6"},
      {"[{'x': 1}, {'x': 2}]|sum(attribute='x')", "3"},
      {"l|min", "1"},
      {"l|max", "3"},
      {"[1, 2, 3]|batch(2, 0)|list", "[[1, 2], [3, 0]]"},
      {"[1, 2, 3, 4, 5]|slice(2)|list", "[[1, 2, 3], [4, 5]]"},
      {"messages|groupby('role')|length", "2"},
      {"messages|map(attribute='role')|list", "['user', 'assistant']"},
      {"messages|map(attribute='n', default=0)|list", "[0, 1.0]"},
      {"['a', 'b']|map('upper')|join", "AB"},
      {"messages|selectattr('role', 'equalto', 'user')|list|length", "1"},
      {"messages|rejectattr('role', '==', 'user')|map(attribute='role')|list", "['assistant']"},
      {"messages|selectattr('n', 'defined')|list|length", "1"},
      {"l|select('odd')|list", "[3, 1]"},
      {"l|reject('gt', 1)|list", "[1]"},
      {"[0, 1, '']|select|list", "[1]"},
  });
}

TEST(Jinja, Default) {
  check_expressions({
      {"u|default('d')", "d"},
      {"''|default('d')", ""},
      {"''|default('d', true)", "d"},
      {"none|d('z')", "None"},
      {"none|d('z', boolean=true)", "z"},
  });
}

TEST(Jinja, Tests) {
  check_expressions({
      {"u is defined", "False"},     {"u is undefined", "True"},  {"1 is number", "True"},
      {"true is integer", "False"},  {"true is boolean", "True"}, {"1.0 is float", "True"},
      {"'a' is string", "True"},     {"d is mapping", "True"},    {"l is sequence", "True"},
      {"'a' is iterable", "True"},   {"1 is iterable", "False"},  {"none is none", "True"},
      {"3 is odd", "True"},          {"4 is even", "True"},       {"4 is divisibleby 2", "True"},
      {"1 is eq 1", "True"},         {"1 is in [1, 2]", "True"},  {"true is true", "True"},
      {"1 is true", "False"},        {"'A' is upper", "True"},    {"1 is sameas 1", "True"},
      {"range is callable", "True"}, {"1 is not none", "True"},   {"1 is ge 1", "True"},
  });
}

TEST(Jinja, Ranges) {
  check_expressions({
      {"range(3)|list", "[0, 1, 2]"},
      {"range(1, 10, 3)|list", "[1, 4, 7]"},
      {"range(5, 0, -2)|list", "[5, 3, 1]"},
  });
}

TEST(Jinja, WhiteSpace) {
  check_templates({
      {"  {% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb"},
      {" {%- if true %} c {% endif -%}   \n d {# comment #}\ne {#- c -#} f", " c d ef"},
      {"  {%+ if true %}g{% endif +%}\nh", "  g\nh"},
      {"a\n\n", "a\n"},
      {"a{{ '' }}\n\nb\r\nc\rd", "a\n\nb\nc\nd"},
      {"  {# c #}\nx", "x"},
      {"{{ 1 -}}  \n 2", "12"},
      {"  {{- 1 }}", "1"},
  });
}

TEST(Jinja, Raw) {
  check_templates({
      {"{% raw %}{{ x }} {% y %}\n{% endraw %}\nz", "{{ x }} {% y %}\nz"},
      {"{%- raw -%}  a{% endraw %}", "a"},
  });
}

TEST(Jinja, Conditions) {
  check_templates({
      {"{% if u %}a{% elif l %}b{% else %}c{% endif %}", "b"},
      {"{% if u %}a{% else %}c{% endif %}", "c"},
  });
}

TEST(Jinja, Loops) {
  check_templates({
      {"{% for i in range(5) if i % 2 == 0 %}{{ i }}{{ loop.first }}{{ loop.last }}{{ loop.length "
       "}}{{ ',' if not loop.last }}{% endfor %}",
       "0TrueFalse3,2FalseFalse3,4FalseTrue3"},
      {"{% for i in [] %}x{% else %}empty{% endfor %}", "empty"},
      {"{% for i in range(10) %}{% if i == 3 %}{% continue %}{% endif %}{% if i == 6 %}{% break "
       "%}{% endif %}{{ i }}{% endfor %}",
       "01245"},
      {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "b=2;A=1;c=[3];"},
      {"{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123"},
      {"{% for k in d %}{{ k }}{% endfor %}", "bAc"},
      {"{% for x in 'añb' %}{{ x }},{% endfor %}", "a,ñ,b,"},
      {"{% for i in u %}q{% endfor %}", ""},
      {"{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x "
       "}}@{{ loop.depth }}{% endif %}{% endfor %}",
       "1@1(2@2(3@3))"},
      {"{% for i in [1, 2, 3] %}{{ loop.cycle('a', 'b') }}{{ loop.previtem }}{{ loop.nextitem }}{{ "
       "loop.changed(i // 2) }}{{ loop.revindex }}{{ loop.index0 }};{% endfor %}",
       "a2True30;b13True21;a2False12;"},
      {"{% for x in 1, 2 %}{{ x }}{% endfor %}", "12"},
  });
}

TEST(Jinja, Scopes) {
  check_templates({
      {"{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "231"},
      {"{% set x = 1 %}{% if true %}{% set x = 9 %}{% endif %}{{ x }}", "9"},
      {"{% set ns = namespace(n=0) %}{% for i in l %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n "
       "}}{{ ns.q }}",
       "6"},
      {"{% set x = 1 %}{% with x = 5, y = 2 %}{{ x + y }}{% set x = 7 %}{% endwith %}{{ x }}",
       "71"},
      {"{% macro a() %}{{ z }}{% endmacro %}{% set z = 3 %}{{ a() }}{% for z in [8] %}{{ a() }}{% "
       "endfor %}",
       "33"},
      {"{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, e) = [3, 4] %}{{ c }}{{ e }}", "1234"},
  });
}

TEST(Jinja, Macros) {
  check_templates({
      {"{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ "
       "m(1) }} {{ m(1, 3, 4, 5, z=6) }} {{ m(b=1, a=2) }}",
       "1-2-1(){} 1-3-4(5,){'z': 6} 2-1-2(){}"},
      {"{% macro g(x) %}{% if x > 0 %}{{ x }}{{ g(x - 1) }}{% endif %}{% endmacro %}{{ g(5) }}",
       "54321"},
      {"{% macro m() %}[{{ caller('x') }}]{% endmacro %}{% call(q) m() %}<{{ q }}>{% endcall %}",
       "[<x>]"},
      {"{% macro f(x) -%}\n  {{ x }}\n{%- endmacro %}\n{{ f(1) }}{{ f(x=2) }}{{ f() }}", "12"},
      {"{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 2]) }}{{ f(**{'b': 1}) }}", "121"},
  });
}

TEST(Jinja, Blocks) {
  check_templates({
      {"{% filter upper %}abc {{ s }}{% endfilter %}", "ABC ÄÖÜ"},
      {"{% set x %}block {{ s }}{% endset %}{{ x }}{{ x is string }}", "block äöüTrue"},
      {"{% set y | trim | upper %}  pad {% endset %}[{{ y }}]", "[PAD]"},
  });
}

TEST(Jinja, ListsAndDictsAreShared) {
  check_templates({
      {"{% set q = [] %}{% set p = q %}{% set _ = q.append(1) %}{% do q.append(2) %}{{ p }}{{ "
       "q.pop() }}{{ p }}",
       "[1, 2]2[1]"},
      {"{% set q = [1] %}{% do q.extend([5, 6]) %}{% do q.insert(0, 9) %}{{ q }}{{ q.index(5) }}{{ "
       "q.count(6) }}",
       "[9, 1, 5, 6]21"},
      {"{% set q = dict(a=1) %}{% do q.update({'b': 2}) %}{{ q }}{{ q.pop('a') }}{{ q }}{{ "
       "q.get('z') }}{{ q.get('z', 3) }}{{ q.keys()|list }}{{ q.values()|list }}{{ "
       "q.setdefault('z', 1) }}",
       "{'a': 1, 'b': 2}1{'b': 2}None3['b'][2]1"},
  });
}

}  // namespace
}  // namespace medlar::text
