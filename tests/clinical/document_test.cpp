#include "clinical/document.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace medlar::clinical {
namespace {

TEST(Document, OffsetsInEachUnit) {
  const Document note("a\u00e9\U0001f600z");
  EXPECT_EQ(note.offset(7, OffsetUnit::byte), 7);
  EXPECT_EQ(note.offset(7, OffsetUnit::scalar), 3);
  EXPECT_EQ(note.offset(7, OffsetUnit::utf16), 4);
  EXPECT_EQ(note.text({.begin = 7, .end = 8}), "z");
}

TEST(Document, RefusesBytesThatAreNotUtf8) { EXPECT_THROW(Document("pain \xff"), Error); }

TEST(Document, DigestIsSha256) {
  EXPECT_EQ(Document("abc").digest(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace medlar::clinical
