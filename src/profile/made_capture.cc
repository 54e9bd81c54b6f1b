// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "base/random.h"
#include "profile/nsys_writer.h"

namespace altlas::profile {
namespace {

// A host thread that launches, and streams that work off what they are given.
class MadeProgram {
 public:
  MadeProgram(NsysWriter& writer, const MadeCapture& what)
      : writer_(writer), what_(what), random_(what.seed), free_(std::max<std::uint32_t>(what.streams, 1), 0) {
    for (std::uint32_t i = 0; i < std::max<std::uint32_t>(what.names, 1); ++i) {
      names_.push_back(
          fmt::format("void layer::kernel_{}<float, ({})>(float const*, float*, int)", i % 17, i));
    }
  }

  Ns Run() {
    for (std::uint64_t i = 0; i < what_.kernels; ++i) {
      if (i % what_.kernels_in_step == 0) BeginStep(i / what_.kernels_in_step);
      if (what_.kernels_per_copy > 0 && i % what_.kernels_per_copy == 0) Copy(i);
      Launch(i);
      if ((i + 1) % what_.kernels_in_step == 0 || i + 1 == what_.kernels) EndStep();
    }
    return now_;
  }

 private:
  static constexpr std::uint32_t kProcess = 4242;
  static constexpr std::uint64_t kThread = std::uint64_t{kProcess} << 24 | 4243;

  void BeginStep(std::uint64_t step) {
    step_start_ = now_;
    step_name_ = step % 2 == 0 ? "step" : "step with checkpoint";
    now_ += 1000;
  }

  void Call(std::string_view name, Ns length) {
    writer_.Add(ApiEvent{now_, now_ + length, name, kThread, ++correlation_, 0});
    now_ += length;
  }

  std::uint32_t Stream() { return static_cast<std::uint32_t>(random_.Below(free_.size())); }

  void Launch(std::uint64_t i) {
    Call("cudaLaunchKernel", 2000 + static_cast<Ns>(random_.Below(4000)));
    const std::uint32_t stream = Stream();
    KernelEvent kernel;
    kernel.start = std::max(now_ + 1500, free_[stream]);
    // The kind of kernel decides how long it takes; a little noise on top.
    const std::size_t name = random_.Below(names_.size());
    kernel.end = kernel.start + 3000 + static_cast<Ns>(name * 900 + random_.Below(500));
    free_[stream] = kernel.end + 400;
    kernel.name = names_[name];
    kernel.stream = stream + 7;
    kernel.context = 1;
    kernel.correlation = correlation_;
    kernel.process = kProcess;
    kernel.grid = {static_cast<std::uint32_t>(1 + i % 1024), 1, 1};
    kernel.block = {256, 1, 1};
    kernel.registers = 32;
    writer_.Add(kernel);
  }

  void Copy(std::uint64_t i) {
    Call("cudaMemcpyAsync", 3000);
    const std::uint32_t stream = Stream();
    CopyEvent copy;
    const bool down = random_.Below(3) == 0;
    copy.kind = down ? CopyKind::kDeviceToHost : CopyKind::kHostToDevice;
    const auto host = i % 3 == 0 ? MemoryKind::kPinned : MemoryKind::kPageable;
    copy.source = down ? MemoryKind::kDevice : host;
    copy.target = down ? host : MemoryKind::kDevice;
    copy.bytes = 4096 * (1 + random_.Below(256));
    copy.start = std::max(now_ + 1000, free_[stream]);
    copy.end = copy.start + static_cast<Ns>(copy.bytes / 20) + 500;
    free_[stream] = copy.end;
    copy.stream = stream + 7;
    copy.correlation = correlation_;
    copy.process = kProcess;
    writer_.Add(copy);
  }

  void EndStep() {
    const Ns done = *std::max_element(free_.begin(), free_.end());
    const Ns end = std::max(now_ + 1000, done);
    SyncEvent sync;
    sync.start = now_;
    sync.end = end;
    sync.kind = SyncKind::kContext;
    sync.device = 0;
    sync.correlation = correlation_ + 1;
    Call("cudaDeviceSynchronize", end - now_);
    writer_.Add(sync);
    writer_.Add(RangeEvent{step_start_, now_, step_name_, "training", kThread, false});
  }

  NsysWriter& writer_;
  const MadeCapture& what_;
  Random random_;
  std::vector<Ns> free_;
  std::vector<std::string> names_;
  Ns now_ = 1'000'000;
  Ns step_start_ = 0;
  std::string_view step_name_;
  std::uint64_t correlation_ = 0;
};

}  // namespace

Status WriteMadeCapture(const std::filesystem::path& path, const MadeCapture& what) {
  ALTLAS_TRY(const auto writer, NsysWriter::Create(path, what.schema));
  CaptureDevice device;
  device.name = "Made GPU";
  device.uuid = "00000000-0000-0000-0000-000000000001";
  device.memory_bytes = 80ULL << 30;
  device.memory_bandwidth = 2.0e12;
  device.clock_hz = 1.41e9;
  device.sm_count = 108;
  device.max_warps_per_sm = 64;
  device.compute_capability = 8.0;
  writer->AddDevice(device);
  const Ns end = MadeProgram(*writer, what).Run();
  writer->SetTimes(1'700'000'000'000'000'000, end + 1'000'000);
  return writer->Finish();
}

}  // namespace altlas::profile
