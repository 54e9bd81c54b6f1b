// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/model_step.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

namespace altlas::compute {
namespace {

// What libtorch says when an allocation fails, on processors and on GPUs.
bool IsOutOfMemory(const std::string& what) {
  return what.find("out of memory") != std::string::npos ||
         what.find("t allocate memory") != std::string::npos;
}

}  // namespace

Result<StepWork> ParseStepWork(std::string_view name) {
  if (name == "training") return StepWork::kTraining;
  if (name == "serving") return StepWork::kServing;
  return Fail(ErrorCode::kInvalidArgument, "the work \"{}\" is unknown; use training or serving", name);
}

ModelStep::ModelStep(StepWork work, std::unique_ptr<model::LlamaModel> model)
    : work_(work), model_(std::move(model)) {
  if (work_ != StepWork::kTraining) return;
  for (at::Tensor* one : model_->weights().Parameters()) {
    one->requires_grad_(true);
    first_.push_back(at::zeros_like(*one).fill_(0));
    second_.push_back(at::zeros_like(*one).fill_(0));
  }
}

Result<std::unique_ptr<ModelStep>> ModelStep::Load(const StepModel& which) {
  model::LoadOptions options;
  ALTLAS_TRY(options.device, serve::OpenAccelerator(which.accelerator));
  ALTLAS_TRY(options.dtype, model::ParseDtype(which.dtype));
  if (which.work == StepWork::kTraining && options.dtype != at::kFloat)
    return Fail(ErrorCode::kUnsupported, "training steps are measured in float32, not in {}", which.dtype);
  ALTLAS_TRY(auto model, model::LlamaModel::Load(which.folder, options));
  try {
    return std::unique_ptr<ModelStep>(new ModelStep(which.work, std::move(model)));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kTooLarge, "the optimizer's state does not fit: {}", error.what());
  }
}

Status ModelStep::Run(std::uint64_t batch, std::int64_t length) {
  if (batch == 0 || length < 2 || length > info().context_length)
    return Fail(ErrorCode::kInvalidArgument,
                "a step of {} samples of {} tokens: allowed are 1 sample and more, and 2 to {} tokens", batch,
                length, info().context_length);
  try {
    return RunThrowing(batch, length);
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kTooLarge, "a step of {} samples of {} tokens does not fit", batch, length);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    const auto code = IsOutOfMemory(what) ? ErrorCode::kTooLarge : ErrorCode::kInternal;
    return Fail(code, "a step of {} samples of {} tokens: {}", batch, length,
                what.substr(0, what.find('\n')));
  }
}

Status ModelStep::RunThrowing(std::uint64_t batch, std::int64_t length) {
  const auto rows = static_cast<std::int64_t>(batch);
  if (work_ == StepWork::kServing) return Serve(rows, length);
  Train(rows, length);
  // A GPU has only been told so far: whoever takes the time would measure the telling.
  if (const at::Device device = info().device; !device.is_cpu())
    c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
  return {};
}

void ModelStep::Train(std::int64_t batch, std::int64_t length) {
  const auto tokens = at::randint(info().vocab_size, {batch, length + 1},
                                  at::TensorOptions().dtype(at::kLong).device(info().device));
  const auto logits = model_->ForwardTrain(tokens.narrow(1, 0, length));
  const auto targets = tokens.narrow(1, 1, length).reshape({-1});
  const auto loss = at::cross_entropy_loss(logits.view({-1, info().vocab_size}), targets);
  loss.backward();
  StepWeights();
}

void ModelStep::StepWeights() {
  const at::NoGradGuard no_grad;
  constexpr double kRate = 1e-6;
  auto parameters = model_->weights().Parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor gradient = parameters[i]->grad();
    first_[i].mul_(0.9).add_(gradient, 0.1);
    second_[i].mul_(0.95).addcmul_(gradient, gradient, 0.05);
    parameters[i]->addcdiv_(first_[i], second_[i].sqrt().add_(1e-8), -kRate);
    parameters[i]->mutable_grad().reset();
  }
}

Status ModelStep::Serve(std::int64_t batch, std::int64_t length) {
  const c10::InferenceMode inference;
  // As the engine's steps: a prompt goes in by pieces of this many tokens.
  constexpr std::int64_t kPiece = 512;
  const auto all = model::KvCache::BytesFor(info(), batch, length);
  ALTLAS_TRY(auto cache, model::KvCache::Create(info(), batch, length, all));
  for (std::int64_t slot = 0; slot < batch; ++slot) {
    for (std::int64_t at = 0; at < length - 1; at += kPiece) {
      const auto count = std::min(kPiece, length - 1 - at);
      model::StepBatch step;
      step.tokens.assign(static_cast<std::size_t>(count), 1 % info().vocab_size);
      step.slices.push_back({slot, at, count, false});
      ALTLAS_TRY_VOID(model_->Forward(step, cache));
    }
  }
  model::StepBatch last;
  for (std::int64_t slot = 0; slot < batch; ++slot) {
    last.tokens.push_back(1 % info().vocab_size);
    last.slices.push_back({slot, length - 1, 1, true});
  }
  ALTLAS_TRY_VOID(model_->Forward(last, cache));
  return {};
}

}  // namespace altlas::compute
