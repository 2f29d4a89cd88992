#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/byte_reader.h"
#include "base/types.h"

/// Reads a Python pickle as data. Goal: the object graph, as it is written. Non-goal: any object
/// that Python would make of it. A pickle is a program; here its calls are recorded as nodes of the
/// graph and nothing is looked up, imported or run.
namespace medlar::formats {

/// A node of the graph; other nodes are named by their index.
struct PickleValue {
  enum class Kind {
    none,
    boolean,  ///< integer is 0 or 1
    integer,
    big_integer,  ///< over 64 bits; text holds its bytes
    real,
    text,  ///< str, and the bytes of Python 2's str
    bytes,
    tuple,       ///< items
    list,        ///< items; sets too
    dict,        ///< items: key, value, key, value, ...
    global,      ///< module, text: a name that Python would import
    persistent,  ///< arguments: the id, which the outer format explains
    call,        ///< callable(arguments); items: what was set on the result, as in dict
  };

  Kind kind = Kind::none;
  i64 integer = 0;
  double real = 0;
  std::string_view text = {};
  std::string_view module = {};
  i64 callable = -1;
  i64 arguments = -1;
  std::vector<i64> items = {};

  bool is_global(std::string_view module_name, std::string_view name) const {
    return kind == Kind::global && module == module_name && text == name;
  }
};

/// The graph of one pickle. Text is a view of the bytes that were read.
struct PickleGraph {
  std::vector<PickleValue> values;
  i64 root = -1;

  const PickleValue& operator[](i64 index) const { return values[static_cast<std::size_t>(index)]; }
};

/// Reads one pickle of protocol 2 to 5 from the reader's place up to and with its STOP. Throws
/// corrupt_file, unsupported (opcodes of older protocols, extension codes, out-of-band buffers) and
/// limit_exceeded (2,097,152 values, 8,388,608 opcodes).
PickleGraph read_pickle(ByteReader& reader);

}  // namespace medlar::formats
