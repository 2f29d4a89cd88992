#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

/// Widens a range of the original to whole characters.
ByteRange whole_characters(std::string_view text, ByteRange range) {
  const auto is_inside = [&](i64 at) {
    return at < ssize_of(text) &&
           (static_cast<u8>(text[static_cast<std::size_t>(at)]) & 0xc0u) == 0x80u;
  };
  while (range.begin > 0 && is_inside(range.begin)) --range.begin;
  while (is_inside(range.end)) ++range.end;
  return range;
}

class PipelineEncoder : public SegmentEncoder {
 public:
  PipelineEncoder(std::unique_ptr<const Normalizer> normalizer,
                  std::unique_ptr<const PreTokenizer> pre_tokenizer,
                  std::unique_ptr<const Model> model, const AddedTokens& added,
                  OffsetUnit offset_unit)
      : normalizer_(std::move(normalizer)),
        pre_tokenizer_(std::move(pre_tokenizer)),
        model_(std::move(model)),
        added_(added),
        offset_unit_(offset_unit) {}

  void encode(std::string_view segment, i64 base, SpecialText special_text,
              std::vector<Token>& tokens) const override {
    AlignedText text(segment, base);
    normalizer_->apply(text);
    const std::vector<AddedTokens::Part> parts =
        added_.split(text.text(), AddedTokens::Stage::normalised, special_text);
    if (parts.size() == 1 && !parts[0].id) return encode_part(std::move(text), tokens);
    for (const AddedTokens::Part& part : parts) {
      if (part.id) {
        tokens.push_back({*part.id, original(text, part.range)});
      } else {
        encode_part(text.slice(part.range), tokens);
      }
    }
  }

  const Vocabulary& vocabulary() const override { return model_->vocabulary(); }

 private:
  void encode_part(AlignedText text, std::vector<Token>& tokens) const {
    Pieces pieces{std::move(text), {}};
    pieces.ranges.push_back({0, ssize_of(pieces.text.text())});
    pre_tokenizer_->split(pieces);
    const std::size_t before = tokens.size();
    model_->encode(pieces.text.text(), pieces.ranges, tokens);
    for (std::size_t i = before; i < tokens.size(); ++i)
      tokens[i].range = original(pieces.text, tokens[i].range);
  }

  ByteRange original(const AlignedText& text, ByteRange range) const {
    if (!text.is_identity() || offset_unit_ == OffsetUnit::bytes) return text.original(range);
    return text.original(whole_characters(text.text(), range));
  }

  std::unique_ptr<const Normalizer> normalizer_;
  std::unique_ptr<const PreTokenizer> pre_tokenizer_;
  std::unique_ptr<const Model> model_;
  const AddedTokens& added_;
  OffsetUnit offset_unit_;
};

class PipelineDetokenizer : public Detokenizer {
 public:
  PipelineDetokenizer(std::unique_ptr<const Decoder> decoder, const Vocabulary& vocabulary,
                      const AddedTokens& added)
      : decoder_(std::move(decoder)), vocabulary_(vocabulary), added_(added) {}

  std::string decode(std::span<const i64> ids, SpecialsInText specials) const override {
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (i64 id : ids) {
      if (const AddedToken* added = added_.find(id)) {
        if (!added->special || specials == SpecialsInText::keep) tokens.push_back(added->content);
      } else if (const std::optional<std::string_view> token = vocabulary_.token(id)) {
        tokens.emplace_back(*token);
      }
    }
    return join(std::move(tokens));
  }

  std::string join(std::vector<std::string> tokens) const override {
    decoder_->apply(tokens);
    std::string text;
    for (const std::string& token : tokens) text += token;
    return text;
  }

 private:
  std::unique_ptr<const Decoder> decoder_;
  const Vocabulary& vocabulary_;
  const AddedTokens& added_;
};

void name_role(const TokenizerParts& parts, std::optional<i64>& role,
               std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (role) return;
    if (const AddedToken* added = parts.added->find(name)) role = added->id;
  }
}

}  // namespace

TokenizerParts assemble(Pipeline pipeline, std::vector<AddedToken> added_tokens,
                        PostProcessor post_processor) {
  TokenizerParts parts;
  parts.added = std::make_unique<const AddedTokens>(std::move(added_tokens), *pipeline.normalizer);
  parts.special_ids.unk = pipeline.model->unknown_id();
  parts.marks_continuation = pipeline.model->marks_continuation();
  const Vocabulary& vocabulary = pipeline.model->vocabulary();
  parts.detokenizer =
      std::make_unique<PipelineDetokenizer>(std::move(pipeline.decoder), vocabulary, *parts.added);
  parts.encoder = std::make_unique<PipelineEncoder>(
      std::move(pipeline.normalizer), std::move(pipeline.pre_tokenizer), std::move(pipeline.model),
      *parts.added, pipeline.offset_unit);
  parts.post_processor = std::move(post_processor);
  return parts;
}

std::optional<i64> find_token(const TokenizerParts& parts, std::string_view token) {
  if (const AddedToken* added = parts.added->find(token)) return added->id;
  return parts.encoder->vocabulary().find(token);
}

void name_special_ids(TokenizerParts& parts) {
  SpecialIds& ids = parts.special_ids;
  name_role(parts, ids.bos,
            {"<s>", "<|begin_of_text|>", "<｜begin▁of▁sentence｜>", "<|startoftext|>", "<bos>"});
  name_role(parts, ids.eos,
            {"</s>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "<|endoftext|>", "<eos>"});
  name_role(parts, ids.unk, {"[UNK]", "<unk>"});
  name_role(parts, ids.pad, {"[PAD]", "<pad>", "<|padding|>", "<｜▁pad▁｜>"});
  name_role(parts, ids.cls, {"[CLS]"});
  name_role(parts, ids.sep, {"[SEP]"});
  name_role(parts, ids.mask, {"[MASK]", "<mask>"});
  if (ids.eos) parts.eos_ids.push_back(*ids.eos);
  for (std::string_view name : {"<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|return|>", "<|call|>",
                                "<end_of_turn>", "<|end_of_text|>", "<|EOT|>"}) {
    const AddedToken* added = parts.added->find(name);
    const bool is_new = added != nullptr && std::find(parts.eos_ids.begin(), parts.eos_ids.end(),
                                                      added->id) == parts.eos_ids.end();
    if (is_new) parts.eos_ids.push_back(added->id);
  }
}

}  // namespace medlar::text
