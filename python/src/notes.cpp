// medlar.Reader and medlar.Deidentifier over include/medlar/clinical.h and deid.h.
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <optional>

#include "bindings.h"
#include "medlar/clinical.h"
#include "medlar/deid.h"

namespace medlar::python {
namespace {

namespace nb = nanobind;

using Path = std::optional<std::string>;

void open_reader(ClinicalReader* self, const Path& model, std::int64_t threads) {
  unlocked([&] {
    new (self) ClinicalReader(model ? ClinicalReader::open(*model, {.threads = threads})
                                    : ClinicalReader());
  });
}

nb::list analyze(const ClinicalReader& reader, std::string_view text,
                 const std::string& note_date) {
  const std::vector<ClinicalSpan> spans =
      unlocked([&] { return reader.analyze(text, {.note_date = note_date}); });
  const CodePoints offsets(text);
  nb::list rows;
  for (const ClinicalSpan& span : spans) {
    rows.append(nb::make_tuple(offsets.begin(span.begin), offsets.end(span.end), span.label,
                               span.score, span.producer, span.attributes));
  }
  return rows;
}

void open_deidentifier(Deidentifier* self, const DeidOptions& options, const Path& model,
                       std::int64_t threads) {
  unlocked([&] {
    new (self) Deidentifier(model ? Deidentifier::open(*model, options, {.threads = threads})
                                  : Deidentifier(options));
  });
}

/// The new text, its redactions, the report as JSON.
nb::tuple deidentify(const Deidentifier& deidentifier, std::string_view text,
                     std::string_view patient) {
  const DeidentifiedText done = unlocked([&] { return deidentifier.deidentify(text, patient); });
  const CodePoints offsets(text);
  const CodePoints written(done.text);
  nb::list rows;
  for (const Redaction& redaction : done.redactions) {
    rows.append(nb::make_tuple(offsets.begin(redaction.begin), offsets.end(redaction.end),
                               redaction.label, redaction.score, redaction.producer,
                               redaction.action, written.begin(redaction.written_begin),
                               written.end(redaction.written_end)));
  }
  return nb::make_tuple(done.text, rows, done.report);
}

}  // namespace

void add_notes(nb::module_& module) {
  nb::class_<ClinicalReader>(module, "Reader")
      .def("__init__", open_reader, nb::arg().none(), nb::arg())
      .def("analyze", analyze);
  nb::class_<Deidentifier>(module, "Deidentifier")
      .def(
          "__init__",
          [](Deidentifier* self, const std::string& policy, const std::string& method,
             const std::string& key, const std::string& site, const Path& model,
             std::int64_t threads) {
            open_deidentifier(self, {.policy = policy, .method = method, .key = key, .site = site},
                              model, threads);
          },
          nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg())
      .def("deidentify", deidentify);
}

}  // namespace medlar::python
