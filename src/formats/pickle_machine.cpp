#include "formats/pickle_machine.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/error.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

using Kind = PickleValue::Kind;

constexpr i64 max_values = i64{1} << 21;
constexpr i64 max_steps = i64{1} << 23;
constexpr i64 max_global_bytes = 1024;

/// Opcodes, with the names and values of Python's Lib/pickletools.py.
enum class Op : u8 {
  mark = '(',
  stop = '.',
  pop = '0',
  pop_mark = '1',
  dup = '2',
  binfloat = 'G',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binpersid = 'Q',
  reduce = 'R',
  binstring = 'T',
  short_binstring = 'U',
  binunicode = 'X',
  append = 'a',
  build = 'b',
  global = 'c',
  empty_dict = '}',
  appends = 'e',
  binget = 'h',
  long_binget = 'j',
  empty_list = ']',
  binput = 'q',
  long_binput = 'r',
  setitem = 's',
  tuple = 't',
  empty_tuple = ')',
  setitems = 'u',
  proto = 0x80,
  newobj = 0x81,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8a,
  long4 = 0x8b,
  binbytes = 'B',
  short_binbytes = 'C',
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  binbytes8 = 0x8e,
  empty_set = 0x8f,
  additems = 0x90,
  frozenset = 0x91,
  newobj_ex = 0x92,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
  bytearray8 = 0x96,
};

/// The stack, the marks and the memo of one pickle. Not thread-safe; used once.
class PickleMachine {
 public:
  explicit PickleMachine(ByteReader& reader) : reader_(reader) {}

  PickleGraph run() {
    for (i64 steps = 0;; ++steps) {
      if (steps >= max_steps) over_limit("opcodes", max_steps);
      const Op op = static_cast<Op>(reader_.read<u8>("opcode"));
      if (op == Op::stop) break;
      if (!step_scalar(op) && !step_container(op) && !step_memo(op) && !step_call(op)) refuse(op);
    }
    graph_.root = pop();
    return std::move(graph_);
  }

 private:
  bool step_scalar(Op op) {
    switch (op) {
      case Op::none:
        push({});
        return true;
      case Op::newtrue:
        push_integer(Kind::boolean, 1);
        return true;
      case Op::newfalse:
        push_integer(Kind::boolean, 0);
        return true;
      case Op::binint:
        push_integer(Kind::integer, reader_.read<i32>("integer"));
        return true;
      case Op::binint1:
        push_integer(Kind::integer, reader_.read<u8>("integer"));
        return true;
      case Op::binint2:
        push_integer(Kind::integer, reader_.read<u16>("integer"));
        return true;
      case Op::long1:
        push_long(reader_.read<u8>("integer length"));
        return true;
      case Op::long4:
        push_long(reader_.read<i32>("integer length"));
        return true;
      case Op::binfloat:
        push_float();
        return true;
      case Op::short_binstring:
      case Op::short_binunicode:
        push_text(Kind::text, reader_.read<u8>("text length"));
        return true;
      case Op::binstring:
      case Op::binunicode:
        push_text(Kind::text, reader_.read<u32>("text length"));
        return true;
      case Op::binunicode8:
        push_text(Kind::text, reader_.read_count("text length", 1));
        return true;
      case Op::short_binbytes:
        push_text(Kind::bytes, reader_.read<u8>("bytes length"));
        return true;
      case Op::binbytes:
        push_text(Kind::bytes, reader_.read<u32>("bytes length"));
        return true;
      case Op::binbytes8:
      case Op::bytearray8:
        push_text(Kind::bytes, reader_.read_count("bytes length", 1));
        return true;
      default:
        return false;
    }
  }

