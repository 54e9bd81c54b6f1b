// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/lease_server.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "base/process_memory.h"
#include "worker/serve/request.h"

namespace altlas::serve {
namespace {

constexpr std::string_view kGenerationType = "text_generation";
constexpr std::string_view kEmbeddingType = "embedding";
constexpr Duration kRateWindow = std::chrono::seconds(5);

// kUnavailable is kept for leases given back unharmed (wire::LeaseFailed). Where the computation itself says
// so it lacked something (memory), and has failed: that may work elsewhere, as may what it failed at
// internally on another device, with more memory or sound weights.
wire::LeaseFailed Failure(const wire::LeaseKey& lease, const Error& error) {
  const bool at_fault = error.code == ErrorCode::kInternal || error.code == ErrorCode::kUnavailable;
  return {lease, at_fault ? ErrorCode::kInternal : error.code, error.message, at_fault};
}

wire::LeaseFailed GivenBack(const wire::LeaseKey& lease, const std::string& why) {
  return {lease, ErrorCode::kUnavailable, why, false};
}

}  // namespace

LeaseServer::LeaseServer(const Clock& clock, LeaseServerHooks hooks)
    : clock_(clock), hooks_(std::move(hooks)) {}

Result<std::unique_ptr<LeaseServer>> LeaseServer::Create(const Clock& clock, wire::WorkerLinkOptions options,
                                                         LeaseServerHooks hooks) {
  auto server = std::unique_ptr<LeaseServer>(new LeaseServer(clock, std::move(hooks)));
  const auto progress = [raw = server.get()] { return raw->Progress(); };
  ALTLAS_TRY(server->link_owner_, wire::WorkerLink::Create(std::move(options), *server, progress));
  MutexLock lock(server->mutex_);
  server->link_ = server->link_owner_.get();
  server->link_set_.NotifyAll();
  return server;
}

LeaseServer::~LeaseServer() {
  std::thread loading;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    loading = std::move(loading_thread_);
  }
  if (loading.joinable()) loading.join();
  std::unique_ptr<EngineThread> engines;
  {
    MutexLock lock(mutex_);
    engines = std::move(engines_);
  }
  // The engines before the link: their events go to it. The link's own calls find no engines from here on.
  engines.reset();
  link_owner_.reset();
}

// The link's thread may call before Create has the link in hand.
wire::WorkerLink& LeaseServer::Link() {
  MutexLock lock(mutex_);
  while (link_ == nullptr) link_set_.Wait(mutex_);
  return *link_;
}

void LeaseServer::OnWelcome(const wire::Welcome& welcome) {
  ALTLAS_INFO("worker", "welcome", {"models", welcome.models.size()}, {"threads", welcome.threads},
              {"max_batch", welcome.max_batch});
  MutexLock lock(mutex_);
  if (stopping_) return;
  const auto setup = [this, threads = welcome.threads] {
    if (hooks_.setup_compute) hooks_.setup_compute(threads);
  };
  engines_ =
      std::make_unique<EngineThread>([this](std::span<EngineEvent> events) { HandleEvents(events); }, setup);
  loading_ = true;
  loading_thread_ = std::thread([this, welcome, setup] {
    setup();
    LoadModels(welcome);
  });
}

void LeaseServer::LoadModels(const wire::Welcome& welcome) {
  int slots = 0;
  for (const auto& spec : welcome.models) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    slots = std::max(slots, LoadOne(spec, welcome));
  }
  {
    MutexLock lock(mutex_);
    loading_ = false;
  }
  wire::Ready ready;
  ready.slots = static_cast<std::uint32_t>(std::max(slots, 1));
  ready.threads = welcome.threads;
  ready.memory_used_bytes = ResidentBytes();
  ready.memory_total_bytes = MachineMemoryBytes();
  Link().SendReady(ready);
}

