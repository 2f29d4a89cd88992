#include "text/post_processor.h"

#include <utility>

#include "base/error.h"
#include "text/json_fields.h"

namespace medlar::text {
namespace {

using Item = SpecialTemplate::Item;
using Kind = SpecialTemplate::Item::Kind;

i64 checked_id(const Json& id) {
  if (!id.is_number_unsigned() || id.get<u64>() >= (u64{1} << 31)) {
    fail(ErrorCode::corrupt_file, "the post-processor names a special token without a usable id");
  }
  return id.get<i64>();
}

std::vector<i64> ids_of(const Json& json, const std::string& name) {
  const Json& token = required_field(required_field(json, "special_tokens"), name);
  std::vector<i64> ids;
  for (const Json& id : required_array(token, "ids")) ids.push_back(checked_id(id));
  return ids;
}

std::vector<Item> items_from_json(const Json& json, std::string_view key) {
  constexpr std::size_t max_items = 64;  // published templates have up to 5
  std::vector<Item> items;
  const Json& pieces = required_array(json, key);
  if (pieces.size() > max_items)
    fail(ErrorCode::limit_exceeded, "the post-processor's `{}` has over {} items", key, max_items);
  for (const Json& piece : pieces) {
    if (const Json* special = find_field(piece, "SpecialToken")) {
      items.push_back({Kind::special, ids_of(json, required_text(*special, "id")),
                       integer_field(*special, "type_id", 0)});
      continue;
    }
    const Json& sequence = required_field(piece, "Sequence");
    const std::string id = required_text(sequence, "id");
    if (id != "A" && id != "B")
      fail(ErrorCode::corrupt_file, "the post-processor names the text `{}`", id);
    items.push_back({id == "A" ? Kind::first_text : Kind::second_text,
                     {},
                     integer_field(sequence, "type_id", 0)});
  }
  return items;
}

/// The id of a pair ["</s>", 2].
i64 named_id(const Json& json, std::string_view key) {
  const Json& pair = required_array(json, key);
  if (pair.size() != 2)
    fail(ErrorCode::corrupt_file, "the post-processor's `{}` is not a token and its id", key);
  return checked_id(pair[1]);
}

void merge(const PostProcessor& step, bool has_template, PostProcessor& result) {
  if (step.trims_offsets) {
    result.trims_offsets = true;
    result.adds_prefix_space = step.adds_prefix_space;
  }
  if (has_template) result.special_template = step.special_template;
}

}  // namespace

PostProcessor post_processor_from_json(const Json& json) {
  PostProcessor result;
  if (json.is_null()) return result;
  const std::string type = required_text(json, "type");
  SpecialTemplate& around = result.special_template;
  if (type == "Sequence") {
    for (const Json& step : required_array(json, "processors")) {
      merge(post_processor_from_json(step), required_text(step, "type") != "ByteLevel", result);
    }
  } else if (type == "TemplateProcessing") {
    around.single = items_from_json(json, "single");
    around.pair = items_from_json(json, "pair");
  } else if (type == "BertProcessing") {
    const i64 cls = named_id(json, "cls");
    const i64 sep = named_id(json, "sep");
    around.single = {SpecialTemplate::special(cls), SpecialTemplate::text(Kind::first_text),
                     SpecialTemplate::special(sep)};
    around.pair = around.single;
    around.pair.push_back(SpecialTemplate::text(Kind::second_text, 1));
    around.pair.push_back(SpecialTemplate::special(sep, 1));
  } else if (type == "RobertaProcessing") {
    const i64 cls = named_id(json, "cls");
    const i64 sep = named_id(json, "sep");
    around.single = {SpecialTemplate::special(cls), SpecialTemplate::text(Kind::first_text),
                     SpecialTemplate::special(sep)};
    around.pair = around.single;
    around.pair.push_back(SpecialTemplate::special(sep));
    around.pair.push_back(SpecialTemplate::text(Kind::second_text));
    around.pair.push_back(SpecialTemplate::special(sep));
    result.trims_offsets = bool_field(json, "trim_offsets", true);
    result.adds_prefix_space = bool_field(json, "add_prefix_space", true);
  } else if (type == "ByteLevel") {
    result.trims_offsets = bool_field(json, "trim_offsets", true);
    result.adds_prefix_space = bool_field(json, "add_prefix_space", true);
  } else {
    fail(ErrorCode::unsupported,
         "the tokenizer asks for the post-processor `{}`, which is not known here", type);
  }
  return result;
}

}  // namespace medlar::text
