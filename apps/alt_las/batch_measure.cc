// SPDX-License-Identifier: Apache-2.0
#include "batch_measure.h"

#include <signal.h>

#include <nlohmann/json.hpp>

#include "run_program.h"
#include "tables.h"

namespace altlas::app {
namespace {

constexpr int kWorkerOutOfMemory = 5;  // alt_las_worker's exit code
constexpr int kWorkerUsage = 2;

Result<StepFacts> ReadFacts(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  StepFacts facts;
  try {
    facts.model = json.at("model").get<std::string>();
    facts.device = json.at("device").get<std::string>();
    facts.parameters = json.at("parameters").get<std::uint64_t>();
    facts.batch = json.at("batch").get<std::uint64_t>();
    facts.context = json.at("context").get<std::int64_t>();
    facts.base_bytes = json.at("base_bytes").get<double>();
    facts.peak_bytes = json.at("peak_bytes").get<double>();
    facts.seconds = json.at("seconds").get<double>();
    facts.samples_per_second = json.at("samples_per_second").get<double>();
    facts.tokens_per_second = json.at("tokens_per_second").get<double>();
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kCorrupt, "the worker's measurement cannot be read ({}); is it of this version?",
                error.what());
  }
  return facts;
}

// The first step of a process also starts threads and loads kernels: the speed is that of the quickest of
// some.
void MeasureSpeedOf(StepPlan plan, BatchFound& found) {
  plan.steps = 3;
  const auto steady = MeasureStep(plan, found.answer.batch);
  if (!steady.has_value()) return;
  found.at_answer.seconds = steady->seconds;
  found.at_answer.samples_per_second = steady->samples_per_second;
  found.at_answer.tokens_per_second = steady->tokens_per_second;
}

}  // namespace

std::string WorkersWords(std::string_view errors) {
  constexpr std::string_view kName = "alt_las_worker: ";
  while (errors.starts_with(kName)) errors.remove_prefix(kName.size());
  while (errors.ends_with('\n')) errors.remove_suffix(1);
  return Printable(errors.substr(0, 2000));
}

Result<StepFacts> MeasureStep(const StepPlan& plan, std::uint64_t batch) {
  const std::vector<std::string> words = {"--measure",     plan.folder.string(),
                                          "--work",        plan.work,
                                          "--batch",       std::to_string(batch),
                                          "--length",      std::to_string(plan.length),
                                          "--steps",       std::to_string(plan.steps),
                                          "--threads",     std::to_string(plan.threads),
                                          "--dtype",       plan.dtype,
                                          "--accelerator", plan.accelerator};
  ALTLAS_TRY(auto ran, RunProgram(plan.program, words));
  // SIGKILL is what the kernel sends where memory runs out, and what a person may have sent: twice in a row
  // it is the memory.
  if (ran.signal == SIGKILL) {
    ALTLAS_TRY(ran, RunProgram(plan.program, words));
  }
  if (ran.exit_code == kWorkerOutOfMemory || ran.signal == SIGKILL)
    return Fail(ErrorCode::kTooLarge, "a step of {} samples does not fit", batch);
  if (ran.signal == 0 && ran.exit_code == 0) return ReadFacts(ran.output);
  const auto said = WorkersWords(ran.errors);
  const auto code = ran.exit_code == kWorkerUsage ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable;
  if (ran.signal != 0) return Fail(code, "the worker was ended by signal {}: {}", ran.signal, said);
  return Fail(code, "{}", said);
}

Result<BatchFound> FindBatch(const StepPlan& plan, const tune::BatchLimits& limits,
                             const std::function<void(std::uint64_t)>& progress) {
  ALTLAS_TRY(auto search, tune::BatchSearch::Create(limits));
  BatchFound found;
  while (const auto batch = search.Next()) {
    progress(*batch);
    auto facts = MeasureStep(plan, *batch);
    if (facts.has_value()) {
      search.OnMeasured(*batch, facts->peak_bytes);
      if (search.Answer().batch == *batch) found.at_answer = std::move(*facts);
    } else if (facts.error().code == ErrorCode::kTooLarge) {
      search.OnFailed(*batch);
    } else {
      return std::move(facts).error();
    }
  }
  found.answer = search.Answer();
  if (found.answer.batch > 0) MeasureSpeedOf(plan, found);
  return found;
}

}  // namespace altlas::app
