// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <vector>

#include "wire/messages.h"

namespace altlas::wire {

// What a worker remembers about its leases so that a manager that comes back loses nothing: tokens of streams
// and outcomes, until the outcome is acknowledged. Pure: no I/O, no time. Not thread-safe.
//
// A lease is *open* from its grant to its outcome, then *answered* until its acknowledgement, then forgotten.
class LeaseBook {
 public:
  // False where the lease is known already (the grant is a repetition: drop it).
  bool Grant(const LeaseGrant& grant);
  // True where the token is to be sent: the lease is open and streams.
  bool AddToken(const Token& token);
  // True where the outcome is to be sent: the lease was open. `outcome` is a LeaseDone or a LeaseFailed.
  bool Answer(const LeaseKey& lease, Message outcome);
  void Acknowledge(const LeaseKey& lease);

  bool IsOpen(const LeaseKey& lease) const;
  std::size_t open() const { return open_; }
  bool empty() const { return leases_.empty(); }
  // For the Hello of a reconnection.
  std::vector<Hello::HeldLease> Held() const;
  // What to send after its Welcome: for each lease its tokens, then its outcome.
  std::vector<Message> Replay() const;

 private:
  struct Lease {
    bool stream = false;
    std::vector<Token> tokens;
    std::optional<Message> outcome;
  };
  std::map<LeaseKey, Lease> leases_;
  std::size_t open_ = 0;
};

}  // namespace altlas::wire
