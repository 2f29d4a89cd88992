#include "text/json_fields.h"

#include "base/error.h"

namespace medlar::text {

const Json* find_field(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json& required_field(const Json& object, std::string_view key) {
  const Json* field = find_field(object, key);
  if (field == nullptr) fail(ErrorCode::corrupt_file, "the tokenizer lacks the field `{}`", key);
  return *field;
}

const Json& required_array(const Json& object, std::string_view key) {
  const Json& field = required_field(object, key);
  if (!field.is_array())
    fail(ErrorCode::corrupt_file, "the tokenizer's field `{}` is not an array", key);
  return field;
}

bool bool_field(const Json& object, std::string_view key, bool otherwise) {
  const Json* field = find_field(object, key);
  if (field == nullptr) return otherwise;
  if (!field->is_boolean())
    fail(ErrorCode::corrupt_file, "the tokenizer's field `{}` is not true or false", key);
  return field->get<bool>();
}

i64 integer_field(const Json& object, std::string_view key, i64 otherwise) {
  const Json* field = find_field(object, key);
  if (field == nullptr) return otherwise;
  if (!field->is_number_integer() ||
      (field->is_number_unsigned() && field->get<u64>() > (u64{1} << 62))) {
    fail(ErrorCode::corrupt_file, "the tokenizer's field `{}` is not a whole number of 63 bits",
         key);
  }
  return field->get<i64>();
}

std::string text_field(const Json& object, std::string_view key, std::string_view otherwise) {
  const Json* field = find_field(object, key);
  if (field == nullptr) return std::string(otherwise);
  if (!field->is_string())
    fail(ErrorCode::corrupt_file, "the tokenizer's field `{}` is not a text", key);
  return field->get<std::string>();
}

std::string required_text(const Json& object, std::string_view key) {
  required_field(object, key);
  return text_field(object, key, "");
}

}  // namespace medlar::text
