#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "formats/checkpoint.h"
#include "shared_data.h"
#include "text/load_tokenizer.h"
#include "text/tokenizer_cases.h"

namespace medlar::text {
namespace {

std::filesystem::path shared(const std::string& path) { return tests::shared_folder() / path; }

/// Fails for each vector that does not pass, the first few in full.
void expect_all_pass(const std::string& tokenizer_file, const std::string& golden_name) {
  const Tokenizer tokenizer = load_tokenizer(shared("data/tok/" + tokenizer_file));
  const Json golden = read_json_file(shared("golden/tokenizers/" + golden_name + ".json"));
  const std::vector<CaseResult> results = verify_tokenizer_cases(tokenizer, golden);
  i64 failed = 0;
  for (const CaseResult& result : results) {
    if (result.pass) continue;
    if (++failed <= 4) {
      ADD_FAILURE() << tokenizer_file << ": " << result.name << "\nexpected "
                    << result.expected.substr(0, 2000) << "\ngot      "
                    << result.got.substr(0, 2000);
    }
  }
  EXPECT_EQ(failed, 0) << tokenizer_file << ": of " << results.size() << " vectors";
  EXPECT_GT(results.size(), 200u);
}

struct Golden {
  std::string file;
  std::string golden;
};

class TokenizerGolden : public testing::TestWithParam<Golden> {};

TEST_P(TokenizerGolden, GivesTheVectorsOfTheReference) {
  MEDLAR_NEEDS_SHARED();
  expect_all_pass(GetParam().file, GetParam().golden);
}

INSTANTIATE_TEST_SUITE_P(
    Files, TokenizerGolden,
    testing::Values(
        Golden{"gptoss.tokenizer.json.gz", "gptoss"},
        Golden{"llama3_1.tokenizer.json.gz", "llama3_1"},
        Golden{"deepseek_v3.tokenizer.json", "deepseek_v3"}, Golden{"gpt2.vocab.json", "gpt2"},
        Golden{"roberta-base.tokenizer.json", "roberta-base"},
        Golden{"modernbert.tokenizer.json", "modernbert"}, Golden{"clip.tokenizer.json", "clip"},
        Golden{"clip.bpe_simple_vocab_16e6.txt.gz", "clip"},
        Golden{"bert-base-uncased.tokenizer.json", "bert-base-uncased"},
        Golden{"bert-base-uncased.vocab.txt", "bert-base-uncased"},
        Golden{"bert-base-cased.tokenizer.json", "bert-base-cased"},
        Golden{"bert-cased.vocab.txt", "bert-base-cased"},
        Golden{"all-minilm-l6-v2.tokenizer.json", "all-minilm-l6-v2"},
        Golden{"llama2.tokenizer.json", "llama2"}, Golden{"mistral01.tokenizer.json", "mistral01"},
        Golden{"llama2.tokenizer.model", "llama2.model"},
        Golden{"mistral.tokenizer.model.v1", "mistral.v1.model"},
        Golden{"mistral.tokenizer.model.v2", "mistral.v2.model"},
        Golden{"mistral.tokenizer.model.v3", "mistral.v3.model"},
        Golden{"unigram-t5like.model", "unigram-t5like.model"},
        Golden{"unigram-xlnet.model", "unigram-xlnet.model"},
        Golden{"llama3.tokenizer.model", "llama3"}, Golden{"o200k_base.tiktoken", "o200k"}),
    [](const testing::TestParamInfo<Golden>& info) {
      std::string name = info.param.file;
      for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
      }
      return name;
    });

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<i64> numbers_in(const std::string& line) {
  std::string spaced = line;
  for (char& c : spaced) c = c == ',' ? ' ' : c;
  std::istringstream stream(spaced);
  std::vector<i64> numbers;
  for (i64 number; stream >> number;) numbers.push_back(number);
  return numbers;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

struct Kitoken {
  std::string file;
  std::string tokens;
  SpecialText special_text;
};

class KitokenGolden : public testing::TestWithParam<Kitoken> {};

TEST_P(KitokenGolden, GivesTheIdsOfEveryLine) {
  MEDLAR_NEEDS_SHARED();
  const Tokenizer tokenizer = load_tokenizer(shared("data/tok/" + GetParam().file));
  std::vector<std::string> inputs;
  for (const std::string& line :
       lines_of(read_text_file(shared("data/tok_golden/kitoken/small_input.txt")))) {
    if (!line.empty())
      inputs.push_back(replaced(replaced(replaced(line, "\\n", "\n"), "\\s", " "), "\\x", ""));
  }
  const std::vector<std::string> expected =
      lines_of(read_text_file(shared("data/tok_golden/kitoken/" + GetParam().tokens)));
  ASSERT_EQ(inputs.size(), expected.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Encoding encoding =
        tokenizer.encode(inputs[i], {.special_text = GetParam().special_text});
    EXPECT_EQ(encoding.ids, numbers_in(expected[i])) << "line " << i << ": " << inputs[i];
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, KitokenGolden,
    testing::Values(
        Kitoken{"gptoss.tokenizer.json.gz", "tokenizers/small_tokens_gpt_oss.txt",
                SpecialText::parse},
        Kitoken{"llama3_1.tokenizer.json.gz", "tokenizers/small_tokens_llama32.txt",
                SpecialText::parse},
        Kitoken{"deepseek_v3.tokenizer.json", "tokenizers/small_tokens_r1.txt", SpecialText::parse},
        Kitoken{"gpt2.vocab.json", "tokenizers/small_tokens_gpt2.txt", SpecialText::parse},
        Kitoken{"modernbert.tokenizer.json", "tokenizers/small_tokens_modernbert.txt",
                SpecialText::parse},
        Kitoken{"clip.tokenizer.json", "tokenizers/small_tokens_clip_base.txt", SpecialText::parse},
        Kitoken{"bert-base-cased.tokenizer.json", "tokenizers/small_tokens_bert_base_cased.txt",
                SpecialText::parse},
        Kitoken{"llama2.tokenizer.json", "tokenizers/small_tokens_llama2.txt", SpecialText::parse},
        Kitoken{"mistral01.tokenizer.json", "tokenizers/small_tokens_mistral01.txt",
                SpecialText::parse},
        Kitoken{"llama2.tokenizer.model", "sentencepiece/small_tokens_llama2.txt",
                SpecialText::plain},
        Kitoken{"mistral.tokenizer.model.v1", "sentencepiece/small_tokens_mistral01.txt",
                SpecialText::plain},
        Kitoken{"mistral.tokenizer.model.v3", "sentencepiece/small_tokens_mistral03.txt",
                SpecialText::plain},
        Kitoken{"unigram-t5like.model", "sentencepiece/small_tokens_nai-t5.txt",
                SpecialText::plain},
        Kitoken{"unigram-xlnet.model", "sentencepiece/small_tokens_xlnet_base_cased.txt",
                SpecialText::plain}));

struct Ggml {
  std::string name;       ///< of the .inp and .out files
  std::string tokenizer;  ///< path below the shared folder
};

class GgmlGolden : public testing::TestWithParam<Ggml> {};

TEST_P(GgmlGolden, GivesTheIdsOfEveryPiece) {
  MEDLAR_NEEDS_SHARED();
  if (GetParam().tokenizer.empty())
    GTEST_SKIP() << "no vocabulary of " << GetParam().name << " is among the reference data";
  const Tokenizer tokenizer = load_tokenizer(shared(GetParam().tokenizer));
  const std::string folder = "data/tok_golden/ggml/ggml-vocab-" + GetParam().name;
  std::string text = read_text_file(shared(folder + ".gguf.inp"));
  const std::vector<std::string> expected = lines_of(read_text_file(shared(folder + ".gguf.out")));
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> inputs;
  for (std::size_t end = text.find(separator); end != std::string::npos;
       end = text.find(separator)) {
    inputs.push_back(text.substr(0, end));
    text.erase(0, end + separator.size());
  }
  ASSERT_EQ(inputs.size(), expected.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(tokenizer.encode(inputs[i]).ids, numbers_in(expected[i]))
        << GetParam().name << " piece " << i << ": " << inputs[i];
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, GgmlGolden,
    testing::Values(Ggml{"gpt-2", "data/tok_golden/ggml/ggml-vocab-gpt-2.gguf"},
                    Ggml{"gpt-2", "data/tok/gpt2.vocab.json"},
                    Ggml{"llama-spm", "data/tok_golden/ggml/ggml-vocab-llama-spm.gguf"},
                    Ggml{"llama-spm", "data/tok/llama2.tokenizer.model"},
                    Ggml{"bert-bge", "data/tok_golden/ggml/ggml-vocab-bert-bge.gguf"},
                    Ggml{"bert-bge", "data/tok/bert-base-uncased.tokenizer.json"},
                    Ggml{"llama-bpe", "data/tok/llama3_1.tokenizer.json.gz"},
                    Ggml{"deepseek-llm", ""}, Ggml{"qwen2", ""}, Ggml{"command-r", ""}));

TEST(Llama2cVocabulary, ReadsTheStoriesBack) {
  MEDLAR_NEEDS_SHARED();
  const Tokenizer tokenizer = load_tokenizer(shared("data/weights/stories260K/tok512.bin"));
  const std::string text = "Once upon a time, there was a little girl named Lily.";
  const Encoding encoding = tokenizer.encode(text, {.special_tokens = SpecialTokens::add});
  EXPECT_EQ(tokenizer.vocab_size(), 512);
  EXPECT_EQ(encoding.ids.front(), 1);
  EXPECT_LT(encoding.ids.size(), text.size() / 2);
  EXPECT_EQ(tokenizer.decode(encoding.ids), text);
}

}  // namespace
}  // namespace medlar::text
