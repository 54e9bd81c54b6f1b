// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/engine.h"

#include <algorithm>

namespace altlas::serve {

struct Engine::Sequence {
  Sequence(PreparedJob prepared, std::unique_ptr<TextStream> text_stream, std::size_t vocab_size)
      : job(std::move(prepared.job)),
        max_new(prepared.max_new),
        clipped(prepared.clipped),
        prompt_tokens(static_cast<std::int64_t>(prepared.prompt.size())),
        tokens(std::move(prepared.prompt)),
        stream(std::move(text_stream)),
        stops(job.request.stop) {
    if (job.request.sampling.repetition_penalty == 1.0) return;
    seen.emplace(vocab_size);
    for (const auto id : tokens) seen->Add(id);
  }

  std::int64_t size() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t generated() const { return size() - prompt_tokens; }

  EngineJob job;
  std::int64_t max_new;
  bool clipped;
  std::int64_t prompt_tokens;
  std::vector<std::uint32_t> tokens;  // prompt and output
  std::int64_t computed = 0;          // of them in the slot's cache
  int slot = -1;
  std::optional<PhaseMark> queued;  // until it joins, where somebody listens
  std::unique_ptr<TextStream> stream;
  StopMatcher stops;
  std::optional<SeenTokens> seen;  // only where a repetition penalty asks for it
  std::string text;
  bool canceled = false;
  bool finished = false;
};

Engine::Engine(std::unique_ptr<TokenModel> model, std::unique_ptr<TextCodec> codec,
               const EngineOptions& options)
    : model_(std::move(model)), codec_(std::move(codec)), options_(options), planner_(options.limits) {
  const int slots = std::min(options_.max_batch, model_->info().slots);
  for (int slot = slots - 1; slot >= 0; --slot) free_slots_.push_back(slot);
}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Create(std::unique_ptr<TokenModel> model,
                                               std::unique_ptr<TextCodec> codec,
                                               const EngineOptions& options) {
  const auto& info = model->info();
  if (info.vocab_size < 1 || info.context_length < 2 || info.slots < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "the model has {} tokens in its vocabulary, a context of {} and {} slots; it needs at least "
                "1, 2 and 1",
                info.vocab_size, info.context_length, info.slots);
  }
  if (options.max_batch < 1 || options.limits.step_tokens < 1 || options.limits.min_prefill_tokens < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "batch size {}, step tokens {} and prompt tokens {} must be at least 1", options.max_batch,
                options.limits.step_tokens, options.limits.min_prefill_tokens);
  }
  return std::unique_ptr<Engine>(new Engine(std::move(model), std::move(codec), options));
}

Result<PreparedJob> Engine::Prepare(EngineJob job) const {
  if (job.embedding) return Fail(ErrorCode::kUnsupported, "the model generates text and embeds none");
  const auto& info = model_->info();
  PreparedJob prepared;
  ALTLAS_TRY(prepared.prompt, codec_->Encode(job.request.text));
  const auto outside = [&](std::uint32_t id) { return static_cast<std::int64_t>(id) >= info.vocab_size; };
  if (prepared.prompt.empty())
    return FailField("text", "the text gives no token; give at least one character");
  const auto length = static_cast<std::int64_t>(prepared.prompt.size());
  if (length >= info.context_length) {
    return FailField(
        "text",
        "context_length_exceeded: the text has {} tokens, the model's context {}; at most {} leave room "
        "for an answer",
        length, info.context_length, info.context_length - 1);
  }
  if (std::any_of(prepared.prompt.begin(), prepared.prompt.end(), outside)) {
    return Fail(ErrorCode::kCorrupt, "the tokenizer gives ids past the model's vocabulary of {}",
                info.vocab_size);
  }
  if (std::any_of(job.emitted.begin(), job.emitted.end(), outside)) {
    return Fail(ErrorCode::kInvalidArgument, "a token to continue from is past the model's vocabulary of {}",
                info.vocab_size);
  }
  prepared.max_new = std::min(job.request.max_length, info.context_length - length);
  prepared.clipped = prepared.max_new < job.request.max_length;
  prepared.job = std::move(job);
  return prepared;
}