  bool step_container(Op op) {
    switch (op) {
      case Op::mark:
        marks_.push_back(ssize_of(stack_));
        return true;
      case Op::pop:
        pop_or_mark();
        return true;
      case Op::pop_mark:
        pop_to_mark();
        return true;
      case Op::dup:
        push_index(top());
        return true;
      case Op::empty_list:
      case Op::empty_set:
        push({.kind = Kind::list});
        return true;
      case Op::empty_tuple:
        push({.kind = Kind::tuple});
        return true;
      case Op::empty_dict:
        push({.kind = Kind::dict});
        return true;
      case Op::tuple:
        push_items(Kind::tuple, pop_to_mark());
        return true;
      case Op::frozenset:
        push_items(Kind::list, pop_to_mark());
        return true;
      case Op::tuple1:
        push_items(Kind::tuple, pop_items(1));
        return true;
      case Op::tuple2:
        push_items(Kind::tuple, pop_items(2));
        return true;
      case Op::tuple3:
        push_items(Kind::tuple, pop_items(3));
        return true;
      case Op::append:
        extend(pop_items(1), 1);
        return true;
      case Op::appends:
      case Op::additems:
        extend(pop_to_mark(), 1);
        return true;
      case Op::setitem:
        extend(pop_items(2), 2);
        return true;
      case Op::setitems:
        extend(pop_to_mark(), 2);
        return true;
      default:
        return false;
    }
  }

  bool step_memo(Op op) {
    switch (op) {
      case Op::proto: {
        const u8 version = reader_.read<u8>("protocol");
        if (version < 2 || version > 5) {
          fail(ErrorCode::unsupported, "{}: pickle protocol {}, expected 2 to 5 (at byte {})",
               reader_.source(), version, reader_.position());
        }
        return true;
      }
      case Op::frame:
        reader_.read_count("frame length", 1);
        return true;
      case Op::binput:
        memo_[reader_.read<u8>("memo place")] = top();
        return true;
      case Op::long_binput:
        memo_[reader_.read<u32>("memo place")] = top();
        return true;
      case Op::memoize:
        memo_[static_cast<u32>(memo_.size())] = top();
        return true;
      case Op::binget:
        get(reader_.read<u8>("memo place"));
        return true;
      case Op::long_binget:
        get(reader_.read<u32>("memo place"));
        return true;
      default:
        return false;
    }
  }

  bool step_call(Op op) {
    switch (op) {
      case Op::global:
        push_global();
        return true;
      case Op::stack_global: {
        const std::vector<i64> names = pop_items(2);
        const PickleValue& module = graph_[names[0]];
        const PickleValue& name = graph_[names[1]];
        if (module.kind != Kind::text || name.kind != Kind::text) {
          reader_.corrupt("a global that is not named by text");
        }
        push({.kind = Kind::global, .text = name.text, .module = module.text});
        return true;
      }
      case Op::binpersid: {
        const i64 id = pop();
        push({.kind = Kind::persistent, .arguments = id});
        return true;
      }
      case Op::reduce:
      case Op::newobj:
        push_call(pop_items(2));
        return true;
      case Op::newobj_ex:
        push_call(pop_items(3));
        return true;
      // The state may be anything and nothing that is read here depends on it.
      case Op::build:
        pop_items(1);
        top();
        return true;
      default:
        return false;
    }
  }

  [[noreturn]] void refuse(Op op) const {
    fail(ErrorCode::unsupported, "{}: pickle opcode 0x{:02x} is not known here (at byte {})",
         reader_.source(), static_cast<int>(op), reader_.position() - 1);
  }

  void push_index(i64 index) {
    // DUP and GET grow the stack alone; it is held to the same bound.
    if (ssize_of(stack_) >= max_values) over_limit("values", max_values);
    stack_.push_back(index);
  }
  void push(PickleValue value) {
    if (ssize_of(graph_.values) >= max_values) over_limit("values", max_values);
    graph_.values.push_back(std::move(value));
    push_index(ssize_of(graph_.values) - 1);
  }
  [[noreturn]] void over_limit(std::string_view what, i64 limit) const {
    fail(ErrorCode::limit_exceeded, "{}: a pickle of more than {} {} (at byte {})",
         reader_.source(), limit, what, reader_.position());
  }
  void push_integer(Kind kind, i64 value) { push({.kind = kind, .integer = value}); }
  void push_items(Kind kind, std::vector<i64> items) {
    push({.kind = kind, .items = std::move(items)});
  }
  void push_text(Kind kind, i64 length) {
    push({.kind = kind, .text = reader_.take_text(length, "text")});
  }
  void push_call(const std::vector<i64>& parts) {
    push({.kind = Kind::call, .callable = parts[0], .arguments = parts[1]});
  }

