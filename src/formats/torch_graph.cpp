#include "formats/torch_graph.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

using Kind = PickleValue::Kind;
using Tensors = std::map<std::string, StoredTensor, std::less<>>;

constexpr i64 max_depth = 24;
constexpr i64 max_visits = i64{1} << 22;

struct NamedFormat {
  std::string_view name;
  QuantFormat format;
};

constexpr std::array storage_types{
    NamedFormat{"DoubleStorage", QuantFormat::f64},
    NamedFormat{"FloatStorage", QuantFormat::f32},
    NamedFormat{"HalfStorage", QuantFormat::f16},
    NamedFormat{"BFloat16Storage", QuantFormat::bf16},
    NamedFormat{"LongStorage", QuantFormat::i64},
    NamedFormat{"IntStorage", QuantFormat::i32},
    NamedFormat{"ShortStorage", QuantFormat::i16},
    NamedFormat{"CharStorage", QuantFormat::i8},
    NamedFormat{"ByteStorage", QuantFormat::u8},
    NamedFormat{"BoolStorage", QuantFormat::boolean},
    NamedFormat{"UntypedStorage", QuantFormat::u8},
};

constexpr std::array dtypes{
    NamedFormat{"float64", QuantFormat::f64},
    NamedFormat{"float32", QuantFormat::f32},
    NamedFormat{"float16", QuantFormat::f16},
    NamedFormat{"bfloat16", QuantFormat::bf16},
    NamedFormat{"float8_e4m3fn", QuantFormat::f8_e4m3},
    NamedFormat{"float8_e5m2", QuantFormat::f8_e5m2},
    NamedFormat{"int64", QuantFormat::i64},
    NamedFormat{"int32", QuantFormat::i32},
    NamedFormat{"int16", QuantFormat::i16},
    NamedFormat{"int8", QuantFormat::i8},
    NamedFormat{"uint64", QuantFormat::u64},
    NamedFormat{"uint32", QuantFormat::u32},
    NamedFormat{"uint16", QuantFormat::u16},
    NamedFormat{"uint8", QuantFormat::u8},
    NamedFormat{"bool", QuantFormat::boolean},
};

std::optional<QuantFormat> format_named(std::span<const NamedFormat> formats,
                                        const PickleValue& value) {
  if (value.kind != Kind::global || value.module != "torch") return std::nullopt;
  for (const NamedFormat& known : formats) {
    if (known.name == value.text) return known.format;
  }
  return std::nullopt;
}

/// What a call builds, as far as it is understood.
enum class Builder { none, tensor, tensor_with_dtype, parameter, from_type, unknown_tensor };

Builder builder_of(const PickleGraph& graph, const PickleValue& value) {
  if (value.kind != Kind::call) return Builder::none;
  const PickleValue& callable = graph[value.callable];
  if (callable.is_global("torch._utils", "_rebuild_tensor_v2")) return Builder::tensor;
  if (callable.is_global("torch._utils", "_rebuild_tensor")) return Builder::tensor;
  if (callable.is_global("torch._utils", "_rebuild_tensor_v3")) return Builder::tensor_with_dtype;
  if (callable.is_global("torch._utils", "_rebuild_parameter")) return Builder::parameter;
  if (callable.is_global("torch._utils", "_rebuild_parameter_with_state"))
    return Builder::parameter;
  if (callable.is_global("torch._tensor", "_rebuild_from_type_v2")) return Builder::from_type;
  const bool is_torch = callable.kind == Kind::global &&
                        (callable.module == "torch._utils" || callable.module == "torch._tensor");
  return is_torch && callable.text.starts_with("_rebuild") ? Builder::unknown_tensor
                                                           : Builder::none;
}

/// Walks the graph and collects its tensors. Used once.
class TensorCollector {
 public:
  TensorCollector(const PickleGraph& graph, const FindStorage& find_storage, i64 copy_limit,
                  const std::string& source)
      : graph_(graph), find_storage_(find_storage), copy_left_(copy_limit), source_(source) {}

  Tensors collect() {
    visit(graph_.root, "", 0);
    if (tensors_.empty()) fail(ErrorCode::corrupt_file, "{}: the pickle holds no tensors", source_);
    return std::move(tensors_);
  }

