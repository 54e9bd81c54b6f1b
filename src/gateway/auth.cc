// SPDX-License-Identifier: Apache-2.0
#include "gateway/auth.h"

#include <unistd.h>

#include <algorithm>

#include "base/code_points.h"
#include "base/log.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/utf8.h"

namespace altlas::gateway {
namespace {

constexpr std::string_view kPrefix = "alk_";
constexpr std::size_t kSecretBytes = 24;
constexpr std::size_t kMaxPresented = 256;
constexpr std::size_t kMaxNameBytes = 128;
constexpr WallMillis kTouchEvery = 60'000;

Error NotLetIn() {
  return Fail(ErrorCode::kUnauthenticated,
              "a valid API key is needed: send the header \"Authorization: Bearer <key>\"");
}

std::optional<std::string_view> BearerToken(const net::Request& request) {
  const auto header = request.Header("Authorization");
  if (!header || header->size() > kMaxPresented) return std::nullopt;
  constexpr std::string_view kScheme = "bearer ";
  if (header->size() <= kScheme.size() || !net::EqualsIgnoreCase(header->substr(0, kScheme.size()), kScheme))
    return std::nullopt;
  auto token = header->substr(kScheme.size());
  while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
  return token;
}

}  // namespace

Principal Administrator() { return {Uuid{}, "administrator", store::ScopeSet::All()}; }

Status CheckKeyName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes)
    return FailField("name", "name has {} bytes; 1 to {} are needed", name.size(), kMaxNameBytes);
  if (!IsValidUtf8(name)) return FailField("name", "name is not UTF-8");
  for (std::size_t at = 0; at < name.size();) {
    const auto c = NextCodePoint(name, at);
    if (ActsOnOtherText(c))
      return FailField("name", "name holds the control or format character U+{:04X}; use printable ones",
                       static_cast<std::uint32_t>(c));
  }
  return {};
}

Duration TokenBucket::Take(TimePoint now, const RateLimit& limit) {
  if (limit.requests_per_second <= 0) return Duration::zero();
  const double burst = static_cast<double>(std::max<std::int64_t>(1, limit.burst));
  if (!started_) {
    tokens_ = burst;
    last_ = now;
    started_ = true;
  }
  tokens_ = std::min(burst, tokens_ + Seconds(now - last_) * limit.requests_per_second);
  last_ = now;
  if (tokens_ >= 1) {
    tokens_ -= 1;
    return Duration::zero();
  }
  return FromSeconds((1 - tokens_) / limit.requests_per_second) + Duration(1);
}

KeyRing::KeyRing(store::KeyStore& store, const Clock& clock, Executor executor, bool enabled,
                 RateLimit default_limit)
    : store_(store),
      clock_(clock),
      executor_(std::move(executor)),
      enabled_(enabled),
      default_limit_(default_limit),
      ids_(clock) {}

Status KeyRing::Load() {
  ALTLAS_TRY(auto keys, store_.LoadKeys());
  for (auto& key : keys) {
    auto hash = key.secret_sha256;
    if (key.revoked_ms != 0) revoked_.insert(key.id);
    by_hash_[hash].record = std::move(key);
  }
  return {};
}

void KeyRing::Create(std::string name, store::ScopeSet scopes, RateLimit limit,
                     std::function<void(Result<NewKey>)> done) {
  if (auto right = CheckKeyName(name); !right.has_value())
    return executor_([done = std::move(done), error = std::move(right).error()] { done(error); });
  NewKey key;
  key.secret = std::string(kPrefix) + SecureRandomHex(kSecretBytes);
  key.record.id = ids_.Next();
  key.record.name = std::move(name);
  key.record.secret_sha256 = Sha256Hex(key.secret);
  key.record.scopes = scopes;
  key.record.requests_per_second = limit.requests_per_second;
  key.record.burst = limit.burst;
  key.record.created_ms = clock_.WallNow();
  store_.AddKey(key.record, [this, key, done = std::move(done)](Status status) {
    if (!status.has_value()) return done(std::move(status).error());
    by_hash_[key.record.secret_sha256].record = key.record;
    ALTLAS_INFO("gateway", "key created", {"key", key.record.id.ToString()}, {"name", key.record.name},
                {"scopes", store::FormatScopes(key.record.scopes)});
    done(key);
  });
}

