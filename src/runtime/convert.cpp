#include "runtime/convert.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/error.h"
#include "comm/comm.h"
#include "models/config.h"
#include "models/gguf_config.h"
#include "models/model.h"
#include "nn/rope.h"
#include "runtime/model_files.h"
#include "runtime/runner.h"
#include "text/gguf_tokenizer.h"

namespace medlar::runtime {
namespace {

using formats::Checkpoint;
using formats::Container;
using formats::StoredTensor;
using nn::Use;

/// The matrices or vectors of one tensor to write: how many, and each in our order of rows.
struct Pieces {
  i64 count;
  std::function<std::vector<float>(i64 piece)> values;
  std::function<std::string(i64 piece)> name;  ///< ours, as importance knows it
};

Bytes piece_of(Bytes bytes, i64 piece, i64 count) {
  const i64 size = ssize_of(bytes) / count;
  return bytes.subspan(static_cast<std::size_t>(piece * size), static_cast<std::size_t>(size));
}

/// Matrix `piece` of a tensor, its rows in our order; a vector's values.
std::vector<float> our_values(const Use& use, i64 piece) {
  nn::StoredMatrix matrix = use.stored;
  const StoredTensor whole = formats::in_memory(matrix.tensor);
  const Bytes bytes = piece_of(whole.bytes, piece, use.count);
  const i64 values = whole.shape.count() / use.count;
  const bool is_vector = use.shape.rank() == 1;
  const i64 out = use.shape[0];
  const i64 in = is_vector ? 1 : use.shape[-1];
  const bool turned = !is_vector && matrix.stored == nn::Stored::transposed;
  if (is_vector && matrix.stored == nn::Stored::transposed) matrix.stored = nn::Stored::as_is;
  // [rows, columns] as stored, without the axis of the stack
  const i64 columns = is_vector ? 1 : turned ? whole.shape[-1] : values / (values / in);
  matrix.tensor.shape = turned ? Shape{in, columns} : Shape{values / in, in};
  std::vector<float> stored(static_cast<std::size_t>(values));
  dequantise(whole.format, bytes, stored);
  const std::vector<i64> row_of = nn::stored_row_of(matrix, out, {0, out}, use.heads);
  std::vector<float> ours(static_cast<std::size_t>(out * in));
  for (i64 r = 0; r < out; ++r) {
    const i64 row = row_of[static_cast<std::size_t>(r)];
    for (i64 c = 0; c < in; ++c)
      ours[static_cast<std::size_t>(r * in + c)] =
          stored[static_cast<std::size_t>(turned ? c * columns + row : row * in + c)];
  }
  return ours;
}

/// Values to blocks, some rows on each thread.
void encode(const StorageRequest& request, QuantFormat format, std::span<const float> values,
            i64 in, std::span<const float> importance, std::span<std::byte> to) {
  const i64 rows = ssize_of(values) / in;
  const i64 bytes = ssize_of(to) / rows;
  const auto encode_rows = [&](i64 begin, i64 end) {
    quantise(format,
             values.subspan(static_cast<std::size_t>(begin * in),
                            static_cast<std::size_t>((end - begin) * in)),
             to.subspan(static_cast<std::size_t>(begin * bytes),
                        static_cast<std::size_t>((end - begin) * bytes)),
             importance);
  };
  if (request.threads == nullptr) return encode_rows(0, rows);
  request.threads->parallel_for(rows, std::max(i64{1}, 65536 / in), encode_rows);
}

/// Sums of what encoding did.
struct ErrorSums {
  double squared = 0.0;
  double values = 0.0;
  double largest = 0.0;

  void add(std::span<const float> x, std::span<const float> y) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double d = static_cast<double>(x[i]) - y[i];
      squared += d * d;
      values += static_cast<double>(x[i]) * x[i];
      largest = std::max(largest, std::fabs(d));
    }
  }
  double relative() const { return values > 0 ? std::sqrt(squared / values) : 0.0; }
};

