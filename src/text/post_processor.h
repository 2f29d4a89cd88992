#pragma once

#include <vector>

#include "base/json.h"
#include "base/types.h"

namespace medlar::text {

/// Which tokens stand around one text or a pair of texts.
struct SpecialTemplate {
  struct Item {
    enum class Kind { special, first_text, second_text };
    Kind kind = Kind::first_text;
    std::vector<i64> ids;  ///< of special tokens
    i64 type_id = 0;
  };

  std::vector<Item> single{{.kind = Item::Kind::first_text, .ids = {}, .type_id = 0}};
  std::vector<Item> pair{{.kind = Item::Kind::first_text, .ids = {}, .type_id = 0},
                         {.kind = Item::Kind::second_text, .ids = {}, .type_id = 1}};

  static Item special(i64 id, i64 type_id = 0) { return {Item::Kind::special, {id}, type_id}; }
  static Item text(Item::Kind kind, i64 type_id = 0) { return {kind, {}, type_id}; }
};

/// What is done to tokens after the model.
struct PostProcessor {
  SpecialTemplate special_template;
  bool trims_offsets = false;      ///< spaces inside of a token are left out of its range
  bool adds_prefix_space = false;  ///< the first token's space was not in the text
};

/// The `post_processor` of a tokenizer.json (null: nothing). Throws unsupported for an unknown
/// kind, corrupt_file for a malformed one.
PostProcessor post_processor_from_json(const Json& json);

}  // namespace medlar::text
