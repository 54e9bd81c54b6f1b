// SPDX-License-Identifier: Apache-2.0
#include "wire/messages.h"

#include <array>
#include <cmath>
#include <type_traits>

#include "base/utf8.h"
#include "wire/message_fields.h"

namespace altlas::wire {

namespace {

struct TypeEntry {
  std::uint16_t type;
  std::string_view name;
};
// In the order of the alternatives of Message. 0x0002 to 0x0005 are kept for the packets of plain data, of
// options and data, of little options and data, and for the two-byte request.
constexpr std::array<TypeEntry, std::variant_size_v<Message>> kTypes = {{
    {0x0001, "keep_alive"},     {0x0006, "status_answer"}, {0x0007, "print_line"},     {0x0101, "hello"},
    {0x0102, "welcome"},        {0x0103, "model_ready"},   {0x0104, "model_failed"},   {0x0105, "ready"},
    {0x0106, "lease_grant"},    {0x0107, "lease_cancel"},  {0x0108, "token"},          {0x0109, "lease_done"},
    {0x010a, "lease_done_ack"}, {0x010b, "lease_failed"},  {0x010c, "heartbeat"},      {0x010d, "drain"},
    {0x010e, "goodbye"},        {0x010f, "profile_ask"},   {0x0110, "profile_report"},
}};

// The position is the byte. Append only.
constexpr std::array kErrorCodes = {
    ErrorCode::kInvalidArgument, ErrorCode::kUnauthenticated, ErrorCode::kDenied,     ErrorCode::kNotFound,
    ErrorCode::kConflict,        ErrorCode::kTooLarge,        ErrorCode::kOverloaded, ErrorCode::kStorageFull,
    ErrorCode::kUnavailable,     ErrorCode::kTimeout,         ErrorCode::kCanceled,   ErrorCode::kCorrupt,
    ErrorCode::kUnsupported,     ErrorCode::kInternal,
};

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes || !IsValidUtf8(text)) return false;
  for (const unsigned char c : text) {
    if (c < 0x20 || c == 0x7f) return false;
  }
  return true;
}

// Valid UTF-8 of at most `limit` bytes, cut between two characters.
std::string RepairText(std::string_view text, std::size_t limit) {
  std::string repaired = ReplaceInvalidUtf8(text.substr(0, limit));
  if (repaired.size() > limit) repaired.resize(limit);
  repaired.resize(repaired.size() - IncompleteUtf8Tail(repaired));
  return repaired;
}

class Encoder {
 public:
  explicit Encoder(std::string_view message) : message_(message) {}

  template <typename T>
  void Number(std::string_view, T value) {
    writer_.Put(value);
  }
  void Protocol(std::string_view field, std::uint32_t value) { Number(field, value); }
  void Bool(std::string_view, bool value) { writer_.Put<std::uint8_t>(value ? 1 : 0); }
  void Amount(std::string_view field, double value) {
    if (!std::isfinite(value) || value < 0) {
      Refuse(ErrorCode::kInvalidArgument, field, fmt::format("{} is not a finite number >= 0", value));
    }
    writer_.Put(value == 0 ? 0.0 : value);
  }
  void Code(std::string_view, ErrorCode code) { writer_.Put(ErrorCodeToByte(code)); }
  template <typename E>
  void Enum(std::string_view, E value, std::uint8_t) {
    writer_.Put(static_cast<std::uint8_t>(value));
  }
  void Name(std::string_view field, std::string_view value) {
    if (!IsName(value)) {
      Refuse(ErrorCode::kInvalidArgument, field,
             fmt::format("a name is 1 to {} bytes of UTF-8 without control characters", kMaxNameBytes));
    }
    writer_.PutString(value);
  }
  void Text(std::string_view, std::string_view value) { writer_.PutString(RepairText(value, kMaxTextBytes)); }
  void Bytes(std::string_view field, std::string_view value, std::uint32_t limit) {
    if (Fits(field, value.size(), limit, "bytes")) writer_.PutString(value);
  }
  void Ids(std::string_view field, const std::vector<std::uint32_t>& ids, std::uint32_t limit) {
    if (!Fits(field, ids.size(), limit, "ids")) return;
    writer_.Put(static_cast<std::uint32_t>(ids.size()));
    writer_.PutRaw({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(std::uint32_t)});
  }
  template <typename T>
  void List(std::string_view field, std::vector<T>& items, std::uint32_t limit) {
    if (!Fits(field, items.size(), limit, "items")) return;
    writer_.Put(static_cast<std::uint32_t>(items.size()));
    for (T& item : items) Fields(*this, item);
  }

