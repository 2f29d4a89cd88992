#include "eval/retrieval.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/mapped_file.h"
#include "clinical/records/xml.h"
#include "train/texts.h"

namespace medlar::eval {
namespace {

namespace fs = std::filesystem;

void read_medquad(const fs::path& file, std::vector<RetrievalPair>& pairs) {
  const std::string text = read_text_file(file);
  RetrievalPair now;
  const clinical::XmlEvents events = {
      .start = {},
      .end =
          [&](const std::vector<std::string>& path) {
            if (path.back() != "QAPair") return;
            if (!now.query.empty() && !now.passage.empty()) pairs.push_back(std::move(now));
            now = {};
          },
      .text =
          [&](const std::vector<std::string>& path, const std::string& piece, text::ByteRange) {
            if (path.back() == "Question") now.query += piece;
            if (path.back() == "Answer") now.passage += piece;
          }};
  clinical::read_xml(text, file.filename().string(), events);
}

float cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

/// A passage of each text: places in `pairs`.
std::vector<std::size_t> different_passages(const std::vector<RetrievalPair>& pairs) {
  std::set<std::string_view> seen;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (seen.insert(pairs[i].passage).second) places.push_back(i);
  }
  return places;
}

}  // namespace

std::vector<RetrievalPair> read_retrieval_data(const fs::path& path) {
  std::vector<RetrievalPair> pairs;
  if (fs::is_directory(path)) {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".xml") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) read_medquad(file, pairs);
  } else {
    for (const Json& pair : train::read_objects(path)) {
      pairs.push_back({train::text_of(pair, "query", path), train::text_of(pair, "passage", path)});
    }
  }
  if (pairs.empty()) fail(ErrorCode::corrupt_file, "{}: no pairs", path.filename().string());
  return pairs;
}

RetrievalScore score_retrieval(const std::vector<RetrievalPair>& pairs,
                               const std::vector<std::vector<float>>& queries,
                               const std::vector<std::vector<float>>& passages) {
  MEDLAR_CHECK(queries.size() == pairs.size() && passages.size() == pairs.size());
  const std::vector<std::size_t> places = different_passages(pairs);
  RetrievalScore score;
  score.queries = ssize_of(pairs);
  score.passages = ssize_of(places);
  std::vector<double> reciprocals;
  for (std::size_t q = 0; q < pairs.size(); ++q) {
    const float own = cosine(queries[q], passages[q]);
    const i64 rank =
        1 + std::ranges::count_if(places, [&](std::size_t p) {
          return pairs[p].passage != pairs[q].passage && cosine(queries[q], passages[p]) >= own;
        });
    for (const auto& [counts, depth] :
         {std::pair(&score.at_1, 1), std::pair(&score.at_5, 5), std::pair(&score.at_10, 10)}) {
      ++counts->wanted;
      counts->right += rank <= depth ? 1 : 0;
    }
    reciprocals.push_back(1.0 / static_cast<double>(rank));
  }
  const auto n = static_cast<double>(reciprocals.size());
  score.reciprocal = std::reduce(reciprocals.begin(), reciprocals.end()) / n;
  double squares = 0.0;
  for (const double r : reciprocals) squares += (r - score.reciprocal) * (r - score.reciprocal);
  score.reciprocal_deviation = std::sqrt(squares) / n;
  return score;
}

}  // namespace medlar::eval
