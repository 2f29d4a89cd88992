#include "train/token_batches.h"

#include <algorithm>

#include "base/error.h"

namespace medlar::train {
namespace {

/// "B-GENE" -> "B-gene" by the head's table.
std::string renamed_label(const std::string& label, const runtime::TokenHead& head) {
  if (label.size() < 3) return label;
  const auto found = head.renamed.find(label.substr(2));
  return found == head.renamed.end() ? label : label.substr(0, 2) + found->second;
}

/// The label of a token that goes on with a word of this label.
std::string inner_label(const std::string& label) {
  return label.starts_with("B-") ? "I-" + label.substr(2) : label;
}

i64 class_of(const runtime::TokenHead& head, const std::string& label) {
  const auto found = std::ranges::find(head.labels, label);
  return found == head.labels.end() ? -1 : found - head.labels.begin();
}

EncodedSentence encode_sentence(const text::Tokenizer& tokenizer, const TaggedSentence& sentence,
                                const runtime::TokenHead& head) {
  EncodedSentence result;
  for (std::size_t w = 0; w < sentence.words.size(); ++w) {
    const std::string label = renamed_label(sentence.labels[w], head);
    result.labels.push_back(label);
    result.word_at.push_back(ssize_of(result.ids));
    std::vector<i64> ids = tokenizer.encode(sentence.words[w]).ids;
    if (ids.empty()) ids.push_back(tokenizer.special_ids().unk.value_or(0));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool unlabelled = i > 0 && runtime::continues_word(tokenizer, ids[i]);
      result.ids.push_back(ids[i]);
      result.classes.push_back(unlabelled ? -1
                                          : class_of(head, i == 0 ? label : inner_label(label)));
    }
  }
  return result;
}

/// Fills sequences with sentence after sentence.
class Packer {
 public:
  Packer(const runtime::TokenHead& head, const SequenceShape& shape) : head_(head), shape_(shape) {}

  /// The sentence with this place in its corpus.
  void add(const EncodedSentence& sentence, i64 text) {
    const i64 room = shape_.tokens - ssize_of(shape_.before) - ssize_of(shape_.after);
    const i64 count = std::min(ssize_of(sentence.ids), room);
    if (count == 0) return;
    if (ssize_of(now_.ids) + count + ssize_of(shape_.after) > shape_.tokens) finish();
    if (now_.ids.empty()) put_around(shape_.before);
    now_.parts.push_back({.text = text, .first = ssize_of(now_.ids)});
    for (i64 t = 0; t < count; ++t) {
      const auto at = static_cast<std::size_t>(t);
      const i64 label = sentence.classes[at];
      now_.ids.push_back(sentence.ids[at]);
      now_.targets.push_back({.column = label < 0 ? -1 : head_.first + label,
                              .first = head_.first,
                              .count = head_.width()});
    }
  }

  std::vector<TokenSequence> finished() {
    finish();
    return std::move(sequences_);
  }

 private:
  void put_around(const std::vector<i64>& ids) {
    now_.ids.insert(now_.ids.end(), ids.begin(), ids.end());
    now_.targets.resize(now_.ids.size());
  }

  void finish() {
    if (now_.ids.empty()) return;
    put_around(shape_.after);
    sequences_.push_back(std::exchange(now_, {}));
  }

  const runtime::TokenHead& head_;
  const SequenceShape& shape_;
  TokenSequence now_;
  std::vector<TokenSequence> sequences_;
};

}  // namespace

std::vector<EncodedSentence> encode_sentences(const text::Tokenizer& tokenizer,
                                              const std::vector<TaggedSentence>& sentences,
                                              const runtime::TokenHead& head) {
  std::vector<EncodedSentence> encoded;
  for (const TaggedSentence& sentence : sentences)
    encoded.push_back(encode_sentence(tokenizer, sentence, head));
  return encoded;
}

SequenceShape sequence_shape(const text::Tokenizer& tokenizer, i64 tokens) {
  const text::Encoding empty = tokenizer.encode(
      "", {.special_tokens = text::SpecialTokens::add, .special_text = text::SpecialText::plain});
  if (ssize_of(empty.ids) + 1 > tokens) {
    fail(ErrorCode::invalid_argument, "sequences of {} tokens leave no room for text", tokens);
  }
  SequenceShape shape = {.before = {}, .after = {}, .tokens = tokens};
  const std::size_t half = (empty.ids.size() + 1) / 2;  // [CLS] [SEP], or [CLS] alone
  shape.before.assign(empty.ids.begin(), empty.ids.begin() + static_cast<std::ptrdiff_t>(half));
  shape.after.assign(empty.ids.begin() + static_cast<std::ptrdiff_t>(half), empty.ids.end());
  return shape;
}

std::vector<TokenSequence> pack_sentences(std::span<const EncodedSentence> sentences,
                                          const runtime::TokenHead& head,
                                          const SequenceShape& shape, i64 skip) {
  Packer packer(head, shape);
  for (i64 i = 0; i < ssize_of(sentences); ++i) {
    const i64 text = (i + skip) % ssize_of(sentences);
    packer.add(sentences[static_cast<std::size_t>(text)], text);
  }
  return packer.finished();
}

}  // namespace medlar::train