 private:
  void visit(i64 index, const std::string& name, i64 depth) {
    if (depth > max_depth) {
      fail(ErrorCode::limit_exceeded, "{}: '{}' is nested deeper than {}, or holds itself", source_,
           printable(name), max_depth);
    }
    if (++visits_ > max_visits) {
      fail(ErrorCode::limit_exceeded, "{}: more than {} values in nested dicts", source_,
           max_visits);
    }
    const PickleValue& value = graph_[index];
    if (builder_of(graph_, value) != Builder::none) {
      StoredTensor tensor = build(value, name, 0);
      tensor.name = name;
      add_tensor(tensors_, std::move(tensor), source_);
      return;
    }
    switch (value.kind) {
      case Kind::dict:
        visit_pairs(value.items, name, depth);
        break;
      case Kind::call:
        // An OrderedDict, or any object that was filled like one; Python 2 gave the pairs as
        // argument.
        visit_pairs(value.items, name, depth);
        if (graph_[value.callable].is_global("collections", "OrderedDict")) {
          visit_pair_lists(graph_[value.arguments], name, depth);
        }
        break;
      case Kind::list:
      case Kind::tuple:
        for (i64 i = 0; i < ssize_of(value.items); ++i) {
          visit(value.items[static_cast<std::size_t>(i)], joined(name, std::to_string(i)),
                depth + 1);
        }
        break;
      default:
        break;
    }
  }

