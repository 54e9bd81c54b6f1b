// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/operator_sampler.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <atomic>
#include <string>

namespace altlas::serve {
namespace {

constexpr std::size_t kShapesBytes = 512;

// libtorch's callbacks are plain functions without an argument of ours.
std::atomic<PhaseRecorder*> recorder_of_process{nullptr};
thread_local std::uint32_t operator_depth = 0;

struct RunningOperator final : at::ObserverContext {
  profile::Ns start = 0;
  std::uint32_t depth = 0;
  std::string shapes;
};

std::string ShapesOf(const at::RecordFunction& function) {
  std::string text = "[";
  for (const auto& input : function.inputs()) {
    if (text.size() > kShapesBytes) break;
    if (text.size() > 1) text += ",";
    text += "[";
    if (input.isTensor() && input.toTensor().defined()) {
      const auto sizes = input.toTensor().sizes();
      for (std::size_t i = 0; i < sizes.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(sizes[i]);
    }
    text += "]";
  }
  return text + "]";
}

// Inputs are there at the start alone: an operator may have moved them by its end.
template <bool kWithShapes>
std::unique_ptr<at::ObserverContext> OnOperatorStart(const at::RecordFunction& function) {
  PhaseRecorder* const recorder = recorder_of_process.load(std::memory_order_acquire);
  if (recorder == nullptr || !recorder->recording(recorder->writer()->Now())) return nullptr;
  auto running = std::make_unique<RunningOperator>();
  running->depth = operator_depth++;
  if constexpr (kWithShapes) running->shapes = ShapesOf(function);
  running->start = recorder->writer()->Now();
  return running;
}

void OnOperatorEnd(const at::RecordFunction& function, at::ObserverContext* context) {
  if (context == nullptr) return;
  if (operator_depth > 0) --operator_depth;
  PhaseRecorder* const recorder = recorder_of_process.load(std::memory_order_acquire);
  if (recorder == nullptr) return;
  const auto* running = static_cast<const RunningOperator*>(context);
  profile::OperatorEvent event;
  event.start = running->start;
  event.end = recorder->writer()->Now();
  event.name = function.name();
  event.thread = profile::CollectorThreadId();
  event.depth = running->depth;
  event.shapes = running->shapes;
  recorder->writer()->Add(event);
}

}  // namespace

std::unique_ptr<OperatorSampler> OperatorSampler::Start(PhaseRecorder* recorder,
                                                        const ProfileWishes& wishes) {
  if (recorder == nullptr || recorder->writer() == nullptr) return nullptr;
  recorder_of_process.store(recorder, std::memory_order_release);
  at::RecordFunctionCallback callback(wishes.shapes ? &OnOperatorStart<true> : &OnOperatorStart<false>,
                                      &OnOperatorEnd);
  callback.needsInputs(wishes.shapes).samplingProb(wishes.sampling).scopes({at::RecordScope::FUNCTION});
  return std::unique_ptr<OperatorSampler>(new OperatorSampler(at::addGlobalCallback(callback)));
}

OperatorSampler::~OperatorSampler() {
  at::removeCallback(handle_);
  recorder_of_process.store(nullptr, std::memory_order_release);
}

}  // namespace altlas::serve
