#include "text/pretokenizer.h"

#include <functional>
#include <utility>

#include "base/error.h"
#include "text/byte_alphabet.h"
#include "text/json_fields.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

enum class Behaviour { removed, isolated, merged_with_previous, merged_with_next, contiguous };

Behaviour behaviour_named(const std::string& name) {
  if (name == "Removed") return Behaviour::removed;
  if (name == "Isolated") return Behaviour::isolated;
  if (name == "MergedWithPrevious") return Behaviour::merged_with_previous;
  if (name == "MergedWithNext") return Behaviour::merged_with_next;
  if (name == "Contiguous") return Behaviour::contiguous;
  fail(ErrorCode::unsupported, "a pre-tokenizer asks for the unknown behaviour `{}`", name);
}

struct Part {
  ByteRange range;
  bool is_match;
};

/// Matches and the gaps between them, in order, without empty ones.
std::vector<Part> parts_of(ByteRange range, const std::vector<ByteRange>& matches, bool invert) {
  std::vector<Part> parts;
  i64 at = range.begin;
  for (const ByteRange& match : matches) {
    if (match.begin > at) parts.push_back({{at, match.begin}, invert});
    parts.push_back({match, !invert});
    at = match.end;
  }
  if (at < range.end) parts.push_back({{at, range.end}, invert});
  return parts;
}

void append_parts(const std::vector<Part>& parts, Behaviour behaviour,
                  std::vector<ByteRange>& ranges) {
  const std::size_t first = ranges.size();
  bool previous_is_match = false;
  for (const Part& part : parts) {
    const bool has_previous = ranges.size() > first;
    const bool touches = has_previous && ranges.back().end == part.range.begin;
    bool joins = false;
    switch (behaviour) {
      case Behaviour::removed:
        if (part.is_match) continue;
        break;
      case Behaviour::isolated:
        break;
      case Behaviour::merged_with_previous:
        joins = touches && part.is_match && !previous_is_match;
        break;
      case Behaviour::merged_with_next:
        joins = touches && previous_is_match && !part.is_match;
        break;
      case Behaviour::contiguous:
        joins = touches && previous_is_match == part.is_match;
        break;
    }
    if (joins) {
      ranges.back().end = part.range.end;
    } else {
      ranges.push_back(part.range);
    }
    previous_is_match = part.is_match;
  }
}

class RegexSplit : public PreTokenizer {
 public:
  RegexSplit(std::string_view pattern, Behaviour behaviour, bool invert)
      : regex_(pattern), behaviour_(behaviour), invert_(invert) {}

  void split(Pieces& pieces) const override {
    std::vector<ByteRange> ranges;
    for (const ByteRange& range : pieces.ranges) {
      append_parts(parts_of(range, regex_.find_all(pieces.text.text(), range), invert_), behaviour_,
                   ranges);
    }
    pieces.ranges = std::move(ranges);
  }

 private:
  Regex regex_;
  Behaviour behaviour_;
  bool invert_;
};

class PatternSplit : public PreTokenizer {
 public:
  explicit PatternSplit(SplitPattern pattern) : pattern_(pattern) {}

  void split(Pieces& pieces) const override {
    std::vector<ByteRange> ranges;
    std::vector<i64> ends;
    ranges.reserve(pieces.text.text().size() / 4);
    for (const ByteRange& range : pieces.ranges) {
      ends.clear();
      split_words(pattern_, pieces.text.text(), range.begin, range.end, ends);
      i64 begin = range.begin;
      for (i64 end : ends) {
        ranges.push_back({begin, end});
        begin = end;
      }
    }
    pieces.ranges = std::move(ranges);
  }

 private:
  SplitPattern pattern_;
};

/// Cuts at single characters that a predicate picks.
class CharacterSplit : public PreTokenizer {
 public:
  CharacterSplit(std::function<bool(u32)> is_match, Behaviour behaviour)
      : is_match_(std::move(is_match)), behaviour_(behaviour) {}

