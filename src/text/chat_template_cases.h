#pragma once

#include <string>
#include <vector>

#include "text/chat_template.h"

namespace medlar::text {

/// One stored case after a rendering. A failure reads "error: <message>" in both texts.
struct TemplateCaseResult {
  i64 index = 0;
  std::string name;
  std::string expected;
  std::string got;
  bool pass = false;
};

/// Renders every case of a list. A case passes if the text is the same byte for byte, or, where an
/// error is expected, if the template raises the same words (kind "raised") or fails at all (other
/// kinds), or gives the case's `expected_lenient`. Throws invalid_argument where the cases are not
/// of that form.
std::vector<TemplateCaseResult> verify_template_cases(const ChatTemplate& chat_template,
                                                      const Json& cases);

}  // namespace medlar::text
