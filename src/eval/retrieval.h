#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/scores.h"

namespace medlar::eval {

/// A question and the passage that answers it.
struct RetrievalPair {
  std::string query;
  std::string passage;
};

/// Reads a folder of MedQuAD's XML (QAPair: Question, Answer; files in the order of their names;
/// questions without an answer are left out), or lines {"query", "passage"}. Throws corrupt_file.
std::vector<RetrievalPair> read_retrieval_data(const std::filesystem::path& path);

/// Where among all passages the right one stands for each query. The same passage under two queries
/// is one.
struct RetrievalScore {
  i64 queries = 0;
  i64 passages = 0;
  Counts at_1, at_5, at_10;           ///< queries whose passage is among the first
  double reciprocal = 0.0;            ///< mean of 1 / rank
  double reciprocal_deviation = 0.0;  ///< standard deviation of that mean
};

/// Vectors of length 1, one a pair: passages are ranked by the cosine with the query; the pair's
/// own stands behind those that are as near.
RetrievalScore score_retrieval(const std::vector<RetrievalPair>& pairs,
                               const std::vector<std::vector<float>>& queries,
                               const std::vector<std::vector<float>>& passages);

}  // namespace medlar::eval
