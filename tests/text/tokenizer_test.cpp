#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include "base/error.h"
#include "small_tokenizers.h"
#include "text/merges.h"
#include "text/normal_forms.h"
#include "text/pretokenizer.h"
#include "text/regex.h"
#include "text/splitter.h"
#include "text/vocabulary_file.h"

namespace medlar::text {
namespace {

using Ids = std::vector<i64>;
using Ranges = std::vector<ByteRange>;

std::optional<ErrorCode> error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

/// Random valid UTF-8 with many of the characters that splitters tell apart. Code points stay below
/// U+3000 or in CJK and emoji, which PCRE2 and utf8proc classify alike.
std::string random_text(std::mt19937& random, i64 characters) {
  const std::string likely =
      "aAbBzZ019 "
      "\t\r\n'sStTrReEvVlLdDmM.,/"
      "!?-_$+~\u00e9\u01c5\u02b0\u05d0\u0301\u00a0\u2028\u00b2\u2160\u4e00\u3042\u30fb";
  std::string text;
  for (i64 i = 0; i < characters; ++i) {
    const u32 kind = static_cast<u32>(random() % 10);
    if (kind < 8) {
      i64 at = static_cast<i64>(random() % likely.size());
      while (at > 0 && (static_cast<u8>(likely[static_cast<std::size_t>(at)]) & 0xc0) == 0x80) --at;
      append_utf8(text, code_point_at(likely, at).value);
    } else if (kind == 8) {
      append_utf8(text, 0x20 + static_cast<u32>(random() % 0x560));
    } else {
      append_utf8(text, 0x1f600 + static_cast<u32>(random() % 0x40));
    }
  }
  return text;
}

std::vector<i64> ends_by_regex(const std::vector<std::string>& patterns, const std::string& text) {
  const auto splitter = regex_splitter(patterns);
  Pieces pieces{AlignedText(text, 0), {{0, ssize_of(text)}}};
  splitter->split(pieces);
  std::vector<i64> ends;
  for (const ByteRange& range : pieces.ranges) ends.push_back(range.end);
  return ends;
}

TEST(Splitter, CutsAsTheRegularExpressionDoes) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random, 1 + static_cast<i64>(random() % 24));
    for (SplitPattern pattern :
         {SplitPattern::gpt2, SplitPattern::llama3, SplitPattern::qwen2, SplitPattern::o200k}) {
      std::vector<i64> ends;
      split_words(pattern, text, 0, ssize_of(text), ends);
      ASSERT_EQ(ends, ends_by_regex({std::string(regex_of(pattern))}, text))
          << static_cast<int>(pattern) << ": " << text;
    }
    std::vector<std::string> patterns;
    for (std::string_view pattern : deepseek_patterns()) patterns.emplace_back(pattern);
    std::vector<i64> ends;
    split_words(SplitPattern::deepseek, text, 0, ssize_of(text), ends);
    ASSERT_EQ(ends, ends_by_regex(patterns, text)) << text;
  }
}

TEST(ByteLevel, MergesByRank) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  const Encoding encoding = tokenizer.encode("the the abc");
  EXPECT_EQ(encoding.ids, (Ids{257, 258, 32, 260}));
  EXPECT_EQ(encoding.offsets, (Ranges{{0, 3}, {3, 7}, {7, 8}, {8, 11}}));
  EXPECT_EQ(tokenizer.decode(encoding.ids), "the the abc");
}

TEST(ByteLevel, OffsetsCoverWholeCharacters) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  EXPECT_EQ(tokenizer.encode("aé").offsets, (Ranges{{0, 1}, {1, 3}, {1, 3}}));
}

TEST(ByteLevel, DecodesWhatItEncoded) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, static_cast<i64>(random() % 40));
    const Encoding encoding = tokenizer.encode(text);
    ASSERT_EQ(tokenizer.decode(encoding.ids, SpecialsInText::keep), text);
    StreamDecoder stream(tokenizer, SpecialsInText::keep);
    std::string streamed;
    for (i64 id : encoding.ids) streamed += stream.push(id).value_or("");
    ASSERT_EQ(streamed + stream.finish(), text);
  }
}

