// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/embedding_engine.h"

#include <algorithm>
#include <cmath>

namespace altlas::serve {
namespace {

EngineEvent FailedJob(std::uint64_t id, Error error) {
  EngineEvent event;
  event.kind = EngineEvent::Kind::kFailed;
  event.id = id;
  event.error = std::move(error);
  return event;
}

}  // namespace

EmbeddingEngine::EmbeddingEngine(std::unique_ptr<VectorModel> model, std::unique_ptr<PassageCodec> codec,
                                 const EmbeddingEngineOptions& options)
    : model_(std::move(model)), codec_(std::move(codec)), options_(options) {}

Result<std::unique_ptr<EmbeddingEngine>> EmbeddingEngine::Create(std::unique_ptr<VectorModel> model,
                                                                 std::unique_ptr<PassageCodec> codec,
                                                                 const EmbeddingEngineOptions& options) {
  const auto& info = model->info();
  if (info.vocab_size < 1 || info.context_length < 1 || info.dimensions < 1)
    return Fail(
        ErrorCode::kInvalidArgument,
        "the model has {} tokens in its vocabulary, a context of {} and {} dimensions; it needs at least "
        "1 of each",
        info.vocab_size, info.context_length, info.dimensions);
  if (options.limits.step_tokens < 1 || options.limits.step_texts < 1)
    return Fail(ErrorCode::kInvalidArgument, "step tokens {} and step texts {} must be at least 1",
                options.limits.step_tokens, options.limits.step_texts);
  return std::unique_ptr<EmbeddingEngine>(new EmbeddingEngine(std::move(model), std::move(codec), options));
}

Result<PreparedJob> EmbeddingEngine::Prepare(EngineJob job) const {
  if (!job.embedding) return Fail(ErrorCode::kUnsupported, "the model embeds text and generates none");
  const auto& info = model_->info();
  ALTLAS_TRY(auto encoded, codec_->Encode(job.embedding->text, info.context_length));
  PreparedJob prepared;
  prepared.clipped = encoded.tokens > static_cast<std::int64_t>(encoded.ids.size());
  if (prepared.clipped && !job.embedding->truncate)
    return FailField(
        "text",
        "context_length_exceeded: the text has {} tokens, the model's context {}; shorten it, or "
        "send truncate: true to embed its beginning",
        encoded.tokens, info.context_length);
  if (encoded.ids.empty() || static_cast<std::int64_t>(encoded.ids.size()) > info.context_length)
    return FailField("text", "the text gives {} tokens; the model takes 1 to {}", encoded.ids.size(),
                     info.context_length);
  const auto outside = [&](std::uint32_t id) { return static_cast<std::int64_t>(id) >= info.vocab_size; };
  if (std::any_of(encoded.ids.begin(), encoded.ids.end(), outside))
    return Fail(ErrorCode::kCorrupt, "the tokenizer gives ids past the model's vocabulary of {}",
                info.vocab_size);
  prepared.prompt = std::move(encoded.ids);
  prepared.job = std::move(job);
  return prepared;
}

Status EmbeddingEngine::Submit(PreparedJob job) {
  const auto id = job.job.id;
  if (std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& one) { return one.job.job.id == id; }))
    return Fail(ErrorCode::kConflict, "job {} is in the engine already", id);
  if (waiting_.size() >= options_.max_waiting)
    return Fail(ErrorCode::kOverloaded, "{} jobs wait already; at most {} may", waiting_.size(),
                options_.max_waiting);
  waiting_.push_back({std::move(job), false});
  if (options_.phases != nullptr)
    waiting_.back().queued = options_.phases->Begin(profile::ServingPhase::kQueue);
  return {};
}

bool EmbeddingEngine::Cancel(std::uint64_t id) {
  for (auto& one : waiting_) {
    if (one.job.job.id != id) continue;
    one.canceled = true;
    return true;
  }
  return false;
}

bool EmbeddingEngine::Step(std::vector<EngineEvent>& events) {
  if (waiting_.empty()) return false;
  EndCanceled(events);
  auto jobs = TakeBatch();
  if (jobs.empty()) return true;
  Compute(jobs, events);
  return true;
}

void EmbeddingEngine::EndQueue(const Waiting& one) {
  if (one.queued) options_.phases->End(profile::ServingPhase::kQueue, *one.queued);
}

void EmbeddingEngine::EndCanceled(std::vector<EngineEvent>& events) {
  for (const auto& one : waiting_) {
    if (!one.canceled) continue;
    EndQueue(one);
    events.push_back(
        FailedJob(one.job.job.id, Fail(ErrorCode::kCanceled, "canceled before it was embedded")));
  }
  std::erase_if(waiting_, [](const auto& one) { return one.canceled; });
}

std::vector<PreparedJob> EmbeddingEngine::TakeBatch() {
  std::vector<std::int64_t> lengths;
  lengths.reserve(waiting_.size());
  for (const auto& one : waiting_) lengths.push_back(static_cast<std::int64_t>(one.job.prompt.size()));
  const auto chosen = PlanEmbeddingStep(lengths, options_.limits);
  std::vector<PreparedJob> jobs;
  std::vector<bool> taken(waiting_.size(), false);
  for (const auto index : chosen) {
    EndQueue(waiting_[index]);
    jobs.push_back(std::move(waiting_[index].job));
    taken[index] = true;
  }
  std::size_t at = 0;
  std::erase_if(waiting_, [&](const auto&) { return taken[at++]; });
  return jobs;
}

void EmbeddingEngine::Compute(std::span<PreparedJob> jobs, std::vector<EngineEvent>& events) {
  std::vector<std::span<const std::uint32_t>> texts;
  std::uint64_t tokens = 0;
  for (const auto& job : jobs) {
    texts.emplace_back(job.prompt);
    tokens += job.prompt.size();
  }
  auto vectors = [&] {
    const PhaseScope scope(options_.phases, profile::ServingPhase::kPrefill, tokens, tokens);
    return model_->Embed(texts);
  }();
  ++counters_.steps;
  if (!vectors.has_value() && jobs.size() > 1) {
    for (std::size_t i = 0; i < jobs.size(); ++i) Compute(jobs.subspan(i, 1), events);
    return;
  }
  if (!vectors.has_value()) {
    events.push_back(FailedJob(jobs[0].job.id, vectors.error().Context("embedding a text")));
    return;
  }
  counters_.prompt_tokens += tokens;
  for (std::size_t i = 0; i < jobs.size(); ++i) Answer(jobs[i], std::move((*vectors)[i]), events);
}

void EmbeddingEngine::Answer(const PreparedJob& job, std::vector<float> vector,
                             std::vector<EngineEvent>& events) {
  const auto strange =
      std::count_if(vector.begin(), vector.end(), [](float value) { return !std::isfinite(value); });
  if (strange > 0) {
    events.push_back(
        FailedJob(job.job.id, Fail(ErrorCode::kInternal,
                                   "the model computed {} of {} values that are no numbers; a wider "
                                   "dtype may help",
                                   strange, vector.size())));
    return;
  }
  if (job.job.embedding->normalize.value_or(model_->info().normalizes)) NormalizeVector(vector);
  EngineEvent event;
  event.kind = EngineEvent::Kind::kDone;
  event.id = job.job.id;
  event.embedding =
      EmbeddingResult{std::move(vector), static_cast<std::int64_t>(job.prompt.size()), job.clipped};
  events.push_back(std::move(event));
}

EngineCounters EmbeddingEngine::counters() const {
  auto counters = counters_;
  counters.waiting = waiting_.size();
  return counters;
}

}  // namespace altlas::serve