std::vector<std::byte> encode_pieces(const StorageRequest& request, const StoredTensor& tensor,
                                     const Pieces& pieces, QuantFormat from) {
  std::vector<std::byte> blocks(
      static_cast<std::size_t>(bytes_of(tensor.format, tensor.shape.count())));
  ErrorSums sums;
  std::vector<float> decoded;
  for (i64 piece = 0; piece < pieces.count; ++piece) {
    const std::vector<float> values = pieces.values(piece);
    const i64 in = tensor.shape[-1];
    std::span<const float> importance;
    if (request.importance != nullptr && tensor.shape.rank() > 1) {
      const auto found = request.importance->find(pieces.name(piece));
      if (found != request.importance->end()) importance = found->second;
    }
    const i64 size = ssize_of(blocks) / pieces.count;
    const auto to = std::span(blocks).subspan(static_cast<std::size_t>(piece * size),
                                              static_cast<std::size_t>(size));
    encode(request, tensor.format, values, in, importance, to);
    if (!request.stored) continue;
    decoded.resize(values.size());
    dequantise(tensor.format, to, decoded);
    sums.add(values, decoded);
  }
  if (request.stored)
    request.stored({tensor.name, from, tensor.format, sums.relative(), sums.largest});
  return blocks;
}

/// A tensor that is made of `pieces` when it is written.
StoredTensor described(const StorageRequest& request, std::string name, QuantFormat format,
                       const Shape& shape, Pieces pieces, QuantFormat from) {
  StoredTensor tensor = {
      .name = std::move(name), .format = format, .shape = shape, .bytes = {}, .owner = nullptr};
  tensor.join = [request, pieces = std::move(pieces), from, plain = tensor] {
    return encode_pieces(request, plain, pieces, from);
  };
  return tensor;
}

/// The format asked for, or the one a tensor has.
QuantFormat format_for(const std::string& gguf_name, const Shape& shape, QuantFormat from,
                       const StorageRequest& request) {
  const bool is_plain = layout_of(from).block_values == 1;
  if (!request.format && !is_plain) return from;
  return stored_format(gguf_name, shape, request.format.value_or(from));
}

/// The model's tensors by what it asks for of a checkpoint: nothing is read.
class Translator {
 public:
  Translator(const Checkpoint& checkpoint, const StorageRequest& request)
      : request_(request), runner_(checkpoint, *solo_, {.isa = "meta", .threads = 1}) {}

  const Json& config() const { return runner_.config(); }
  const models::Family& family() const { return runner_.family(); }

  /// All tensors under GGUF's names.
  std::vector<StoredTensor> gguf() const {
    std::vector<StoredTensor> tensors;
    std::set<std::string_view> seen;  // what two parts of a model ask for is stored once
    for (auto rest = std::span(runner_.uses()); !rest.empty();) {
      const std::span<const Use> group = together(rest);
      rest = rest.subspan(group.size());
      const Use& use = group.front();
      if (!seen.insert(use.name).second) continue;
      const std::string& ours = use.stack.empty() ? use.name : use.stack;
      const nn::NameRule* rule = gguf_rule(ours);
      // Task heads have no name there: they keep ours.
      const std::string name = rule == nullptr ? ours : *nn::apply_rule(*rule, ours);
      const Shape shape = stacked(use.stack.empty() ? use.count : ssize_of(group), use.shape);
      const QuantFormat format = is_vector(use)
                                     ? QuantFormat::f32
                                     : format_for(name, shape, use.stored.tensor.format, request_);
      tensors.push_back(translated(group, name, shape, format,
                                   rule == nullptr ? nn::Stored::as_is : rule->stored));
    }
    return tensors;
  }

