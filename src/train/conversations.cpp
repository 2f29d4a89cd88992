#include "train/conversations.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/chat.h"

namespace medlar::train {
namespace {

constexpr std::size_t most_messages = 1024;

std::optional<std::string> token_of(const text::Tokenizer& tokenizer, std::optional<i64> id) {
  const auto text = id ? tokenizer.token_text(*id) : std::nullopt;
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

/// The messages as the template sees them.
text::ChatInput chat_input(const text::Tokenizer& tokenizer, const Json& messages,
                           const std::string& where) {
  if (!messages.is_array() || messages.empty())
    fail(ErrorCode::corrupt_file, "{}: messages must be a list", where);
  if (messages.size() > most_messages)
    fail(ErrorCode::limit_exceeded, "{}: a conversation of {} messages, at most {} are taken",
         where, messages.size(), most_messages);
  text::ChatInput input;
  for (Json message : messages) {
    const bool whole = message.is_object() && message.contains("role") &&
                       message["role"].is_string() && message.contains("content") &&
                       message["content"].is_string();
    if (!whole) fail(ErrorCode::corrupt_file, "{}: a message without role and content", where);
    message["content"] =
        runtime::without_special_text(tokenizer, message["content"].get<std::string>());
    input.messages.push_back(std::move(message));
  }
  input.messages = text::normalise_messages(input.messages);
  input.bos_token = token_of(tokenizer, tokenizer.special_ids().bos);
  input.eos_token = token_of(tokenizer, tokenizer.special_ids().eos);
  return input;
}

/// A conversation up to an answer, and where the answer begins.
struct Turn {
  std::string text;
  text::ByteRange answer;
};

/// The conversation that ends in an answer; `before` are the messages up to it. A prompt may open
/// what the finished answer lacks (a thought): both agree up to where the answer begins.
Turn turn_of(const text::ChatTemplate& chat_template, text::ChatInput before, const Json& answer) {
  std::string ended;
  std::string prompt;
  if (!before.messages.empty()) {
    ended = chat_template.render(before);
    before.add_generation_prompt = text::GenerationPrompt::add;
    prompt = chat_template.render(before);
    before.add_generation_prompt = text::GenerationPrompt::omit;
  }
  before.messages.push_back(answer);
  Turn turn = {.text = chat_template.render(before), .answer = {}};
  const i64 begin = std::ranges::mismatch(prompt, turn.text).in2 - turn.text.begin();
  if (begin < ssize_of(ended))
    fail(ErrorCode::unsupported, "the chat template writes a question anew once it is answered");
  turn.answer = {.begin = begin, .end = ssize_of(turn.text)};
  return turn;
}

std::vector<Turn> turns_of(const text::ChatTemplate& chat_template, const text::ChatInput& whole) {
  std::vector<Turn> turns;
  text::ChatInput input = whole;
  input.messages = Json::array();
  for (const Json& message : whole.messages) {
    if (message["role"] == "assistant") turns.push_back(turn_of(chat_template, input, message));
    input.messages.push_back(message);
  }
  return turns;
}

LanguageText marked(const text::Tokenizer& tokenizer, const std::string& text,
                    std::span<const Turn> turns) {
  const text::Encoding encoded = tokenizer.encode(text, {.special_text = text::SpecialText::parse});
  LanguageText result = {.ids = encoded.ids, .learnt = {}};
  auto turn = turns.begin();
  for (const text::ByteRange& token : encoded.offsets) {
    while (turn != turns.end() && token.begin >= turn->answer.end) ++turn;
    result.learnt.push_back(turn != turns.end() && token.begin >= turn->answer.begin &&
                            token.end <= turn->answer.end);
  }
  return result;
}

}  // namespace

LanguageText plain_text(const text::Tokenizer& tokenizer, const std::string& text) {
  LanguageText result = {.ids = tokenizer
                                    .encode(text, {.special_tokens = text::SpecialTokens::add,
                                                   .special_text = text::SpecialText::plain})
                                    .ids,
                         .learnt = {}};
  const std::optional<i64> eos = tokenizer.special_ids().eos;
  if (eos && (result.ids.empty() || result.ids.back() != *eos)) result.ids.push_back(*eos);
  result.learnt.assign(result.ids.size(), true);
  return result;
}

std::vector<LanguageText> conversation(const text::Tokenizer& tokenizer,
                                       const text::ChatTemplate& chat_template,
                                       const Json& messages, const std::string& where) {
  const text::ChatInput input = chat_input(tokenizer, messages, where);
  const std::vector<Turn> turns = turns_of(chat_template, input);
  std::vector<LanguageText> texts;
  if (turns.empty()) return texts;
  const bool grows = std::ranges::all_of(
      turns, [&](const Turn& turn) { return turns.back().text.starts_with(turn.text); });
  if (grows) return {marked(tokenizer, turns.back().text, turns)};
  for (const Turn& turn : turns) texts.push_back(marked(tokenizer, turn.text, {&turn, 1}));
  return texts;
}

std::vector<TokenSequence> next_token_sequences(std::span<const LanguageText> texts, i64 tokens,
                                                i64 vocabulary) {
  std::vector<TokenSequence> sequences;
  for (const LanguageText& text : texts) {
    const i64 last = ssize_of(text.ids) - 1;  // which predicts nothing
    for (i64 begin = 0; begin < last; begin += tokens) {
      const i64 end = std::min(begin + tokens, last);
      TokenSequence sequence = {.ids = {text.ids.begin() + begin, text.ids.begin() + end},
                                .targets = {}};
      for (i64 t = begin; t < end; ++t) {
        const auto next = static_cast<std::size_t>(t) + 1;
        if (!text.learnt[next]) continue;
        sequence.rows.push_back(t - begin);
        sequence.targets.push_back({.column = text.ids[next], .first = 0, .count = vocabulary});
      }
      if (!sequence.rows.empty()) sequences.push_back(std::move(sequence));
    }
  }
  return sequences;
}

}  // namespace medlar::train
