// Compiled once for each MISUSE (tests/must_not_compile.cmake): 0 must compile, the others must
// not.
#include <string>

#include "clinical/deid/deidentified.h"
#include "clinical/document.h"

namespace {

using medlar::clinical::Deidentified;
using medlar::clinical::Document;

/// Stands for every exporter, log and remote system.
std::size_t send_out(const Deidentified& text) { return text.text().size(); }

}  // namespace

std::size_t use(const Deidentified& clean, const Document& note, const std::string& text) {
#if MISUSE == 1
  return Deidentified(text).text().size();  // made from a string
#elif MISUSE == 2
  return send_out(note);  // a record for an exporter
#elif MISUSE == 3
  return send_out(text);  // a string for an exporter
#elif MISUSE == 4
  return send_out({text});  // a string, braced
#else
  return send_out(clean) + note.text().size() + text.size();
#endif
}