  /// All tensors under our names, which are those of the published folders.
  std::vector<StoredTensor> huggingface() const {
    std::vector<StoredTensor> tensors;
    std::set<std::string_view> seen;
    for (const Use& use : runner_.uses()) {
      const bool said_by_config = use.name == "rope_freqs.weight";
      if (said_by_config || !seen.insert(use.name).second) continue;
      if (use.count > 1) {
        fail(ErrorCode::unsupported, "{}: {} is stored in another way in a published folder",
             family().name, use.name);
      }
      const QuantFormat from = use.stored.tensor.format;
      const bool is_plain = layout_of(from).block_values == 1;
      const QuantFormat as_it_is = is_plain ? from : QuantFormat::bf16;
      const QuantFormat format = is_vector(use) ? as_it_is : request_.format.value_or(as_it_is);
      tensors.push_back(translated({&use, 1}, use.name, use.shape, format, nn::Stored::as_is));
    }
    return tensors;
  }

 private:
  static bool is_vector(const Use& use) { return use.shape.rank() == 1; }

  static Shape stacked(i64 count, const Shape& one) {
    if (count == 1) return one;
    return one.rank() == 1 ? Shape{count, one[0]} : Shape{count, one[0], one[1]};
  }

  /// The first use, with those that other containers stack with it.
  static std::span<const Use> together(std::span<const Use> uses) {
    std::size_t count = 1;
    while (!uses[0].stack.empty() && count < uses.size() && uses[count].stack == uses[0].stack)
      ++count;
    return uses.first(count);
  }

  const nn::NameRule* gguf_rule(const std::string& ours) const {
    for (const nn::NameRule& rule : family().rules) {
      if (rule.container != Container::gguf || !nn::apply_rule(rule, ours)) continue;
      if (rule.rows != nn::Rows::all || rule.stored == nn::Stored::transposed) {
        fail(ErrorCode::unsupported, "{}: {} is part of a larger matrix there", family().name,
             ours);
      }
      return &rule;
    }
    return nullptr;
  }

  StoredTensor translated(std::span<const Use> group, std::string name, const Shape& shape,
                          QuantFormat format, nn::Stored target) const {
    const std::vector<Use> uses(group.begin(), group.end());
    Pieces pieces;
    pieces.count = std::max(ssize_of(uses), uses.front().count);
    pieces.values = [uses, target](i64 piece) {
      const bool separate = uses.size() > 1;
      const Use& use = separate ? uses[static_cast<std::size_t>(piece)] : uses.front();
      return in_order_of(use, target, our_values(use, separate ? 0 : piece));
    };
    pieces.name = [uses](i64 piece) {
      if (uses.size() > 1) return uses[static_cast<std::size_t>(piece)].name;
      const Use& use = uses.front();
      return use.count > 1 ? fmt::format("{}.{}", use.name, piece) : use.name;
    };
    return described(request_, std::move(name), format, shape, std::move(pieces),
                     uses.front().stored.tensor.format);
  }

  /// Our rows in the order of a container that stores them so.
  static std::vector<float> in_order_of(const Use& use, nn::Stored target,
                                        std::vector<float> ours) {
    if (target == nn::Stored::as_is) return ours;
    const i64 out = use.shape[0];
    const i64 in = ssize_of(ours) / out;
    nn::StoredMatrix matrix;
    matrix.tensor.shape = {out, in};
    matrix.stored = target;
    const std::vector<i64> row_of = nn::stored_row_of(matrix, out, {0, out}, use.heads);
    std::vector<float> theirs(ours.size());
    for (i64 r = 0; r < out; ++r) {
      std::copy_n(ours.begin() + r * in, in,
                  theirs.begin() + row_of[static_cast<std::size_t>(r)] * in);
    }
    return theirs;
  }

  std::unique_ptr<comm::Comm> solo_ = comm::first_of(1);
  StorageRequest request_;
  Runner runner_;
};

