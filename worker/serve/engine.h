// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/serve/phases.h"
#include "worker/serve/sampler.h"
#include "worker/serve/serving_engine.h"
#include "worker/serve/step_plan.h"
#include "worker/serve/stop_matcher.h"
#include "worker/serve/token_model.h"

namespace altlas::serve {

struct EngineOptions {
  int max_batch = 8;  // sequences that run at the same time; never more than the model's slots
  StepLimits limits{};
  std::size_t max_waiting = 1024;
  PhaseListener* phases = nullptr;  // null: nobody listens. Must outlive the engine
};

// Continuous batching for one model: sequences join and leave the running batch between steps, one token a
// step for each of them, while prompts are computed in chunks beside them (step_plan.h), so that a long
// prompt stalls nobody. Joining is first come, first served. The core is pure but for the model's
// computation: it knows no time, and events are returned. The same job gives the same text whatever runs
// beside it, provided that the model's rows do not depend on each other. Owns the model and the codec.
class Engine final : public ServingEngine {
 public:
  // kInvalidArgument where the options or the model's information make no sense.
  static Result<std::unique_ptr<Engine>> Create(std::unique_ptr<TokenModel> model,
                                                std::unique_ptr<TextCodec> codec,
                                                const EngineOptions& options);
  ~Engine() override;

  // Tokenizes the prompt and fits max_length to the context. kInvalidArgument, whose message begins with
  // "context_length_exceeded", for a prompt that fills the model's context; kInvalidArgument for emitted ids
  // that the model does not have.
  Result<PreparedJob> Prepare(EngineJob job) const override;
  Status Submit(PreparedJob job) override;
  bool Cancel(std::uint64_t id) override;
  // Ends what is canceled, lets jobs join, computes one step.
  bool Step(std::vector<EngineEvent>& events) override;
  bool idle() const { return running_.empty() && waiting_.empty(); }
  EngineCounters counters() const override;
  const TokenModelInfo& model_info() const { return model_->info(); }

 private:
  struct Sequence;
  Engine(std::unique_ptr<TokenModel> model, std::unique_ptr<TextCodec> codec, const EngineOptions& options);

  void EndCanceled(std::vector<EngineEvent>& events);
  void Join(std::vector<EngineEvent>& events);
  void ReplayEmitted(Sequence& sequence, std::vector<EngineEvent>& events);
  // The next token of the output: its event, and the end where it is the last.
  void Tell(Sequence& sequence, std::uint32_t id, std::vector<EngineEvent>& events);
  void PlanStep();
  void ComputeStep(std::vector<EngineEvent>& events);
  void ComputeOneByOne(std::vector<EngineEvent>& events);
  void TakeLogits(Sequence& sequence, std::span<float> logits, std::vector<EngineEvent>& events);
  // Adds the token to the output and its text to `released`. True where the output ends with it ("stop" or
  // "length").
  bool Append(Sequence& sequence, std::uint32_t id, std::string& released);
  void Complete(Sequence& sequence, std::vector<EngineEvent>& events);
  void Abort(Sequence& sequence, Error error, std::vector<EngineEvent>& events);
  void EndQueue(Sequence& sequence);
  std::size_t StepPromptTokens() const;
  std::size_t StepTokens() const;
  void RemoveFinished();

  const std::unique_ptr<TokenModel> model_;
  const std::unique_ptr<TextCodec> codec_;
  const EngineOptions options_;
  Sampler sampler_;
  StepPlanner planner_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // in the order of joining
  std::vector<int> free_slots_;
  // The step being computed: slices_[i] belongs to planned_[i]. Kept between steps for their memory.
  std::vector<std::int64_t> pending_;
  std::vector<SequenceSlice> slices_;
  std::vector<Sequence*> planned_;
  std::vector<std::span<float>> logits_;
  std::string piece_;
  std::string decoded_;
  EngineCounters counters_;
};

}  // namespace altlas::serve
