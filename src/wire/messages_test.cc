// SPDX-License-Identifier: Apache-2.0
#include "wire/messages.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>
#include <set>

#include "base/sha256.h"
#include "wire/message_samples.h"

namespace altlas::wire {
namespace {

std::string_view PayloadOf(std::string_view frame) { return frame.substr(kFrameHeaderBytes); }

Result<std::vector<Message>> ReadAll(const std::vector<std::string_view>& pieces) {
  FrameReader reader;
  std::vector<Message> messages;
  for (const auto piece : pieces) {
    reader.Feed(AsBytes(piece));
    while (auto frame = reader.Next()) {
      ALTLAS_TRY(auto message, DecodeMessage(*frame));
      messages.push_back(std::move(message));
    }
  }
  if (!reader.status()) return reader.status().error();
  return messages;
}

TEST(Messages, SamplesCoverEveryTypeOnceAndNumbersAndNamesAreDistinct) {
  std::set<std::size_t> indices;
  std::set<std::uint16_t> types;
  std::set<std::string_view> names;
  for (const auto& message : SampleMessages()) {
    indices.insert(message.index());
    types.insert(MessageType(message));
    names.insert(MessageName(MessageType(message)));
  }
  EXPECT_EQ(indices.size(), std::variant_size_v<Message>);
  EXPECT_EQ(types.size(), std::variant_size_v<Message>);
  EXPECT_EQ(names.size(), std::variant_size_v<Message>);
  EXPECT_FALSE(names.contains("unknown"));
}

// CLU-3
TEST(Messages, HaveTheGoldenBytesOfProtocolOne) {
  // Type, then payload. The lease is task 0190f5fe-7c00-7a00-8123-456789abcdef, attempt 2: high half, low
  // half, attempt.
  const std::string lease =
      "007a007cfef59001"
      "efcdab8967452381"
      "02000000";
  const std::string lease3 =
      "007a007cfef59001"
      "efcdab8967452381"
      "03000000";
  const std::vector<std::pair<int, std::string>> golden = {
      {0x0001, ""},
      {0x0006, "01"},
      {0x0007,
       "06000000"
       "6772c3bcc39f"},
      {0x0101,
       "01000000"
       "05000000"
       "302e312e30"
       "05000000"
       "6770755f30"
       "06000000"
       "736563726574"
       "67120000"
       "8877665544332211"
       "02000000" +
           lease + "00" + lease3 + "01"},
      {0x0102,
       "01000000"
       "05000000"
       "302e312e30"
       "02000000"
       "04000000"
       "74696e79"
       "0c000000"
       "2f6d6f64656c732f74696e79"
       "07000000"
       "666c6f61743332"
       "0000100000000000"
       "00040000"
       "01000000"
       "62"
       "04000000"
       "2f6d2f62"
       "08000000"
       "62666c6f61743136"
       "0000000000000000"
       "00000000"
       "02000000"
       "08000000"
       "f4010000"
       "60ea000000000000"},
      {0x0103,
       "04000000"
       "74696e79"
       "05000000"
       "6c6c616d61"
       "07000000"
       "666c6f61743332"
       "001bb70000000000"
       "0000100000000000"
       "000000000000d03f"
       "c0c62d0000000000"
       "00040000"
       "00080000"},
      {0x0104,
       "01000000"
       "62"
       "03"
       "0e000000"
       "6e6f20636f6e6669672e6a736f6e"},
      {0x0105,
       "08000000"
       "02000000"
       "e803000000000000"
       "d007000000000000"},
      {0x0106, lease + "0f000000"
                       "746578745f67656e65726174696f6e"
                       "04000000"
                       "74696e79"
                       "0d000000"
                       "7b2274657874223a226869227d"
                       "01"
                       "03000000"
                       "01000000"
                       "02000000"
                       "70110100"},
      {0x0107, lease},
      {0x0108, lease + "03000000"
                       "01000000"
                       "11000000"
                       "02000000"
                       "2061"},
      {0x0109, lease + "0c000000"
                       "7b2274657874223a2278227d"
                       "000000000000e03f"
                       "05000000"
                       "14000000"},
      {0x010a, lease},
      {0x010b, lease + "0a"
                       "05000000"
                       "61736b6564"
                       "00"},
      {0x010c,
       "0700000000000000"
       "01000000"
       "02000000"
       "2c01000000000000"
       "9001000000000000"
       "f401000000000000"
       "0000000000002940"},
      {0x010d, "8813000000000000"},
      {0x010e,
       "01"
       "03000000"
       "627965"},
      {0x010f,
       "0900000000000000"
       "e8030000"
       "0a000000"},
      {0x0110,
       "0900000000000000"
       "000000000000f03f"
       "000000000000e03f"
       "0010000000000000"
       "000000000000c03f"
       "01000000"
       "04000000"
       "74696e79"
       "0200000000000000"
       "1e00000000000000"
       "2800000000000000"
       "01000000"
       "06000000"
       "6465636f6465"
       "01000000"
       "01000000"
       "2600000000000000"
       "2600000000000000"
       "000000000000e03f"
       "000000000000d03f"
       "000000000000e83f"
       "000000000000d03f"
       "01000000"
       "01000000"
       "78"
       "0700000000000000"
       "0000000000000040"},
  };
  const auto samples = SampleMessages();
  ASSERT_EQ(samples.size(), golden.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto bytes = EncodeMessage(samples[i]);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(MessageType(samples[i]), golden[i].first);
    EXPECT_EQ(ToHex(PayloadOf(*bytes)), golden[i].second) << MessageName(MessageType(samples[i]));
  }
}

TEST(Messages, ErrorCodesKeepTheirBytes) {
  EXPECT_EQ(ErrorCodeToByte(ErrorCode::kInvalidArgument), 0);
  EXPECT_EQ(ErrorCodeToByte(ErrorCode::kUnavailable), 8);
  EXPECT_EQ(ErrorCodeToByte(ErrorCode::kCanceled), 10);
  EXPECT_EQ(ErrorCodeToByte(ErrorCode::kInternal), 13);
  EXPECT_FALSE(ErrorCodeFromByte(14));
  for (std::uint8_t byte = 0; byte < 14; ++byte) EXPECT_EQ(ErrorCodeToByte(*ErrorCodeFromByte(byte)), byte);
}

TEST(Messages, EveryTypeArrivesFromAnyTwoPiecesAndByteByByte) {
  for (const auto& message : SampleMessages()) {
    const auto bytes = EncodeMessage(message);
    ASSERT_TRUE(bytes);
    std::vector<std::string_view> singles;
    for (std::size_t cut = 0; cut <= bytes->size(); ++cut) {
      const std::string_view view = *bytes;
      const auto received = ReadAll({view.substr(0, cut), view.substr(cut)});
      ASSERT_TRUE(received) << received.error().message;
      ASSERT_EQ(*received, std::vector<Message>{message}) << cut;
      if (cut < bytes->size()) singles.push_back(view.substr(cut, 1));
    }
    const auto received = ReadAll(singles);
    ASSERT_TRUE(received) << received.error().message;
    EXPECT_EQ(*received, std::vector<Message>{message});
  }
}

TEST(Messages, EveryTruncatedOrProlongedPayloadIsRefused) {
  for (const auto& message : SampleMessages()) {
    const auto bytes = EncodeMessage(message);
    const auto payload = std::string(PayloadOf(*bytes));
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const auto decoded = DecodeMessage({MessageType(message), std::string_view(payload).substr(0, size)});
      ASSERT_FALSE(decoded) << MessageName(MessageType(message)) << " at " << size;
      EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
    }
    const auto longer = DecodeMessage({MessageType(message), payload + "x"});
    ASSERT_FALSE(longer);
    EXPECT_NE(longer.error().message.find("1 bytes too many"), std::string::npos);
  }
}

TEST(Messages, EveryFlippedBitOfAFrameIsRefused) {
  for (const auto& message : SampleMessages()) {
    const auto good = EncodeMessage(message);
    for (std::size_t bit = 0; bit < good->size() * 8; ++bit) {
      auto bad = *good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      ASSERT_FALSE(ReadAll({bad})) << MessageName(MessageType(message)) << " bit " << bit;
    }
  }
}

template <std::size_t I = 0>
Message RandomMessage(std::size_t index, std::uint64_t seed) {
  if constexpr (I < std::variant_size_v<Message>) {
    if (index != I) return RandomMessage<I + 1>(index, seed);
    std::variant_alternative_t<I, Message> message{};
    MessageFiller filler(seed);
    Fields(filler, message);
    return message;
  } else {
    return KeepAlive{};
  }
}

TEST(Messages, DecodeGivesBackWhatWasEncoded) {
  EXPECT_TRUE(rc::check([] {
    const auto message = RandomMessage(*rc::gen::inRange<std::size_t>(0, std::variant_size_v<Message>),
                                       *rc::gen::arbitrary<std::uint64_t>());
    const auto bytes = EncodeMessage(message);
    RC_ASSERT(bytes.has_value());
    const auto received = ReadAll({*bytes});
    RC_ASSERT(received.has_value());
    RC_ASSERT(*received == std::vector<Message>{message});
  }));
}

TEST(Messages, DamagedPayloadsNeverDecodeToSomethingThatEncodesDifferently) {
  EXPECT_TRUE(rc::check([] {
    const auto message = RandomMessage(*rc::gen::inRange<std::size_t>(0, std::variant_size_v<Message>),
                                       *rc::gen::arbitrary<std::uint64_t>());
    auto payload = std::string(PayloadOf(*EncodeMessage(message)));
    if (payload.empty()) return;
    payload[*rc::gen::inRange<std::size_t>(0, payload.size())] = *rc::gen::arbitrary<char>();
    const auto decoded = DecodeMessage({MessageType(message), payload});
    if (decoded) RC_ASSERT(std::string(PayloadOf(*EncodeMessage(*decoded))) == payload);
  }));
}

TEST(Messages, UnknownTypeIsAnErrorThatNamesIt) {
  const auto decoded = DecodeMessage({0x0142, ""});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(decoded.error().message.find("0x0142"), std::string::npos);
  EXPECT_EQ(MessageName(0x0142), "unknown");
}

TEST(Messages, OtherProtocolVersionIsRefusedWithBothNumbers) {
  auto hello = std::get<Hello>(SampleMessages()[3]);
  hello.protocol = 7;
  const auto bytes = EncodeMessage(hello);
  const auto decoded = ReadAll({*bytes});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(decoded.error().message.find("protocol 7"), std::string::npos);
}

TEST(Messages, HugeCountsAreRefusedBeforeAnythingIsAllocated) {
  auto payload = std::string(PayloadOf(*EncodeMessage(Token{{kSampleTask, 1}, 0, {}, ""})));
  const std::uint32_t count = std::numeric_limits<std::uint32_t>::max();
  std::memcpy(payload.data() + 24, &count, sizeof(count));
  const auto ids = DecodeMessage({0x0108, payload});
  ASSERT_FALSE(ids);
  EXPECT_NE(ids.error().message.find("field ids"), std::string::npos);

  auto hello = Hello{.program_version = "1", .device = "d", .token = "", .leases = {}};
  payload = std::string(PayloadOf(*EncodeMessage(hello)));
  std::memcpy(payload.data() + payload.size() - 4, &count, sizeof(count));
  const auto leases = DecodeMessage({0x0101, payload});
  ASSERT_FALSE(leases);
  EXPECT_NE(leases.error().message.find("field leases"), std::string::npos);
}

// The text of several could not be cut between them.
TEST(Messages, ATokenMessageOfSeveralTokensIsRefusedOnBothSides) {
  const Token two{{kSampleTask, 1}, 0, {1, 2}, "ab"};
  const auto encoded = EncodeMessage(two);
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(encoded.error().message.find("ids"), std::string::npos);
  auto payload = std::string(PayloadOf(*EncodeMessage(Token{{kSampleTask, 1}, 0, {1}, "ab"})));
  payload[24] = 2;
  payload.insert(32, std::string("\2\0\0\0", 4));
  const auto decoded = DecodeMessage({0x0108, payload});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(decoded.error().message.find("field ids"), std::string::npos);
  EXPECT_NE(decoded.error().message.find("the limit is 1"), std::string::npos);
}

TEST(Messages, FieldsPastTheirLimitsAreNotEncodedAndLeaveTheBufferAsItWas) {
  std::string out = "before";
  const auto too_long =
      AppendMessage(out, LeaseDone{{kSampleTask, 1}, std::string(kMaxJsonBytes + 1, ' '), 0, 0, 0});
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(too_long.error().message.find("lease_done"), std::string::npos);
  EXPECT_NE(too_long.error().message.find("result"), std::string::npos);
  EXPECT_EQ(out, "before");

  for (const std::string& name :
       {std::string(), std::string(257, 'n'), std::string("a\nb"), std::string("\xff")}) {
    EXPECT_EQ(EncodeMessage(ModelFailed{name, ErrorCode::kInternal, ""}).error().code,
              ErrorCode::kInvalidArgument);
  }
  for (const double seconds : {-1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_FALSE(EncodeMessage(LeaseDone{{kSampleTask, 1}, "{}", seconds, 0, 0}));
  }
}

TEST(Messages, FreeTextIsRepairedAndCutInsteadOfRefused) {
  const auto bytes = EncodeMessage(
      LeaseFailed{{kSampleTask, 1}, ErrorCode::kInternal, "bad \xff byte " + std::string(5000, 'x'), true});
  ASSERT_TRUE(bytes);
  const auto received = ReadAll({*bytes});
  ASSERT_TRUE(received);
  const auto& failed = std::get<LeaseFailed>(received->front());
  EXPECT_EQ(failed.message.substr(0, 12), "bad \xef\xbf\xbd byte");
  EXPECT_LE(failed.message.size(), kMaxTextBytes);

  // A limit in the middle of a character cuts before it.
  const auto cut = EncodeMessage(PrintLine{std::string(kMaxTextBytes - 1, 'x') + "ş"});
  EXPECT_EQ(std::get<PrintLine>(ReadAll({*cut})->front()).text.size(), kMaxTextBytes - 1);
}

TEST(Messages, ForbiddenValuesAreRefusedByField) {
  const auto refuse = [](std::uint16_t type, std::string payload, std::size_t at, char value,
                         std::string_view field) {
    payload[at] = value;
    const auto decoded = DecodeMessage({type, payload});
    ASSERT_FALSE(decoded) << field;
    EXPECT_NE(decoded.error().message.find(std::string("field ") + std::string(field)), std::string::npos)
        << decoded.error().message;
  };
  const auto samples = SampleMessages();
  const auto payload = [&](std::size_t i) { return std::string(PayloadOf(*EncodeMessage(samples[i]))); };
  refuse(0x010b, payload(13), 20, 14, "code");  // no such error code
  refuse(0x010b, payload(13), payload(13).size() - 1, 2, "worker_at_fault");
  refuse(0x010e, payload(16), 0, 7, "reason");
  refuse(0x0107 - 0x100, payload(2), 4, '\xff', "text");  // print_line, not UTF-8
  refuse(0x0109, payload(11), 43, '\xff', "seconds");     // the sign bit of 0.5: 20 + 4 + 12 + 7
}

}  // namespace
}  // namespace altlas::wire
