// Records in every format that keeps its own: whatever the bytes are, an Error, or fields in order
// and notes.
#include <cstdlib>

#include "base/error.h"
#include "clinical/deid/deidentifier.h"
#include "clinical/records/notes.h"
#include "clinical/records/records.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace medlar;
  using clinical::RecordFormat;
  const std::string file(reinterpret_cast<const char*>(data), size);
  static const clinical::Deidentifier deidentifier({});
  for (const RecordFormat format :
       {RecordFormat::text, RecordFormat::json, RecordFormat::json_lines, RecordFormat::csv,
        RecordFormat::hl7, RecordFormat::xml}) {
    try {
      deidentifier.run(file, clinical::fields_of(file, format, "fuzz"));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::internal) std::abort();
    }
  }
  for (const char* name : {"a.txt", "a.json", "a.jsonl", "a.csv", "a.xml"}) {
    try {
      clinical::notes_of(file, name);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::internal) std::abort();
    }
  }
  return 0;
}
