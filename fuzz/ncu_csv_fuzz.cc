// SPDX-License-Identifier: Apache-2.0
// Any bytes as a CSV of Nsight Compute: read or refused with a sentence; numbers are finite, names fit to
// show.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/utf8.h"
#include "profile/ncu_reader.h"
#include "profile/nsys_reader.h"

namespace {

class CheckDetails : public altlas::profile::CaptureSink {
 public:
  void OnKernelDetail(const altlas::profile::KernelDetail& detail) override {
    ALTLAS_CHECK(altlas::IsValidUtf8(detail.name));
    for (const auto& metric : detail.metrics) {
      ALTLAS_CHECK(!metric.value || std::isfinite(*metric.value));
      ALTLAS_CHECK(altlas::IsValidUtf8(metric.name) && altlas::IsValidUtf8(metric.text));
      ALTLAS_CHECK(metric.name.size() <= altlas::profile::kNsysMaxNameBytes + 3);
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckDetails sink;
  const auto read = altlas::profile::ReadNcuCsvText(text, sink);
  if (!read.has_value()) {
    ALTLAS_CHECK(!read.error().message.empty());
  } else {
    ALTLAS_CHECK(altlas::profile::LooksLikeNcuCsv(text));
  }
  return 0;
}
