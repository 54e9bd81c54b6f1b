// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "wire/worker_link.h"
#include "worker/serve/embedding_engine.h"
#include "worker/serve/engine.h"
#include "worker/serve/engine_thread.h"

namespace altlas::serve {

// One of the two engines is there, by the model's family.
struct LoadedModel {
  std::unique_ptr<Engine> engine;              // serves text_generation
  std::unique_ptr<EmbeddingEngine> embedding;  // serves embedding
  wire::ModelReady facts;                      // name and load_seconds are filled in by the server
};

// What the process gives the server. The functions may be called on any of its threads, one call of each at a
// time.
struct LeaseServerHooks {
  // Loads one model; takes as long as it takes.
  std::function<Result<LoadedModel>(const wire::ModelSpec&, const wire::Welcome&)> load;
  // Thread settings of the tensor library, for the calling thread; called first on each thread that computes.
  std::function<void(std::uint32_t threads)> setup_compute;
  // The last call: why the conversation with the manager is over. The process should end.
  std::function<void(const wire::Goodbye&)> on_end;
};

// A worker's whole life with a manager: loads the models that the Welcome names, runs leases on the batching
// engines, streams their tokens, answers each lease once, reports progress. A manager that goes away is the
// link's matter: the leases go on. Owns the link, the engines and their threads. Thread-safe.
class LeaseServer final : private wire::WorkerLinkListener {
 public:
  // Starts to connect at once. Errors are those of wire::WorkerLink::Create. The clock must outlive it.
  static Result<std::unique_ptr<LeaseServer>> Create(const Clock& clock, wire::WorkerLinkOptions options,
                                                     LeaseServerHooks hooks);
  // Waits for a model that is being loaded, then for the step at hand.
  ~LeaseServer() override;

  // Gives every lease back (LeaseFailed with kUnavailable: another worker goes on from the tokens sent), then
  // says Goodbye; on_end follows. A lease granted meanwhile is given back too. No other answer has that code.
  void Stop(const std::string& why);
  // What a ProfileAsk asked for (WorkerLinkOptions::on_profile_ask). Lost where no manager is there.
  void SendProfile(wire::ProfileReport report) { Link().SendProfileReport(std::move(report)); }
  bool loading() const;
  EngineCounters counters() const;

 private:
  struct Lease {
    wire::LeaseKey key;
    TimePoint begin;
  };

  struct Served {
    bool embeds = false;
    SamplingParams sampling{};  // for what a request that generates leaves out
  };

  LeaseServer(const Clock& clock, LeaseServerHooks hooks);
  void OnWelcome(const wire::Welcome& welcome) override;
  void OnGrant(wire::LeaseGrant grant) override;
  void OnCancel(const wire::LeaseKey& lease) override;
  void OnDrain(Duration deadline) override;
  void OnEnd(const wire::Goodbye& goodbye) override;

  void LoadModels(const wire::Welcome& welcome);
  // How many leases the model takes at once; 0 where it could not be loaded.
  int LoadOne(const wire::ModelSpec& spec, const wire::Welcome& welcome);
  Status TakeOver(const std::string& name, LoadedModel loaded);
  // The work of a lease, in the form that the model's engine takes.
  Result<EngineJob> ReadJob(wire::LeaseGrant& grant);
  void HandleEvents(std::span<EngineEvent> events);
  std::optional<Lease> Find(std::uint64_t job, bool forget);
  void Refuse(wire::LeaseFailed refusal);
  void HandleEvent(EngineEvent& event);
  wire::WorkerLink& Link();
  wire::WorkerProgress Progress();
  double TokensPerSecond(std::uint64_t tokens);

  const Clock& clock_;
  const LeaseServerHooks hooks_;
  mutable Mutex mutex_;
  CondVar link_set_;
  wire::WorkerLink* link_ ALTLAS_GUARDED_BY(mutex_) = nullptr;  // set once
  std::unique_ptr<EngineThread> engines_ ALTLAS_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, Lease> leases_ ALTLAS_GUARDED_BY(mutex_);  // by job
  std::map<std::string, Served> served_ ALTLAS_GUARDED_BY(mutex_);             // by model
  std::unordered_map<wire::LeaseKey, std::uint64_t> jobs_ ALTLAS_GUARDED_BY(mutex_);
  std::uint64_t last_job_ ALTLAS_GUARDED_BY(mutex_) = 0;
  bool loading_ ALTLAS_GUARDED_BY(mutex_) = false;
  bool stopping_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::thread loading_thread_ ALTLAS_GUARDED_BY(mutex_);
  struct Sample {
    TimePoint at;
    std::uint64_t tokens;
  };
  std::deque<Sample> samples_;                    // touched by the link's thread alone
  std::unique_ptr<wire::WorkerLink> link_owner_;  // touched by Create and the destructor alone
};

// What the machine has. 0 where the system does not tell.
std::uint64_t MachineMemoryBytes();

}  // namespace altlas::serve
