#pragma once

#include <string>
#include <vector>

#include "clinical/document.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// What in the document says who it is: spans in order that do not overlap, labels of i2b2-2014,
/// each with the rule that found it and why. Found by patterns with check digits, dictionaries and
/// context; `more` are spans of other detectors (a model, a site's lists) that are united with
/// them. Time is linear in the text.
std::vector<Span> detect(const Document& document, std::vector<Span> more = {});

/// Spans that overlap become one, which has the label of the surest (of the longest among
/// equals). Nothing that any of them covers is lost.
std::vector<Span> united(std::vector<Span> spans);

}  // namespace medlar::clinical
