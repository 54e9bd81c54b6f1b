// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "base/random.h"
#include "wire/message_fields.h"

// For tests: one fixed message of every type, and random ones.
namespace altlas::wire {

inline const TaskId kSampleTask{0x0190f5fe7c007a00, 0x8123456789abcdef};

inline std::vector<Message> SampleMessages() {
  const LeaseKey lease{kSampleTask, 2};
  Hello hello;
  hello.program_version = "0.1.0";
  hello.device = "gpu_0";
  hello.token = "secret";
  hello.pid = 4711;
  hello.instance = 0x1122334455667788;
  hello.leases = {{lease, false}, {{kSampleTask, 3}, true}};
  Welcome welcome;
  welcome.program_version = "0.1.0";
  welcome.models = {{"tiny", "/models/tiny", "float32", 1 << 20, 1024}, {"b", "/m/b", "bfloat16", 0, 0}};
  welcome.threads = 2;
  welcome.max_batch = 8;
  LeaseGrant grant{lease, "text_generation", "tiny", R"({"text":"hi"})", true, {1, 2, 70'000}};
  ProfileReport report;
  report.id = 9;
  report.seconds = 1;
  report.processor_seconds = 0.5;
  report.memory_peak_bytes = 4096;
  report.operator_sampling = 0.125;
  report.models = {{"tiny", 2, 30, 40, {{"decode", 1, 1, 38, 38, 0.5, 0.25, 0.75, 0.25}}}};
  report.operators = {{"x", 7, 2}};
  return {KeepAlive{},
          StatusAnswer{1},
          PrintLine{"grüß"},
          hello,
          welcome,
          ModelReady{"tiny", "llama", "float32", 12'000'000, 1 << 20, 0.25, 3'000'000, 1024, 2048},
          ModelFailed{"b", ErrorCode::kNotFound, "no config.json"},
          Ready{8, 2, 1000, 2000},
          grant,
          LeaseCancel{lease},
          Token{lease, 3, {17}, " a"},
          LeaseDone{lease, R"({"text":"x"})", 0.5, 5, 20},
          LeaseDoneAck{lease},
          LeaseFailed{lease, ErrorCode::kCanceled, "asked", false},
          Heartbeat{7, 1, 2, 300, 400, 500, 12.5},
          Drain{5000},
          Goodbye{GoodbyeReason::kDrained, "bye"},
          ProfileAsk{9, 1000, 10},
          report};
}

// Fills every field of a message with random values within its limits (Fields() archive).
class MessageFiller {
 public:
  explicit MessageFiller(std::uint64_t seed) : random_(seed) {}

  template <typename T>
  void Number(std::string_view, T& value) {
    value = static_cast<T>(random_.Next() >> random_.Below(64));
  }
  void Protocol(std::string_view, std::uint32_t& value) { value = kProtocolVersion; }
  void Bool(std::string_view, bool& value) { value = random_.Below(2) == 1; }
  void Amount(std::string_view, double& value) {
    value = random_.Unit() * static_cast<double>(random_.Below(1'000'000));
  }
  void Code(std::string_view, ErrorCode& code) {
    code = *ErrorCodeFromByte(static_cast<std::uint8_t>(random_.Below(14)));
  }
  template <typename E>
  void Enum(std::string_view, E& value, std::uint8_t last) {
    value = static_cast<E>(random_.Below(last + 1u));
  }
  void Name(std::string_view, std::string& value) {
    value = Characters(1 + random_.Below(kMaxNameBytes / 2));
  }
  void Text(std::string_view, std::string& value) { value = Characters(random_.Below(kMaxTextBytes / 2)); }
  void Bytes(std::string_view, std::string& value, std::uint32_t limit) {
    value.resize(random_.Below(std::min<std::uint32_t>(limit, 3000) + 1));
    for (char& c : value) c = static_cast<char>(random_.Next());
  }
  void Ids(std::string_view, std::vector<std::uint32_t>& ids, std::uint32_t limit) {
    ids.resize(random_.Below(std::min(limit, 49u) + 1));
    for (auto& id : ids) id = static_cast<std::uint32_t>(random_.Next());
  }
  template <typename T>
  void List(std::string_view, std::vector<T>& items, std::uint32_t limit) {
    items.resize(random_.Below(std::min(limit, 20u)));
    for (T& item : items) Fields(*this, item);
  }

 private:
  // One or two bytes each.
  std::string Characters(std::uint64_t count) {
    std::string text;
    for (std::uint64_t i = 0; i < count; ++i)
      text += random_.Below(4) == 0 ? "ş" : std::string(1, 'a' + char(random_.Below(26)));
    return text;
  }
  Random random_;
};

}  // namespace altlas::wire
