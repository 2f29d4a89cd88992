#include "nn/weights.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/mapped_file.h"

namespace medlar::nn {
namespace {

using backend::WeightLayout;

/// 64-byte aligned memory for packed weights.
std::shared_ptr<std::byte> packed_memory(i64 bytes) {
  void* memory =
      std::aligned_alloc(64, static_cast<std::size_t>(round_up(std::max(bytes, i64{1}), 64)));
  if (memory == nullptr)
    fail(ErrorCode::out_of_memory, "cannot allocate {} bytes for weights", bytes);
  return {static_cast<std::byte*>(memory), [](std::byte* p) { std::free(p); }};
}

/// The text that each `*` of `pattern` stands for in `name`; false where it does not match.
bool match(std::string_view pattern, std::string_view name, std::vector<std::string_view>& stars) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  // The shortest text that lets the rest match: names are short and patterns have at most three
  // stars.
  for (std::size_t length = 1; star + length <= name.size(); ++length) {
    const std::size_t kept = stars.size();
    stars.push_back(name.substr(star, length));
    if (match(rest, name.substr(star + length), stars)) return true;
    stars.resize(kept);
  }
  return false;
}

void check_stored_shape(const std::string& name, const formats::StoredTensor& tensor,
                        const Shape& expected) {
  if (tensor.shape == expected) return;
  fail(ErrorCode::shape_mismatch,
       "tensor {} (stored as {}) has shape {}, the configuration asks for {}", name, tensor.name,
       tensor.shape.to_string(), expected.to_string());
}

Tensor as_f32(Pool& pool, const formats::StoredTensor& stored) {
  Tensor tensor = Tensor::empty(pool, stored.shape);
  if (tensor.device() != Device::meta) {
    dequantise(stored.format, stored.bytes,
               {tensor.f32(), static_cast<std::size_t>(tensor.count())});
  }
  return tensor;
}

}  // namespace

std::optional<std::string> apply_rule(const NameRule& rule, std::string_view name) {
  std::vector<std::string_view> stars;
  if (!match(rule.ours, name, stars)) return std::nullopt;
  // TensorFlow separates scopes by a slash.
  const char dot = rule.container == formats::Container::tensorflow ? '/' : '.';
  std::string result;
  std::size_t next = 0;
  for (const char c : rule.theirs) {
    if (c == '*') {
      MEDLAR_CHECK(next < stars.size());
      for (const char kept : stars[next++]) result += kept == '.' ? dot : kept;
    } else {
      result += c;
    }
  }
  return result;
}

Weights::Weights(ops::Context& ctx, WeightSource source)
    : ctx_(&ctx), source_(source), shared_(std::make_shared<Shared>()) {}

Weights Weights::at(std::string_view scope) const {
  Weights view = *this;
  view.scope_ += std::string(scope) + ".";
  return view;
}

Weights Weights::at(std::string_view scope, i64 index) const {
  return at(fmt::format("{}.{}", scope, index));
}

Weights Weights::with_heads(i64 heads) const {
  Weights view = *this;
  view.heads_ = heads;
  return view;
}

std::optional<Weights::Found> Weights::look_up(const std::string& name) const {
  if (source_.checkpoint == nullptr) return std::nullopt;
  for (const NameRule& rule : source_.rules) {
    if (rule.container != source_.checkpoint->container) continue;
    const std::optional<std::string> theirs = apply_rule(rule, name);
    if (!theirs) continue;
    if (const auto* tensor = source_.checkpoint->find(*theirs))
      return Found{tensor, rule.stored, rule.part, rule.parts};
  }
  if (const auto* tensor = source_.checkpoint->find(name)) return Found{tensor};
  return std::nullopt;
}

Weights::Found Weights::require(const std::string& name, const Shape& shape) const {
  const std::optional<Found> found = look_up(name);
  if (!found)
    fail(ErrorCode::not_found, "{} has no tensor {}", source_.checkpoint->path.string(), name);
  Shape stored = shape;
  if (found->stored == Stored::transposed && shape.rank() == 2) stored = {shape[1], shape[0]};
  if (found->parts > 1)
    stored = shape.rank() == 2 ? Shape{shape[0] * found->parts, shape[1]}
                               : Shape{shape[0] * found->parts};
  check_stored_shape(name, *found->tensor, stored);
  shared_->used.push_back(found->tensor->name);
  return *found;
}

bool Weights::has(std::string_view name) const { return look_up(full_name(name)).has_value(); }

