// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "wire/messages.h"

namespace altlas::wire {

struct WorkerLinkOptions {
  std::string socket_path;  // the manager's Unix socket
  std::string device;       // "gpu_0"
  std::string token;        // from the environment variable ALTLAS_WORKER_TOKEN
  std::string program_version = ALTLAS_VERSION;
  Duration first_retry =
      std::chrono::milliseconds(20);  // between attempts to connect; doubles up to retry_cap
  Duration retry_cap = std::chrono::seconds(1);
  Duration first_contact = std::chrono::seconds(30);  // with no Welcome ever for so long, the link ends
  Duration flush_within = std::chrono::seconds(1);    // how long End waits for what is queued
  // What the manager asks to be told of the time (SendProfileReport answers). Called on the link's thread
  // between two listener calls; return soon. Empty: the worker has nothing to tell, and asks are ignored.
  std::function<void(const ProfileAsk&)> on_profile_ask = {};
};

// What the worker does for the manager. Called on the link's thread, one call at a time: return soon (hand
// the work to another thread) and do not destroy the link inside a call. All calls of WorkerLink are allowed
// inside.
class WorkerLinkListener {
 public:
  virtual ~WorkerLinkListener() = default;
  // Once, at the first contact. Answer with SendModelReady or SendModelFailed for each model, then SendReady.
  // Reconnections are no event: the link repeats these answers by itself.
  virtual void OnWelcome(const Welcome& welcome) = 0;
  // A new lease. Answer with exactly one SendDone or SendFailed; with `stream`, SendToken before it.
  virtual void OnGrant(LeaseGrant grant) = 0;
  // Stop that lease and answer with SendFailed(canceled), unless it was answered already. Only for leases
  // that were granted and not answered; may come twice.
  virtual void OnCancel(const LeaseKey& lease) = 0;
  // No grants come any more; when all leases are answered (or `deadline` from now has passed, zero: none) and
  // acknowledged, the link says Goodbye by itself and OnEnd follows.
  virtual void OnDrain(Duration deadline) = 0;
  // The last call: the process should end. `goodbye` says why (drained, refused, orphaned, ...).
  virtual void OnEnd(const Goodbye& goodbye) = 0;
};

// What a heartbeat reports; asked for on the link's thread, so read atomics. See Heartbeat.
struct WorkerProgress {
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::uint64_t steps = 0;
  std::uint64_t tokens = 0;
  std::uint64_t memory_used_bytes = 0;
  double tokens_per_second = 0;
};

// A worker's side of the conversation with its manager: connects, says Hello, reconnects with growing pauses
// when the manager goes away, sends heartbeats, keeps outcomes until they are acknowledged and sends them
// again after a reconnection, repeats the tokens of running streams, and ends when there was no manager for
// the orphan time. Used by alt_las_worker and by the echo worker. It owns one thread and borrows the
// listener, which must outlive it. All calls are thread-safe and never block on the manager: what is sent is
// queued (bounded by what the leases produce).
class WorkerLink {
 public:
  // Starts the thread and the first attempt to connect. `progress` may be empty. kInvalidArgument where an
  // option is wrong (a socket path over 107 bytes, no device, a token over its limit).
  static Result<std::unique_ptr<WorkerLink>> Create(WorkerLinkOptions options, WorkerLinkListener& listener,
                                                    std::function<WorkerProgress()> progress);
  // Ends at once without a Goodbye (what is queued may be lost) and joins the thread. No listener call comes
  // after it.
  ~WorkerLink();
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  void SendModelReady(ModelReady message);
  void SendModelFailed(ModelFailed message);
  void SendReady(Ready message);
  // Ignored where the lease was answered or never granted. For leases without `stream` nothing is sent.
  void SendToken(Token message);
  // The first answer to a lease counts; later ones, and those to leases never granted, are dropped with a
  // warning. A result that breaks a limit of the format becomes LeaseFailed(internal) with the reason.
  void SendDone(LeaseDone message);
  void SendFailed(LeaseFailed message);
  // Lost where no manager is there now: a later one did not ask.
  void SendProfileReport(ProfileReport message);
  // Says Goodbye once everything queued is written (flush_within at most), then OnEnd. For SIGTERM and device
  // faults. What is sent after it reaches nobody.
  void End(Goodbye goodbye);

 private:
  class Impl;
  explicit WorkerLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace altlas::wire
