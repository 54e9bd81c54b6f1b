// SPDX-License-Identifier: Apache-2.0
#include "store/housekeeping.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"

namespace altlas::store {
namespace {
// About 4 MB: one damaged page in the WAL costs what comes after it, so it is kept short.
constexpr int kLongWalPages = 1000;
// A reader that never lets go would let the WAL grow for ever; past this the checkpoint waits for readers.
constexpr int kVeryLongWalPages = 8 * kLongWalPages;
constexpr std::size_t kChecksInASlice = 64;
}  // namespace

Housekeeping::Housekeeping(const Retention& retention, const Clock& clock, Database& database, Ledger& ledger,
                           const BlobStore& blobs, FaultPoints& faults)
    : retention_(retention),
      clock_(clock),
      database_(database),
      ledger_(ledger),
      blobs_(blobs),
      faults_(faults),
      unchecked_(blobs.List()) {}

bool Housekeeping::RunSlice() {
  bool more = false;
  if (clock_.Now() >= next_look_) {
    more = Retain();
    if (!more) next_look_ = clock_.Now() + retention_.interval;
  }
  CheckLater(ledger_.TakeReleasedBlobs());
  return RemoveUnreferredBlobs() || more;
}

void Housekeeping::CheckLater(const std::vector<std::string>& blobs) {
  std::copy_if(blobs.begin(), blobs.end(), std::back_inserter(unchecked_),
               [](const auto& name) { return !name.empty(); });
}

bool Housekeeping::Retain() {
  auto begun = ledger_.Begin();
  auto more = begun.has_value() ? RemoveSome() : Result<bool>(begun.error());
  if (more.has_value()) {
    if (auto done = ledger_.Commit(); !done.has_value()) more = done.error();
  }
  if (more.has_value()) return *more;
  ledger_.Rollback();
  ALTLAS_DEBUG("store", "retention has to wait", {"why", more.error().message});
  return false;
}

Result<bool> Housekeeping::RemoveSome() {
  const auto now = clock_.WallNow();
  const auto age = std::chrono::milliseconds(retention_.finished_age).count();
  const auto& counts = ledger_.counts();
  const auto finished = counts[2] + counts[3] + counts[4];
  const auto excess = retention_.finished_count > 0 ? finished - retention_.finished_count : 0;
  ALTLAS_TRY_VOID(faults_.At("retention"));
  ALTLAS_TRY(const auto tasks,
             ledger_.RemoveFinished(age > 0 ? now - age : INT64_MIN, excess, retention_.batch));
  const auto claim_age = std::chrono::milliseconds(retention_.idempotency_age).count();
  ALTLAS_TRY(const auto claims, ledger_.RemoveIdempotency(now - claim_age, retention_.batch));
  return tasks == retention_.batch || claims == retention_.batch;
}

bool Housekeeping::RemoveUnreferredBlobs() {
  for (std::size_t i = 0; i < kChecksInASlice && !unchecked_.empty(); ++i) {
    const auto referred = ledger_.IsReferred(unchecked_.back());
    if (!referred.has_value()) return false;
    if (!*referred) blobs_.Remove(unchecked_.back());
    unchecked_.pop_back();
  }
  return !unchecked_.empty();
}

void Housekeeping::GiveBackTheWal() { (void)database_.Checkpoint(true); }

void Housekeeping::CheckpointWhenLong() {
  if (database_.wal_pages() < kLongWalPages) return;
  if (!faults_.At("before_checkpoint").has_value()) return;
  const auto done = database_.Checkpoint(database_.wal_pages() >= kVeryLongWalPages);
  if (!done.has_value()) ALTLAS_DEBUG("store", "checkpoint has to wait", {"why", done.error().message});
  (void)faults_.At("after_checkpoint");
}

}  // namespace altlas::store