TEST(ByteLevel, RawBytesAndPrintableCharactersAgree) {
  Json json = small::byte_level_json(false);
  const Tokenizer raw = small::from(json);
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       Json::array(
           {{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}},
            {{"type", "Split"}, {"pattern", {{"String", "\n\n"}}}, {"behavior", "Isolated"}}})}};
  const Tokenizer printable = small::from(json);
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random, static_cast<i64>(random() % 80));
    const Encoding first = raw.encode(text);
    const Encoding second = printable.encode(text);
    ASSERT_EQ(first.ids, second.ids) << text;
    ASSERT_EQ(first.offsets, second.offsets) << text;
  }
}

TEST(Merges, ScanAndHeapAgree) {
  Merges merges;
  std::mt19937 random(11);
  for (i64 rank = 0; rank < 60; ++rank) {
    merges.add(static_cast<i64>(random() % 12), static_cast<i64>(random() % 12),
               {.rank = rank, .id = rank % 12});
  }
  for (int round = 0; round < 300; ++round) {
    std::vector<Symbol> longer;
    for (i64 i = 0; i < 40; ++i) longer.push_back({static_cast<i64>(random() % 12), {i, i + 1}});
    std::vector<Symbol> scanned = longer;
    merges.apply(scanned);
    for (i64 i = 40; i < 90; ++i)
      longer.push_back({-1, {i, i + 1}});  // unmergeable tail: forces the heap
    merges.apply(longer);
    ASSERT_GE(longer.size(), scanned.size());
    for (std::size_t i = 0; i < scanned.size(); ++i) {
      ASSERT_EQ(longer[i].id, scanned[i].id);
      ASSERT_EQ(longer[i].range, scanned[i].range);
    }
  }
}

TEST(SpecialText, PlainKeepsEveryAddedTokenFromUntrustedText) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  const std::string text = "a<|end|><|user|>";
  EXPECT_EQ(tokenizer.encode(text, {.special_text = SpecialText::parse}).ids, (Ids{97, 263, 264}));
  const Ids special_only = tokenizer.encode(text, {.special_text = SpecialText::plain_special}).ids;
  EXPECT_EQ(special_only.back(), 264);
  EXPECT_EQ(std::count(special_only.begin(), special_only.end(), 263), 0);
  for (i64 id : tokenizer.encode(text).ids) EXPECT_LT(id, 263);
}

TEST(WordPiece, FoldsCaseAndAccentsAndKeepsOffsets) {
  const Tokenizer tokenizer = small::from(small::word_piece_json());
  const Encoding encoding =
      tokenizer.encode("Fevers, CAFÉ xyz", {.special_tokens = SpecialTokens::add});
  EXPECT_EQ(encoding.ids, (Ids{2, 5, 8, 10, 9, 1, 3}));
  EXPECT_EQ(encoding.offsets, (Ranges{{0, 0}, {0, 5}, {5, 6}, {6, 7}, {8, 13}, {14, 17}, {0, 0}}));
  EXPECT_EQ(tokenizer.decode(encoding.ids), "fevers, cafe");
}

TEST(WordPiece, LaysOutPairsAndWindows) {
  const Tokenizer tokenizer = small::from(small::word_piece_json());
  const Encoding pair =
      tokenizer.encode_pair("pain", "no fever", {.special_tokens = SpecialTokens::add});
  EXPECT_EQ(pair.ids, (Ids{2, 11, 3, 12, 5, 3}));
  EXPECT_EQ(pair.type_ids, (Ids{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(pair.sequences, (Ids{-1, 0, -1, 1, 1, -1}));
  const std::vector<Encoding> windows = tokenizer.windows("no pain no fever no", 5, 1);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].ids, (Ids{2, 12, 5, 12, 3}));
  EXPECT_EQ(windows[1].offsets[1], (ByteRange{8, 10}));
  EXPECT_EQ(error_of([&] { tokenizer.windows("no", 3, 1); }), ErrorCode::invalid_argument);
}

TEST(WordPiece, AddedTokenTakesSpacesAlong) {
  const Tokenizer tokenizer = small::from(small::word_piece_json());
  const Encoding encoding = tokenizer.encode("no  [MASK]", {.special_text = SpecialText::parse});
  EXPECT_EQ(encoding.ids, (Ids{12, 4}));
  EXPECT_EQ(encoding.offsets[1], (ByteRange{2, 10}));
}

TEST(Unigram, TakesTheBestPathAndNeverAControlToken) {
  const Tokenizer tokenizer = small::from(small::unigram_json());
  EXPECT_EQ(tokenizer.encode("pain").ids, (Ids{2}));
  EXPECT_EQ(tokenizer.encode("pan").ids, (Ids{3, 6, 8}));
  for (i64 id : tokenizer.encode("</s>").ids) EXPECT_NE(id, 9);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("pain pain").ids), "pain pain");
}

