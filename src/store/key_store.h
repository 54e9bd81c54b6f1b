// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "store/task_store.h"

namespace altlas::store {

// The API keys. Same implementations and the same rules for threads, order and callbacks as TaskStore; keys
// are few: load them once, keep them in memory, and follow your own changes.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // kConflict where the id or the secret's hash is known already; kInvalidArgument where the hash is not 64
  // hex digits.
  virtual void AddKey(KeyRecord key, DoneCallback done) = 0;
  // Success also where it was revoked before (the first time stands). kNotFound. Where the disk refuses,
  // `done` gets its error, and the revocation is written all the same as soon as the disk takes it.
  virtual void RevokeKey(Uuid id, WallMillis revoked_ms, DoneCallback done) = 0;
  // Lazily written; not awaited. Never moves back.
  virtual void TouchKey(Uuid id, WallMillis last_used_ms) = 0;
  // All keys, revoked ones too, oldest first. Answered on the caller's thread.
  virtual Result<std::vector<KeyRecord>> LoadKeys() const = 0;
};

}  // namespace altlas::store