int LeaseServer::LoadOne(const wire::ModelSpec& spec, const wire::Welcome& welcome) {
  const auto begin = clock_.Now();
  auto loaded = hooks_.load(spec, welcome);
  Status status;
  int slots = 0;
  wire::ModelReady facts;
  if (loaded.has_value()) {
    // Texts to embed hold nothing between steps: all that the manager may send wait here to be batched.
    slots = static_cast<int>(welcome.max_batch);
    if (loaded->engine != nullptr) slots = std::min(loaded->engine->model_info().slots, slots);
    facts = std::move(loaded->facts);
    status = TakeOver(spec.name, std::move(*loaded));
  } else {
    status = loaded.error();
  }
  if (!status.has_value()) {
    ALTLAS_ERROR("worker", "model not loaded", {"model", spec.name}, {"why", status.error().message});
    Link().SendModelFailed({spec.name, status.error().code, status.error().message});
    return 0;
  }
  facts.name = spec.name;
  facts.load_seconds = altlas::Seconds(clock_.Now() - begin);
  ALTLAS_INFO("worker", "model loaded", {"model", spec.name}, {"parameters", facts.parameters},
              {"memory_bytes", facts.memory_bytes}, {"seconds", facts.load_seconds});
  Link().SendModelReady(std::move(facts));
  return slots;
}

Status LeaseServer::TakeOver(const std::string& name, LoadedModel loaded) {
  ALTLAS_CHECK((loaded.engine != nullptr) != (loaded.embedding != nullptr), "a model has one engine");
  MutexLock lock(mutex_);
  if (loaded.embedding != nullptr) {
    served_[name] = {.embeds = true};
    return engines_->AddModel(name, std::move(loaded.embedding));
  }
  served_[name] = {.embeds = false, .sampling = loaded.engine->model_info().default_sampling};
  return engines_->AddModel(name, std::move(loaded.engine));
}

Result<EngineJob> LeaseServer::ReadJob(wire::LeaseGrant& grant) {
  const bool embeds = grant.type == kEmbeddingType;
  Served served{.embeds = embeds};
  {
    MutexLock lock(mutex_);
    if (const auto known = served_.find(grant.model); known != served_.end()) served = known->second;
  }
  EngineJob job;
  job.emitted = std::move(grant.emitted);
  if (!embeds) {
    ALTLAS_TRY(job.request, ParseRequest(grant.type, grant.request, served.sampling));
  } else {
    ALTLAS_TRY(job.embedding, ParseEmbeddingRequest(grant.request));
  }
  if (served.embeds != embeds)
    return Fail(ErrorCode::kUnsupported, "model \"{}\" serves tasks of type {}, and this one is of type {}",
                grant.model, served.embeds ? kEmbeddingType : kGenerationType, grant.type);
  return job;
}

void LeaseServer::OnGrant(wire::LeaseGrant grant) {
  auto read = ReadJob(grant);
  if (!read.has_value()) return Refuse(Failure(grant.lease, read.error()));
  EngineJob job = std::move(*read);
  std::optional<wire::LeaseFailed> refusal;
  {
    MutexLock lock(mutex_);
    if (engines_ == nullptr || stopping_) {
      refusal = GivenBack(grant.lease, "the worker is being stopped");
    } else {
      job.id = ++last_job_;
      leases_[job.id] = {grant.lease, clock_.Now()};
      jobs_[grant.lease] = job.id;
      if (const auto status = engines_->Submit(grant.model, std::move(job)); !status.has_value()) {
        refusal = Failure(grant.lease, status.error());
        leases_.erase(last_job_);
        jobs_.erase(grant.lease);
      }
    }
  }
  if (refusal) Refuse(std::move(*refusal));
}

void LeaseServer::Refuse(wire::LeaseFailed refusal) {
  ALTLAS_INFO("worker", "lease refused", {"task", refusal.lease.task.ToString()},
              {"attempt", refusal.lease.attempt}, {"why", refusal.message});
  Link().SendFailed(std::move(refusal));
}

void LeaseServer::OnCancel(const wire::LeaseKey& lease) {
  MutexLock lock(mutex_);
  const auto it = jobs_.find(lease);
  if (it != jobs_.end() && engines_ != nullptr) engines_->Cancel(it->second);
}

