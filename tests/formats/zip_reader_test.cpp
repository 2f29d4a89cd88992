#include "formats/zip_reader.h"

#include <gtest/gtest.h>

#include "torch_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;
using tests::expect_error;
using tests::zip_of;
using tests::ZipFile;

std::string content_of(const std::string& archive, std::string_view name) {
  const ZipReader reader(bytes_of_text(archive), "f");
  const auto found = reader.entries().find(name);
  if (found == reader.entries().end()) return "(absent)";
  const ZipContent content = unpack(found->second, name, "f", StoredCrc::checked);
  return {reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()};
}

const std::vector<ZipFile> two_files{{"a", "alpha"}, {"dir/b", std::string(3000, 'b') + "c", true}};

TEST(ZipReader, ReadsStoredAndDeflatedEntries) {
  for (const bool is_zip64 : {false, true}) {
    const std::string archive = zip_of(two_files, is_zip64);
    EXPECT_EQ(content_of(archive, "a"), "alpha");
    EXPECT_EQ(content_of(archive, "dir/b"), two_files[1].content);
  }
  EXPECT_EQ(content_of(zip_of({{"empty", "", true}}), "empty"), "");
}

TEST(ZipReader, ACommentMayFollow) {
  std::string archive = zip_of(two_files);
  archive[archive.size() - 2] = 5;
  EXPECT_EQ(content_of(archive + "words", "a"), "alpha");
}

TEST(ZipReader, RefusesEveryPrefixAndSurvivesChanges) {
  const std::vector<ZipFile> files{{"a", "alpha"}, {"b", "bbbbbbbbbbbbbbbbbbbb", true}};
  for (const bool is_zip64 : {false, true}) {
    const std::string archive = zip_of(files, is_zip64);
    const auto read_all = [](Bytes bytes) {
      const ZipReader reader(bytes, "f");
      for (const auto& [name, entry] : reader.entries())
        unpack(entry, name, "f", StoredCrc::checked);
    };
    tests::expect_every_prefix_refused(archive, read_all);
    tests::expect_no_crash_with_changed_bytes(archive, read_all);
  }
}

TEST(ZipReader, RefusesNamesThatRepeat) {
  expect_error(ErrorCode::corrupt_file, "twice",
               [] { content_of(zip_of({{"a", "x"}, {"a", "y"}}), "a"); });
}

TEST(ZipReader, RefusesEntriesThatOverlap) {
  // Two names for one local header: the second directory entry is the first one's copy, renamed in
  // place with the local header's name, which both must share.
  std::string archive = zip_of({{"a", "12345678"}, {"b", "12345678"}});
  const std::size_t second = archive.rfind("\x50\x4b\x01\x02");
  archive.replace(second + 42, 4, std::string(4, '\0'));
  expect_error(ErrorCode::corrupt_file, "another name", [&] { content_of(archive, "a"); });
  archive[second + 46] = 'a';
  expect_error(ErrorCode::corrupt_file, "twice", [&] { content_of(archive, "a"); });
}

TEST(ZipReader, RefusesOtherMethodsAndBadSizes) {
  std::string archive = zip_of({{"a", "alpha"}});
  const std::size_t entry = archive.find("\x50\x4b\x01\x02");
  std::string changed = archive;
  changed[entry + 10] = 12;
  expect_error(ErrorCode::unsupported, "method 12", [&] { content_of(changed, "a"); });
  changed = archive;
  changed[entry + 8] = 1;
  expect_error(ErrorCode::unsupported, "encrypted", [&] { content_of(changed, "a"); });
  changed = archive;
  changed[entry + 24] = 6;
  expect_error(ErrorCode::corrupt_file, "is stored in", [&] { content_of(changed, "a"); });
  changed = archive;
  changed[entry + 16] ^= 1;
  expect_error(ErrorCode::corrupt_file, "CRC", [&] { content_of(changed, "a"); });
}

TEST(ZipReader, RefusesBombsAndWrongInflatedSizes) {
  expect_error(ErrorCode::limit_exceeded, "limit",
               [] { content_of(zip_of({{"bomb", std::string(10'000'000, 'x'), true}}), "bomb"); });
  for (const int change : {-1, 1}) {
    std::string archive = zip_of({{"b", std::string(100, 'x'), true}});
    const std::size_t entry = archive.find("\x50\x4b\x01\x02");
    archive[entry + 24] = static_cast<char>(100 + change);
    expect_error(ErrorCode::corrupt_file, "does not unpack", [&] { content_of(archive, "b"); });
  }
}

}  // namespace
}  // namespace medlar::formats
