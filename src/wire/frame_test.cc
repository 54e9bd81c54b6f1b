// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"
#include "base/sha256.h"

namespace altlas::wire {
namespace {

std::string FrameOf(std::uint16_t type, std::string_view payload) {
  std::string out;
  AppendFrame(out, type, payload);
  return out;
}

struct Received {
  std::vector<std::pair<std::uint16_t, std::string>> frames;
  Status status;
};

Received ReadPieces(const std::vector<std::string_view>& pieces, std::uint64_t limit = 1 << 20) {
  FrameReader reader(limit);
  Received received;
  for (const auto piece : pieces) {
    reader.Feed(AsBytes(piece));
    while (auto frame = reader.Next()) received.frames.emplace_back(frame->type, std::string(frame->payload));
  }
  received.status = reader.status();
  return received;
}

// CLU-3
TEST(Frame, HasTheGoldenBytesOfVersionOne) {
  // magic, version 1, flags 0, type 0x0107, length 3, the payload's sum; then the header's sum. Both sums
  // were computed with another implementation (the Python package xxhash).
  const auto bytes = FrameOf(0x0107, "abc");
  EXPECT_EQ(ToHex(bytes.substr(0, 24)),
            "414c545701000701"
            "0300000000000000"
            "50392f89945faf78");
  EXPECT_EQ(ToHex(bytes.substr(24)),
            "e1905923d639767f"
            "616263");
}

TEST(Frame, ArrivesWholeFromAnyTwoPieces) {
  const auto bytes = FrameOf(7, "hello") + FrameOf(8, "") + FrameOf(9, std::string(300, 'x'));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto received =
        ReadPieces({std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)});
    ASSERT_TRUE(received.status) << cut;
    ASSERT_EQ(received.frames.size(), 3u) << cut;
    EXPECT_EQ(received.frames[0], std::pair(std::uint16_t{7}, std::string("hello")));
    EXPECT_EQ(received.frames[2].second, std::string(300, 'x'));
  }
}

TEST(Frame, ArrivesWholeByteByByte) {
  const auto bytes = FrameOf(7, "hello") + FrameOf(8, "");
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) pieces.push_back(std::string_view(bytes).substr(i, 1));
  const auto received = ReadPieces(pieces);
  ASSERT_EQ(received.frames.size(), 2u);
  EXPECT_TRUE(received.status);
}

TEST(Frame, EveryFlippedBitIsRefusedAndNothingIsDeliveredFromIt) {
  const auto good = FrameOf(0x0109, "payload of some bytes");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    const auto received = ReadPieces({bad});
    EXPECT_FALSE(received.status) << "bit " << bit;
    EXPECT_TRUE(received.frames.empty()) << "bit " << bit;
  }
}

TEST(Frame, EveryTruncationGivesNoFrameAndNoError) {
  const auto good = FrameOf(1, "some payload");
  for (std::size_t size = 1; size < good.size(); ++size) {
    FrameReader reader;
    reader.Feed(AsBytes(std::string_view(good).substr(0, size)));
    EXPECT_FALSE(reader.Next());
    EXPECT_TRUE(reader.status());
    reader.Feed(AsBytes(std::string_view(good).substr(size)));
    EXPECT_TRUE(reader.Next()) << size;
  }
}

TEST(Frame, LengthPastTheLimitIsRefusedFromTheHeaderAlone) {
  const auto bytes = FrameOf(3, std::string(1001, 'x')).substr(0, kFrameHeaderBytes);
  const auto received = ReadPieces({bytes}, 1000);
  ASSERT_FALSE(received.status);
  EXPECT_EQ(received.status.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(received.status.error().message.find("1001"), std::string::npos);
  EXPECT_NE(received.status.error().message.find("1000"), std::string::npos);
  EXPECT_EQ(ReadPieces({FrameOf(3, std::string(1000, 'x'))}, 1000).frames.size(), 1u);
}

TEST(Frame, OtherVersionIsRefusedByItsFifthByte) {
  auto bytes = FrameOf(3, "x").substr(0, 5);
  bytes[4] = 9;
  const auto received = ReadPieces({bytes});
  ASSERT_FALSE(received.status);
  EXPECT_EQ(received.status.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(received.status.error().message.find("version 9"), std::string::npos);
}

TEST(Frame, AnotherProtocolIsRefusedByItsFirstByte) {
  EXPECT_EQ(ReadPieces({"G"}).status.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(ReadPieces({"A"}).status);
}

TEST(Frame, FramesBeforeADamagedOneAreDeliveredAndNoneAfterIt) {
  auto damaged = FrameOf(2, "two");
  damaged.back() = '!';
  const auto received = ReadPieces({FrameOf(1, "one") + damaged + FrameOf(3, "three"), FrameOf(4, "four")});
  ASSERT_EQ(received.frames.size(), 1u);
  EXPECT_EQ(received.frames[0].second, "one");
  EXPECT_EQ(received.status.error().code, ErrorCode::kCorrupt);
}

TEST(Frame, RandomPiecesOfRandomFramesComeOutTheSame) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    std::string bytes;
    std::vector<std::pair<std::uint16_t, std::string>> sent;
    for (int i = 0; i < 20; ++i) {
      std::string payload(random.Below(2000), '\0');
      for (char& c : payload) c = static_cast<char>(random.Next());
      sent.emplace_back(static_cast<std::uint16_t>(random.Next()), payload);
      AppendFrame(bytes, sent.back().first, payload);
    }
    std::vector<std::string_view> pieces;
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto size = std::min<std::size_t>(rest.size(), 1 + random.Below(500));
      pieces.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    const auto received = ReadPieces(pieces);
    ASSERT_TRUE(received.status);
    ASSERT_EQ(received.frames, sent) << "seed " << seed;
  }
}

}  // namespace
}  // namespace altlas::wire