/// Llama 3's scaling as GGUF has it: what each frequency is divided by.
std::optional<StoredTensor> rope_divisors(const Json& config) {
  const models::ConfigReader c(config);
  if (!c.has("rope_theta") && !c.has("rope_parameters")) return std::nullopt;
  const i64 head = c.size_or("head_dim", c.size("hidden_size") / c.size("num_attention_heads"));
  const nn::RopeConfig scaled = models::rope_config(c, head);
  if (scaled.scaling != nn::RopeScaling::llama3) return std::nullopt;
  nn::RopeConfig plain = scaled;
  plain.scaling = nn::RopeScaling::none;
  const std::vector<float> before = nn::Rope(plain).frequencies();
  const std::vector<float> after = nn::Rope(scaled).frequencies();
  std::vector<float> divisors(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) divisors[i] = before[i] / after[i];
  const auto owner = std::make_shared<const std::vector<float>>(std::move(divisors));
  return StoredTensor{.name = "rope_freqs.weight",
                      .format = QuantFormat::f32,
                      .shape = {ssize_of(*owner)},
                      .bytes = std::as_bytes(std::span(*owner)),
                      .owner = owner};
}

/// Number of llama.cpp's list of file types for a format of matrices; none for others.
std::optional<u32> file_type(QuantFormat format) {
  constexpr std::array<std::pair<QuantFormat, u32>, 11> types{{{QuantFormat::f32, 0},
                                                               {QuantFormat::f16, 1},
                                                               {QuantFormat::q4_0, 2},
                                                               {QuantFormat::q8_0, 7},
                                                               {QuantFormat::q4_k, 15},
                                                               {QuantFormat::q5_k, 17},
                                                               {QuantFormat::q6_k, 18},
                                                               {QuantFormat::iq4_nl, 25},
                                                               {QuantFormat::iq4_xs, 30},
                                                               {QuantFormat::bf16, 32},
                                                               {QuantFormat::mxfp4, 38}}};
  for (const auto& [known, number] : types) {
    if (known == format) return number;
  }
  return std::nullopt;
}

void set_file_type(const StorageRequest& request, Json& metadata) {
  metadata["general.quantization_version"] = u32{2};
  metadata.erase("general.file_type");
  if (!request.format) return;
  if (const auto number = file_type(*request.format)) metadata["general.file_type"] = *number;
}

/// What a model calls the tensors of a file.
std::map<std::string, std::string> names_of_uses(const Checkpoint& checkpoint) {
  const auto solo = comm::first_of(1);
  const Runner runner(checkpoint, *solo, {.isa = "meta", .threads = 1});
  std::map<std::string, std::string> names;
  for (const Use& use : runner.uses()) names[use.stored.tensor.name] = use.name;
  return names;
}

std::string_view gguf_architecture(const models::Family& family) {
  const bool has_names = std::ranges::any_of(
      family.rules, [](const nn::NameRule& rule) { return rule.container == Container::gguf; });
  if (!has_names)
    fail(ErrorCode::unsupported, "{} models have no GGUF names known here", family.name);
  return family.gguf.empty() ? family.model_types.back() : family.gguf;
}

}  // namespace

QuantFormat stored_format(const std::string& gguf_name, const Shape& shape, QuantFormat wanted) {
  const bool is_plain = layout_of(wanted).block_values == 1;
  const auto named = [&](std::string_view part) {
    return gguf_name.find(part) != std::string::npos;
  };
  if (shape.rank() < 2 || named("position_embd") || named("token_types") || named("ffn_gate_inp"))
    return QuantFormat::f32;
  if (is_plain) return wanted;
  const bool is_table = named("token_embd.") || gguf_name == "output.weight";
  const i64 bits = layout_of(wanted).block_bytes * 8 / layout_of(wanted).block_values;
  if (is_table && bits < 6) wanted = QuantFormat::q6_k;
  if (shape[-1] % layout_of(wanted).block_values == 0) return wanted;
  if (shape[-1] % 32 != 0) return QuantFormat::f16;
  switch (wanted) {
    case QuantFormat::q4_k:
      return QuantFormat::q5_0;
    case QuantFormat::q5_k:
      return QuantFormat::q5_1;
    case QuantFormat::iq4_xs:
      return QuantFormat::iq4_nl;
    default:
      return QuantFormat::q8_0;
  }
}

