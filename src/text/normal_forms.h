#pragma once

#include <vector>

#include "text/aligned_text.h"

namespace medlar::text {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// Unicode normalisation (Unicode standard annex 15) with the changes that alignment needs: the
/// first character of a decomposition replaces, the others are inserted; a composition removes one.
/// Unicode version: utf8proc's.
void normalise(AlignedText& text, NormalForm form);

/// Full decomposition of a character, canonical or with compatibility mappings, in canonical order.
std::vector<u32> decomposition(u32 code_point, bool compatibility);

/// Canonical combining class.
i64 combining_class(u32 code_point);

}  // namespace medlar::text