  void visit_pairs(const std::vector<i64>& pairs, const std::string& name, i64 depth) {
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2)
      visit_pair(pairs[i], pairs[i + 1], name, depth);
  }

  /// ([[key, value], ...],) or ([(key, value), ...],)
  void visit_pair_lists(const PickleValue& arguments, const std::string& name, i64 depth) {
    if (arguments.kind != Kind::tuple || arguments.items.size() != 1) return;
    for (const i64 index : graph_[arguments.items[0]].items) {
      const PickleValue& pair = graph_[index];
      if (pair.items.size() == 2) visit_pair(pair.items[0], pair.items[1], name, depth);
    }
  }

  void visit_pair(i64 key_index, i64 value_index, const std::string& name, i64 depth) {
    const PickleValue& key = graph_[key_index];
    if (key.kind == Kind::text && is_utf8(key.text)) {
      visit(value_index, joined(name, key.text), depth + 1);
    } else if (key.kind == Kind::integer) {
      visit(value_index, joined(name, std::to_string(key.integer)), depth + 1);
    }
  }

  std::string joined(const std::string& name, std::string_view part) const {
    constexpr std::size_t max_name = 1024;
    if (name.size() + part.size() > max_name) {
      fail(ErrorCode::limit_exceeded, "{}: the name '{}' is longer than {} bytes", source_,
           printable(name), max_name);
    }
    return name.empty() ? std::string(part) : fmt::format("{}.{}", name, part);
  }

  StoredTensor build(const PickleValue& call, const std::string& name, i64 depth) {
    if (depth > 4) refuse(name, "parameters nested in parameters");
    const Builder builder = builder_of(graph_, call);
    if (builder == Builder::none) refuse(name, "a parameter without a tensor");
    const std::span<const i64> arguments = arguments_of(graph_[call.arguments], name);
    const auto argument = [&](std::size_t i) -> const PickleValue& {
      if (i >= arguments.size()) refuse(name, "a call with too few arguments");
      return graph_[arguments[i]];
    };
    switch (builder) {
      case Builder::tensor:
        return build_tensor(arguments, std::nullopt, name);
      case Builder::tensor_with_dtype: {
        const std::optional<QuantFormat> format = format_named(dtypes, argument(6));
        if (!format) unsupported(name, argument(6));
        return build_tensor(arguments, format, name);
      }
      case Builder::parameter:
        return build(argument(0), name, depth + 1);
      case Builder::from_type: {
        // (function, type, arguments, state): the type is of no interest.
        const PickleValue plain{.kind = Kind::call,
                                .callable = arguments.size() > 2 ? arguments[0] : -1,
                                .arguments = arguments.size() > 2 ? arguments[2] : -1};
        if (plain.callable < 0) refuse(name, "a call with too few arguments");
        return build(plain, name, depth + 1);
      }
      case Builder::unknown_tensor:
        unsupported(name, graph_[call.callable]);
      case Builder::none:
        break;
    }
    refuse(name, "a parameter without a tensor");
  }

  /// (storage, offset, sizes, strides, ...)
  StoredTensor build_tensor(std::span<const i64> arguments, std::optional<QuantFormat> dtype,
                            const std::string& name) {
    if (arguments.size() < 4) refuse(name, "a call with too few arguments");
    const PickleValue& stored = graph_[arguments[0]];
    if (stored.kind != Kind::persistent) refuse(name, "no storage");
    const PickleValue& offset = graph_[arguments[1]];
    if (offset.kind != Kind::integer || offset.integer < 0) refuse(name, "a bad offset");
    const std::vector<i64> sizes = integers(graph_[arguments[2]], name, "sizes");
    const std::vector<i64> strides = integers(graph_[arguments[3]], name, "strides");
    if (sizes.size() != strides.size()) refuse(name, "sizes and strides of different length");

    const TorchStorage storage = torch_storage(graph_, stored, source_);
    const StorageContent content = find_storage_(storage);
    StoredTensor tensor;
    tensor.format = dtype.value_or(storage.format);
    tensor.shape = checked_shape(sizes, name, source_);
    const i64 bytes = checked_bytes(tensor.format, tensor.shape, name, source_);
    const i64 element = layout_of(tensor.format).block_bytes;
    const i64 available = ssize_of(content.bytes) / element;
    check_extent(sizes, strides, offset.integer, available, name);
    if (bytes == 0 || is_contiguous(sizes, strides)) {
      const i64 begin = bytes == 0 ? 0 : offset.integer * element;
      tensor.bytes =
          content.bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(bytes));
      tensor.owner = content.owner;
      return tensor;
    }
    copy_left_ -= bytes;
    if (copy_left_ < 0) {
      fail(ErrorCode::limit_exceeded,
           "{}: tensor '{}' and other strided ones are larger than the file", source_,
           printable(name));
    }
    const auto copy = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(bytes));
    std::byte* to = copy->data();
    gather(content.bytes.data() + offset.integer * element, sizes, strides, element, to);
    tensor.bytes = *copy;
    tensor.owner = copy;
    return tensor;
  }

  std::span<const i64> arguments_of(const PickleValue& tuple, const std::string& name) const {
    if (tuple.kind != Kind::tuple) refuse(name, "a call without arguments");
    return tuple.items;
  }

  std::vector<i64> integers(const PickleValue& tuple, const std::string& name,
                            std::string_view what) const {
    // A torch.Size is a call on the tuple.
    if (tuple.kind == Kind::call && graph_[tuple.callable].is_global("torch", "Size")) {
      const PickleValue& arguments = graph_[tuple.arguments];
      if (arguments.items.size() != 1) refuse(name, fmt::format("bad {}", what));
      return integers_of(graph_[arguments.items[0]], name, what);
    }
    return integers_of(tuple, name, what);
  }

  std::vector<i64> integers_of(const PickleValue& tuple, const std::string& name,
                               std::string_view what) const {
    if (tuple.kind != Kind::tuple && tuple.kind != Kind::list)
      refuse(name, fmt::format("bad {}", what));
    std::vector<i64> numbers;
    for (const i64 index : tuple.items) {
      const PickleValue& number = graph_[index];
      if (number.kind != Kind::integer || number.integer < 0)
        refuse(name, fmt::format("bad {}", what));
      numbers.push_back(number.integer);
    }
    return numbers;
  }

  /// The last element that is reached must be one of the storage.
  void check_extent(std::span<const i64> sizes, std::span<const i64> strides, i64 offset,
                    i64 available, const std::string& name) const {
    i64 last = offset;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
      if (sizes[axis] == 0) return;
      i64 step = 0;
      if (__builtin_mul_overflow(sizes[axis] - 1, strides[axis], &step) ||
          __builtin_add_overflow(last, step, &last)) {
        refuse(name, "an extent that overflows");
      }
    }
    if (last >= available) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' reaches element {} of a storage of {}",
           source_, printable(name), last, available);
    }
  }

  static bool is_contiguous(std::span<const i64> sizes, std::span<const i64> strides) {
    i64 expected = 1;
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      if (sizes[axis] != 1 && strides[axis] != expected) return false;
      expected *= sizes[axis];
    }
    return true;
  }

  static void gather(const std::byte* from, std::span<const i64> sizes,
                     std::span<const i64> strides, i64 element, std::byte*& to) {
    if (sizes.empty()) {
      std::memcpy(to, from, static_cast<std::size_t>(element));
      to += element;
      return;
    }
    for (i64 i = 0; i < sizes[0]; ++i) {
      gather(from + i * strides[0] * element, sizes.subspan(1), strides.subspan(1), element, to);
    }
  }

  [[noreturn]] void refuse(const std::string& name, std::string_view why) const {
    fail(ErrorCode::corrupt_file, "{}: tensor '{}' is built from {}", source_, printable(name),
         why);
  }
  [[noreturn]] void unsupported(const std::string& name, const PickleValue& global) const {
    fail(ErrorCode::unsupported, "{}: tensor '{}' needs {}.{}, which is not known here", source_,
         printable(name), printable(global.module), printable(global.text));
  }

  const PickleGraph& graph_;
  const FindStorage& find_storage_;
  i64 copy_left_;
  const std::string& source_;
  i64 visits_ = 0;
  Tensors tensors_;
};

}  // namespace

