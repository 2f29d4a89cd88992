#include "text/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "text/bpe.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr float unknown_penalty = 10.0f;  // SentencePiece's kUnkPenalty

std::vector<Unigram::Piece> pieces_of(const Vocabulary& vocabulary,
                                      const std::vector<float>& scores,
                                      const UnigramModel::Options& options) {
  std::vector<Unigram::Piece> pieces;
  for (i64 id = 0; id < vocabulary.size(); ++id) {
    const std::size_t at = static_cast<std::size_t>(id);
    const bool never = (at < options.never.size() && options.never[at]) || id == options.unknown_id;
    pieces.push_back({vocabulary.token(id).value_or(""), at < scores.size() ? scores[at] : 0.0f,
                      never ? Unigram::Use::never : Unigram::Use::matched});
  }
  return pieces;
}

}  // namespace

Unigram::Unigram(const std::vector<Piece>& pieces, i64 unknown_id) : unknown_id_(unknown_id) {
  float min_score = std::numeric_limits<float>::max();
  float max_score = std::numeric_limits<float>::lowest();
  for (const Piece& piece : pieces) {
    const i64 id = ssize_of(scores_);
    if (!std::isfinite(piece.score))
      fail(ErrorCode::corrupt_file, "the score of token {} is not finite", id);
    scores_.push_back(piece.score);
    is_user_defined_.push_back(piece.use == Use::user_defined);
    if (piece.use == Use::matched) {
      min_score = std::min(min_score, piece.score);
      max_score = std::max(max_score, piece.score);
    }
    if (piece.use != Use::never && !piece.text.empty()) trie_.add(piece.text, id);
  }
  const bool has_scores = max_score >= min_score;
  unknown_score_ = (has_scores ? min_score : 0.0f) - unknown_penalty;
  max_score_ = has_scores ? max_score : 0.0f;
}

void Unigram::segment(std::string_view text, ByteRange range, std::vector<Token>& tokens) const {
  struct Node {
    float score = 0;
    i64 begin = -1;
    i64 id = -1;
  };
  std::vector<Node> nodes(static_cast<std::size_t>(range.size() + 1));
  const auto node = [&](i64 at) -> Node& {
    return nodes[static_cast<std::size_t>(at - range.begin)];
  };
  const auto offer = [&](i64 begin, i64 end, i64 id, float score) {
    Node& target = node(end);
    if (target.begin < 0 || score > target.score) target = {score, begin, id};
  };
  for (i64 at = range.begin; at < range.end;) {
    const float score_here = node(at).score;
    const i64 character = std::min(code_point_at(text, at).bytes, range.end - at);
    bool has_single = false;
    i64 trie_node = trie_.start(text[static_cast<std::size_t>(at)]);
    for (i64 end = at + 1; trie_node >= 0; ++end) {
      const i64 id = trie_.value(trie_node);
      if (id >= 0) {
        const std::size_t index = static_cast<std::size_t>(id);
        // A user-defined piece beats any path of others over the same bytes.
        const double score =
            is_user_defined_[index]
                ? static_cast<double>(static_cast<float>(end - at) * max_score_) - 0.1
                : static_cast<double>(scores_[index]);
        offer(at, end, id, static_cast<float>(score + static_cast<double>(score_here)));
        has_single = has_single || end - at == character;
      }
      if (end == range.end) break;
      trie_node = trie_.next(trie_node, text[static_cast<std::size_t>(end)]);
    }
    if (!has_single) offer(at, at + character, unknown_id_, unknown_score_ + score_here);
    at += character;
  }
  const std::size_t before = tokens.size();
  for (i64 end = range.end; end > range.begin;) {
    const Node& last = node(end);
    tokens.push_back({last.id, {last.begin, end}});
    end = last.begin;
  }
  std::reverse(tokens.begin() + static_cast<std::ptrdiff_t>(before), tokens.end());
}

UnigramModel::UnigramModel(Vocabulary vocabulary, const std::vector<float>& scores,
                           const Options& options)
    : vocabulary_(std::move(vocabulary)),
      unigram_(pieces_of(vocabulary_, scores, options), options.unknown_id.value_or(-1)),
      unknown_id_(options.unknown_id) {
  fallback_.fill(-1);
  if (options.byte_fallback) fallback_ = byte_fallback_ids(vocabulary_);
}

void UnigramModel::encode(std::string_view text, std::span<const ByteRange> pieces,
                          std::vector<Token>& tokens) const {
  std::vector<Token> path;
  for (const ByteRange& piece : pieces) {
    path.clear();
    unigram_.segment(text, piece, path);
    append(text, path, tokens);
  }
}

void UnigramModel::append(std::string_view text, const std::vector<Token>& path,
                          std::vector<Token>& tokens) const {
  const i64 unknown = unigram_.unknown_id();
  for (std::size_t i = 0; i < path.size();) {
    if (path[i].id != unknown) {
      tokens.push_back(path[i++]);
      continue;
    }
    Token run = path[i++];
    while (i < path.size() && path[i].id == unknown) run.range.end = path[i++].range.end;
    const std::string_view bytes = text.substr(static_cast<std::size_t>(run.range.begin),
                                               static_cast<std::size_t>(run.range.size()));
    const bool falls_back = std::all_of(bytes.begin(), bytes.end(),
                                        [&](char c) { return fallback_[static_cast<u8>(c)] >= 0; });
    if (falls_back) {
      i64 at = run.range.begin;
      for (char byte : bytes) {
        tokens.push_back({fallback_[static_cast<u8>(byte)], {at, at + 1}});
        ++at;
      }
    } else if (unknown_id_) {
      tokens.push_back(run);
    } else {
      fail(ErrorCode::invalid_argument,
           "the text has a character that the vocabulary lacks, and no unknown token");
    }
  }
}

}  // namespace medlar::text