Status Engine::Submit(PreparedJob job) {
  const auto id = job.job.id;
  const auto same = [&](const auto& sequence) { return sequence->job.id == id; };
  if (std::any_of(waiting_.begin(), waiting_.end(), same) ||
      std::any_of(running_.begin(), running_.end(), same)) {
    return Fail(ErrorCode::kConflict, "job {} is in the engine already", id);
  }
  if (waiting_.size() >= options_.max_waiting) {
    return Fail(ErrorCode::kOverloaded, "{} jobs wait already; at most {} may", waiting_.size(),
                options_.max_waiting);
  }
  const auto vocab_size = static_cast<std::size_t>(model_->info().vocab_size);
  waiting_.push_back(std::make_unique<Sequence>(std::move(job), codec_->NewStream(), vocab_size));
  if (options_.phases != nullptr)
    waiting_.back()->queued = options_.phases->Begin(profile::ServingPhase::kQueue);
  return {};
}

bool Engine::Cancel(std::uint64_t id) {
  const auto mark = [&](auto& sequences) {
    for (auto& sequence : sequences) {
      if (sequence->job.id != id) continue;
      sequence->canceled = true;
      return true;
    }
    return false;
  };
  return mark(running_) || mark(waiting_);
}

bool Engine::Step(std::vector<EngineEvent>& events) {
  if (idle()) return false;
  EndCanceled(events);
  Join(events);
  PlanStep();
  if (!slices_.empty()) {
    ComputeStep(events);
    ++counters_.steps;
  }
  RemoveFinished();
  return true;
}

void Engine::EndCanceled(std::vector<EngineEvent>& events) {
  const auto end = [&](Sequence& sequence) {
    if (sequence.canceled)
      Abort(sequence, Fail(ErrorCode::kCanceled, "canceled after {} tokens", sequence.generated()), events);
  };
  for (auto& sequence : running_) end(*sequence);
  for (auto& sequence : waiting_) end(*sequence);
  RemoveFinished();
}

void Engine::Join(std::vector<EngineEvent>& events) {
  while (!waiting_.empty() && !free_slots_.empty()) {
    auto sequence = std::move(waiting_.front());
    waiting_.pop_front();
    EndQueue(*sequence);
    ReplayEmitted(*sequence, events);
    if (sequence->finished) continue;
    sequence->slot = free_slots_.back();
    free_slots_.pop_back();
    // Once for the whole life of the sequence; a job that asks for millions of tokens seldom gets there.
    sequence->tokens.reserve(sequence->tokens.size() + static_cast<std::size_t>(std::min<std::int64_t>(
                                                           sequence->max_new - sequence->generated(), 4096)));
    running_.push_back(std::move(sequence));
  }
}

// Tokens of an earlier attempt go through decoder and stop strings as they did then: the pieces of the text,
// and what is held back, are exactly the same.
void Engine::ReplayEmitted(Sequence& sequence, std::vector<EngineEvent>& events) {
  for (const auto id : sequence.job.emitted) {
    if (sequence.finished) return;
    Tell(sequence, id, events);
  }
}

void Engine::Tell(Sequence& sequence, std::uint32_t id, std::vector<EngineEvent>& events) {
  auto& event = events.emplace_back();
  event.kind = EngineEvent::Kind::kToken;
  event.id = sequence.job.id;
  event.index = sequence.generated();
  event.token = id;
  if (Append(sequence, id, event.text)) Complete(sequence, events);
}

void Engine::PlanStep() {
  slices_.clear();
  planned_.clear();
  pending_.clear();
  for (const auto& sequence : running_) pending_.push_back(sequence->size() - sequence->computed);
  const auto counts = planner_.Plan(pending_);
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (counts[i] == 0) continue;
    auto& sequence = *running_[i];
    const auto tokens =
        std::span<const std::uint32_t>(sequence.tokens)
            .subspan(static_cast<std::size_t>(sequence.computed), static_cast<std::size_t>(counts[i]));
    slices_.push_back({sequence.slot, sequence.computed, tokens, counts[i] == pending_[i]});
    planned_.push_back(&sequence);
  }
}

void Engine::ComputeStep(std::vector<EngineEvent>& events) {
  const auto prompt = StepPromptTokens();
  const auto phase = prompt > 0 ? profile::ServingPhase::kPrefill : profile::ServingPhase::kDecode;
  const auto status = [&] {
    const PhaseScope scope(options_.phases, phase, StepTokens(), prompt);
    return model_->Forward(slices_, logits_);
  }();
  if (!status.has_value()) {
    if (slices_.size() > 1) return ComputeOneByOne(events);
    return Abort(*planned_[0], status.error().Context("computing a step"), events);
  }
  counters_.prompt_tokens += prompt;
  std::size_t row = 0;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    planned_[i]->computed += static_cast<std::int64_t>(slices_[i].tokens.size());
    if (slices_[i].want_logits) TakeLogits(*planned_[i], logits_[row++], events);
  }
}