  void split(Pieces& pieces) const override {
    std::vector<ByteRange> ranges;
    std::vector<ByteRange> matches;
    for (const ByteRange& range : pieces.ranges) {
      matches.clear();
      for (i64 at = range.begin; at < range.end;) {
        const CodePoint point = code_point_at(pieces.text.text(), at);
        if (is_match_(point.value)) matches.push_back({at, at + point.bytes});
        at += point.bytes;
      }
      append_parts(parts_of(range, matches, false), behaviour_, ranges);
    }
    pieces.ranges = std::move(ranges);
  }

 private:
  std::function<bool(u32)> is_match_;
  Behaviour behaviour_;
};

bool is_ascii_punctuation(u32 c) {
  return c < 128 && (character_class(c) & (class_punctuation | class_symbol)) != 0;
}

bool is_punctuation(u32 c) {
  return is_ascii_punctuation(c) || (character_class(c) & class_punctuation) != 0;
}
bool is_space(u32 c) { return (character_class(c) & class_space) != 0; }
bool is_number(u32 c) { return (character_class(c) & class_number) != 0; }

/// BERT's two steps in one pass: white space vanishes, then punctuation stands alone.
class BertSplit : public PreTokenizer {
 public:
  void split(Pieces& pieces) const override {
    std::vector<ByteRange> ranges;
    const std::string& text = pieces.text.text();
    ranges.reserve(text.size() / 4);
    for (const ByteRange& range : pieces.ranges) {
      i64 begin = range.begin;
      for (i64 at = range.begin; at < range.end;) {
        const CodePoint point = code_point_at(text, at);
        const i64 next = at + point.bytes;
        const bool punctuation = is_punctuation(point.value);
        if (punctuation || is_space(point.value)) {
          if (at > begin) ranges.push_back({begin, at});
          if (punctuation) ranges.push_back({at, next});
          begin = next;
        }
        at = next;
      }
      if (range.end > begin) ranges.push_back({begin, range.end});
    }
    pieces.ranges = std::move(ranges);
  }
};

/// Writes the pieces anew, character by character, with their spans.
class PieceWriter {
 public:
  explicit PieceWriter(const Pieces& source) : source_(source) {
    text_.reserve(source.text.text().size());
  }

  void begin_piece() { begin_ = ssize_of(text_); }
  void end_piece() { ranges_.push_back({begin_, ssize_of(text_)}); }
  void put(std::string_view content, AlignedText::Span span) {
    text_ += content;
    spans_.resize(text_.size(), span);
  }
  Pieces take() {
    Pieces result{source_.text, std::move(ranges_)};
    result.text.assign(std::move(text_), std::move(spans_));
    return result;
  }

 private:
  const Pieces& source_;
  std::string text_;
  std::vector<AlignedText::Span> spans_;
  std::vector<ByteRange> ranges_;
  i64 begin_ = 0;
};

class Metaspace : public PreTokenizer {
 public:
  enum class Prepend { always, first, never };

  Metaspace(std::string replacement, Prepend prepend, bool splits)
      : replacement_(std::move(replacement)), prepend_(prepend), splits_(splits) {}

