#include "text/vocabulary_file.h"

#include "base/error.h"

namespace medlar::text {
namespace {

/// Receives the events of the JSON parser. Paths model.vocab and model.merges go to lists.
class FileHandler : public nlohmann::json_sax<Json> {
 public:
  enum class Kind { tokenizer, vocabulary };

  FileHandler(Kind kind, const std::string& source) : source_(source), kind_(kind) {
    if (kind == Kind::vocabulary) target_ = Target::vocab;
  }

  TokenizerFile take() { return std::move(file_); }

  bool null() override { return value(nullptr); }
  bool boolean(bool b) override { return value(b); }
  bool number_integer(number_integer_t number) override {
    return target_ != Target::rest
               ? entry_number(static_cast<i64>(number), static_cast<double>(number))
               : value(number);
  }
  bool number_unsigned(number_unsigned_t number) override {
    const i64 id = number > (u64{1} << 62) ? i64{1} << 62 : static_cast<i64>(number);
    return target_ != Target::rest ? entry_number(id, static_cast<double>(number)) : value(number);
  }
  bool number_float(number_float_t number, const string_t&) override {
    return target_ != Target::rest ? entry_number(-1, number) : value(number);
  }
  bool string(string_t& text) override {
    return target_ != Target::rest ? entry_string(text) : value(text);
  }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    if (target_ != Target::rest) {
      if (target_ != Target::vocab || entry_depth_ != 0)
        wrong("an object inside of the vocabulary");
      ++entry_depth_;
      return true;
    }
    if (is_diverted()) {
      if (key_ != "vocab") wrong("`merges` that are not a list");
      target_ = Target::vocab;
      entry_depth_ = 1;
      return true;
    }
    return open(Json::object());
  }

  bool end_object() override { return target_ != Target::rest ? close_entry() : close(); }

  bool start_array(std::size_t) override {
    if (target_ != Target::rest) {
      if (entry_depth_ != 1 || target_ == Target::vocab) wrong("a list inside of the vocabulary");
      ++entry_depth_;
      strings_.clear();
      has_score_ = false;
      return true;
    }
    if (is_diverted()) {
      target_ = key_ == "vocab" ? Target::scores : Target::merges;
      entry_depth_ = 1;
      return true;
    }
    return open(Json::array());
  }

  bool end_array() override { return target_ != Target::rest ? close_entry() : close(); }

  bool key(string_t& name) override {
    key_ = std::move(name);
    if (target_ == Target::rest && !stack_.empty() && stack_.back()->size() >= max_keys) {
      fail(ErrorCode::limit_exceeded, "{}: a JSON object has over {} keys", source_, max_keys);
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    fail(ErrorCode::corrupt_file, "{}: not valid JSON (at byte {})", source_, position);
  }

 private:
  enum class Target { rest, vocab, scores, merges };
  static constexpr std::size_t max_keys = 4096;
  static constexpr std::size_t max_depth = 64;

  [[noreturn]] void wrong(std::string_view what) const {
    fail(ErrorCode::corrupt_file, "{}: {}", source_, what);
  }

  /// True at the value of model.vocab or model.merges.
  bool is_diverted() const {
    return stack_.size() == 2 && parent_key_ == "model" && stack_.back()->is_object() &&
           (key_ == "vocab" || key_ == "merges");
  }

  Json* place() {
    if (stack_.empty()) return &file_.rest;
    if (stack_.back()->is_array()) {
      stack_.back()->push_back(nullptr);
      return &stack_.back()->back();
    }
    return &(*stack_.back())[key_];
  }

  bool value(Json content) {
    if (target_ != Target::rest)
      wrong("an entry of the vocabulary that is neither text nor number");
    *place() = std::move(content);
    return true;
  }

  bool open(Json container) {
    if (stack_.size() >= max_depth)
      fail(ErrorCode::limit_exceeded, "{}: JSON nested deeper than {}", source_, max_depth);
    Json* at = place();
    *at = std::move(container);
    if (stack_.size() == 1) parent_key_ = key_;
    stack_.push_back(at);
    return true;
  }

  bool close() {
    stack_.pop_back();
    return true;
  }

  bool entry_string(std::string& text) {
    if (target_ == Target::merges && entry_depth_ == 1) {
      const std::size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
        wrong("a merge that is not two tokens");
      file_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
      return true;
    }
    if (target_ == Target::vocab || entry_depth_ != 2 || strings_.size() >= 2)
      wrong("a text in the vocabulary where an id belongs");
    strings_.push_back(std::move(text));
    return true;
  }

  bool entry_number(i64 id, double number) {
    if (target_ == Target::vocab && entry_depth_ == 1) {
      if (id < 0) wrong("an id of the vocabulary that is not a number from 0 on");
      file_.vocab.emplace_back(std::move(key_), id);
      key_.clear();
      return true;
    }
    if (target_ != Target::scores || entry_depth_ != 2 || has_score_ || strings_.size() != 1) {
      wrong("a number where the vocabulary has none");
    }
    has_score_ = true;
    score_ = static_cast<float>(number);
    return true;
  }

  bool close_entry() {
    --entry_depth_;
    if (entry_depth_ == 0) {
      if (kind_ == Kind::tokenizer) target_ = Target::rest;
      return true;
    }
    if (target_ == Target::merges) {
      if (strings_.size() != 2) wrong("a merge that is not two tokens");
      file_.merges.emplace_back(std::move(strings_[0]), std::move(strings_[1]));
    } else {
      if (strings_.size() != 1 || !has_score_)
        wrong("an entry of the vocabulary that is not a piece and its score");
      file_.scores.emplace_back(std::move(strings_[0]), score_);
    }
    return true;
  }

  const std::string& source_;
  Kind kind_;
  TokenizerFile file_;
  std::vector<Json*> stack_;  ///< open containers of the rest, outermost first
  std::string key_;
  std::string parent_key_;  ///< key of the container at depth 2
  Target target_ = Target::rest;
  i64 entry_depth_ = 0;
  std::vector<std::string> strings_;
  float score_ = 0;
  bool has_score_ = false;
};

TokenizerFile parse(std::string_view json, FileHandler::Kind kind, const std::string& source) {
  FileHandler handler(kind, source);
  if (!Json::sax_parse(json.begin(), json.end(), &handler))
    fail(ErrorCode::corrupt_file, "{}: not valid JSON", source);
  return handler.take();
}

}  // namespace

TokenizerFile parse_tokenizer_file(std::string_view json, const std::string& source) {
  TokenizerFile file = parse(json, FileHandler::Kind::tokenizer, source);
  if (!file.rest.is_object()) fail(ErrorCode::corrupt_file, "{}: not a JSON object", source);
  return file;
}

std::vector<std::pair<std::string, i64>> parse_vocab_json(std::string_view json,
                                                          const std::string& source) {
  return parse(json, FileHandler::Kind::vocabulary, source).vocab;
}

}  // namespace medlar::text