void KeyRing::Revoke(const std::string& id_or_name, std::function<void(Result<store::KeyRecord>)> done) {
  Held* match = nullptr;
  bool several = false;
  const auto id = Uuid::Parse(id_or_name);
  for (auto& [hash, held] : by_hash_) {
    const bool open = held.record.revoked_ms == 0 || !held.revocation_kept;
    if (!(id ? held.record.id == *id : held.record.name == id_or_name && open)) continue;
    several = match != nullptr;
    match = &held;
    if (several) break;
  }
  if (match == nullptr || several) {
    auto error =
        several
            ? Fail(ErrorCode::kConflict, "several keys are named \"{}\"; name the one by its id", id_or_name)
            : Fail(ErrorCode::kNotFound, "no valid key has the id or the name \"{}\"", id_or_name);
    return executor_([done = std::move(done), error = std::move(error)] { done(error); });
  }
  // It counts from now on; the disk follows.
  auto& record = match->record;
  if (record.revoked_ms == 0) {
    record.revoked_ms = clock_.WallNow();
    match->revocation_kept = false;
    revoked_.insert(record.id);
    if (on_revoked_) executor_([listener = on_revoked_, key = record.id] { listener(key); });
    ALTLAS_INFO("gateway", "key revoked", {"key", record.id.ToString()}, {"name", record.name});
  }
  store_.RevokeKey(record.id, record.revoked_ms, [this, record, done = std::move(done)](Status status) {
    if (status.has_value()) {
      by_hash_[record.secret_sha256].revocation_kept = true;
      return done(record);
    }
    ALTLAS_ERROR("gateway", "a revocation is not durable yet", {"key", record.id.ToString()},
                 {"name", record.name}, {"why", status.error().message});
    done(Error{
        status.error().code,
        fmt::format("the key \"{}\" is revoked, and the disk could not keep that yet: {}. It is written as "
                    "soon as the disk takes it; a restart before that brings the key back, so revoke it "
                    "again until this succeeds",
                    record.name, status.error().message)});
  });
}

std::vector<store::KeyRecord> KeyRing::List() const {
  std::vector<store::KeyRecord> keys;
  for (const auto& [hash, held] : by_hash_) keys.push_back(held.record);
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return keys;
}

bool KeyRing::Knows(std::string_view secret) const {
  const auto found = by_hash_.find(Sha256Hex(secret));
  return found != by_hash_.end() && found->second.record.revoked_ms == 0;
}

Result<const KeyRing::Held*> KeyRing::Find(const net::Request& request, store::Scope needed) const {
  if (request.peer_uid) {
    if (*request.peer_uid == ::geteuid() || *request.peer_uid == 0) return nullptr;
    return Fail(ErrorCode::kDenied, "user {} may not administrate this server; run the command as its owner",
                *request.peer_uid);
  }
  if (!enabled_) return nullptr;
  const auto token = BearerToken(request);
  if (!token) return NotLetIn();
  const auto hash = Sha256Hex(*token);
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end() || !EqualInConstantTime(found->second.record.secret_sha256, hash) ||
      found->second.record.revoked_ms != 0)
    return NotLetIn();
  const Held& held = found->second;
  if (!held.record.scopes.Has(needed)) {
    store::ScopeSet wanted;
    return Fail(ErrorCode::kDenied, "the key \"{}\" has the scopes {}; this needs {}", held.record.name,
                store::FormatScopes(held.record.scopes), store::FormatScopes(wanted.Add(needed)));
  }
  return &held;
}

Status KeyRing::Check(const net::Request& request, store::Scope needed) const {
  ALTLAS_TRY([[maybe_unused]] const auto* held, Find(request, needed));
  return {};
}

Result<Principal> KeyRing::Authenticate(const net::Request& request, store::Scope needed,
                                        double* retry_after) {
  ALTLAS_TRY(const auto* found, Find(request, needed));
  if (found == nullptr) return Administrator();
  Held& held = by_hash_.find(found->record.secret_sha256)->second;
  const RateLimit own{held.record.requests_per_second, held.record.burst};
  const auto& limit = own.requests_per_second > 0 ? own : default_limit_;
  if (const auto wait = held.bucket.Take(clock_.Now(), limit); wait > Duration::zero()) {
    *retry_after = Seconds(wait);
    return Fail(ErrorCode::kOverloaded,
                "the key \"{}\" may send {} requests a second (bursts of {}); try again in {:.2f} s",
                held.record.name, limit.requests_per_second, limit.burst, Seconds(wait));
  }
  const auto now = clock_.WallNow();
  held.record.last_used_ms = std::max(held.record.last_used_ms, now);
  if (now - held.touched_ms > kTouchEvery) {
    held.touched_ms = now;
    store_.TouchKey(held.record.id, now);
  }
  return Principal{held.record.id, held.record.name, held.record.scopes};
}

}  // namespace altlas::gateway
