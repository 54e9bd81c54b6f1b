// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/process_memory.h"
#include "base/unique_fd.h"
#include "commands.h"
#include "worker/compute/allocator_state.h"
#include "worker/compute/compute.h"
#include "worker/compute/model_step.h"
#include "worker/compute/tensor_memory.h"
#include "worker/serve/load_engine.h"

namespace altlas::worker_app {
namespace {

// Should the machine run out of memory after all, this process is the one to end.
void VolunteerForTheOomKiller() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return;
  [[maybe_unused]] const auto written = ::write(file.get(), "1000", 4);
}

struct Outcome {
  std::uint64_t base_bytes = 0;
  std::uint64_t peak_bytes = 0;
  double seconds = 0;
  compute::TensorMemory tensors;
};

void PrintOutcome(const Arguments& arguments, const model::LanguageModelInfo& info, const Outcome& outcome,
                  const compute::MemoryStats& stats) {
  const double samples = static_cast<double>(arguments.batch) / outcome.seconds;
  JsonWriter json;
  json.BeginObject().Key("model").String(info.name).Key("parameters").Int(info.parameter_count);
  json.Key("device").String(stats.device).Key("work").String(arguments.work);
  json.Key("batch").Unsigned(arguments.batch).Key("length").Int(arguments.length);
  json.Key("context").Int(info.context_length).Key("vocabulary").Int(info.vocab_size);
  json.Key("base_bytes").Unsigned(outcome.base_bytes).Key("peak_bytes").Unsigned(outcome.peak_bytes);
  json.Key("tensor_peak_bytes").Unsigned(outcome.tensors.peak_bytes);
  json.Key("seconds").Double(outcome.seconds).Key("samples_per_second").Double(samples);
  json.Key("tokens_per_second").Double(samples * static_cast<double>(arguments.length)).EndObject();
  fmt::print("{}\n", json.Take());
}

Status RunMeasure(const Arguments& arguments) {
  compute::StepModel which;
  which.folder = arguments.measure;
  which.dtype = arguments.dtype;
  ALTLAS_TRY(which.work, compute::ParseStepWork(arguments.work));
  ALTLAS_TRY(which.accelerator, serve::ParseAccelerator(arguments.accelerator));
  const bool gpu = which.accelerator == serve::AcceleratorKind::kCuda;
  serve::SetUpProcess();
  serve::SetUpThread(arguments.threads);
  compute::CountTensorMemory();
  ALTLAS_TRY(auto compute,
             compute::Compute::Create(gpu ? compute::ComputeMode::kGpu : compute::ComputeMode::kCpu));
  ALTLAS_TRY(auto step, compute::ModelStep::Load(which));
  Outcome outcome;
  const auto held = [&] {
    return gpu ? static_cast<std::uint64_t>(compute->VramUsageGib().reserved * (1 << 30)) : ResidentBytes();
  };
  compute->CleanupAfterTraining();
  outcome.base_bytes = held();
  compute->ResetPeakMemoryStats();
  const SystemClock clock;
  for (int i = 0; i < arguments.steps; ++i) {
    const auto begin = clock.Now();
    ALTLAS_TRY_VOID(step->Run(arguments.batch, arguments.length));
    const double seconds = Seconds(clock.Now() - begin);
    outcome.seconds = i == 0 ? seconds : std::min(outcome.seconds, seconds);
  }
  const auto stats = compute->GetMemoryStats();
  outcome.peak_bytes =
      gpu ? static_cast<std::uint64_t>(stats.max_reserved_gib * (1 << 30)) : PeakResidentBytes();
  outcome.tensors = compute::ReadTensorMemory();
  PrintOutcome(arguments, step->info(), outcome, stats);
  return {};
}

Status RunShowAllocator(const Arguments& arguments) {
  ALTLAS_TRY(const auto accelerator, serve::ParseAccelerator(arguments.accelerator));
  const bool gpu = accelerator == serve::AcceleratorKind::kCuda;
  ALTLAS_TRY([[maybe_unused]] const auto device, serve::OpenAccelerator(accelerator));
  const auto state = compute::ReadAllocatorState(gpu);
  const auto variable = compute::AllocatorVariableSet();
  JsonWriter json;
  json.BeginObject().Key("torch").String(tune::FormatTorchVersion(tune::kBundledTorch));
  json.Key("applies").Bool(gpu).Key("variable").String(variable.name).Key("asked_for").String(variable.value);
  json.Key("settings").String(state.settings).Key("expandable_segments").Bool(state.expandable_segments);
  json.Key("max_split_size_mb").Unsigned(state.max_split_mib).Key("not_in_force").BeginArray();
  for (const auto& missing : compute::NotInForce(state, variable.value)) json.String(missing);
  json.EndArray().EndObject();
  fmt::print("{}\n", json.Take());
  return {};
}

// Bytes a second of the quickest of some copies to the device.
double CopyRate(const Clock& clock, at::Device device, bool pinned) {
  constexpr std::int64_t kBytes = 256 << 20;
  const auto host = at::empty({kBytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(pinned)).fill_(1);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto begin = clock.Now();
    const auto there = host.to(device);
    // Reading a byte back waits for the copy.
    [[maybe_unused]] const auto last = there[kBytes - 1].item<std::uint8_t>();
    best = std::max(best, static_cast<double>(kBytes) / Seconds(clock.Now() - begin));
  }
  return best;
}

Status RunCopies(const Arguments& arguments) {
  ALTLAS_TRY(const auto accelerator, serve::ParseAccelerator(arguments.accelerator));
  ALTLAS_TRY(const auto device, serve::OpenAccelerator(accelerator));
  JsonWriter json;
  json.BeginObject().Key("applies").Bool(!device.is_cpu());
  const SystemClock clock;
  try {
    if (!device.is_cpu()) {
      json.Key("pageable_bytes_per_second").Double(CopyRate(clock, device, false));
      json.Key("pinned_bytes_per_second").Double(CopyRate(clock, device, true));
    }
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "copying to the GPU: {}", error.what());
  }
  fmt::print("{}\n", json.EndObject().Take());
  return {};
}

int FinishMeasure(const Status& status) {
  if (status.has_value()) return kDone;
  fmt::print(stderr, "alt_las_worker: {}\n", status.error().message);
  if (status.error().code == ErrorCode::kTooLarge) return kOutOfMemory;
  return status.error().code == ErrorCode::kInvalidArgument ? kUsage : kFailed;
}

}  // namespace

int Measure(const Arguments& arguments) {
  VolunteerForTheOomKiller();
  return FinishMeasure(RunMeasure(arguments));
}

int MeasureCopies(const Arguments& arguments) { return FinishMeasure(RunCopies(arguments)); }

int ShowAllocator(const Arguments& arguments) { return FinishMeasure(RunShowAllocator(arguments)); }

}  // namespace altlas::worker_app