i64 Weights::rows_of(std::string_view name, i64 otherwise) const {
  const std::optional<Found> found = look_up(full_name(name));
  return found && found->tensor->shape.rank() > 0 ? found->tensor->shape[0] : otherwise;
}

std::optional<Tensor> Weights::find_vector(std::string_view name) const {
  const std::optional<Found> found = look_up(full_name(name));
  if (!found) return std::nullopt;
  shared_->used.push_back(found->tensor->name);
  return as_f32(ctx_->pool, *found->tensor);
}

Tensor Weights::values(std::string_view name, const Shape& shape) const {
  shared_->traffic.bytes += shape.count() * 4;
  shared_->traffic.decode_bytes += shape.count() * 4;
  if (source_.checkpoint == nullptr) return Tensor::zeros(ctx_->pool, shape);
  const Found found = require(full_name(name), shape);
  Tensor tensor = as_f32(ctx_->pool, *found.tensor);
  if (found.parts > 1) tensor = part_of(tensor, found, shape);
  if (source_.training == Training::trainable)
    shared_->parameters.push_back({full_name(name), tensor});
  return tensor;
}

/// Our elements of a vector that is several.
Tensor Weights::part_of(const Tensor& all, const Found& found, const Shape& shape) const {
  Tensor tensor = Tensor::empty(ctx_->pool, shape);
  if (tensor.device() == Device::meta) return tensor;
  const std::vector<i64> row_of = row_order(found, shape.count(), {0, shape.count()});
  for (i64 r = 0; r < shape.count(); ++r)
    tensor.f32()[r] = all.f32()[row_of[static_cast<std::size_t>(r)]];
  return tensor;
}

Weights::Slice Weights::my_slice(i64 out, Split split) const {
  if (split == Split::none) return {0, out};
  const i64 first = ctx_->comm.rank() * out / ranks();
  return {first, (ctx_->comm.rank() + 1) * out / ranks() - first};
}

Linear Weights::linear(std::string_view name, i64 out, i64 in, Split split, Bias bias) const {
  const std::string full = full_name(name);
  const Slice rows = my_slice(out, split);
  Linear linear = {.weight = matrix(full + ".weight", out, in, rows),
                   .bias = std::nullopt,
                   .split = split,
                   .out = out,
                   .in = in};
  count_use(linear.weight);
  if (bias == Bias::none || (bias == Bias::optional && !look_up(full + ".bias"))) return linear;
  const Tensor whole = vector(std::string(name) + ".bias", out);
  if (rows.count == out || whole.device() == Device::meta) {
    linear.bias = rows.count == out ? whole : Tensor::empty(ctx_->pool, {rows.count});
  } else {
    linear.bias = Tensor::of(ctx_->pool, {rows.count},
                             whole.values().subspan(static_cast<std::size_t>(rows.first),
                                                    static_cast<std::size_t>(rows.count)));
  }
  return linear;
}

ops::Weight Weights::table(std::string_view name, i64 rows, i64 columns, Table use) const {
  ops::Weight weight = matrix(full_name(name) + ".weight", rows, columns, {0, rows});
  if (use == Table::output_too) count_use(weight);
  return weight;
}

void Weights::count_use(const ops::Weight& weight) const {
  shared_->traffic.decode_bytes += weight.bytes();
  shared_->traffic.matrix_values += weight.out() * weight.in();
}

/// Row r of our order is row row_order[r] of the stored one. rope_pairs: stored row (h, 2j + s) is
/// our row (h, s d/2 + j).
std::vector<i64> Weights::row_order(const Found& found, i64 out, Slice rows) const {
  std::vector<i64> order(static_cast<std::size_t>(rows.count));
  for (i64 r = 0; r < rows.count; ++r) order[static_cast<std::size_t>(r)] = rows.first + r;
  if (found.stored == Stored::part) {
    for (i64& row : order) row += found.part * out;
  } else if (found.stored == Stored::megatron) {
    for (i64& row : order) row = megatron_row(found, out, row);
  } else if (found.stored == Stored::rope_pairs) {
    MEDLAR_CHECK(heads_ > 0 && out % (2 * heads_) == 0);
    const i64 size = out / heads_;
    for (i64& row : order) {
      const i64 within = row % size;
      row = row - within + 2 * (within % (size / 2)) + within / (size / 2);
    }
  }
  return order;
}

/// As fix_query_key_value_ordering of transformers' Megatron converters undoes it.
i64 Weights::megatron_row(const Found& found, i64 out, i64 row) const {
  MEDLAR_CHECK(heads_ > 0 && out % heads_ == 0);
  const double version = source_.checkpoint->metadata.value("checkpoint_version", 0.0);
  const i64 size = out / heads_;
  const i64 head = row / size;
  if (version < 1.0) return found.part * out + row;
  if (version < 2.0) return row * found.parts + found.part;
  return (head * found.parts + found.part) * size + row % size;
}

