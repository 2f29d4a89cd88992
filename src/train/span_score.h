#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/scores.h"
#include "runtime/head_decoding.h"

/// How well spans were found: strict, a span counts where begin, end and type all agree (Tjong Kim
/// Sang and De Meulder 2003, CoNLL-2003).
namespace medlar::train {

/// Counts of one sentence (or document) by type.
using TypeCounts = std::map<std::string, Counts>;
TypeCounts compare_spans(std::span<const runtime::LabelledSpan> found,
                         std::span<const runtime::LabelledSpan> wanted);

/// The sum over all types (micro average): of each sentence, and of all.
std::vector<Counts> per_sentence(std::span<const TypeCounts> sentences);
Counts total_of(std::span<const TypeCounts> sentences);
TypeCounts by_type(std::span<const TypeCounts> sentences);

}  // namespace medlar::train
