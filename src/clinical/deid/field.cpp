#include "clinical/deid/field.h"

#include "base/json.h"

namespace medlar::clinical {
namespace {

std::string json_text(const std::string& text) {
  const std::string quoted = Json(text).dump();
  return quoted.substr(1, quoted.size() - 2);
}

std::string xml_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

/// RFC 4180: quoted, quotes doubled.
std::string csv_text(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

/// HL7 v2.5.1 section 2.7: the default delimiters escaped.
std::string hl7_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '|':
        result += "\\F\\";
        break;
      case '^':
        result += "\\S\\";
        break;
      case '&':
        result += "\\T\\";
        break;
      case '~':
        result += "\\R\\";
        break;
      case '\\':
        result += "\\E\\";
        break;
      case '\r':
      case '\n':
        result += "\\.br\\";
        break;
      default:
        result += c;
    }
  }
  return result;
}

/// RFC 4648 section 4.
std::string base64(const std::string& text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    u32 bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (at + i < text.size() ? static_cast<u8>(text[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      result += at + i > text.size() ? '=' : digits[bits >> (18 - 6 * i) & 63u];
  }
  return result;
}

}  // namespace

std::string encoded(const std::string& text, Coding coding) {
  switch (coding) {
    case Coding::plain:
      return text;
    case Coding::json:
      return json_text(text);
    case Coding::xml:
      return xml_text(text);
    case Coding::csv:
      return csv_text(text);
    case Coding::hl7:
      return hl7_text(text);
    case Coding::json_number:
      return Json(text).dump();
    case Coding::base64_json:
    case Coding::base64_xml:
      return base64(text);
  }
  return {};
}

}  // namespace medlar::clinical
