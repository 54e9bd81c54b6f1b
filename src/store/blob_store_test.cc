// SPDX-License-Identifier: Apache-2.0
#include "store/blob_store.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/sha256.h"

namespace altlas::store {
namespace {

class Blobs : public testing::Test {
 protected:
  TemporaryFolder folder_;
  BlobStore blobs_ = std::move(*BlobStore::Open(folder_.path() / "blobs"));
};

TEST_F(Blobs, BytesReadBackUnderTheirHash) {
  const std::string bytes(100'000, 'b');
  const auto name = blobs_.Put(bytes);
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(*name, Sha256Hex(bytes));
  EXPECT_TRUE(blobs_.SyncFolder().has_value());
  EXPECT_EQ(blobs_.Get(*name).value(), bytes);
}

TEST_F(Blobs, EqualBytesAreOneFile) {
  EXPECT_EQ(blobs_.Put("same").value(), blobs_.Put("same").value());
  EXPECT_EQ(blobs_.List().size(), 1u);
}

TEST_F(Blobs, ADamagedFileIsNoticed) {
  const auto name = blobs_.Put("right").value();
  ASSERT_TRUE(WriteFileAtomically(folder_.path() / "blobs" / name, "wrong").has_value());
  EXPECT_EQ(blobs_.Get(name).error().code, ErrorCode::kCorrupt);
  blobs_.Remove(name);
  EXPECT_EQ(blobs_.Get(name).error().code, ErrorCode::kNotFound);
  blobs_.Remove(name);
}

TEST_F(Blobs, ATruncatedFileIsWrittenAgain) {
  const auto name = blobs_.Put("right").value();
  ASSERT_TRUE(WriteFileAtomically(folder_.path() / "blobs" / name, "rig").has_value());
  ASSERT_TRUE(blobs_.Put("right").has_value());
  EXPECT_EQ(blobs_.Get(name).value(), "right");
}

TEST_F(Blobs, WhatAnInterruptedWriteLeftIsRemovedAtTheNextStart) {
  const auto name = blobs_.Put("x").value();
  ASSERT_TRUE(WriteFileAtomically(folder_.path() / "blobs" / "abc.tmp", "half").has_value());
  EXPECT_EQ(BlobStore::Open(folder_.path() / "blobs")->List(), std::vector{name});
}

}  // namespace
}  // namespace altlas::store
