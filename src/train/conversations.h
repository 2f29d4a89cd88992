#pragma once

#include <optional>
#include <string>
#include <vector>

#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "train/sequences.h"

/// What a model of a language learns to write.
namespace medlar::train {

/// Tokens, and which of them are to be learnt.
struct LanguageText {
  std::vector<i64> ids;
  std::vector<bool> learnt;
};

/// All of a text, between the tokens that begin and end one.
LanguageText plain_text(const text::Tokenizer& tokenizer, const std::string& text);

/// What the assistant says in a conversation, [{"role", "content"}, ..], by the model's chat
/// template; special tokens typed in a message stay harmless text. One text, or one for each answer
/// where the template writes earlier turns anew once others follow. Throws corrupt_file for
/// messages of another form (told as `where`), limit_exceeded beyond 1024 of them, and what the
/// template raises.
std::vector<LanguageText> conversation(const text::Tokenizer& tokenizer,
                                       const text::ChatTemplate& chat_template,
                                       const Json& messages, const std::string& where);

/// Texts as sequences of at most `tokens` tokens, each row's target the next token; what is longer
/// is cut. Sequences without anything to learn are left out.
std::vector<TokenSequence> next_token_sequences(std::span<const LanguageText> texts, i64 tokens,
                                                i64 vocabulary);

}  // namespace medlar::train
