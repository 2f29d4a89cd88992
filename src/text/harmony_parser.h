#pragma once

#include <optional>
#include <string>
#include <vector>

#include "text/harmony.h"

namespace medlar::text {

/// What becomes of a header that is not followed by <|message|>.
enum class HarmonyStrictness {
  strict,    ///< it grows until the message begins, or the end of the stream, which is an error
  tolerant,  ///< a mark that ends messages ends it too; what it holds beyond the channel is content
};

/// Takes gpt-oss's output apart, a token at a time: the states, messages, deltas and errors of
/// openai-harmony's StreamableParser. Holds a reference to the format. One stream, one thread.
class HarmonyParser {
 public:
  enum class State { expect_start, header, content };
  /// How much the error for a header that is no UTF-8 says: the reference is short or long by
  /// place.
  enum class DecodeError { short_words, with_reason };

  /// `role`: whose turn the prompt has opened; empty: the stream begins with <|start|>.
  HarmonyParser(const HarmonyFormat& format, std::optional<HarmonyRole> role,
                HarmonyStrictness strictness = HarmonyStrictness::strict);

  /// Throws invalid_argument in the reference's words for what the format does not allow; the
  /// stream cannot go on then.
  void push(i64 id);
  /// The end of the stream: an unfinished message is finished, unfinished characters become U+FFFD.
  /// Throws invalid_argument within a header.
  void finish();

  State state() const { return state_; }
  /// What the last token added to the content; empty while a character is unfinished.
  const std::optional<std::string>& delta() const { return delta_; }
  /// Of the message under way; the seeded role also before its header ends.
  std::optional<HarmonyRole> role() const;
  const std::optional<std::string>& channel() const { return current_.channel; }
  const std::optional<std::string>& recipient() const { return current_.recipient; }
  const std::optional<std::string>& content_type() const { return current_.content_type; }
  /// Text of the message under way.
  const std::string& content() const { return text_; }
  const std::vector<HarmonyMessage>& messages() const { return messages_; }

 private:
  void push_header(i64 id);
  void push_content(i64 id);
  void end_cut_header();
  void end_message();
  std::string header_text(DecodeError words) const;

  const HarmonyFormat& format_;
  HarmonyStrictness strictness_;
  std::optional<HarmonyRole> seeded_;
  State state_;
  std::vector<i64> header_;
  HarmonyMessage current_;  ///< its header; the text is in text_
  std::string text_;
  std::string pending_;           ///< bytes of an unfinished character
  bool has_unknown_ids_ = false;  ///< ids without a token came; nothing after them is decoded
  std::optional<std::string> delta_;
  std::vector<HarmonyMessage> messages_;
};

}  // namespace medlar::text
