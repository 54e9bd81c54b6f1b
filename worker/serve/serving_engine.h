// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/serve/embedding.h"
#include "worker/serve/request.h"

namespace altlas::serve {

// A piece of work for an engine. `id` is the caller's, unique among those in the engine.
struct EngineJob {
  std::uint64_t id = 0;
  GenerationRequest request;  // for an engine that generates
  // Output ids of an earlier attempt: they are told again, then the output goes on after them.
  std::vector<std::uint32_t> emitted;
  std::optional<EmbeddingRequest> embedding;  // set for an engine that embeds; the two above are then unused
};

// A job with its text as tokens, made by Prepare.
struct PreparedJob {
  EngineJob job;
  std::vector<std::uint32_t> prompt;
  std::int64_t max_new = 0;  // new tokens that max_length and the context allow
  bool clipped = false;      // max_length was, or the text to be embedded
};

struct EngineEvent {
  enum class Kind {
    kToken,  // `tokens` (ids) with their `text`; the first has the index `index` of the output
    kDone,   // `result` or `embedding`: nothing follows for this id
    kFailed  // `error`: nothing follows for this id. kCanceled after Cancel()
  };
  Kind kind = Kind::kToken;
  std::uint64_t id = 0;
  std::int64_t index = 0;
  // Empty in an event that only releases text that was held back (the end of the text).
  std::optional<std::uint32_t> token;
  std::string text;
  GenerationResult result;
  std::optional<EmbeddingResult> embedding;
  Error error;
};

// What has been done since the start; it only grows while work is done, so standing still with `running`
// above zero means that a step hangs.
struct EngineCounters {
  std::uint64_t steps = 0;
  std::uint64_t prompt_tokens = 0;  // computed, those of continuations included
  std::uint64_t generated_tokens = 0;
  std::uint64_t running = 0;  // now
  std::uint64_t waiting = 0;  // now
};

// Batches the jobs of one model. Implementations: Engine (generates text), EmbeddingEngine (text to a
// vector). It knows no time, and events are returned. Not thread-safe but for Prepare: EngineThread drives
// it.
class ServingEngine {
 public:
  virtual ~ServingEngine() = default;
  // Tokenizes the text and checks the job. Thread-safe; takes as long as the text is.
  virtual Result<PreparedJob> Prepare(EngineJob job) const = 0;
  // Queues the job. On an error it was not taken: kConflict for an id that is in the engine already;
  // kOverloaded where too many jobs wait.
  virtual Status Submit(PreparedJob job) = 0;
  // Takes effect before the next step; the kFailed event comes from Step. False where the id is not in the
  // engine.
  virtual bool Cancel(std::uint64_t id) = 0;
  // Computes one step and appends what happened to `events`. False where there was nothing to do. Blocks for
  // the computation.
  virtual bool Step(std::vector<EngineEvent>& events) = 0;
  // With `running` and `waiting` both 0 the engine is idle.
  virtual EngineCounters counters() const = 0;
};

}  // namespace altlas::serve
