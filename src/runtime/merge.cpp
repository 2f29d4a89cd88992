#include "runtime/merge.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "formats/tensor_values.h"

namespace medlar::runtime {
namespace {

using formats::StoredTensor;
using Values = std::vector<double>;

/// One tensor of every model that is merged.
struct Parts {
  MergeRequest request;
  StoredTensor lead;  ///< of the base, or of the first model: name, format and shape
  std::vector<StoredTensor> tensors;
  u64 stream;  ///< of the random numbers, one a tensor

  double weight(std::size_t m) const { return request.models[m].weight; }
};

Values doubles(const StoredTensor& tensor) {
  const std::vector<float> floats = formats::to_floats(formats::in_memory(tensor));
  return {floats.begin(), floats.end()};
}

/// sum w x / sum w
Values linear(const Parts& parts) {
  Values sum(static_cast<std::size_t>(parts.lead.shape.count()), 0.0);
  double weights = 0.0;
  for (std::size_t m = 0; m < parts.tensors.size(); ++m) {
    const Values x = doubles(parts.tensors[m]);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += parts.weight(m) * x[i];
    weights += parts.weight(m);
  }
  for (double& value : sum) value /= weights;
  return sum;
}

/// sin((1 - t) a) / sin(a) x + sin(t a) / sin(a) y, a the angle between x and y; a straight line
/// where they have no angle to speak of.
Values slerp(const Parts& parts) {
  const Values x = doubles(parts.tensors[0]);
  const Values y = doubles(parts.tensors[1]);
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
  }
  const double t = parts.request.t;
  const double cosine = xx > 0 && yy > 0 ? std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0) : 1.0;
  constexpr double straight = 0.9995;
  double of_x = 1.0 - t;
  double of_y = t;
  if (std::fabs(cosine) < straight) {
    const double angle = std::acos(cosine);
    of_x = std::sin((1.0 - t) * angle) / std::sin(angle);
    of_y = std::sin(t * angle) / std::sin(angle);
  }
  Values result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) result[i] = of_x * x[i] + of_y * y[i];
  return result;
}

/// Keeps the share `density` of greatest magnitude; of equal ones the first.
void trim(Values& values, double density) {
  const auto kept = static_cast<std::size_t>(
      std::clamp(std::llround(density * static_cast<double>(values.size())), 0LL,
                 static_cast<long long>(values.size())));
  if (kept == values.size()) return;
  Values magnitudes(values.size());
  std::ranges::transform(values, magnitudes.begin(), [](double v) { return std::fabs(v); });
  if (kept == 0) {
    std::ranges::fill(values, 0.0);
    return;
  }
  const auto last = magnitudes.begin() + static_cast<std::ptrdiff_t>(kept) - 1;
  std::ranges::nth_element(magnitudes, last, std::greater<>());
  const double least = *last;
  auto above = static_cast<std::size_t>(
      std::ranges::count_if(values, [&](double v) { return std::fabs(v) > least; }));
  for (double& value : values) {
    if (std::fabs(value) > least) continue;
    if (std::fabs(value) == least && above < kept) {
      ++above;
    } else {
      value = 0.0;
    }
  }
}

/// Keeps each value with the probability `density` and divides it by that.
void drop(Values& values, double density, u64 seed, u64 stream) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool keeps = static_cast<double>(uniform(seed, stream, i)) < density;
    values[i] = keeps ? values[i] / density : 0.0;
  }
}

/// The differences from the base, weighted, of each model.
std::vector<Values> differences(const Parts& parts, const Values& base) {
  const MergeMethod method = parts.request.method;
  std::vector<Values> all;
  for (std::size_t m = 0; m < parts.tensors.size(); ++m) {
    Values d = doubles(parts.tensors[m]);
    for (std::size_t i = 0; i < d.size(); ++i) d[i] -= base[i];
    if (method == MergeMethod::ties) trim(d, parts.request.density);
    if (method == MergeMethod::dare_linear || method == MergeMethod::dare_ties)
      drop(d, parts.request.density, parts.request.seed, parts.stream * 1024 + m);
    for (double& value : d) value *= parts.weight(m);
    all.push_back(std::move(d));
  }
  return all;
}

/// The weighted mean of those differences whose sign is that of their sum.
double elected(const std::vector<Values>& all, const Parts& parts, std::size_t i) {
  double sum = 0.0;
  for (const Values& d : all) sum += d[i];
  double agreeing = 0.0;
  double weights = 0.0;
  for (std::size_t m = 0; m < all.size(); ++m) {
    if (all[m][i] == 0.0 || (all[m][i] > 0) != (sum > 0)) continue;
    agreeing += all[m][i];
    weights += std::fabs(parts.weight(m));
  }
  return weights > 0 ? agreeing / weights : 0.0;
}

