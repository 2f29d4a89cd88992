// Arbitrary bytes as the files that clinical verbs take: a terminology, PubTator, assertion cases.
#include <string>

#include "base/error.h"
#include "clinical/assertion_cases.h"
#include "clinical/linking.h"
#include "clinical/pubtator.h"

namespace {

using namespace medlar;  // NOLINT: the target is one function

template <typename Work>
void attempt(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    const clinical::Linker linker(clinical::parse_terminology(text, "fuzz"));
    linker.link("heart failure");
    linker.link(linker.terminology().concepts.front().name);
  });
  attempt([&] { clinical::read_pubtator(text, "fuzz"); });
  attempt([&] { clinical::read_assertion_cases(text, "fuzz"); });
  return 0;
}
