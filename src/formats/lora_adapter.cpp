#include "formats/lora_adapter.h"

#include <cmath>
#include <set>

#include "base/error.h"
#include "formats/quantised_layouts.h"
#include "formats/tensor_checks.h"
#include "formats/tensor_values.h"

namespace medlar::formats {
namespace {

constexpr std::string_view prefix = "base_model.model.";

/// What adapter_config.json says of the scale of a matrix.
class LoraConfig {
 public:
  LoraConfig(const Json& json, const std::string& source) : json_(json), source_(source) {
    const auto type = json.find("peft_type");
    if (type == json.end() || *type != "LORA")
      fail(ErrorCode::unsupported, "{}: only adapters of the type LORA are supported", source);
    for (const char* key : {"fan_in_fan_out", "use_qalora", "lora_bias"}) {
      if (flag(key)) fail(ErrorCode::unsupported, "{}: {} is not supported", source, key);
    }
  }

  /// s for the matrix of this name.
  double scale(const std::string& name) const {
    const double rank = number("r", "rank_pattern", name);
    const double alpha = number("lora_alpha", "alpha_pattern", name);
    if (rank < 1.0) fail(ErrorCode::corrupt_file, "{}: a rank of {}", source_, rank);
    return alpha / (flag("use_rslora") ? std::sqrt(rank) : rank);
  }

  bool dora() const { return flag("use_dora"); }

  /// Whether a tensor is of a module that was trained and saved whole.
  bool saves(std::string_view name) const {
    const auto modules = json_.find("modules_to_save");
    if (modules == json_.end() || !modules->is_array()) return false;
    return std::ranges::any_of(*modules, [&](const Json& module) {
      return module.is_string() && name.starts_with(module.get<std::string>() + ".");
    });
  }

 private:
  bool flag(const char* key) const {
    const auto found = json_.find(key);
    return found != json_.end() && found->is_boolean() && found->get<bool>();
  }

  /// A pattern counts for the names that end in it.
  double number(const char* key, const char* patterns, const std::string& name) const {
    const auto overrides = json_.find(patterns);
    if (overrides != json_.end() && overrides->is_object()) {
      for (const auto& [pattern, value] : overrides->items()) {
        const bool ends =
            name.ends_with(pattern) &&
            (name.size() == pattern.size() || name[name.size() - pattern.size() - 1] == '.');
        if (ends && value.is_number()) return value.get<double>();
      }
    }
    const auto common = json_.find(key);
    if (common == json_.end() || !common->is_number())
      fail(ErrorCode::corrupt_file, "{}: {} must be a number", source_, key);
    return common->get<double>();
  }

  const Json& json_;
  std::string source_;
};

/// W + s B A, one row at a time: first the product, rank ascending, then s times it added.
void add_product(std::span<float> w, const std::vector<float>& b, const std::vector<float>& a,
                 i64 rank, i64 in, double scale) {
  const i64 out = ssize_of(w) / in;
  std::vector<float> row(static_cast<std::size_t>(in));
  for (i64 o = 0; o < out; ++o) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (i64 r = 0; r < rank; ++r) {
      const float factor = b[static_cast<std::size_t>(o * rank + r)];
      const float* from = a.data() + r * in;
      for (i64 k = 0; k < in; ++k) row[static_cast<std::size_t>(k)] += factor * from[k];
    }
    float* to = w.data() + o * in;
    for (i64 k = 0; k < in; ++k)
      to[k] += static_cast<float>(scale) * row[static_cast<std::size_t>(k)];
  }
}

/// Rows of w scaled to the lengths m.
void set_lengths(std::span<float> w, const std::vector<float>& m) {
  const std::size_t in = w.size() / m.size();
  for (std::size_t o = 0; o < m.size(); ++o) {
    double squares = 0.0;
    for (std::size_t k = 0; k < in; ++k)
      squares += static_cast<double>(w[o * in + k]) * static_cast<double>(w[o * in + k]);
    const float factor = m[o] / static_cast<float>(std::sqrt(squares));
    for (std::size_t k = 0; k < in; ++k) w[o * in + k] *= factor;
  }
}

/// What the base calls "name<end>": a bare model lacks the first part that a model with a head has.
std::string name_in(const PieceStore& base, const std::string& name, const char* end) {
  const std::string rest = name.substr(name.find('.') + 1);
  return !base.has(name + end) && base.has(rest + end) ? rest : name;
}

void add_matrix(PieceStore& base, Checkpoint& adapter, const std::string& name,
                const LoraConfig& config) {
  PieceStore pieces(adapter);
  const std::string stem = std::string(prefix) + name;
  const StoredTensor a = pieces.take(stem + ".lora_A.weight", {-1, -1});
  const i64 rank = a.shape[0];
  const i64 in = a.shape[1];
  const StoredTensor b = pieces.take(stem + ".lora_B.weight", {-1, rank});
  const i64 out = b.shape[0];
  const std::optional<StoredTensor> lengths = pieces.take_if(stem + ".lora_magnitude_vector");
  if (config.dora() != lengths.has_value() || (lengths && lengths->shape.count() != out))
    pieces.misfit(stem + ".lora_magnitude_vector", "DoRA needs a length for each row");
  const std::string own = name_in(base, name, ".weight") + ".weight";
  const StoredTensor w = base.take(own, {out, in});
  const double scale = config.scale(name);
  base.put_floats(own, {out, in}, [=](std::span<float> values) {
    const std::vector<float> stored = to_floats(w);
    std::copy(stored.begin(), stored.end(), values.begin());
    add_product(values, to_floats(b), to_floats(a), rank, in, scale);
    if (lengths) set_lengths(values, to_floats(*lengths));
  });
}

/// What an adapter for a task changes of the base's configuration, where it says so.
void adopt_task(Checkpoint& base, const std::filesystem::path& file) {
  std::error_code none;
  if (!std::filesystem::exists(file, none)) return;
  const Json config = read_json_file(file);
  for (const char* key :
       {"architectures", "id2label", "label2id", "num_labels", "problem_type", "medlar_heads"}) {
    if (const auto found = config.find(key); found != config.end()) base.config[key] = *found;
  }
}

}  // namespace

void apply_lora(Checkpoint& base, const std::filesystem::path& folder) {
  const std::string source = (folder / "adapter_config.json").string();
  const Json json = read_json_file(source);
  const LoraConfig config(json, source);
  if (base.container != Container::huggingface) {
    fail(ErrorCode::unsupported, "{}: adapters go on a base with the names of Hugging Face, not {}",
         folder.string(), base.path.string());
  }
  Checkpoint adapter = open_checkpoint(folder);
  PieceStore into(base);
  const std::string first = ".lora_A.weight";
  for (const std::string& stem : PieceStore(adapter).bases(first)) {
    if (!stem.starts_with(prefix))
      fail(ErrorCode::corrupt_file, "{}: {} does not begin with {}", source, printable(stem),
           prefix);
    add_matrix(into, adapter, stem.substr(prefix.size()), config);
  }
  adopt_task(base, folder / "config.json");
  // What is left are modules saved whole.
  for (auto& [name, tensor] : adapter.tensors) {
    const bool known = name.starts_with(prefix) && name.find(".lora_") == std::string::npos;
    const std::string own = known ? name_in(into, name.substr(prefix.size()), "") : name;
    if (!known || (!into.take_if(own) && !config.saves(own))) {
      fail(ErrorCode::unsupported, "{}: nothing in {} goes by {}", source, base.path.string(),
           printable(name));
    }
    tensor.name = own;
    base.tensors[own] = tensor;
  }
}

}  // namespace medlar::formats