Values from_base(const Parts& parts) {
  Values result = doubles(parts.lead);
  const std::vector<Values> all = differences(parts, result);
  const bool elects =
      parts.request.method == MergeMethod::ties || parts.request.method == MergeMethod::dare_ties;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (elects) {
      result[i] += elected(all, parts, i);
    } else {
      for (const Values& d : all) result[i] += d[i];
    }
  }
  return result;
}

std::vector<std::byte> merge_tensor(const Parts& parts, QuantFormat format) {
  Values values;
  switch (parts.request.method) {
    case MergeMethod::linear:
      values = linear(parts);
      break;
    case MergeMethod::slerp:
      values = slerp(parts);
      break;
    default:
      values = from_base(parts);
  }
  const std::vector<float> floats(values.begin(), values.end());
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(bytes_of(format, parts.lead.shape.count())));
  quantise(format, floats, bytes);
  return bytes;
}

void check(const MergeRequest& request) {
  const bool plain = request.method == MergeMethod::linear || request.method == MergeMethod::slerp;
  if (request.models.empty()) fail(ErrorCode::usage, "nothing to merge");
  if (request.method == MergeMethod::slerp && request.models.size() != 2)
    fail(ErrorCode::usage, "slerp goes between two models, not {}", request.models.size());
  if (!plain && request.base == nullptr)
    fail(ErrorCode::usage, "this method needs the base that the models were tuned from");
  if (request.density <= 0.0 || request.density > 1.0)
    fail(ErrorCode::usage, "the density must be in (0, 1]");
  double weights = 0.0;
  for (const MergeInput& model : request.models) weights += model.weight;
  if (request.method == MergeMethod::linear && weights == 0.0)
    fail(ErrorCode::usage, "the weights sum to 0");
}

const StoredTensor& same_tensor(const formats::Checkpoint& checkpoint, const StoredTensor& lead) {
  const StoredTensor& tensor = checkpoint.at(lead.name);
  if (tensor.shape != lead.shape) {
    fail(ErrorCode::shape_mismatch, "{}: {} has shape {}, the first model's {}",
         checkpoint.path.string(), lead.name, tensor.shape.to_string(), lead.shape.to_string());
  }
  return tensor;
}

bool is_number_of_reals(QuantFormat format) {
  switch (format) {
    case QuantFormat::f64:
    case QuantFormat::f32:
    case QuantFormat::f16:
    case QuantFormat::bf16:
      return true;
    default:
      return layout_of(format).block_values > 1;
  }
}

}  // namespace

MergeMethod merge_method_named(std::string_view name) {
  constexpr std::pair<std::string_view, MergeMethod> methods[] = {
      {"linear", MergeMethod::linear},
      {"slerp", MergeMethod::slerp},
      {"task_arithmetic", MergeMethod::task_arithmetic},
      {"ties", MergeMethod::ties},
      {"dare_linear", MergeMethod::dare_linear},
      {"dare_ties", MergeMethod::dare_ties}};
  for (const auto& [known, method] : methods) {
    if (known == name) return method;
  }
  fail(ErrorCode::usage,
       "no way of merging is called {} (linear, slerp, task_arithmetic, ties, dare_linear, "
       "dare_ties are)",
       name);
}

std::vector<StoredTensor> merged(const MergeRequest& request) {
  check(request);
  const formats::Checkpoint& lead =
      request.base != nullptr ? *request.base : *request.models.front().checkpoint;
  std::vector<StoredTensor> result;
  for (const auto& [name, tensor] : lead.tensors) {
    StoredTensor out = tensor;
    if (is_number_of_reals(tensor.format)) {
      // Blocks fitted to one model do not fit the merged one.
      if (layout_of(tensor.format).block_values > 1) out.format = QuantFormat::bf16;
      Parts parts = {.request = request, .lead = tensor, .tensors = {}, .stream = result.size()};
      for (const MergeInput& model : request.models)
        parts.tensors.push_back(same_tensor(*model.checkpoint, tensor));
      out.bytes = {};
      out.owner = nullptr;
      out.join = [parts = std::move(parts), format = out.format] {
        return merge_tensor(parts, format);
      };
    }
    result.push_back(std::move(out));
  }
  return result;
}

}  // namespace medlar::runtime