  const Status& status() const { return status_; }
  std::string_view payload() { return writer_.out(); }

 private:
  bool Fits(std::string_view field, std::size_t size, std::uint32_t limit, std::string_view unit) {
    if (size <= limit) return true;
    Refuse(ErrorCode::kTooLarge, field, fmt::format("{} {}, the limit is {}", size, unit, limit));
    return false;
  }
  void Refuse(ErrorCode code, std::string_view field, const std::string& why) {
    if (status_) status_ = Fail(code, "message {}, field {}: {}", message_, field, why);
  }

  std::string_view message_;
  ByteWriter writer_;
  Status status_;
};

class Decoder {
 public:
  Decoder(std::string_view message, std::string_view payload)
      : message_(message), reader_(AsBytes(payload)) {}

  template <typename T>
  void Number(std::string_view field, T& value) {
    value = reader_.Get<T>();
    CheckRead(field);
  }
  void Protocol(std::string_view field, std::uint32_t& value) {
    Number(field, value);
    if (status_ && value != kProtocolVersion) {
      status_ = Fail(ErrorCode::kUnsupported, "the peer speaks protocol {}, this program {}: use one version",
                     value, kProtocolVersion);
    }
  }
  void Bool(std::string_view field, bool& value) {
    const auto byte = reader_.Get<std::uint8_t>();
    CheckRead(field);
    if (byte > 1) Refuse(field, fmt::format("{} is neither 0 nor 1", byte));
    value = byte == 1;
  }
  void Amount(std::string_view field, double& value) {
    value = reader_.Get<double>();
    CheckRead(field);
    if (!std::isfinite(value) || std::signbit(value)) Refuse(field, "not a finite number >= 0");
  }
  void Code(std::string_view field, ErrorCode& code) {
    const auto byte = reader_.Get<std::uint8_t>();
    CheckRead(field);
    if (const auto known = ErrorCodeFromByte(byte)) {
      code = *known;
    } else {
      Refuse(field, fmt::format("{} is no error code", byte));
    }
  }
  template <typename E>
  void Enum(std::string_view field, E& value, std::uint8_t last) {
    const auto byte = reader_.Get<std::uint8_t>();
    CheckRead(field);
    if (byte > last) return Refuse(field, fmt::format("{} is past the last known value {}", byte, last));
    value = static_cast<E>(byte);
  }
  void Name(std::string_view field, std::string& value) {
    value = reader_.GetString(kMaxNameBytes);
    CheckRead(field);
    if (!IsName(value)) Refuse(field, "not a name (1 to 256 bytes of UTF-8 without control characters)");
  }
  void Text(std::string_view field, std::string& value) {
    value = reader_.GetString(kMaxTextBytes);
    CheckRead(field);
    if (!IsValidUtf8(value)) Refuse(field, "not valid UTF-8");
  }
  void Bytes(std::string_view field, std::string& value, std::uint32_t limit) {
    value = reader_.GetString(limit);
    CheckRead(field);
  }
  void Ids(std::string_view field, std::vector<std::uint32_t>& ids, std::uint32_t limit) {
    const auto count = Count(field, limit, sizeof(std::uint32_t));
    const auto raw = reader_.GetRaw(std::size_t{count} * sizeof(std::uint32_t));
    CheckRead(field);
    if (!status_) return;
    ids.resize(count);
    if (count > 0) std::memcpy(ids.data(), raw.data(), raw.size());
  }
  template <typename T>
  void List(std::string_view field, std::vector<T>& items, std::uint32_t limit) {
    const auto count = Count(field, limit, kSmallestItemBytes);
    items.reserve(count);
    for (std::uint32_t i = 0; i < count && status_; ++i) Fields(*this, items.emplace_back());
  }

  Status Finish() {
    if (!status_) return status_;
    if (reader_.remaining() > 0) {
      return Fail(ErrorCode::kCorrupt, "message {}: {} bytes too many", message_, reader_.remaining());
    }
    return {};
  }

