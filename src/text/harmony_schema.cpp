#include "text/harmony_schema.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"

namespace medlar::text {
namespace {

/// The member if it is a text.
const std::string* text_of(const Json& schema, std::string_view key) {
  if (!schema.is_object()) return nullptr;
  const auto found = schema.find(key);
  return found != schema.end() && found->is_string() ? &found->get_ref<const std::string&>()
                                                     : nullptr;
}

/// The member if it is a list.
const Json* list_of(const Json& schema, std::string_view key) {
  if (!schema.is_object()) return nullptr;
  const auto found = schema.find(key);
  return found != schema.end() && found->is_array() ? &*found : nullptr;
}

bool has(const Json& schema, std::string_view key) {
  return schema.is_object() && schema.contains(key);
}

bool is_enum(const Json& schema) {
  const Json* values = list_of(schema, "enum");
  return values != nullptr && !values->empty();
}

bool is_nullable(const Json& schema) {
  return has(schema, "nullable") && schema["nullable"] == Json(true);
}

/// A text in quotes, but bare where it is one of an enum's values; anything else as JSON.
std::string default_comment(const Json& schema) {
  const Json& value = schema["default"];
  if (!value.is_string()) return "default: " + compact_json(value);
  const auto& text = value.get_ref<const std::string&>();
  return is_enum(schema) ? "default: " + text : "default: \"" + text + "\"";
}

std::string with_null(const Json& schema, std::string type) {
  const bool says_so = type.find("null") != std::string::npos;
  return is_nullable(schema) && !says_so ? type + " | null" : type;
}

std::string trailing(const std::vector<std::string>& comments) {
  return comments.empty() ? "" : fmt::format(" // {}", fmt::join(comments, " "));
}

/// The alternatives of a schema that is nothing but a oneOf.
std::string one_of_type(const Json& variants, const std::string& indent) {
  std::string out;
  for (const Json& variant : variants) {
    out += fmt::format("\n{} | {}", indent,
                       with_null(variant, typescript_type(variant, indent + "   ")));
    std::vector<std::string> comments;
    if (const std::string* description = text_of(variant, "description"))
      comments.push_back(*description);
    if (has(variant, "default")) {
      // Unlike elsewhere, an enum's default is printed as JSON here.
      comments.push_back(is_enum(variant) ? "default: " + compact_json(variant["default"])
                                          : default_comment(variant));
    }
    out += trailing(comments);
  }
  return out;
}

std::string property_head(const std::string& key, const std::set<std::string>& required,
                          const std::string& indent) {
  return fmt::format("{}{}{}:", indent, key, required.contains(key) ? "" : "?");
}

/// A property whose schema is a oneOf: its alternatives on lines of their own.
std::string one_of_property(const std::string& head, const Json& schema,
                            const std::string& indent) {
  const Json& variants = schema["oneOf"];
  const std::string* description = text_of(schema, "description");
  const std::string* first = variants.empty() ? nullptr : text_of(variants.front(), "description");
  const bool repeats_first = description != nullptr && first != nullptr && *first == *description;
  const bool described_above = description != nullptr && !repeats_first;
  std::string out;
  if (described_above) out += fmt::format("{}// {}\n", indent, *description);
  if (has(schema, "default")) out += fmt::format("{}// {}\n", indent, default_comment(schema));
  out += head + "\n";
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const Json& variant = variants[i];
    std::vector<std::string> comments;
    const std::string* own = text_of(variant, "description");
    const bool shows_own = !(i == 0 && described_above) && own != nullptr &&
                           (description == nullptr || *own != *description);
    if (shows_own) comments.push_back(*own);
    if (has(variant, "default")) comments.push_back(default_comment(variant));
    out += fmt::format("{} | {}{}\n", indent,
                       with_null(variant, typescript_type(variant, indent + "   ")),
                       trailing(comments));
  }
  return out + indent + ",\n";
}

std::string property(const std::string& key, const Json& schema,
                     const std::set<std::string>& required, const std::string& indent) {
  std::string out;
  if (const std::string* title = text_of(schema, "title"))
    out += fmt::format("{0}// {1}\n{0}//\n", indent, *title);
  if (!has(schema, "oneOf")) {
    if (const std::string* description = text_of(schema, "description"))
      out += fmt::format("{}// {}\n", indent, *description);
  }
  const Json* examples = list_of(schema, "examples");
  if (examples != nullptr && !examples->empty()) {
    out += indent + "// Examples:\n";
    for (const Json& example : *examples) {
      if (example.is_string())
        out += fmt::format("{}// - \"{}\"\n", indent, example.get_ref<const std::string&>());
    }
  }
  const std::string head = property_head(key, required, indent);
  if (list_of(schema, "oneOf") != nullptr) return out + one_of_property(head, schema, indent);
  out += head + " " + with_null(schema, typescript_type(schema, indent + "    ")) + ",";
  if (!has(schema, "oneOf") && has(schema, "default")) out += " // " + default_comment(schema);
  return out + "\n";
}

std::string object_type(const Json& schema, const std::string& indent) {
  std::string out;
  if (const std::string* description = text_of(schema, "description"))
    out += fmt::format("{}// {}\n", indent, *description);
  out += "{\n";
  std::set<std::string> required;
  if (const Json* names = list_of(schema, "required")) {
    for (const Json& name : *names) {
      if (name.is_string()) required.insert(name.get<std::string>());
    }
  }
  if (has(schema, "properties") && schema["properties"].is_object()) {
    for (const auto& [key, value] : schema["properties"].items())
      out += property(key, value, required, indent);
  }
  return out + indent + "}";
}

std::string string_type(const Json& schema) {
  std::vector<std::string> values;
  if (const Json* listed = list_of(schema, "enum")) {
    for (const Json& value : *listed) {
      if (value.is_string())
        values.push_back(fmt::format("\"{}\"", value.get_ref<const std::string&>()));
    }
  }
  return values.empty() ? "string" : fmt::format("{}", fmt::join(values, " | "));
}

/// {"type": ["number", "string"]}: the names side by side; empty where none is a text.
std::string listed_types(const Json& types) {
  std::vector<std::string> names;
  for (const Json& type : types) {
    if (!type.is_string()) continue;
    const auto& name = type.get_ref<const std::string&>();
    names.push_back(name == "integer" ? "number" : name);
  }
  return fmt::format("{}", fmt::join(names, " | "));
}

/// Lines as Rust's str::lines gives them: ends dropped, no empty line behind the last.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (end < text.size() && line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string namespace_text(const HarmonyNamespace& space) {
  const bool has_tools = !space.tools.empty();
  std::vector<std::string> parts = {fmt::format("## {}\n", space.name)};
  for (const std::string& line : lines_of(space.description.value_or("")))
    parts.push_back(has_tools ? "// " + line : line);
  if (has_tools) {
    parts.push_back(fmt::format("namespace {} {{\n", space.name));
    for (const HarmonyTool& tool : space.tools) {
      for (const std::string& line : lines_of(tool.description)) parts.push_back("// " + line);
      parts.push_back(tool.parameters ? fmt::format("type {} = (_: {}) => any;\n", tool.name,
                                                    typescript_type(*tool.parameters, ""))
                                      : fmt::format("type {} = () => any;\n", tool.name));
    }
    parts.push_back(fmt::format("}} // namespace {}", space.name));
  }
  return fmt::format("{}", fmt::join(parts, "\n"));
}