TorchStorage torch_storage(const PickleGraph& graph, const PickleValue& persistent,
                           const std::string& source) {
  const PickleValue& id = graph[persistent.arguments];
  const auto part = [&](std::size_t i) -> const PickleValue& { return graph[id.items[i]]; };
  const bool is_storage = id.kind == Kind::tuple && id.items.size() >= 5 &&
                          part(0).kind == Kind::text && part(0).text == "storage" &&
                          part(2).kind == Kind::text && part(4).kind == Kind::integer &&
                          part(4).integer >= 0;
  if (!is_storage)
    fail(ErrorCode::corrupt_file, "{}: a persistent id that names no storage", source);
  const std::optional<QuantFormat> format = format_named(storage_types, part(1));
  const bool is_untyped = part(1).is_global("torch.storage", "UntypedStorage");
  if (!format && !is_untyped) {
    fail(ErrorCode::unsupported, "{}: storage '{}' is of the type {}.{}, which is not known here",
         source, printable(part(2).text), printable(part(1).module), printable(part(1).text));
  }
  TorchStorage storage{
      .key = part(2).text, .format = format.value_or(QuantFormat::u8), .count = part(4).integer};
  if (id.items.size() < 6 || part(5).kind == Kind::none) return storage;
  const PickleValue& view = part(5);  // (key, offset, count)
  if (view.kind != Kind::tuple || view.items.size() != 3 ||
      graph[view.items[1]].kind != Kind::integer || graph[view.items[2]].kind != Kind::integer) {
    fail(ErrorCode::corrupt_file, "{}: storage '{}' has a bad view", source,
         printable(storage.key));
  }
  storage.view_offset = graph[view.items[1]].integer;
  storage.view_count = graph[view.items[2]].integer;
  if (storage.view_offset < 0 || storage.view_count < 0 || storage.view_offset > storage.count ||
      storage.view_count > storage.count - storage.view_offset) {
    fail(ErrorCode::corrupt_file, "{}: a view of elements {} and {} more of storage '{}' of {}",
         source, storage.view_offset, storage.view_count, printable(storage.key), storage.count);
  }
  return storage;
}

i64 storage_bytes(const TorchStorage& storage, const std::string& source) {
  i64 bytes = 0;
  if (__builtin_mul_overflow(storage.count, layout_of(storage.format).block_bytes, &bytes)) {
    fail(ErrorCode::corrupt_file, "{}: storage '{}' of {} elements overflows", source,
         printable(storage.key), storage.count);
  }
  return bytes;
}

Tensors torch_tensors(const PickleGraph& graph, const FindStorage& find_storage, i64 copy_limit,
                      const std::string& source) {
  return TensorCollector(graph, find_storage, copy_limit, source).collect();
}

std::map<std::string, double, std::less<>> torch_numbers(const PickleGraph& graph) {
  std::map<std::string, double, std::less<>> numbers;
  const PickleValue& root = graph[graph.root];
  for (std::size_t i = 0; root.kind == Kind::dict && i + 1 < root.items.size(); i += 2) {
    const PickleValue& key = graph[root.items[i]];
    const PickleValue& value = graph[root.items[i + 1]];
    if (key.kind != Kind::text || !is_utf8(key.text)) continue;
    if (value.kind == Kind::integer)
      numbers[std::string(key.text)] = static_cast<double>(value.integer);
    if (value.kind == Kind::real) numbers[std::string(key.text)] = value.real;
  }
  return numbers;
}

}  // namespace medlar::formats
