#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/head_decoding.h"
#include "text/tokenizer.h"
#include "train/sequences.h"
#include "train/tagged_text.h"

/// From labelled sentences to batches of tokens. Neighbouring sentences of a corpus share one
/// sequence, as they do in the texts that a model meets later; a sequence never has padding.
namespace medlar::train {

/// A sentence as tokens without those put around a text.
struct EncodedSentence {
  std::vector<i64> ids;
  std::vector<i64> classes;         ///< by token: place of its label in the head, -1 for none
  std::vector<i64> word_at;         ///< by word: its first token
  std::vector<std::string> labels;  ///< by word, renamed
};

/// Words are encoded one by one; one without tokens becomes the unknown token. Its first token gets
/// the word's label, further ones that begin a word for the tokenizer ("Ca", "+") go on with the
/// span, as they will in a text that nobody cut into words; marked pieces ("##ver") and
/// labels that the head lacks have no class. Types are renamed by the head's table.
std::vector<EncodedSentence> encode_sentences(const text::Tokenizer& tokenizer,
                                              const std::vector<TaggedSentence>& sentences,
                                              const runtime::TokenHead& head);

/// What goes around each sequence, and how long one gets.
struct SequenceShape {
  std::vector<i64> before;  ///< [CLS]
  std::vector<i64> after;   ///< [SEP]
  i64 tokens = 128;         ///< a sentence that is longer alone is cut
};

SequenceShape sequence_shape(const text::Tokenizer& tokenizer, i64 tokens);

/// Sentences [0, n) in order, packed from `skip` on and then what lies before, so that the seams of
/// two epochs differ; each is a part of its sequence.
std::vector<TokenSequence> pack_sentences(std::span<const EncodedSentence> sentences,
                                          const runtime::TokenHead& head,
                                          const SequenceShape& shape, i64 skip = 0);

}  // namespace medlar::train