// After a failure (out of memory, a token that the model cannot take) each sequence gets a step of its own:
// what fails alone is at fault, the others go on.
void Engine::ComputeOneByOne(std::vector<EngineEvent>& events) {
  const auto slices = slices_;
  const auto planned = planned_;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    slices_.assign(1, slices[i]);
    planned_.assign(1, planned[i]);
    ComputeStep(events);
  }
}

void Engine::TakeLogits(Sequence& sequence, std::span<float> logits, std::vector<EngineEvent>& events) {
  const auto index = sequence.generated();
  const auto seen = sequence.seen ? sequence.seen->ids() : std::span<const std::uint32_t>();
  const auto id =
      sampler_.Sample(logits, sequence.job.request.sampling, seen, static_cast<std::uint64_t>(index));
  if (!id.has_value()) return Abort(sequence, id.error(), events);
  const auto& ends = model_->info().end_ids;
  const bool ends_here = std::find(ends.begin(), ends.end(), *id) != ends.end();
  if (ends_here && !sequence.job.request.ignore_end) return Complete(sequence, events);
  ++counters_.generated_tokens;
  Tell(sequence, *id, events);
}

bool Engine::Append(Sequence& sequence, std::uint32_t id, std::string& released) {
  sequence.tokens.push_back(id);
  if (sequence.seen) sequence.seen->Add(id);
  const std::size_t before = released.size();
  const PhaseScope scope(options_.phases, profile::ServingPhase::kDetokenise, 1);
  decoded_.clear();
  sequence.stream->Push(id, decoded_);
  const bool stopped = sequence.stops.Push(decoded_, released);
  sequence.text.append(released, before);
  return stopped || sequence.generated() >= sequence.max_new;
}

void Engine::Complete(Sequence& sequence, std::vector<EngineEvent>& events) {
  decoded_.clear();
  piece_.clear();
  sequence.stream->Finish(decoded_);
  sequence.stops.Push(decoded_, piece_);
  sequence.stops.Finish(piece_);
  sequence.text += piece_;
  if (!piece_.empty()) {
    auto& event = events.emplace_back();
    event.kind = EngineEvent::Kind::kToken;
    event.id = sequence.job.id;
    event.index = sequence.generated();
    event.text = piece_;
  }
  auto& event = events.emplace_back();
  event.kind = EngineEvent::Kind::kDone;
  event.id = sequence.job.id;
  event.index = sequence.generated();
  event.result.text = std::move(sequence.text);
  // Fewer tokens than allowed and no stop string: the model's end token ended it.
  const bool full = sequence.generated() >= sequence.max_new;
  event.result.finish_reason = full && !sequence.stops.matched() ? "length" : "stop";
  event.result.prompt_tokens = sequence.prompt_tokens;
  event.result.generated_tokens = sequence.generated();
  event.result.max_length_clipped = sequence.clipped;
  sequence.finished = true;
}

void Engine::Abort(Sequence& sequence, Error error, std::vector<EngineEvent>& events) {
  if (sequence.finished) return;
  EndQueue(sequence);
  auto& event = events.emplace_back();
  event.kind = EngineEvent::Kind::kFailed;
  event.id = sequence.job.id;
  event.index = sequence.generated();
  event.error = std::move(error);
  sequence.finished = true;
}

void Engine::EndQueue(Sequence& sequence) {
  if (!sequence.queued) return;
  options_.phases->End(profile::ServingPhase::kQueue, *sequence.queued);
  sequence.queued.reset();
}

// A sequence that generates computes the one token that it was given last; anything else is prompt.
std::size_t Engine::StepPromptTokens() const {
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const auto count = slices_[i].tokens.size();
    if (count != 1 || planned_[i]->generated() == 0) tokens += count;
  }
  return tokens;
}

std::size_t Engine::StepTokens() const {
  std::size_t tokens = 0;
  for (const auto& slice : slices_) tokens += slice.tokens.size();
  return tokens;
}

void Engine::RemoveFinished() {
  std::erase_if(running_, [&](const auto& sequence) {
    if (!sequence->finished) return false;
    model_->Release(sequence->slot);
    free_slots_.push_back(sequence->slot);
    return true;
  });
  std::erase_if(waiting_, [](const auto& sequence) { return sequence->finished; });
}

EngineCounters Engine::counters() const {
  auto counters = counters_;
  counters.running = running_.size();
  counters.waiting = waiting_.size();
  return counters;
}

}  // namespace altlas::serve
