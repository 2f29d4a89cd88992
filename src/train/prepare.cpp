#include "train/prepare.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "formats/open_checkpoint.h"
#include "models/config.h"
#include "models/model.h"
#include "runtime/model_files.h"
#include "train/causal_task.h"
#include "train/conversations.h"
#include "train/head_checkpoint.h"
#include "train/masked_task.h"
#include "train/sequence_task.h"
#include "train/standoff.h"
#include "train/texts.h"

namespace medlar::train {
namespace {

std::string small_letters(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

Prepared prepare_tokens(const Recipe& recipe, const text::Tokenizer& tokenizer,
                        formats::Checkpoint base) {
  std::vector<Corpus> corpora;
  std::vector<runtime::TokenHead> heads;
  for (const HeadSource& source : recipe.heads) {
    corpora.push_back(load_corpus(source, recipe.data, tokenizer));
    heads.push_back(corpora.back().head);
  }
  place_heads(heads);
  adopt_transitions(heads, base.config);
  for (std::size_t i = 0; i < heads.size(); ++i) corpora[i].head = heads[i];
  base.config["medlar_window"] = recipe.options.sequence_tokens;
  return {.checkpoint = with_token_heads(std::move(base), heads, recipe.options.seed),
          .task = std::make_unique<TokenTask>(
              std::move(corpora), sequence_shape(tokenizer, recipe.options.sequence_tokens),
              recipe.options),
          .head = {"classifier"}};
}

/// The texts of a file of the recipe; none where it names no file.
std::vector<std::string> texts_of(const Recipe& recipe, const std::string& file) {
  return file.empty() ? std::vector<std::string>() : read_texts(recipe.data / file);
}

Prepared prepare_masked(const Recipe& recipe, const text::Tokenizer& tokenizer,
                        formats::Checkpoint base) {
  const i64 vocabulary = base.config.value("vocab_size", tokenizer.vocab_size());
  MaskedCorpus corpus =
      masked_corpus(tokenizer, texts_of(recipe, recipe.train), texts_of(recipe, recipe.devel),
                    recipe.options.sequence_tokens, vocabulary);
  return {.checkpoint = with_mask_head(std::move(base), recipe.options.seed),
          .task = std::make_unique<MaskedTask>(std::move(corpus), recipe.options),
          .head = {"cls.predictions", "lm_head"}};
}

Prepared prepare_sequence(const Recipe& recipe, const text::Tokenizer& tokenizer,
                          formats::Checkpoint base) {
  const std::vector<LabelledText> train = read_labelled_texts(recipe.data / recipe.train);
  const std::vector<LabelledText> devel = recipe.devel.empty()
                                              ? std::vector<LabelledText>()
                                              : read_labelled_texts(recipe.data / recipe.devel);
  const std::vector<std::string> labels = labels_of(train);
  const auto sequences = [&](const std::vector<LabelledText>& texts) {
    return labelled_sequences(tokenizer, texts, labels, recipe.options.sequence_tokens);
  };
  return {.checkpoint = with_sequence_head(std::move(base), labels, recipe.options.seed),
          .task = std::make_unique<SequenceTask>(sequences(train), sequences(devel), labels,
                                                 recipe.options),
          .head = {"classifier", "bert.pooler"}};
}

/// Texts and conversations of a file of the recipe.
std::vector<LanguageText> language_texts(const Recipe& recipe, const std::string& file,
                                         const text::Tokenizer& tokenizer) {
  std::vector<LanguageText> texts;
  const std::filesystem::path path = recipe.data / file;
  if (path.extension() != ".jsonl") {
    for (const std::string& text : texts_of(recipe, file))
      texts.push_back(plain_text(tokenizer, text));
    return texts;
  }
  const std::optional<text::ChatTemplate> chat = runtime::chat_template_of(recipe.base);
  for (const Json& object : read_objects(path)) {
    const auto messages = object.find("messages");
    if (messages == object.end()) {
      texts.push_back(plain_text(tokenizer, text_of(object, "text", path)));
    } else if (!chat) {
      fail(ErrorCode::unsupported, "{}: the base has no chat template for conversations",
           path.string());
    } else {
      for (LanguageText& text : conversation(tokenizer, *chat, *messages, path.string()))
        texts.push_back(std::move(text));
    }
  }
  return texts;
}

Prepared prepare_causal(const Recipe& recipe, const text::Tokenizer& tokenizer,
                        formats::Checkpoint base) {
  base.config = models::model_config(base);
  const models::Family& family = models::family_of(base.config);
  base.config["model_type"] = family.model_types.front();
  const i64 vocabulary = models::ConfigReader(base.config).size("vocab_size");
  const auto sequences = [&](const std::string& file) {
    return next_token_sequences(language_texts(recipe, file, tokenizer),
                                recipe.options.sequence_tokens, vocabulary);
  };
  return {.checkpoint = std::move(base),
          .task = std::make_unique<CausalTask>(sequences(recipe.train), sequences(recipe.devel),
                                               recipe.options)};
}

Prepared prepare_task(const Recipe& recipe, const text::Tokenizer& tokenizer,
                      formats::Checkpoint base) {
  switch (recipe.task) {
    case TaskKind::tokens:
      return prepare_tokens(recipe, tokenizer, std::move(base));
    case TaskKind::sequence:
      return prepare_sequence(recipe, tokenizer, std::move(base));
    case TaskKind::causal_lm:
      return prepare_causal(recipe, tokenizer, std::move(base));
    case TaskKind::masked_lm:
      break;
  }
  return prepare_masked(recipe, tokenizer, std::move(base));
}

}  // namespace

Corpus load_corpus(const HeadSource& source, const std::filesystem::path& data,
                   const text::Tokenizer& tokenizer) {
  const std::vector<TaggedSentence> train = read_sentences(data / source.train);
  const std::vector<TaggedSentence> devel =
      source.devel.empty() ? std::vector<TaggedSentence>() : read_sentences(data / source.devel);
  Corpus corpus = {.head = {.name = source.name, .labels = {"O"}, .first = 0, .renamed = {}},
                   .share = source.share,
                   .weight = static_cast<float>(source.weight),
                   .train = {},
                   .devel = {}};
  std::set<std::string> types;
  for (const auto* sentences : {&train, &devel}) {
    for (const TaggedSentence& sentence : *sentences) {
      for (const std::string& label : sentence.labels) {
        if (label.size() < 3) continue;
        const std::string type = label.substr(2);
        const auto given = source.types.find(type);
        const std::string name = given != source.types.end() ? given->second : small_letters(type);
        if (name != type) corpus.head.renamed[type] = name;
        types.insert(name);
      }
    }
  }
  for (const std::string& type : types) {
    corpus.head.labels.push_back("B-" + type);
    corpus.head.labels.push_back("I-" + type);
  }
  if (source.crf) {
    const auto labels = corpus.head.labels.size();
    corpus.head.learned = {.between = std::vector<float>(labels * labels),
                           .start = std::vector<float>(labels),
                           .end = std::vector<float>(labels)};
  }
  corpus.train = encode_sentences(tokenizer, train, corpus.head);
  corpus.devel = encode_sentences(tokenizer, devel, corpus.head);
  return corpus;
}

Prepared prepare(const Recipe& recipe, const text::Tokenizer& tokenizer) {
  Prepared prepared = prepare_task(recipe, tokenizer, formats::open_checkpoint(recipe.base));
  if (recipe.lora.rank > 0) add_adapters(prepared.checkpoint, recipe.lora, recipe.options.seed);
  return prepared;
}

runtime::RunnerOptions runner_options(const Recipe& recipe, const Prepared& prepared, i64 threads) {
  runtime::RunnerOptions options = {.threads = threads, .training = nn::Training::trainable};
  if (recipe.lora.rank > 0) {
    options.training = nn::Training::adapters;
    options.adapters = {.scale = static_cast<float>(recipe.lora.scale()), .whole = prepared.head};
  }
  return options;
}

Trainer::Output output_of(const Recipe& recipe, const Prepared& prepared,
                          const std::filesystem::path& folder) {
  Trainer::Output output = {
      .folder = folder, .tokenizer = recipe.base, .config = prepared.checkpoint.config};
  if (recipe.lora.rank > 0)
    output.adapter =
        AdapterOutput{.options = recipe.lora, .base = recipe.base, .whole = prepared.head};
  return output;
}

}  // namespace medlar::train
