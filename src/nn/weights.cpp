#include "nn/weights.h"

#include <algorithm>

#include "base/error.h"

namespace medlar::nn {
namespace {

using backend::WeightLayout;

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

/// `shape` is what we ask for, outermost axis the stack if there is one; a transposed matrix has
/// its last two axes exchanged, a fused one more rows.
void check_stored_shape(const std::string& name, const StoredMatrix& found, const Shape& shape) {
  const i64 rank = shape.rank();
  const Shape& stored = found.tensor.shape;
  const bool is_kernel = rank == 2 && stored.rank() > 2 && found.rows == Rows::all;
  if (is_kernel && stored[0] == shape[0] && stored.count() == shape.count()) return;
  bool fits = found.tensor.shape.rank() == rank;
  for (i64 axis = 0; fits && axis < rank; ++axis) {
    const bool turned = found.stored == Stored::transposed && rank >= 2 && axis >= rank - 2;
    const i64 ours = turned ? 2 * rank - 3 - axis : axis;
    const i64 have = found.tensor.shape[axis];
    const bool is_rows = ours == std::max(i64{0}, rank - 2);
    const bool is_inputs = rank >= 2 && ours == rank - 1;
    if (is_inputs && found.rows == Rows::first_inputs) {
      fits = have >= shape[ours];
    } else if (!is_rows || found.rows == Rows::all || found.rows == Rows::first_inputs) {
      fits = have == shape[ours];
    } else if (found.rows == Rows::even || found.rows == Rows::odd) {
      fits = have == 2 * shape[ours];
    } else if (found.rows >= Rows::megatron_q) {
      fits = have == 3 * shape[ours];
    } else {
      fits = have >= (found.rows == Rows::next_to_last ? 2 : 1) * shape[ours];
    }
  }
  if (fits) return;
  fail(ErrorCode::shape_mismatch,
       "tensor {} (stored as {}) has shape {}, the configuration asks for {}", name,
       found.tensor.name, found.tensor.shape.to_string(), shape.to_string());
}

Tensor as_f32(Pool& pool, const formats::StoredTensor& tensor_or_pieces) {
  Tensor tensor = Tensor::empty(pool, tensor_or_pieces.shape);
  if (tensor.device() != Device::meta) {
    const formats::StoredTensor stored = formats::in_memory(tensor_or_pieces);
    dequantise(stored.format, stored.bytes,
               {tensor.f32(), static_cast<std::size_t>(tensor.count())});
  }
  return tensor;
}

/// A rank's part of x [size] or [count, size].
Tensor my_columns(Pool& pool, const Tensor& x, RowRange columns) {
  const i64 size = x.size(-1);
  if (columns.count == size) return x;
  const i64 count = x.count() / size;
  Tensor part = Tensor::empty(
      pool, x.shape().rank() == 1 ? Shape{columns.count} : Shape{count, columns.count});
  for (i64 c = 0; part.device() != Device::meta && c < count; ++c) {
    std::copy_n(x.f32() + c * size + columns.first, columns.count, part.f32() + c * columns.count);
  }
  return part;
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

std::optional<StoredMatrix> Weights::look_up(const std::string& name) const {
  if (source_.checkpoint == nullptr) return std::nullopt;
  for (const NameRule& rule : source_.rules) {
    if (rule.container != source_.checkpoint->container) continue;
    const std::optional<std::string> theirs = apply_rule(rule, name);
    if (!theirs) continue;
    if (const auto* tensor = source_.checkpoint->find(*theirs))
      return StoredMatrix{*tensor, rule.stored, rule.rows, megatron_version()};
  }
  if (const auto* tensor = source_.checkpoint->find(name)) return StoredMatrix{.tensor = *tensor};
  return std::nullopt;
}

double Weights::megatron_version() const {
  const auto version = source_.checkpoint->metadata.find("checkpoint_version");
  const bool known = version != source_.checkpoint->metadata.end() && version->is_number();
  return known ? version->get<double>() : 0.0;
}

/// What stands for `name`, which is `shape` for us, or a stack of `count` such.
StoredMatrix Weights::require(const std::string& name, const Shape& shape, i64 count) const {
  std::optional<StoredMatrix> found = look_up(name);
  if (!found)
    fail(ErrorCode::not_found, "{} has no tensor {}", source_.checkpoint->path.string(), name);
  shared_->uses.push_back(
      {.name = name, .stored = *found, .shape = shape, .count = count, .heads = heads_});
  return *std::move(found);
}

bool Weights::trains(const std::string& name) const {
  if (source_.training != Training::adapters) return source_.training == Training::trainable;
  return name.find(".lora_") != std::string::npos ||
         std::ranges::any_of(source_.adapters.whole, [&](const std::string& module) {
           return name.starts_with(module + ".");
         });
}

bool Weights::has(std::string_view name) const { return look_up(full_name(name)).has_value(); }

i64 Weights::rows_of(std::string_view name, i64 otherwise) const {
  const std::optional<StoredMatrix> found = look_up(full_name(name));
  return found && found->tensor.shape.rank() > 0 ? found->tensor.shape[0] : otherwise;
}

std::optional<Tensor> Weights::find_vector(std::string_view name) const {
  const std::optional<StoredMatrix> found = look_up(full_name(name));
  if (!found) return std::nullopt;
  const StoredMatrix stored = require(full_name(name), found->tensor.shape);
  return as_f32(ctx_->pool, stored.tensor);
}

/// `name` [size], or [count, size] for a stack, in f32.
Tensor Weights::stacked_values(const std::string& name, i64 count, i64 size) const {
  shared_->traffic.bytes += count * size * 4;
  shared_->traffic.values += count * size;
  shared_->traffic.decode_bytes += count * size * 4;
  const Shape shape = count == 1 ? Shape{size} : Shape{count, size};
  if (source_.checkpoint == nullptr) return Tensor::zeros(ctx_->pool, shape);
  StoredMatrix found = require(name, {size}, count);
  const i64 stored_size = found.tensor.shape.rank() > 0 ? found.tensor.shape[-1] : 0;
  StoredMatrix row = found;
  if (row.stored == Stored::transposed) row.stored = Stored::as_is;
  row.tensor.shape = {stored_size};
  check_stored_shape(name, row, {size});
  found.stored = row.stored;
  found.rows = Rows::all;
  check_stored_shape(name, found, count == 1 ? Shape{stored_size} : Shape{count, stored_size});
  Tensor all = as_f32(ctx_->pool, found.tensor);
  const bool reordered = row.rows != Rows::all || row.stored == Stored::rope_pairs;
  if (reordered && all.device() != Device::meta) {
    const std::vector<i64> order = stored_row_of(row, size, {0, size}, heads_);
    Tensor picked = Tensor::empty(ctx_->pool, shape);
    for (i64 c = 0; c < count; ++c) {
      for (i64 i = 0; i < size; ++i) {
        picked.f32()[c * size + i] =
            all.f32()[c * stored_size + order[static_cast<std::size_t>(i)]];
      }
    }
    all = picked;
  }
  if (trains(name)) shared_->parameters.push_back({name, all});
  return all;
}

Tensor Weights::values(std::string_view name, const Shape& shape) const {
  shared_->traffic.bytes += shape.count() * 4;
  shared_->traffic.values += shape.count();
  shared_->traffic.decode_bytes += shape.count() * 4;
  if (source_.checkpoint == nullptr) return Tensor::zeros(ctx_->pool, shape);
  const StoredMatrix found = require(full_name(name), shape);
  check_stored_shape(full_name(name), found, shape);
  const Tensor all = as_f32(ctx_->pool, found.tensor);
  if (trains(full_name(name))) shared_->parameters.push_back({full_name(name), all});
  return all;
}

Tensor Weights::vector(std::string_view name, i64 size, Split split) const {
  return my_columns(ctx_->pool, stacked_values(full_name(name), 1, size), my_rows(size, split));
}

RowRange Weights::my_rows(i64 out, Split split) const {
  if (split == Split::none) return {0, out};
  if (split == Split::heads) {
    MEDLAR_CHECK(heads_ > 0 && out % heads_ == 0);
    const i64 size = out / heads_;
    return {ctx_->comm.rank() * heads_ / ranks() * size, std::max(i64{1}, heads_ / ranks()) * size};
  }
  const i64 first = ctx_->comm.rank() * out / ranks();
  return {first, (ctx_->comm.rank() + 1) * out / ranks() - first};
}

Linear Weights::linear(std::string_view name, i64 out, i64 in, Split split, Bias bias) const {
  const std::string full = full_name(name);
  const RowRange rows = my_rows(out, split);
  Linear linear = {.weight = matrix(full + ".weight", out, in, rows),
                   .bias = std::nullopt,
                   .split = split,
                   .out = out,
                   .in = in};
  count_use(linear.weight);
  linear.adapter = low_rank(full, out, in);
  if (bias == Bias::none || (bias == Bias::optional && !look_up(full + ".bias"))) return linear;
  linear.bias = my_columns(ctx_->pool, stacked_values(full + ".bias", 1, out), rows);
  return linear;
}

std::optional<LowRank> Weights::low_rank(const std::string& name, i64 out, i64 in) const {
  if (source_.training != Training::adapters) return std::nullopt;
  const std::optional<StoredMatrix> a = look_up(name + ".lora_A.weight");
  if (!a || a->tensor.shape.rank() != 2) return std::nullopt;
  if (ranks() > 1) fail(ErrorCode::unsupported, "adapters are trained on one rank");
  const i64 rank = a->tensor.shape[0];
  return LowRank{.a = matrix(name + ".lora_A.weight", rank, in, {0, rank}),
                 .b = matrix(name + ".lora_B.weight", out, rank, {0, out}),
                 .scale = source_.adapters.scale};
}

/// As formats::in_memory, without joining the same pieces twice in a row.
formats::StoredTensor Weights::in_memory(const formats::StoredTensor& tensor) const {
  if (!tensor.join) return tensor;
  if (!shared_->joined || shared_->joined->name != tensor.name)
    shared_->joined = formats::in_memory(tensor);
  return *shared_->joined;
}

/// Matrices `wanted` of the `count` in "name" [count, out, in], or [count out, in] as one.
std::vector<ops::Weight> Weights::stack(const std::string& name, i64 count, RowRange wanted,
                                        i64 out, i64 in, RowRange rows) const {
  StoredMatrix all =
      source_.checkpoint != nullptr ? require(name, {out, in}, count) : StoredMatrix{};
  Bytes bytes;
  i64 size = 0;
  if (source_.checkpoint != nullptr) {
    const Shape stored = all.tensor.shape;
    if (stored.rank() == 2 && stored[0] % count == 0)
      all.tensor.shape = {count, stored[0] / count, stored[1]};
    check_stored_shape(name, all, {count, out, in});
    all.tensor.shape = {all.tensor.shape[1], all.tensor.shape[2]};
    if (ctx_->pool.device() != Device::meta) {
      formats::StoredTensor whole = all.tensor;
      whole.shape = stored;
      whole = in_memory(whole);
      all.tensor.join = nullptr;
      all.tensor.owner = whole.owner;
      bytes = whole.bytes;
      size = ssize_of(bytes) / count;
    }
  }
  std::vector<ops::Weight> weights;
  for (i64 i = wanted.first; i < wanted.first + wanted.count; ++i) {
    if (!bytes.empty())
      all.tensor.bytes =
          bytes.subspan(static_cast<std::size_t>(i * size), static_cast<std::size_t>(size));
    weights.push_back(matrix(all, fmt::format("{}.{}", name, i), out, in, rows));
  }
  return weights;
}

GroupedLinear Weights::per_head(std::string_view name, i64 heads, i64 out, i64 in) const {
  GroupedLinear maps = {.weights = stack(full_name(name) + ".weight", heads,
                                         my_rows(heads, Split::out), out, in, {0, out}),
                        .bias = std::nullopt,
                        .split = Split::none,
                        .out = out,
                        .in = in};
  count_use(maps.weights, ssize_of(maps.weights));
  return maps;
}

GroupedLinear Weights::grouped_linear(std::string_view name, i64 count, i64 chosen, i64 out, i64 in,
                                      Split split, Bias bias) const {
  const std::string full = full_name(name);
  const RowRange rows = my_rows(out, split);
  GroupedLinear linear = {
      .weights = {}, .bias = std::nullopt, .split = split, .out = out, .in = in};
  const bool separate = look_up(fmt::format("{}0.{}.weight", scope_, name)).has_value();
  if (source_.checkpoint == nullptr) {
    Weights experts = *this;
    experts.source_.imagined_format = source_.imagined_experts;
    for (i64 e = 0; e < count; ++e)
      linear.weights.push_back(experts.matrix({}, full, out, in, rows));
  } else if (separate) {
    for (i64 e = 0; e < count; ++e) {
      linear.weights.push_back(
          matrix(fmt::format("{}{}.{}.weight", scope_, e, name), out, in, rows));
      shared_->uses.back().stack = full + ".weight";
      shared_->uses.back().index = e;
    }
  } else {
    linear.weights = stack(full + ".weight", count, {0, count}, out, in, rows);
  }
  count_use(linear.weights, chosen);
  if (bias != Bias::none)
    linear.bias = my_columns(ctx_->pool, stacked_values(full + ".bias", count, out), rows);
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

void Weights::count_use(std::span<const ops::Weight> weights, i64 chosen) const {
  for (const ops::Weight& weight : weights.first(static_cast<std::size_t>(chosen)))
    count_use(weight);
}

ops::Weight Weights::imagined(i64 out, i64 in, QuantFormat format) const {
  const bool whole_blocks = in % layout_of(format).block_values == 0;
  if (!whole_blocks) format = QuantFormat::bf16;
  const bool packed = ctx_->kernels.panel_bytes(format, out, in) > 0;
  return {.view = {.format = format,
                   .layout = packed ? WeightLayout::panels : WeightLayout::rows,
                   .data = nullptr,
                   .out = out,
                   .in = in},
          .owner = nullptr,
          .trainable = std::nullopt};
}

ops::Weight Weights::matrix(const std::string& name, i64 out, i64 in, RowRange rows) const {
  if (source_.checkpoint == nullptr) return matrix({}, name, out, in, rows);
  StoredMatrix found = require(name, {out, in});
  check_stored_shape(name, found, {out, in});
  if (ctx_->pool.device() != Device::meta) found.tensor = formats::in_memory(found.tensor);
  return matrix(found, name, out, in, rows);
}

ops::Weight Weights::matrix(const StoredMatrix& stored, const std::string& name, i64 out, i64 in,
                            RowRange rows) const {
  ops::Weight weight;
  if (source_.checkpoint == nullptr) {
    weight = imagined(rows.count, in, source_.imagined_format);
  } else if (ctx_->pool.device() == Device::meta) {
    weight = imagined(rows.count, in, stored.tensor.format);
  } else {
    const std::vector<i64> row_of = stored_row_of(stored, out, rows, heads_);
    const bool trainable = trains(name);
    weight =
        trainable ? hold_trainable(*ctx_, stored, row_of, in) : hold(*ctx_, stored, row_of, in);
    if (trainable) shared_->parameters.push_back({name, *weight.trainable});
    shared_->held.push_back({name, weight.view.data});
  }
  shared_->traffic.bytes += weight.bytes();
  shared_->traffic.values += weight.out() * weight.in();
  if (source_.loaded) source_.loaded(shared_->traffic.bytes);
  return weight;
}

std::vector<std::string> Weights::unused() const {
  std::vector<std::string> names;
  if (source_.checkpoint == nullptr) return names;
  std::vector<std::string> used;
  for (const Use& use : shared_->uses) used.push_back(use.stored.tensor.name);
  std::sort(used.begin(), used.end());
  for (const auto& [name, tensor] : source_.checkpoint->tensors) {
    if (!std::binary_search(used.begin(), used.end(), name)) names.push_back(name);
  }
  return names;
}

}  // namespace medlar::nn