/// The shortest decimal digits that read back the same, laid out as the Ryu printer does: an
/// exponent below 1e-5 and from 1e16 on, else a point with at least one digit behind it.
std::string shortest_number(double value) {
  char buffer[32];
  const auto written =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<std::size_t>(written.ptr - buffer));
  const std::string sign = text.starts_with('-') ? "-" : "";
  text.remove_prefix(sign.size());
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const char* exponent_begin = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  int exponent = 0;
  std::from_chars(exponent_begin, text.data() + text.size(), exponent);
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // digits before the point
  if (count <= point && point <= 16)
    return sign + digits + std::string(static_cast<std::size_t>(point - count), '0') + ".0";
  if (0 < point && point <= 16)
    return sign + digits.substr(0, static_cast<std::size_t>(point)) + "." +
           digits.substr(static_cast<std::size_t>(point));
  if (-5 < point && point <= 0)
    return sign + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  const std::string fraction = count > 1 ? "." + digits.substr(1) : "";
  return fmt::format("{}{}{}e{}", sign, digits[0], fraction, exponent);
}

void append_json(const Json& json, std::string& out) {
  if (json.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, value] : json.items()) {
      if (!first) out += ',';
      first = false;
      out += Json(key).dump(-1, ' ', false, Json::error_handler_t::replace) + ":";
      append_json(value, out);
    }
    out += '}';
  } else if (json.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < json.size(); ++i) {
      if (i > 0) out += ',';
      append_json(json[i], out);
    }
    out += ']';
  } else if (json.is_number_float()) {
    out += shortest_number(json.get<double>());
  } else {
    out += json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

}  // namespace

std::string typescript_type(const Json& schema, const std::string& indent) {
  if (const Json* variants = list_of(schema, "oneOf")) return one_of_type(*variants, indent);
  if (const Json* types = list_of(schema, "type")) {
    const std::string names = listed_types(*types);
    if (!names.empty()) return names;
  }
  const std::string* type = text_of(schema, "type");
  if (type == nullptr) return "any";
  if (*type == "object") return object_type(schema, indent);
  if (*type == "string") return string_type(schema);
  if (*type == "number" || *type == "integer") return "number";
  if (*type == "boolean") return "boolean";
  if (*type == "array") {
    return has(schema, "items") ? typescript_type(schema["items"], indent) + "[]" : "Array<any>";
  }
  return "any";
}

std::string tools_text(const HarmonyTools& tools) {
  std::string out = "# Tools";
  for (const auto& [key, space] : tools) out += "\n\n" + namespace_text(space);
  return out;
}

std::string compact_json(const Json& json) {
  std::string out;
  append_json(json, out);
  return out;
}

}  // namespace medlar::text