ops::Weight Weights::imagined(i64 out, i64 in) const {
  const bool whole_blocks = in % layout_of(source_.imagined_format).block_values == 0;
  const QuantFormat format = whole_blocks ? source_.imagined_format : QuantFormat::bf16;
  const bool packed = ctx_->kernels.panel_bytes(format, out, in) > 0;
  return {.view = {.format = format,
                   .layout = packed ? WeightLayout::panels : WeightLayout::rows,
                   .data = nullptr,
                   .out = out,
                   .in = in},
          .owner = nullptr,
          .trainable = std::nullopt};
}

ops::Weight Weights::as_values(const Found& found, i64 in, const std::vector<i64>& row_of) const {
  const Tensor stored = as_f32(ctx_->pool, *found.tensor);
  Tensor values = Tensor::empty(ctx_->pool, {ssize_of(row_of), in});
  const bool transposed = found.stored == Stored::transposed;
  const i64 stride = transposed ? stored.size(1) : in;
  for (std::size_t r = 0; r < row_of.size(); ++r) {
    for (i64 k = 0; k < in; ++k) {
      values.f32()[static_cast<i64>(r) * in + k] =
          stored.f32()[transposed ? k * stride + row_of[r] : row_of[r] * stride + k];
    }
  }
  return ops::trainable_weight(values);
}

ops::Weight Weights::matrix(const std::string& name, i64 out, i64 in, Slice rows) const {
  ops::Weight weight;
  if (source_.checkpoint == nullptr) {
    weight = imagined(rows.count, in);
  } else {
    const Found found = require(name, {out, in});
    const formats::StoredTensor& stored = *found.tensor;
    const std::vector<i64> row_of = row_order(found, out, rows);
    const i64 packed_bytes = ctx_->kernels.panel_bytes(stored.format, rows.count, in);
    const bool plain_order = found.stored == Stored::as_is;
    if (ctx_->pool.device() == Device::meta) {
      weight = imagined(rows.count, in);
      weight.view.format = stored.format;
      weight.view.layout = packed_bytes > 0 ? WeightLayout::panels : WeightLayout::rows;
    } else if (source_.training == Training::trainable || found.stored == Stored::transposed) {
      weight = as_values(found, in, row_of);
      if (source_.training == Training::trainable) {
        shared_->parameters.push_back({name, *weight.trainable});
      } else {
        weight.trainable.reset();
      }
    } else {
      weight.view = {.format = stored.format,
                     .layout = WeightLayout::rows,
                     .data = stored.bytes.data() +
                             (plain_order ? rows.first * bytes_of(stored.format, in) : 0),
                     .out = rows.count,
                     .in = in};
      weight.owner = stored.owner;
      if (packed_bytes > 0) {
        const std::shared_ptr<std::byte> memory = packed_memory(packed_bytes);
        backend::WeightView source = weight.view;
        source.data = stored.bytes.data();
        ctx_->kernels.pack(ctx_->stream, source, row_of.data(), memory.get());
        weight.view.layout = WeightLayout::panels;
        weight.view.data = memory.get();
        weight.owner = memory;
        release_pages(stored.bytes);
      } else if (!plain_order) {
        const i64 stride = bytes_of(stored.format, in);
        const std::shared_ptr<std::byte> memory = packed_memory(stride * rows.count);
        for (i64 r = 0; r < rows.count; ++r) {
          std::memcpy(memory.get() + r * stride,
                      stored.bytes.data() + row_of[static_cast<std::size_t>(r)] * stride,
                      static_cast<std::size_t>(stride));
        }
        weight.view.data = memory.get();
        weight.owner = memory;
        release_pages(stored.bytes);
      }
    }
  }
  shared_->traffic.bytes += weight.bytes();
  if (source_.loaded) source_.loaded(shared_->traffic.bytes);
  return weight;
}

std::vector<std::string> Weights::unused() const {
  std::vector<std::string> names;
  if (source_.checkpoint == nullptr) return names;
  std::vector<std::string> used = shared_->used;
  std::sort(used.begin(), used.end());
  for (const auto& [name, tensor] : source_.checkpoint->tensors) {
    if (!std::binary_search(used.begin(), used.end(), name)) names.push_back(name);
  }
  return names;
}

}  // namespace medlar::nn
