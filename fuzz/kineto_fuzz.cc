// SPDX-License-Identifier: Apache-2.0
// Any bytes as a trace, plain or gzip: read or refused with a sentence, never a crash; every record makes
// sense.
#include <cstdint>
#include <string_view>

#include "profile/kineto_reader.h"

namespace {

// What the contract of the records promises.
class CheckingSink final : public altlas::profile::CaptureSink {
 public:
  void OnKernel(const altlas::profile::KernelEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnCopy(const altlas::profile::CopyEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnMemset(const altlas::profile::MemsetEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnApi(const altlas::profile::ApiEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnSync(const altlas::profile::SyncEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnRange(const altlas::profile::RangeEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnOperator(const altlas::profile::OperatorEvent& e) override { ALTLAS_CHECK(e.start <= e.end); }
  void OnCounter(const altlas::profile::CounterEvent& e) override { ALTLAS_CHECK(e.value == e.value); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto source =
      altlas::profile::ByteSourceOf(bytes, {.bytes = 16 << 20, .free_bytes = 1 << 20, .ratio = 250});
  CheckingSink sink;
  const auto info = altlas::profile::ReadKineto(*source, sink);
  if (!info.has_value()) ALTLAS_CHECK(!info.error().message.empty());
  return 0;
}