TEST(Llama2c, MergesByScoreWithByteFallback) {
  std::string file;
  const auto put = [&](auto value) {
    file.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  const auto token = [&](const std::string& text, float score) {
    put(score);
    put(static_cast<i32>(text.size()));
    file += text;
  };
  put(i32{7});
  token("<unk>", 0);
  token("\n<s>\n", 0);
  token("\n</s>\n", 0);
  for (int byte = 0; byte < 256; ++byte) token(fmt::format("<0x{:02X}>", byte), 0);
  token(" ", -5);
  token("a", -6);
  token(" a", -1);
  const Tokenizer tokenizer =
      tokenizer_from_llama2c(std::as_bytes(std::span(file.data(), file.size())), "inline");
  const Encoding encoding = tokenizer.encode("a é", {.special_tokens = SpecialTokens::add});
  EXPECT_EQ(encoding.ids, (Ids{1, 261, 259, 3 + 0xc3, 3 + 0xa9}));
  EXPECT_EQ(encoding.offsets, (Ranges{{0, 0}, {0, 1}, {1, 2}, {2, 2}, {2, 4}}));
  EXPECT_EQ(tokenizer.decode(encoding.ids), "a é");
  file.resize(file.size() - 1);
  EXPECT_EQ(error_of([&] {
              tokenizer_from_llama2c(std::as_bytes(std::span(file.data(), file.size())), "cut");
            }),
            ErrorCode::corrupt_file);
}

TEST(Gguf, RefusesUnknownKindsByName) {
  const Json metadata = {{"tokenizer.ggml.model", "gpt2"},
                         {"tokenizer.ggml.pre", "made-up"},
                         {"tokenizer.ggml.tokens", {"a"}},
                         {"tokenizer.ggml.merges", Json::array()}};
  try {
    tokenizer_from_gguf(metadata);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_NE(std::string_view(error.what()).find("made-up"), std::string_view::npos);
  }
}

TEST(Normaliser, ComposesAndDecomposes) {
  AlignedText text("e\u0301\u1e9b\u0323\uac00", 0);
  normalise(text, NormalForm::nfc);
  EXPECT_EQ(text.text(), "\u00e9\u1e9b\u0323\uac00");
  EXPECT_EQ(text.original({0, 2}), (ByteRange{0, 1}));
  normalise(text, NormalForm::nfkd);
  EXPECT_EQ(text.text(), "e\u0301s\u0323\u0307\u1100\u1161");
}

TEST(Normaliser, GrowthHasALimit) {
  Json json = small::byte_level_json();
  Json steps = Json::array();
  for (int i = 0; i < 40; ++i)
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  EXPECT_EQ(error_of([&] { small::from(json).encode("aaaa"); }), ErrorCode::limit_exceeded);
}

TEST(Hostile, TextThatIsNotUtf8IsRefusedByOffset) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  for (const std::string text :
       {"ab\xff", "ab\xc3", "ab\xed\xa0\x80", "ab\xc0\x80", "ab\xf4\x90\x80\x80"}) {
    try {
      tokenizer.encode(text);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_NE(std::string_view(error.what()).find("offset 2"), std::string_view::npos);
    }
  }
}

TEST(Hostile, UnknownKindsAreRefusedByName) {
  for (const char* section :
       {"normalizer", "pre_tokenizer", "post_processor", "decoder", "model"}) {
    Json json = small::byte_level_json();
    json[section]["type"] = "Teleport";
    try {
      small::from(json);
      FAIL() << section;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_NE(std::string_view(error.what()).find("Teleport"), std::string_view::npos) << section;
    }
  }
}

