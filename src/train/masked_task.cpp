#include "train/masked_task.h"

#include "base/error.h"
#include "base/rng.h"

namespace medlar::train {
namespace {

/// Texts in pieces of at most `room` tokens.
std::vector<EncodedSentence> pieces_of(const text::Tokenizer& tokenizer,
                                       std::span<const std::string> texts, i64 room) {
  std::vector<EncodedSentence> pieces;
  for (const std::string& text : texts) {
    const std::vector<i64> ids = tokenizer.encode(text).ids;
    for (std::span<const i64> rest = ids; !rest.empty();) {
      const auto piece = rest.first(std::min(rest.size(), static_cast<std::size_t>(room)));
      pieces.push_back({.ids = {piece.begin(), piece.end()},
                        .classes = std::vector<i64>(piece.size(), -1),
                        .word_at = {},
                        .labels = {}});
      rest = rest.subspan(piece.size());
    }
  }
  return pieces;
}

/// Hides tokens of a sequence: which and how is drawn from `stream` at `place`.
void hide(TokenSequence& sequence, const MaskedCorpus& corpus, u64 seed, u64 stream, i64 place) {
  const i64 first = ssize_of(corpus.shape.before);
  const i64 count = ssize_of(sequence.ids) - first - ssize_of(corpus.shape.after);
  const auto random = [&](i64 t) {
    return philox(seed, stream, static_cast<u64>(place) << 24 | static_cast<u64>(t));
  };
  const auto share = [](u32 drawn) { return static_cast<double>(drawn) * 0x1p-32; };
  sequence.targets.clear();
  const auto take = [&](i64 t) {
    const auto drawn = random(t);
    i64& id = sequence.ids[static_cast<std::size_t>(t)];
    sequence.rows.push_back(t);
    sequence.targets.push_back({.column = id, .first = 0, .count = corpus.vocabulary});
    if (share(drawn[1]) < 0.8) {
      id = corpus.mask;
    } else if (share(drawn[1]) < 0.9) {
      id = static_cast<i64>(u64{drawn[2]} * static_cast<u64>(corpus.vocabulary) >> 32);
    }
  };
  for (i64 t = first; t < first + count; ++t) {
    if (share(random(t)[0]) < 0.15) take(t);
  }
  // Numbers of the first token that are used for nothing else.
  if (sequence.rows.empty())
    take(first + static_cast<i64>(u64{random(0)[3]} * static_cast<u64>(count) >> 32));
}

}  // namespace

MaskedCorpus masked_corpus(const text::Tokenizer& tokenizer, std::span<const std::string> train,
                           std::span<const std::string> devel, i64 sequence_tokens,
                           i64 vocabulary) {
  const std::optional<i64> mask = tokenizer.special_ids().mask;
  if (!mask) fail(ErrorCode::unsupported, "masked-lm needs a tokenizer with a mask token");
  const SequenceShape shape = sequence_shape(tokenizer, sequence_tokens);
  const i64 room = shape.tokens - ssize_of(shape.before) - ssize_of(shape.after);
  return {.train = pieces_of(tokenizer, train, room),
          .devel = pieces_of(tokenizer, devel, room),
          .shape = shape,
          .mask = *mask,
          .vocabulary = vocabulary};
}

MaskedTask::MaskedTask(MaskedCorpus corpus, const TrainingOptions& options)
    : Task(options), corpus_(std::move(corpus)) {
  if (corpus_.train.empty()) fail(ErrorCode::invalid_argument, "no tokens to learn from");
}

std::vector<TokenSequence> MaskedTask::masked(std::span<const EncodedSentence> texts, i64 skip,
                                              u64 stream) const {
  const runtime::TokenHead none;
  std::vector<TokenSequence> sequences = pack_sentences(texts, none, corpus_.shape, skip);
  for (i64 i = 0; i < ssize_of(sequences); ++i)
    hide(sequences[static_cast<std::size_t>(i)], corpus_, options().seed, stream, i);
  return sequences;
}

Epoch MaskedTask::plan(i64 epoch) const {
  const u64 seed = options().seed;
  const u32 drawn = philox(seed, stream_of(Stream::skip, epoch), 0)[0];
  const i64 skip = static_cast<i64>(u64{drawn} * corpus_.train.size() >> 32);
  Epoch plan;
  plan.sequences = masked(corpus_.train, skip, stream_of(Stream::mask, epoch));
  plan.batches =
      draw_batches(plan.sequences, options().batch_tokens, seed, stream_of(Stream::order, epoch));
  return plan;
}

std::optional<Score> MaskedTask::measure(runtime::Runner& runner) const {
  if (corpus_.devel.empty()) return std::nullopt;
  const std::vector<TokenSequence> sequences =
      masked(first_part(corpus_.devel), 0, stream_of(Stream::devel_mask, 0));
  return language_score(mean_loss(runner, sequences, options().batch_tokens));
}

}  // namespace medlar::train
