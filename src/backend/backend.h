// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/messages.h"

namespace altlas::backend {

using wire::LeaseKey;

// The life of a device's worker. Leases are taken in kReady alone.
enum class BackendState {
  kStopped,   // not started, or stopped: nothing runs, nothing will be started. -> kAdopting, kStarting
  kAdopting,  // a worker of an earlier manager lives: waiting for it to reconnect. -> kLoading, kEnding,
              // kStarting
  kStarting,  // the process runs and has not said Hello. -> kLoading, kEnding, kBackoff
  kLoading,   // it has its Welcome and loads models. -> kReady, kEnding
  kReady,     // it takes leases; once it gave one back, it is leaving. -> kDraining, kEnding
  kDraining,  // it finishes what it holds, then it ends. -> kStopped, kEnding
  kEnding,    // told or forced to end; waiting until the process is gone. -> kBackoff, kStarting, kStopped
  kBackoff,   // gone; started again at `restart_at`. -> kStarting, kStopped
};
// "ready", "backoff", ...: for the API and the log.
std::string_view BackendStateName(BackendState state);

// Everything about a backend that the API shows; a copy.
struct BackendStatus {
  std::string device;
  BackendState state = BackendState::kStopped;
  std::string why;                      // a sentence: why it is in this state
  std::optional<TimePoint> restart_at;  // kBackoff: when it is started again
  std::uint32_t restarts = 0;           // processes started since Start() beyond the first
  std::uint32_t failures_in_a_row = 0;  // of them, since it was last stable
  int pid = 0;                          // 0: no process
  wire::Ready ready;                    // valid from the first kReady on; zero slots before
  std::vector<wire::ModelReady> models;
  std::vector<wire::ModelFailed> failed_models;
  wire::Heartbeat progress;  // the last one
  std::size_t leases = 0;    // granted and not answered
};

// Events.
// ------------------------------------------------------------------------------------------------------------

// The worker takes leases from now on: with these models, of which some may have failed to load.
struct BackendReady {
  wire::Ready ready;
  std::vector<wire::ModelReady> models;
  std::vector<wire::ModelFailed> failed_models;
};
// These leases will not be answered any more; give them out again. Each lease granted ends in exactly one of
// LeaseDone, LeaseFailed, LeasesLost. A LeaseFailed with kUnavailable is a lease given back unharmed
// (wire::LeaseFailed): give it out again too.
struct LeasesLost {
  std::string reason;
  std::vector<LeaseKey> leases;
  bool worker_down = false;  // a crash, a kill or a hang while they ran: counts against them (poison)
};
// After a manager's restart: the adopted worker still holds these; their tokens come again from the first of
// the attempt.
struct LeasesResumed {
  std::vector<LeaseKey> leases;
};
struct StateChanged {
  BackendState state = BackendState::kStopped;
  std::string why;
};
using BackendEvent = std::variant<BackendReady, wire::Token, wire::LeaseDone, wire::LeaseFailed, LeasesLost,
                                  LeasesResumed, wire::Heartbeat, wire::ProfileReport, StateChanged>;
// Called on the manager's loop thread, never inside a call of Backend. May call the backend; must not destroy
// it.
using BackendListener = std::function<void(std::string_view device, BackendEvent event)>;

enum class StopMode {
  kDrain,         // finish what runs within the backend's drain time, then end
  kKill,          // end now; what runs is lost
  kLeaveRunning,  // let go of the worker: it keeps its leases and is adopted by the next manager
};

// Where a device's tasks run. Implementations: WorkerBackend (a supervised process), EchoBackend (in process,
// for tests and benches). All calls come on the manager's loop thread and do not block.
class Backend {
 public:
  virtual ~Backend() = default;
  // Brings the device up and keeps it up. `known`: leases that the store says run on this device, from before
  // a restart; each is resumed or lost, by an event.
  virtual void Start(std::vector<LeaseKey> known) = 0;
  // Hands a lease over. kUnavailable: not ready now; kConflict: it holds this lease already;
  // kInvalidArgument, kTooLarge: a field breaks a limit of the wire (the message names it). After an error
  // there is no event for the lease. How many leases it is given at once is the caller's business
  // (BackendReady::ready.slots).
  virtual Status Grant(wire::LeaseGrant grant) = 0;
  // Asks for the lease's end; its event (LeaseFailed(canceled), or LeaseDone that was under way) still comes.
  // Nothing where it is not held.
  virtual void Cancel(const LeaseKey& lease) = 0;
  // The outcome of the lease is durable: the worker may forget it. Call it for every LeaseDone and
  // LeaseFailed, also for one that was not expected (after a restart an outcome may come that the store has
  // already).
  virtual void Acknowledge(const LeaseKey& lease) = 0;
  // Ends. `stopped` is called once, later, when it is done. Leases not answered by then are lost, by an event
  // before `stopped`, except under kLeaveRunning, after which no event comes at all.
  virtual void Stop(StopMode mode, std::function<void()> stopped) = 0;
  virtual BackendStatus status() const = 0;
};

// What some backends can do beside that: say where their time goes. Implementation: WorkerBackend. On the
// loop's thread, does not block.
class ProfileSource {
 public:
  virtual ~ProfileSource() = default;
  // Answered by a wire::ProfileReport event with the ask's id, or never (the worker was lost, or is of the
  // kind that has nothing to tell). kUnavailable: not ready now.
  virtual Status AskForProfile(const wire::ProfileAsk& ask) = 0;
};

}  // namespace altlas::backend