  /// Little-endian two's complement of any length.
  void push_long(i64 length) {
    const std::string_view raw = reader_.take_text(length, "integer");
    if (length > 8) return push({.kind = Kind::big_integer, .text = raw});
    u64 value = length > 0 && static_cast<u8>(raw.back()) >= 0x80 ? ~u64{0} : 0;
    for (i64 i = length - 1; i >= 0; --i) {
      value = value << 8 | static_cast<u8>(raw[static_cast<std::size_t>(i)]);
    }
    push_integer(Kind::integer, static_cast<i64>(value));
  }

  /// A double in big-endian order.
  void push_float() {
    u64 bits = 0;
    for (const std::byte byte : reader_.take(8, "float")) bits = bits << 8 | static_cast<u8>(byte);
    push({.kind = Kind::real, .real = std::bit_cast<double>(bits)});
  }

  void push_global() {
    const std::string_view module = take_line();
    const std::string_view name = take_line();
    push({.kind = Kind::global, .text = name, .module = module});
  }

  std::string_view take_line() {
    const i64 begin = reader_.position();
    i64 length = 0;
    while (reader_.read<char>("name of a global") != '\n') {
      if (++length > max_global_bytes) reader_.corrupt("the name of a global has no end");
    }
    reader_.seek(begin, "name of a global");
    const std::string_view line = reader_.take_text(length, "name of a global");
    reader_.take(1, "line end");
    return line;
  }

  i64 floor() const { return marks_.empty() ? 0 : marks_.back(); }

  i64 top() const {
    if (ssize_of(stack_) <= floor()) reader_.corrupt("the pickle's stack is empty");
    return stack_.back();
  }

  i64 pop() {
    const i64 index = top();
    stack_.pop_back();
    return index;
  }

  void pop_or_mark() {
    if (!marks_.empty() && ssize_of(stack_) == marks_.back()) {
      marks_.pop_back();
    } else {
      pop();
    }
  }

  std::vector<i64> pop_items(i64 count) {
    if (ssize_of(stack_) - floor() < count) reader_.corrupt("the pickle's stack is empty");
    std::vector<i64> items(stack_.end() - count, stack_.end());
    stack_.resize(stack_.size() - static_cast<std::size_t>(count));
    return items;
  }

  std::vector<i64> pop_to_mark() {
    if (marks_.empty()) reader_.corrupt("the pickle's stack has no mark");
    std::vector<i64> items = pop_items(ssize_of(stack_) - marks_.back());
    marks_.pop_back();
    return items;
  }

  /// Adds items to the container on top, in groups (1: list, 2: dict).
  void extend(const std::vector<i64>& items, i64 group) {
    PickleValue& target = graph_.values[static_cast<std::size_t>(top())];
    const Kind kind = group == 1 ? Kind::list : Kind::dict;
    if (ssize_of(items) % group != 0) reader_.corrupt("a key without a value");
    if (target.kind == Kind::call) {
      if (group == 1) return;  // the items of an object that only Python knows
    } else if (target.kind != kind) {
      reader_.corrupt("items are added to what is no container");
    }
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void get(u32 place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) reader_.corrupt(fmt::format("memo place {} is empty", place));
    push_index(found->second);
  }

  ByteReader& reader_;
  PickleGraph graph_;
  std::vector<i64> stack_;
  std::vector<i64> marks_;
  std::unordered_map<u32, i64> memo_;
};

}  // namespace

PickleGraph read_pickle(ByteReader& reader) { return PickleMachine(reader).run(); }

}  // namespace medlar::formats
