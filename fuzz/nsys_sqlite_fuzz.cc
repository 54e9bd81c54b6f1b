// SPDX-License-Identifier: Apache-2.0
// An export with bytes turned over: the input's first byte chooses a schema, then each four bytes are an
// offset (three) and what stands there instead. Read or refused, never a crash; what is read keeps the
// contract.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/unique_fd.h"
#include "base/utf8.h"
#include "profile/nsys_reader.h"
#include "profile/nsys_writer.h"

namespace {

using altlas::profile::NsysWriter;

class CheckRecords : public altlas::profile::CaptureSink {
 public:
  void OnKernel(const altlas::profile::KernelEvent& k) override { Check(k.start, k.end, k.name); }
  void OnApi(const altlas::profile::ApiEvent& a) override { Check(a.start, a.end, a.name); }
  void OnRange(const altlas::profile::RangeEvent& r) override { Check(r.start, r.end, r.name); }
  void OnCopy(const altlas::profile::CopyEvent& c) override { Check(c.start, c.end, ""); }

 private:
  static void Check(altlas::profile::Ns start, altlas::profile::Ns end, std::string_view name) {
    ALTLAS_CHECK(start <= end && end <= altlas::profile::kNsysMaxTime);
    ALTLAS_CHECK(altlas::IsValidUtf8(name) && name.size() <= altlas::profile::kNsysMaxNameBytes + 3);
  }
};

std::vector<std::string> MakeBases() {
  std::vector<std::string> bases;
  const altlas::TemporaryFolder folder;
  for (const auto schema :
       {NsysWriter::Schema::kSchema29, NsysWriter::Schema::kSchema313, NsysWriter::Schema::kSchema316}) {
    const auto path = folder.path() / std::to_string(bases.size());
    altlas::profile::MadeCapture what;
    what.kernels = 30;
    what.schema = schema;
    ALTLAS_CHECK(altlas::profile::WriteMadeCapture(path, what).has_value());
    bases.push_back(*altlas::ReadFile(path, 16 << 20));
  }
  return bases;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> bases = MakeBases();
  if (size == 0) return 0;
  std::string bytes = bases[data[0] % bases.size()];
  for (std::size_t i = 1; i + 4 <= size; i += 4) {
    const std::size_t offset = data[i] << 16 | data[i + 1] << 8 | data[i + 2];
    bytes[offset % bytes.size()] = static_cast<char>(data[i + 3]);
  }
  const altlas::UniqueFd file(::memfd_create("capture", MFD_CLOEXEC));
  ALTLAS_CHECK(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  CheckRecords sink;
  std::uint64_t asked = 0;
  // Stops what turns in circles; the test's own time limit would call that a failure.
  const auto read =
      altlas::profile::ReadNsysSqlite("/proc/self/fd/" + std::to_string(file.get()), sink,
                                      [&](std::uint64_t, std::uint64_t) { return ++asked < 10'000; });
  if (!read.has_value()) {
    ALTLAS_CHECK(!read.error().message.empty());
    ALTLAS_CHECK(read.error().code != altlas::ErrorCode::kCanceled);
  }
  return 0;
}
