// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <gtest/gtest.h>

namespace altlas {
namespace {

TEST(Bytes, WhatWasWrittenReadsBack) {
  ByteWriter w;
  w.Put<std::uint16_t>(0x1234);
  w.Put<double>(2.5);
  w.PutString("abc");
  ByteReader r(AsBytes(w.out()));
  EXPECT_EQ(r.Get<std::uint16_t>(), 0x1234);
  EXPECT_EQ(r.Get<double>(), 2.5);
  EXPECT_EQ(r.GetString(), "abc");
  EXPECT_TRUE(r.Finish().has_value());
}

TEST(Bytes, LittleEndianGoldenBytes) {
  ByteWriter w;
  w.Put<std::uint32_t>(0x01020304);
  EXPECT_EQ(w.out(), std::string("\x04\x03\x02\x01"));
}

TEST(Bytes, EveryTruncationFailsAndStaysFailed) {
  ByteWriter w;
  w.Put<std::uint64_t>(7);
  w.PutString("hello");
  for (std::size_t cut = 0; cut < w.out().size(); ++cut) {
    ByteReader r(AsBytes(w.out()).subspan(0, cut));
    r.Get<std::uint64_t>();
    r.GetString();
    EXPECT_FALSE(r.Finish().has_value()) << cut;
    EXPECT_EQ(r.Get<std::uint8_t>(), 0) << cut;
  }
}

TEST(Bytes, LengthPastTheLimitIsRefused) {
  ByteWriter w;
  w.PutString("hello");
  ByteReader r(AsBytes(w.out()));
  EXPECT_EQ(r.GetString(4), "");
  EXPECT_FALSE(r.ok());
}

TEST(Bytes, LeftOverBytesAreAnError) {
  ByteReader r(AsBytes("x"));
  EXPECT_EQ(r.Finish().error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace altlas
