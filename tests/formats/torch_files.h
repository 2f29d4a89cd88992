#pragma once

#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

#include "test_files.h"

namespace medlar::tests {

/// Writes protocol-2 pickles piece by piece.
class PickleWriter {
 public:
  PickleWriter() { out_.text("\x80\x02"); }
  PickleWriter& op(std::string_view raw) {
    out_.text(raw);
    return *this;
  }
  PickleWriter& text(std::string_view value) {
    out_.text("X").add<u32>(static_cast<u32>(value.size())).text(value);
    return *this;
  }
  PickleWriter& integer(i32 value) {
    out_.text("J").add<i32>(value);
    return *this;
  }
  PickleWriter& global(std::string_view module, std::string_view name) {
    out_.text("c").text(module).text("\n").text(name).text("\n");
    return *this;
  }
  PickleWriter& tuple(const std::vector<i32>& values) {
    out_.text("(");
    for (const i32 value : values) integer(value);
    out_.text("t");
    return *this;
  }
  PickleWriter& storage(std::string_view type, std::string_view key, i32 count) {
    return op("(")
        .text("storage")
        .global("torch", type)
        .text(key)
        .text("cpu")
        .integer(count)
        .op("tQ");
  }
  /// The arguments of _rebuild_tensor_v2 after the storage, and the call.
  PickleWriter& rebuild(i32 offset, const std::vector<i32>& sizes,
                        const std::vector<i32>& strides) {
    return integer(offset)
        .tuple(sizes)
        .tuple(strides)
        .op("\x89")
        .global("collections", "OrderedDict")
        .op(")RtR");
  }
  PickleWriter& tensor(std::string_view type, std::string_view key, i32 count, i32 offset,
                       const std::vector<i32>& sizes, const std::vector<i32>& strides) {
    return global("torch._utils", "_rebuild_tensor_v2")
        .op("(")
        .storage(type, key, count)
        .rebuild(offset, sizes, strides);
  }
  std::string stop() { return out_.text(".").str(); }

 private:
  ByteWriter out_;
};

struct ZipFile {
  std::string name;
  std::string content;
  bool deflated = false;
};

inline std::string deflated(const std::string& content) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(content.size() + 64, '\0');
  std::string in = content;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// A zip archive of these files, in zip64 form if asked.
inline std::string zip_of(const std::vector<ZipFile>& files, bool is_zip64 = false) {
  ByteWriter out;
  ByteWriter directory;
  for (const ZipFile& file : files) {
    const std::string stored = file.deflated ? deflated(file.content) : file.content;
    const u32 crc = static_cast<u32>(
        crc32_z(0, reinterpret_cast<const Bytef*>(file.content.data()), file.content.size()));
    const u32 stored_bytes = static_cast<u32>(stored.size());
    const u32 bytes = static_cast<u32>(file.content.size());
    const u16 method = file.deflated ? 8 : 0;
    const u16 name_bytes = static_cast<u16>(file.name.size());
    const u64 at = out.str().size();
    out.add<u32>(0x04034b50).add<u16>(45).add<u16>(0).add<u16>(method).add<u32>(0).add<u32>(crc);
    out.add<u32>(stored_bytes)
        .add<u32>(bytes)
        .add<u16>(name_bytes)
        .add<u16>(0)
        .text(file.name)
        .text(stored);
    directory.add<u32>(0x02014b50)
        .add<u16>(45)
        .add<u16>(45)
        .add<u16>(0)
        .add<u16>(method)
        .add<u32>(0)
        .add<u32>(crc);
    directory.add<u32>(is_zip64 ? ~u32{0} : stored_bytes).add<u32>(is_zip64 ? ~u32{0} : bytes);
    directory.add<u16>(name_bytes)
        .add<u16>(is_zip64 ? 28 : 0)
        .add<u16>(0)
        .add<u16>(0)
        .add<u16>(0)
        .add<u32>(0);
    directory.add<u32>(is_zip64 ? ~u32{0} : static_cast<u32>(at)).text(file.name);
    if (is_zip64)
      directory.add<u16>(1).add<u16>(24).add<u64>(bytes).add<u64>(stored_bytes).add<u64>(at);
  }
  const u64 begin = out.str().size();
  const u64 size = directory.str().size();
  const u64 count = files.size();
  out.text(directory.str());
  if (is_zip64) {
    const u64 end64 = out.str().size();
    out.add<u32>(0x06064b50).add<u64>(44).add<u16>(45).add<u16>(45).add<u32>(0).add<u32>(0);
    out.add<u64>(count).add<u64>(count).add<u64>(size).add<u64>(begin);
    out.add<u32>(0x07064b50).add<u32>(0).add<u64>(end64).add<u32>(1);
  }
  out.add<u32>(0x06054b50)
      .add<u16>(0)
      .add<u16>(0)
      .add<u16>(static_cast<u16>(count))
      .add<u16>(static_cast<u16>(count));
  out.add<u32>(is_zip64 ? ~u32{0} : static_cast<u32>(size))
      .add<u32>(is_zip64 ? ~u32{0} : static_cast<u32>(begin))
      .add<u16>(0);
  return out.str();
}

inline std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// What torch.save() writes for this pickle and these storages "0", "1", ...
inline std::string torch_zip(const std::string& pickle, const std::vector<std::string>& storages) {
  std::vector<ZipFile> files{{"m/data.pkl", pickle}, {"m/byteorder", "little"}};
  for (std::size_t i = 0; i < storages.size(); ++i)
    files.push_back({"m/data/" + std::to_string(i), storages[i]});
  return zip_of(files);
}

}  // namespace medlar::tests