 private:
  static constexpr std::size_t kSmallestItemBytes = 21;  // a held lease, an operator

  // A count that its own bytes can hold: what remains bounds what is allocated.
  std::uint32_t Count(std::string_view field, std::uint32_t limit, std::size_t item_bytes) {
    const auto count = reader_.Get<std::uint32_t>();
    CheckRead(field);
    if (status_ && (count > limit || count > reader_.remaining() / item_bytes)) {
      Refuse(field, fmt::format("a count of {} with {} bytes left; the limit is {}", count,
                                reader_.remaining(), limit));
    }
    return status_ ? count : 0;
  }
  void CheckRead(std::string_view field) {
    if (!reader_.ok()) Refuse(field, "the message ends early, or its length is past the limit");
  }
  void Refuse(std::string_view field, std::string_view why) {
    if (status_) status_ = Fail(ErrorCode::kCorrupt, "message {}, field {}: {}", message_, field, why);
  }

  std::string_view message_;
  ByteReader reader_;
  Status status_;
};

template <typename M>
Result<Message> DecodeAs(std::string_view name, std::string_view payload) {
  Decoder decoder(name, payload);
  M message{};
  Fields(decoder, message);
  ALTLAS_TRY_VOID(decoder.Finish());
  return Message(std::move(message));
}

using DecodeFunction = Result<Message> (*)(std::string_view, std::string_view);
template <std::size_t... I>
constexpr std::array<DecodeFunction, sizeof...(I)> MakeDecoders(std::index_sequence<I...>) {
  return {DecodeAs<std::variant_alternative_t<I, Message>>...};
}
constexpr auto kDecoders = MakeDecoders(std::make_index_sequence<std::variant_size_v<Message>>());

}  // namespace

std::uint16_t MessageType(const Message& message) { return kTypes[message.index()].type; }

std::string_view MessageName(std::uint16_t type) {
  for (const auto& entry : kTypes) {
    if (entry.type == type) return entry.name;
  }
  return "unknown";
}

Status AppendMessage(std::string& out, const Message& message) {
  const auto& entry = kTypes[message.index()];
  Encoder encoder(entry.name);
  // Fields() takes references that are not const so that one description serves both ways; the encoder only
  // reads.
  std::visit([&](const auto& m) { Fields(encoder, const_cast<std::remove_cvref_t<decltype(m)>&>(m)); },
             message);
  if (!encoder.status()) return encoder.status();
  AppendFrame(out, entry.type, encoder.payload());
  return {};
}

Result<std::string> EncodeMessage(const Message& message) {
  std::string out;
  ALTLAS_TRY_VOID(AppendMessage(out, message));
  return out;
}

Result<Message> DecodeMessage(const FrameView& frame) {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].type == frame.type) return kDecoders[i](kTypes[i].name, frame.payload);
  }
  return Fail(ErrorCode::kUnsupported,
              "a message of type 0x{:04x}, which this program does not know (protocol {})", frame.type,
              kProtocolVersion);
}

std::string_view GoodbyeReasonName(GoodbyeReason reason) {
  switch (reason) {
    case GoodbyeReason::kShutdown:
      return "shutdown";
    case GoodbyeReason::kDrained:
      return "drained";
    case GoodbyeReason::kRefused:
      return "refused";
    case GoodbyeReason::kWrongVersion:
      return "wrong_version";
    case GoodbyeReason::kOrphaned:
      return "orphaned";
    case GoodbyeReason::kReconfigured:
      return "reconfigured";
    case GoodbyeReason::kFault:
      return "fault";
  }
  return "unknown";
}

std::uint8_t ErrorCodeToByte(ErrorCode code) {
  for (std::size_t i = 0; i < kErrorCodes.size(); ++i) {
    if (kErrorCodes[i] == code) return static_cast<std::uint8_t>(i);
  }
  ALTLAS_CHECK(false, "an error code without a byte");
  return 0;
}

std::optional<ErrorCode> ErrorCodeFromByte(std::uint8_t byte) {
  if (byte >= kErrorCodes.size()) return std::nullopt;
  return kErrorCodes[byte];
}

}  // namespace altlas::wire
