// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/phase_recorder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <limits>

namespace altlas::serve {
namespace {

using profile::ServingPhase;

Result<std::optional<double>> NumberFrom(const char* text, const char* name, double least, double most) {
  if (text == nullptr || *text == '\0') return std::optional<double>();
  const std::string_view view = text;
  double value = 0;
  const auto [stop, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || stop != view.data() + view.size() || !(value >= least && value <= most))
    return Fail(ErrorCode::kInvalidArgument, "{} is \"{}\"; give a number from {} to {}", name, view, least,
                most);
  return std::optional<double>(value);
}

}  // namespace

Result<ProfileWishes> ReadProfileWishes(const std::function<const char*(const char*)>& get) {
  ProfileWishes wishes;
  const auto text = [&](const char* name) {
    const char* value = get(name);
    return std::string(value == nullptr ? "" : value);
  };
  wishes.folder = text("ALTLAS_PROFILE_OUTPUT");
  wishes.nvtx_library = text("NVTX_INJECTION64_PATH");
  wishes.shapes = text("ALTLAS_PROFILE_SHAPES") == "1";
  ALTLAS_TRY(const auto sampling,
             NumberFrom(get("ALTLAS_PROFILE_SAMPLING"), "ALTLAS_PROFILE_SAMPLING", 0.0001, 1));
  wishes.sampling = sampling.value_or(1);
  ALTLAS_TRY(wishes.seconds, NumberFrom(get("ALTLAS_PROFILE_SECONDS"), "ALTLAS_PROFILE_SECONDS", 0, 1e6));
  return wishes;
}

Result<std::unique_ptr<PhaseRecorder>> PhaseRecorder::Create(const ProfileWishes& wishes) {
  std::unique_ptr<profile::CollectorWriter> writer;
  if (!wishes.folder.empty()) {
    profile::CollectorOptions options;
    options.tool = "ALT_LAS worker " ALTLAS_VERSION;
    options.present.operators = options.present.ranges = true;
    if (wishes.sampling < 1) options.operator_sampling = wishes.sampling;
    const auto file = std::filesystem::path(wishes.folder) / fmt::format("worker-{}.alc", ::getpid());
    ALTLAS_TRY(writer, profile::CollectorWriter::Create(file, options));
  }
  auto nvtx = Nvtx::Connect(wishes.nvtx_library.c_str(), std::string(profile::kPhaseDomain));
  if (writer == nullptr && nvtx == nullptr) return std::unique_ptr<PhaseRecorder>();
  const auto until = wishes.seconds ? static_cast<profile::Ns>(*wishes.seconds * 1e9)
                                    : std::numeric_limits<profile::Ns>::max();
  return std::unique_ptr<PhaseRecorder>(new PhaseRecorder(std::move(writer), std::move(nvtx), until));
}

PhaseMark PhaseRecorder::Begin(ServingPhase phase) {
  PhaseMark mark;
  const char* name = profile::PhaseName(phase).data();
  if (nvtx_ != nullptr && phase == ServingPhase::kQueue) {
    mark.range = nvtx_->Start(name);
  } else if (nvtx_ != nullptr) {
    nvtx_->Push(name);
  }
  if (writer_ != nullptr) mark.start = writer_->Now();
  return mark;
}

void PhaseRecorder::End(ServingPhase phase, PhaseMark mark) {
  if (writer_ != nullptr && recording(mark.start)) {
    // A job's waiting is no thread's time: such stretches overlap.
    const bool of_thread = phase != ServingPhase::kQueue;
    writer_->Add(profile::RangeEvent{.start = mark.start,
                                     .end = writer_->Now(),
                                     .name = profile::PhaseName(phase),
                                     .domain = profile::kPhaseDomain,
                                     .thread = of_thread ? profile::CollectorThreadId() : 0});
  }
  if (nvtx_ == nullptr) return;
  if (phase == ServingPhase::kQueue) {
    nvtx_->End(mark.range);
  } else {
    nvtx_->Pop();
  }
}

}  // namespace altlas::serve