  void split(Pieces& pieces) const override {
    PieceWriter writer(pieces);
    const std::string& text = pieces.text.text();
    for (const ByteRange& range : pieces.ranges) {
      const std::string_view piece = std::string_view(text).substr(
          static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size()));
      const bool starts_with_mark = piece.starts_with(' ') || piece.starts_with(replacement_);
      const bool at_start = pieces.text.base() + pieces.text.span_at(range.begin).begin == 0;
      writer.begin_piece();
      bool has_content = false;
      if (!starts_with_mark &&
          (prepend_ == Prepend::always || (prepend_ == Prepend::first && at_start))) {
        writer.put(replacement_, pieces.text.span_at(range.begin));
        has_content = true;
      }
      for (i64 at = range.begin; at < range.end;) {
        const i64 bytes = code_point_at(text, at).bytes;
        const std::string_view character = std::string_view(text).substr(
            static_cast<std::size_t>(at), static_cast<std::size_t>(bytes));
        const bool is_mark = character == " " || character == replacement_;
        if (is_mark && splits_ && at > range.begin && has_content) {
          writer.end_piece();
          writer.begin_piece();
        }
        writer.put(is_mark ? std::string_view(replacement_) : character, pieces.text.span_at(at));
        has_content = true;
        at += bytes;
      }
      writer.end_piece();
    }
    pieces = writer.take();
  }

 private:
  std::string replacement_;
  Prepend prepend_;
  bool splits_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool adds_space, bool splits, ByteAlphabet alphabet)
      : adds_space_(adds_space), splits_(splits), alphabet_(alphabet), words_(SplitPattern::gpt2) {}

  void split(Pieces& pieces) const override {
    if (adds_space_) add_spaces(pieces);
    if (splits_) words_.split(pieces);
    if (alphabet_ == ByteAlphabet::printable) make_printable(pieces);
  }

 private:
  static void add_spaces(Pieces& pieces) {
    PieceWriter writer(pieces);
    const std::string& text = pieces.text.text();
    for (const ByteRange& range : pieces.ranges) {
      writer.begin_piece();
      if (text[static_cast<std::size_t>(range.begin)] != ' ')
        writer.put(" ", pieces.text.span_at(range.begin));
      copy(pieces, range, writer);
      writer.end_piece();
    }
    pieces = writer.take();
  }

  static void copy(const Pieces& pieces, ByteRange range, PieceWriter& writer) {
    for (i64 at = range.begin; at < range.end; ++at) {
      writer.put(std::string_view(pieces.text.text()).substr(static_cast<std::size_t>(at), 1),
                 pieces.text.span_at(at));
    }
  }

  static void make_printable(Pieces& pieces) {
    PieceWriter writer(pieces);
    for (const ByteRange& range : pieces.ranges) {
      writer.begin_piece();
      for (i64 at = range.begin; at < range.end; ++at) {
        writer.put(
            to_byte_alphabet(
                std::string_view(pieces.text.text()).substr(static_cast<std::size_t>(at), 1)),
            pieces.text.span_at(at));
      }
      writer.end_piece();
    }
    pieces = writer.take();
  }

  bool adds_space_;
  bool splits_;
  ByteAlphabet alphabet_;
  PatternSplit words_;
};

class Steps : public PreTokenizer {
 public:
  explicit Steps(std::vector<std::unique_ptr<const PreTokenizer>> steps)
      : steps_(std::move(steps)) {}
  void split(Pieces& pieces) const override {
    for (const auto& step : steps_) step->split(pieces);
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> steps_;
};

std::string pattern_of(const Json& json) {
  const Json& pattern = required_field(json, "pattern");
  if (const Json* regex = find_field(pattern, "Regex"); regex != nullptr && regex->is_string()) {
    return regex->get<std::string>();
  }
  if (const Json* literal = find_field(pattern, "String");
      literal != nullptr && literal->is_string()) {
    return Regex::quoted(literal->get<std::string>());
  }
  fail(ErrorCode::corrupt_file, "a pre-tokenizer's pattern is neither `Regex` nor `String`");
}

std::unique_ptr<const PreTokenizer> split_from_json(const Json& json) {
  const std::string pattern = pattern_of(json);
  const Behaviour behaviour = behaviour_named(required_text(json, "behavior"));
  const std::optional<SplitPattern> known = known_pattern(pattern);
  if (known && behaviour == Behaviour::isolated) return std::make_unique<PatternSplit>(*known);
  return std::make_unique<RegexSplit>(pattern, behaviour, bool_field(json, "invert", false));
}

std::unique_ptr<const PreTokenizer> metaspace_from_json(const Json& json) {
  const std::string scheme = text_field(
      json, "prepend_scheme", bool_field(json, "add_prefix_space", true) ? "always" : "never");
  Metaspace::Prepend prepend = Metaspace::Prepend::always;
  if (scheme == "first") {
    prepend = Metaspace::Prepend::first;
  } else if (scheme == "never") {
    prepend = Metaspace::Prepend::never;
  } else if (scheme != "always") {
    fail(ErrorCode::unsupported, "the Metaspace pre-tokenizer asks for the unknown scheme `{}`",
         scheme);
  }
  return std::make_unique<Metaspace>(text_field(json, "replacement", "▁"), prepend,
                                     bool_field(json, "split", true));
}

/// The three splits of DeepSeek-V3 at `index` of a sequence.
bool is_deepseek_at(const Json& steps, std::size_t index) {
  const std::vector<std::string_view> patterns = deepseek_patterns();
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (index + i >= steps.size()) return false;
    const Json& step = steps[index + i];
    const Json* type = find_field(step, "type");
    if (type == nullptr || *type != "Split" || bool_field(step, "invert", false)) return false;
    const Json* pattern = find_field(step, "pattern");
    const Json* regex = pattern == nullptr ? nullptr : find_field(*pattern, "Regex");
    if (regex == nullptr || *regex != std::string(patterns[i]) ||
        text_field(step, "behavior", "") != "Isolated")
      return false;
  }
  return true;
}

