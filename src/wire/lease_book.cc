// SPDX-License-Identifier: Apache-2.0
#include "wire/lease_book.h"

namespace altlas::wire {

bool LeaseBook::Grant(const LeaseGrant& grant) {
  const bool is_new = leases_.try_emplace(grant.lease).second;
  if (!is_new) return false;
  leases_[grant.lease].stream = grant.stream;
  ++open_;
  return true;
}

bool LeaseBook::AddToken(const Token& token) {
  const auto found = leases_.find(token.lease);
  if (found == leases_.end() || found->second.outcome || !found->second.stream) return false;
  found->second.tokens.push_back(token);
  return true;
}

bool LeaseBook::Answer(const LeaseKey& lease, Message outcome) {
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.outcome) return false;
  found->second.outcome = std::move(outcome);
  --open_;
  return true;
}

void LeaseBook::Acknowledge(const LeaseKey& lease) {
  const auto found = leases_.find(lease);
  if (found != leases_.end() && found->second.outcome) leases_.erase(found);
}

bool LeaseBook::IsOpen(const LeaseKey& lease) const {
  const auto found = leases_.find(lease);
  return found != leases_.end() && !found->second.outcome;
}

std::vector<Hello::HeldLease> LeaseBook::Held() const {
  std::vector<Hello::HeldLease> held;
  held.reserve(leases_.size());
  for (const auto& [key, lease] : leases_) held.push_back({key, lease.outcome.has_value()});
  return held;
}

std::vector<Message> LeaseBook::Replay() const {
  std::vector<Message> messages;
  for (const auto& [key, lease] : leases_) {
    messages.insert(messages.end(), lease.tokens.begin(), lease.tokens.end());
    if (lease.outcome) messages.push_back(*lease.outcome);
  }
  return messages;
}

}  // namespace altlas::wire