TEST(Hostile, BrokenFilesAreErrors) {
  Json json = small::byte_level_json();
  json["model"]["vocab"]["huge"] = i64{1} << 40;
  EXPECT_EQ(error_of([&] { small::from(json); }), ErrorCode::limit_exceeded);
  json["model"]["vocab"]["huge"] = -3;
  EXPECT_EQ(error_of([&] { small::from(json); }), ErrorCode::corrupt_file);
  json["model"]["vocab"]["huge"] = 5;  // the id of another token
  EXPECT_EQ(error_of([&] { small::from(json); }), ErrorCode::corrupt_file);
  json = small::byte_level_json();
  json["model"]["merges"].push_back("no such");
  EXPECT_EQ(error_of([&] { small::from(json); }), ErrorCode::corrupt_file);
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_EQ(error_of([&] { parse_tokenizer_file("{\"a\":" + deep + "}", "deep"); }),
            ErrorCode::limit_exceeded);
}

TEST(Hostile, APathologicalRegexIsStopped) {
  const Regex regex("(a+)+$");
  EXPECT_EQ(error_of([&] { regex.find_all(std::string(5000, 'a') + "b", {0, 5001}); }),
            ErrorCode::limit_exceeded);
}

TEST(Hostile, LongRunsEncodeFast) {
  const Tokenizer bytes = small::from(small::byte_level_json());
  const Tokenizer words = small::from(small::word_piece_json());
  const Tokenizer unigram = small::from(small::unigram_json());
  for (char c : {' ', 'a', '\n', '1'}) {
    const std::string text(std::size_t{1} << 20, c);
    for (const Tokenizer* tokenizer : {&bytes, &words, &unigram}) {
      const auto begin = std::chrono::steady_clock::now();
      tokenizer->encode(text);
      EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
                20.0)
          << c;
    }
  }
}

TEST(Hostile, ManyAddedTokensEncodeFast) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "ab<|end|>";
  const auto begin = std::chrono::steady_clock::now();
  const Encoding encoding = tokenizer.encode(text, {.special_text = SpecialText::parse});
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 20.0);
  EXPECT_EQ(encoding.ids.size(), 200000u);
}

TEST(Threads, ShareATokenizer) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  std::mt19937 random(1);
  const std::string text = random_text(random, 20000);
  const Encoding expected = tokenizer.encode(text);
  std::vector<Encoding> got(2);
  std::vector<std::thread> threads;
  for (Encoding& encoding : got) threads.emplace_back([&] { encoding = tokenizer.encode(text); });
  for (std::thread& thread : threads) thread.join();
  for (const Encoding& encoding : got) EXPECT_EQ(encoding.ids, expected.ids);
}

TEST(StreamDecoder, GivesOutWholeCharacters) {
  const Tokenizer tokenizer = small::from(small::byte_level_json());
  StreamDecoder stream(tokenizer);
  EXPECT_EQ(stream.push(0xc3), std::nullopt);
  EXPECT_EQ(stream.push(0xa9), "é");
  EXPECT_EQ(stream.push('x'), "x");
  EXPECT_EQ(stream.push(0xe2), std::nullopt);
  EXPECT_EQ(stream.finish(), "\ufffd");
  for (int i = 0; i < 500; ++i) stream.push(0xff);  // never a character: still bounded
}

TEST(Roles, AreFoundByNameAndConfig) {
  const Tokenizer tokenizer = small::from(small::word_piece_json());
  EXPECT_EQ(tokenizer.special_ids().cls, 2);
  EXPECT_EQ(tokenizer.special_ids().mask, 4);
  EXPECT_EQ(tokenizer.id_of("fever"), 5);
  EXPECT_EQ(tokenizer.token_text(5), "fever");
  EXPECT_EQ(tokenizer.token_text(99), std::nullopt);
  EXPECT_TRUE(tokenizer.is_special(4));
  EXPECT_EQ(tokenizer.vocab_size(), 13);
}

TEST(LoadTokenizer, ReadsAFolderWithItsConfig) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "medlar_tokenizer_folder";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << small::byte_level_json().dump();
  std::ofstream(folder / "tokenizer_config.json")
      << R"({"eos_token": {"content": "<|end|>"}, "pad_token": "<|user|>"})";
  const Tokenizer tokenizer = load_tokenizer(folder);
  EXPECT_EQ(tokenizer.special_ids().eos, 263);
  EXPECT_EQ(tokenizer.special_ids().pad, 264);
  EXPECT_EQ(tokenizer.eos_ids(), (Ids{263}));
  std::filesystem::remove_all(folder);
  EXPECT_EQ(error_of([&] { load_tokenizer(folder); }), ErrorCode::not_found);
}

}  // namespace
}  // namespace medlar::text