Converted reencode_gguf(const Checkpoint& checkpoint, const StorageRequest& request) {
  if (checkpoint.container != Container::gguf)
    fail(ErrorCode::unsupported, "{} is no GGUF file", checkpoint.path.string());
  Converted result = {.metadata = checkpoint.metadata, .tensors = {}};
  for (const char* key : {"general.alignment", "split.no", "split.count", "split.tensors.count"})
    result.metadata.erase(key);
  set_file_type(request, result.metadata);
  std::map<std::string, std::string> our_names;  // by which importance knows the matrices
  if (request.importance != nullptr) our_names = names_of_uses(checkpoint);
  const auto our_name = [&](const std::string& name) {
    const auto found = our_names.find(name);
    return found == our_names.end() ? name : found->second;
  };
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const QuantFormat format = format_for(name, tensor.shape, tensor.format, request);
    if (format == tensor.format) {
      result.tensors.push_back(tensor);
      continue;
    }
    Pieces pieces;
    pieces.count = tensor.shape.rank() == 3 ? tensor.shape[0] : 1;
    pieces.values = [tensor, count = pieces.count](i64 piece) {
      std::vector<float> values(static_cast<std::size_t>(tensor.shape.count() / count));
      dequantise(tensor.format, piece_of(tensor.bytes, piece, count), values);
      return values;
    };
    const std::string ours = our_name(name);
    pieces.name = [ours, count = pieces.count](i64 piece) {
      return count > 1 ? fmt::format("{}.{}", ours, piece) : ours;
    };
    result.tensors.push_back(
        described(request, name, format, tensor.shape, std::move(pieces), tensor.format));
  }
  return result;
}

Converted to_gguf(const Checkpoint& checkpoint, const StorageRequest& request) {
  if (checkpoint.container == Container::gguf) return reencode_gguf(checkpoint, request);
  const Translator translator(checkpoint, request);
  const std::string_view architecture = gguf_architecture(translator.family());
  Converted result = {.metadata = models::gguf_from_config(translator.config(), architecture),
                      .tensors = translator.gguf()};
  if (auto divisors = rope_divisors(translator.config())) result.tensors.push_back(*divisors);
  std::error_code none;
  const bool is_folder = std::filesystem::is_directory(checkpoint.path, none);
  const auto folder = is_folder ? checkpoint.path : checkpoint.path.parent_path();
  result.metadata["general.name"] = std::filesystem::absolute(folder).filename().string();
  set_file_type(request, result.metadata);
  // What the standard keys cannot say: labels of heads, and so on.
  result.metadata["medlar.config"] = translator.config().dump();
  try {
    const text::Tokenizer tokenizer = tokenizer_of(checkpoint.path);
    const i64 rows = models::ConfigReader(translator.config()).size("vocab_size");
    result.metadata.update(text::gguf_tokenizer(tokenizer_path(checkpoint.path), tokenizer, rows));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;  // a model without a tokenizer
  }
  if (const auto chat = chat_template_of(checkpoint.path))
    result.metadata["tokenizer.chat_template"] = chat->source();
  return result;
}

Converted to_huggingface(const Checkpoint& checkpoint, const StorageRequest& request) {
  if (request.format && layout_of(*request.format).block_values != 1) {
    fail(ErrorCode::unsupported, "safetensors holds no {} blocks: F32, F16 and BF16 it does",
         layout_of(*request.format).name);
  }
  const Translator translator(checkpoint, request);
  Json config = translator.config();
  config["model_type"] = translator.family().model_types.front();
  return {.metadata = std::move(config), .tensors = translator.huggingface()};
}

}  // namespace medlar::runtime
