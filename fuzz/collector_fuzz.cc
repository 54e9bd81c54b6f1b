// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of the collector: read or refused with a sentence, never a crash. Records are also made
// from the bytes with right checksums, since chance never finds one: what is inside them is then the
// fuzzer's.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "profile/collector_file.h"

namespace {

using altlas::profile::CollectorHeader;

class CheckingSink final : public altlas::profile::CaptureSink {
 public:
  void OnKernel(const altlas::profile::KernelEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnOperator(const altlas::profile::OperatorEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnRange(const altlas::profile::RangeEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnCounter(const altlas::profile::CounterEvent& e) override { ALTLAS_CHECK(e.value == e.value); }
};

void ReadAll(std::string_view bytes) {
  const auto source =
      altlas::profile::ByteSourceOf(bytes, {.bytes = 16 << 20, .free_bytes = 1 << 20, .ratio = 250});
  CheckingSink sink;
  const auto info = altlas::profile::ReadCollector(*source, sink);
  if (!info.has_value()) ALTLAS_CHECK(!info.error().message.empty());
}

// Each piece is a length byte and so many bytes of kind and body.
std::string Framed(std::string_view pieces) {
  CollectorHeader head{};
  std::memcpy(head.magic, altlas::profile::kCollectorMagic.data(), sizeof(head.magic));
  head.major = altlas::profile::kCollectorMajor;
  head.header_bytes = sizeof(head);
  std::string file(reinterpret_cast<const char*>(&head), sizeof(head));
  while (pieces.size() > 1) {
    const auto length = static_cast<std::uint32_t>(static_cast<unsigned char>(pieces[0]));
    const auto body = pieces.substr(1, length);
    pieces.remove_prefix(1 + body.size());
    if (body.empty()) continue;
    const auto size = static_cast<std::uint32_t>(body.size());
    const auto check = altlas::profile::CollectorCheck(body);
    file.append(reinterpret_cast<const char*>(&size), sizeof(size));
    file.append(reinterpret_cast<const char*>(&check), sizeof(check));
    file += body;
    file.resize((file.size() + 7) / 8 * 8);
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReadAll(bytes);
  ReadAll(Framed(bytes));
  return 0;
}
