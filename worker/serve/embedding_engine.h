// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "worker/serve/embedding_plan.h"
#include "worker/serve/phases.h"
#include "worker/serve/serving_engine.h"
#include "worker/serve/vector_model.h"

namespace altlas::serve {

struct EmbeddingEngineOptions {
  EmbeddingLimits limits{};
  std::size_t max_waiting = 1024;
  // Told of `queue`, and of `prefill` for each step of the model. Null: nobody listens. Must outlive the
  // engine.
  PhaseListener* phases = nullptr;
};

// Batches the texts that wait for one model: each step computes some of like length (embedding_plan.h) and
// answers them. A job whose batch failed is computed alone, so that one at fault takes nobody with it. Owns
// the model and the codec.
class EmbeddingEngine final : public ServingEngine {
 public:
  // kInvalidArgument where the options or the model's information make no sense.
  static Result<std::unique_ptr<EmbeddingEngine>> Create(std::unique_ptr<VectorModel> model,
                                                         std::unique_ptr<PassageCodec> codec,
                                                         const EmbeddingEngineOptions& options);

  // kInvalidArgument, whose message begins with "context_length_exceeded", for a text that is longer than the
  // model's context and is not to be cut; kUnsupported for a job that generates.
  Result<PreparedJob> Prepare(EngineJob job) const override;
  Status Submit(PreparedJob job) override;
  bool Cancel(std::uint64_t id) override;
  bool Step(std::vector<EngineEvent>& events) override;
  EngineCounters counters() const override;
  const VectorModelInfo& model_info() const { return model_->info(); }

 private:
  struct Waiting {
    PreparedJob job;
    bool canceled = false;
    std::optional<PhaseMark> queued{};
  };
  EmbeddingEngine(std::unique_ptr<VectorModel> model, std::unique_ptr<PassageCodec> codec,
                  const EmbeddingEngineOptions& options);

  void EndQueue(const Waiting& one);
  void EndCanceled(std::vector<EngineEvent>& events);
  std::vector<PreparedJob> TakeBatch();
  void Compute(std::span<PreparedJob> jobs, std::vector<EngineEvent>& events);
  void Answer(const PreparedJob& job, std::vector<float> vector, std::vector<EngineEvent>& events);

  const std::unique_ptr<VectorModel> model_;
  const std::unique_ptr<PassageCodec> codec_;
  const EmbeddingEngineOptions options_;
  std::deque<Waiting> waiting_;  // the oldest first
  EngineCounters counters_;
};

}  // namespace altlas::serve