void LeaseServer::OnDrain(Duration deadline) {
  ALTLAS_INFO("worker", "drain", {"deadline_seconds", altlas::Seconds(deadline)});
}

void LeaseServer::OnEnd(const wire::Goodbye& goodbye) {
  ALTLAS_INFO("worker", "goodbye", {"reason", wire::GoodbyeReasonName(goodbye.reason)},
              {"text", goodbye.text});
  if (hooks_.on_end) hooks_.on_end(goodbye);
}

void LeaseServer::Stop(const std::string& why) {
  std::unordered_map<std::uint64_t, Lease> leases;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    leases.swap(leases_);
    jobs_.clear();
  }
  for (const auto& [job, lease] : leases) Link().SendFailed(GivenBack(lease.key, why));
  Link().End({wire::GoodbyeReason::kShutdown, why});
}

std::optional<LeaseServer::Lease> LeaseServer::Find(std::uint64_t job, bool forget) {
  MutexLock lock(mutex_);
  const auto it = leases_.find(job);
  if (it == leases_.end()) return std::nullopt;
  const auto lease = it->second;
  if (forget) {
    jobs_.erase(lease.key);
    leases_.erase(it);
  }
  return lease;
}

void LeaseServer::HandleEvents(std::span<EngineEvent> events) {
  for (auto& event : events) HandleEvent(event);
}

void LeaseServer::HandleEvent(EngineEvent& event) {
  const auto lease = Find(event.id, event.kind != EngineEvent::Kind::kToken);
  if (!lease) return;  // given back by Stop
  const auto index = static_cast<std::uint32_t>(event.index);
  if (event.kind == EngineEvent::Kind::kToken) {
    wire::Token token{lease->key, index, {}, std::move(event.text)};
    if (event.token) token.ids.push_back(*event.token);
    return Link().SendToken(std::move(token));
  }
  if (event.kind == EngineEvent::Kind::kFailed) return Link().SendFailed(Failure(lease->key, event.error));
  wire::LeaseDone done;
  done.lease = lease->key;
  done.result = event.embedding ? FormatEmbedding(*event.embedding) : FormatResult(event.result);
  done.seconds = altlas::Seconds(clock_.Now() - lease->begin);
  const auto prompt_tokens = event.embedding ? event.embedding->tokens : event.result.prompt_tokens;
  done.prompt_tokens = static_cast<std::uint32_t>(prompt_tokens);
  done.generated_tokens = static_cast<std::uint32_t>(event.result.generated_tokens);
  Link().SendDone(std::move(done));
}

bool LeaseServer::loading() const {
  MutexLock lock(mutex_);
  return loading_;
}

EngineCounters LeaseServer::counters() const {
  MutexLock lock(mutex_);
  return engines_ == nullptr ? EngineCounters{} : engines_->counters();
}

wire::WorkerProgress LeaseServer::Progress() {
  const auto counters = this->counters();
  wire::WorkerProgress progress;
  progress.running = static_cast<std::uint32_t>(counters.running);
  progress.waiting = static_cast<std::uint32_t>(counters.waiting);
  progress.steps = counters.steps;
  progress.tokens = counters.generated_tokens;
  progress.memory_used_bytes = ResidentBytes();
  progress.tokens_per_second = TokensPerSecond(counters.generated_tokens);
  return progress;
}

double LeaseServer::TokensPerSecond(std::uint64_t tokens) {
  const auto now = clock_.Now();
  samples_.push_back({now, tokens});
  while (samples_.size() > 2 && now - samples_[1].at >= kRateWindow) samples_.pop_front();
  const auto span = altlas::Seconds(now - samples_.front().at);
  return span <= 0.0 ? 0.0 : static_cast<double>(tokens - samples_.front().tokens) / span;
}

std::uint64_t MachineMemoryBytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  return pages <= 0 ? 0
                    : static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace altlas::serve
