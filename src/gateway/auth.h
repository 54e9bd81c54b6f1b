// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/result.h"
#include "net/http.h"
#include "store/key_store.h"

namespace altlas::gateway {

// Who sends a request, once known.
struct Principal {
  Uuid key_id;  // nil: the administrator's socket, or keys are off
  std::string name;
  store::ScopeSet scopes;
  // An administrator sees every task, others their own.
  bool Sees(const Uuid& owner) const { return scopes.Has(store::Scope::kAdmin) || owner == key_id; }
};

// How often a key may ask. A value.
struct RateLimit {
  double requests_per_second = 0;  // in the long run; 0: no limit, whatever `burst` says
  std::int64_t burst = 20;         // requests at once after a pause; below 1 counts as 1
};

// A token bucket: `burst` requests at once, refilled at `requests_per_second`. Pure, not thread-safe.
class TokenBucket {
 public:
  // Zero where the request may pass; else how long until the next one may.
  Duration Take(TimePoint now, const RateLimit& limit);

 private:
  double tokens_ = 0;
  TimePoint last_{};
  bool started_ = false;
};

// The API keys in memory, followed by every change, so that a revocation counts at once. Loop thread only.
// A key is "alk_" and 48 hex digits; only its SHA-256 is kept.
class KeyRing {
 public:
  // `enabled` false: every request is the administrator's. Callbacks come by `executor` or from the store,
  // never inside the call.
  KeyRing(store::KeyStore& store, const Clock& clock, Executor executor, bool enabled,
          RateLimit default_limit);
  Status Load();
  bool empty() const { return by_hash_.empty(); }

  struct NewKey {
    std::string secret;  // shown once, never stored
    store::KeyRecord record;
  };
  // `done` comes after the commit. A rate of 0 means the configured default. kInvalidArgument: CheckKeyName.
  void Create(std::string name, store::ScopeSet scopes, RateLimit limit,
              std::function<void(Result<NewKey>)> done);
  // By id or by name. It counts at once; `done` gets the record once that is durable. Where the disk refuses
  // it gets the disk's error, the store tries again by itself, and so does a repeated call. kNotFound;
  // kConflict where several keys have that name.
  void Revoke(const std::string& id_or_name, std::function<void(Result<store::KeyRecord>)> done);
  // `listener` hears of each key revoked from now on, once, at the loop's next turn. Replaces the one before.
  void OnRevoked(std::function<void(const Uuid& key)> listener) { on_revoked_ = std::move(listener); }
  // False for the nil id, which stands for no key.
  bool IsRevoked(const Uuid& key) const { return revoked_.contains(key); }
  std::vector<store::KeyRecord> List() const;
  // Whether it would be let in.
  bool Knows(std::string_view secret) const;

  // kUnauthenticated for a missing, malformed, unknown or revoked key, without telling which; kDenied without
  // the scope; kOverloaded past the rate limit, with the wait in `retry_after`.
  Result<Principal> Authenticate(const net::Request& request, store::Scope needed, double* retry_after);
  // As Authenticate, by the key and its scope alone: the request is not counted. For a look at its head.
  Status Check(const net::Request& request, store::Scope needed) const;
  void SetDefaultLimit(RateLimit limit) { default_limit_ = limit; }

 private:
  struct Held {
    store::KeyRecord record;
    TokenBucket bucket;
    WallMillis touched_ms = 0;    // last told to the store
    bool revocation_kept = true;  // false: revoked, and the disk has not taken it yet
  };
  // The key of the request where it has the scope; null where no key is needed.
  Result<const Held*> Find(const net::Request& request, store::Scope needed) const;
  store::KeyStore& store_;
  const Clock& clock_;
  Executor executor_;
  bool enabled_;
  RateLimit default_limit_;
  UuidGenerator ids_;
  std::unordered_map<std::string, Held> by_hash_;
  std::unordered_set<Uuid> revoked_;
  std::function<void(const Uuid&)> on_revoked_;
};

// kInvalidArgument (field "name") for a name that is empty, too long, no UTF-8, or holds control characters,
// which would break lists and terminals.
Status CheckKeyName(std::string_view name);

// {"keys": [...]}, as GET /api/v1/keys answers.
std::string RenderKeys(const std::vector<store::KeyRecord>& keys);

// The administrator's rights: for the Unix socket, whose peer the system vouches for.
Principal Administrator();

}  // namespace altlas::gateway
