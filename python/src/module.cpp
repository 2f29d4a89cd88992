// The extension module medlar._medlar.
#include <nanobind/stl/string.h>

#include "bindings.h"
#include "medlar/types.h"

namespace medlar::python {
namespace {

namespace nb = nanobind;

/// EngineError as medlar.Error(code, message).
void translate(const std::exception_ptr& thrown, void* /*unused*/) {
  try {
    std::rethrow_exception(thrown);
  } catch (const EngineError& error) {
    const nb::object type = nb::module_::import_("medlar").attr("Error");
    PyErr_SetObject(type.ptr(), type(error.code(), error.what()).ptr());
  }
}

}  // namespace
}  // namespace medlar::python

NB_MODULE(_medlar, module) {
  nanobind::set_leak_warnings(false);  // a forked child keeps its parent's models for good
  nanobind::register_exception_translator(medlar::python::translate);
  module.def("keep_for_good", [](nanobind::handle object) { object.inc_ref(); });
  medlar::python::add_model(module);
  medlar::python::add_notes(module);
}
