// medlar.Model over include/medlar/engine.h.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "bindings.h"
#include "medlar/engine.h"

namespace medlar::python {
namespace {

namespace nb = nanobind;

using Matrix = nb::ndarray<nb::numpy, float, nb::ndim<2>>;

void open(Engine* self, const std::string& path, std::int64_t threads) {
  unlocked([&] { new (self) Engine(Engine::open(path, {.threads = threads})); });
}

/// Each piece of text goes to `on_text` unless it is None; between pieces an interrupt from the
/// keyboard ends it.
std::string generate(Engine& engine, std::string_view prompt, const GenerateOptions& options,
                     const nb::object& on_text) {
  const OnText forward = [&](std::string_view piece) {
    const nb::gil_scoped_acquire lock;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    return on_text.is_none() || !on_text(piece).is(nb::handle(Py_False));
  };
  return unlocked([&] { return engine.generate(prompt, options, forward); });
}

nb::list tokenize(const Engine& engine, std::string_view text, bool add_special,
                  bool parse_special) {
  const std::vector<Token> tokens = unlocked([&] {
    return engine.tokenize(text, {.add_special = add_special, .parse_special = parse_special});
  });
  const CodePoints offsets(text);
  nb::list rows;
  for (const Token& token : tokens)
    rows.append(nb::make_tuple(token.id, offsets.begin(token.begin), offsets.end(token.end)));
  return rows;
}

std::string detokenize(const Engine& engine, const std::vector<std::int64_t>& ids) {
  return unlocked([&] { return engine.detokenize(ids); });
}

/// Rows of one buffer that the array owns.
Matrix embed(Engine& engine, const std::vector<std::string>& texts, bool cls, bool normalise) {
  auto values = std::make_unique<std::vector<float>>();
  unlocked([&] {
    const EmbedOptions options = {.pooling = cls ? Pooling::cls : Pooling::mean,
                                  .normalise = normalise};
    for (const std::vector<float>& row : engine.embed(texts, options))
      values->insert(values->end(), row.begin(), row.end());
  });
  float* data = values->data();
  const nb::capsule owner(
      values.get(), [](void* held) noexcept { delete static_cast<std::vector<float>*>(held); });
  values.release();  // NOLINT(bugprone-unused-return-value): the capsule has it
  return {data, {texts.size(), static_cast<std::size_t>(engine.info().dimensions)}, owner};
}

nb::list entities(Engine& engine, std::string_view text, const std::string& aggregation) {
  const std::vector<Entity> found = unlocked([&] { return engine.entities(text, aggregation); });
  const CodePoints offsets(text);
  nb::list rows;
  for (const Entity& entity : found)
    rows.append(nb::make_tuple(offsets.begin(entity.begin), offsets.end(entity.end), entity.label,
                               entity.score));
  return rows;
}

nb::tuple info(const Engine& engine) {
  const ModelInfo info = engine.info();
  return nb::make_tuple(info.family, info.generates, info.context, info.vocabulary, info.layers,
                        info.dimensions, info.weight_bytes);
}

}  // namespace

void add_model(nb::module_& module) {
  nb::class_<Engine>(module, "Model")
      .def("__init__", open)
      .def(
          "generate",
          [](Engine& engine, std::string_view prompt, std::int64_t max_tokens, float temperature,
             std::int64_t top_k, float top_p, std::uint64_t seed, bool parse_special,
             const nb::object& on_text) {
            return generate(engine, prompt,
                            {.max_tokens = max_tokens,
                             .temperature = temperature,
                             .top_k = top_k,
                             .top_p = top_p,
                             .seed = seed,
                             .parse_special = parse_special},
                            on_text);
          },
          nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
          nb::arg().none())
      .def("tokenize", tokenize)
      .def("detokenize", detokenize)
      .def("embed", embed)
      .def("entities", entities)
      .def("info", info);
}

}  // namespace medlar::python