std::unique_ptr<const PreTokenizer> steps_from_json(const Json& json, ByteAlphabet alphabet) {
  const Json& steps = required_array(json, "pretokenizers");
  std::vector<std::unique_ptr<const PreTokenizer>> result;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (is_deepseek_at(steps, i)) {
      result.push_back(std::make_unique<PatternSplit>(SplitPattern::deepseek));
      i += 2;
      continue;
    }
    const ByteAlphabet step_alphabet = i + 1 == steps.size() ? alphabet : ByteAlphabet::printable;
    result.push_back(pre_tokenizer_from_json(steps[i], step_alphabet));
  }
  return std::make_unique<Steps>(std::move(result));
}

}  // namespace

std::unique_ptr<const PreTokenizer> pre_tokenizer_from_json(const Json& json,
                                                            ByteAlphabet alphabet) {
  if (json.is_null())
    return std::make_unique<Steps>(std::vector<std::unique_ptr<const PreTokenizer>>());
  const std::string type = required_text(json, "type");
  if (type == "Sequence") return steps_from_json(json, alphabet);
  if (type == "Split") return split_from_json(json);
  if (type == "Metaspace") return metaspace_from_json(json);
  if (type == "BertPreTokenizer") return bert_pre_tokenizer();
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevel>(bool_field(json, "add_prefix_space", true),
                                       bool_field(json, "use_regex", true), alphabet);
  }
  if (type == "Whitespace")
    return std::make_unique<RegexSplit>(R"(\w+|[^\w\s]+)", Behaviour::removed, true);
  if (type == "WhitespaceSplit")
    return std::make_unique<CharacterSplit>(is_space, Behaviour::removed);
  if (type == "Punctuation") {
    return std::make_unique<CharacterSplit>(
        is_punctuation, behaviour_named(text_field(json, "behavior", "Isolated")));
  }
  if (type == "Digits") {
    return std::make_unique<CharacterSplit>(is_number, bool_field(json, "individual_digits", false)
                                                           ? Behaviour::isolated
                                                           : Behaviour::contiguous);
  }
  if (type == "CharDelimiterSplit") {
    const std::string delimiter = required_text(json, "delimiter");
    if (delimiter.empty()) fail(ErrorCode::corrupt_file, "a pre-tokenizer's delimiter is empty");
    return std::make_unique<RegexSplit>(Regex::quoted(delimiter), Behaviour::removed, false);
  }
  fail(ErrorCode::unsupported,
       "the tokenizer asks for the pre-tokenizer `{}`, which is not known here", type);
}

bool ends_in_byte_level(const Json& json) {
  const Json* type = find_field(json, "type");
  if (type == nullptr) return false;
  if (*type == "ByteLevel") return true;
  const Json* steps = find_field(json, "pretokenizers");
  return *type == "Sequence" && steps != nullptr && steps->is_array() && !steps->empty() &&
         ends_in_byte_level(steps->back());
}

std::unique_ptr<const PreTokenizer> pattern_splitter(SplitPattern pattern) {
  return std::make_unique<PatternSplit>(pattern);
}

std::unique_ptr<const PreTokenizer> regex_splitter(const std::vector<std::string>& patterns) {
  std::vector<std::unique_ptr<const PreTokenizer>> steps;
  for (const std::string& pattern : patterns) {
    steps.push_back(std::make_unique<RegexSplit>(pattern, Behaviour::isolated, false));
  }
  return std::make_unique<Steps>(std::move(steps));
}

std::unique_ptr<const PreTokenizer> bert_pre_tokenizer() { return std::make_unique<BertSplit>(); }

}  // namespace medlar::text
