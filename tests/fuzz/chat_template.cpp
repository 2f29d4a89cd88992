// An arbitrary template over a fixed small conversation: whatever happens, it ends in a text or an
// Error.
#include "text/chat_template.h"

#include <string>

#include "base/error.h"
#include "base/types.h"

namespace {

medlar::text::ChatInput small_conversation() {
  return medlar::text::chat_input_from_case(medlar::parse_json(R"({
    "messages": [
      {"role": "system", "content": "Be exact."},
      {"role": "user", "content": [{"type": "text", "text": "µ\n 1.0"}]},
      {"role": "assistant", "content": "", "reasoning": "r",
       "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": [1, 2.5, null, true]}}}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
    "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>", "now": "2026-03-07T09:05:03"})",
                                                               "fuzz"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const medlar::u8* data, std::size_t size) {
  static const medlar::text::ChatInput input = small_conversation();
  try {
    const medlar::text::ChatTemplate chat_template(
        std::string(reinterpret_cast<const char*>(data), size));
    chat_template.render(input);
  } catch (const medlar::Error& error) {
    // A broken invariant is a bug; every other code is an answer.
    if (error.code() == medlar::ErrorCode::internal) throw;
  }
  return 0;
}
