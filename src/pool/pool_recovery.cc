// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/log.h"
#include "pool/pool_impl.h"

namespace altlas::pool {

Status Pool::Impl::Recover() {
  ALTLAS_CHECK(!devices_known_, "Recover comes before the first devices");
  std::size_t running = 0;
  std::vector<TaskId> broken;
  ALTLAS_TRY_VOID(store_.reader().LoadUnfinished([&](store::TaskRecord record) {
    auto entry = std::make_unique<Entry>();
    entry->record = std::move(record);
    auto& r = entry->record;
    const TaskId id = r.id;
    if (auto strategy = ParseStrategy(r.strategy); strategy.has_value()) entry->strategy = *strategy;
    entry->size_hint = SizeHintOf(r.request);
    entry->waited = QueueSecondsOf(r).value_or(0);
    entry->queued_at = clock_.Now();
    if (r.error) {
      broken.push_back(id);
    } else if (r.status == store::TaskStatus::kRunning && !r.device.empty()) {
      entry->phase = Entry::Phase::kLimbo;
      entry->past = Entry::Past::kComesAgain;
      entry->lease = {id, static_cast<std::uint32_t>(r.attempt)};
      ++running;
    } else {
      r.status = store::TaskStatus::kQueued;
      if (r.attempt > 0) entry->past = Entry::Past::kLost;
      recovered_.push_back(id);
    }
    tasks_.emplace(id, std::move(entry));
  }));
  for (const auto& id : broken) {
    Entry& entry = *Find(id);
    End(entry, store::TaskStatus::kFailed, std::nullopt, entry.record.error);
  }
  if (!tasks_.empty())
    ALTLAS_INFO("pool", "unfinished tasks found", {"queued", recovered_.size()}, {"running", running},
                {"broken", broken.size()});
  return {};
}

void Pool::Impl::EnterRecovered() {
  std::vector<Entry*> entries;
  for (const auto& id : recovered_) {
    if (Entry* entry = Find(id); entry != nullptr && entry->phase == Entry::Phase::kQueued)
      entries.push_back(entry);
  }
  recovered_.clear();
  // What ran on a device that is not here any more starts anew elsewhere.
  std::vector<Entry*> orphans;
  for (const auto& [id, entry] : tasks_) {
    if (entry->phase == Entry::Phase::kLimbo && !devices_.contains(entry->record.device))
      orphans.push_back(entry.get());
  }
  Resubmit(std::move(entries));
  for (Entry* entry : orphans)
    LeaseLost(*entry, entry->record.device, false, "its device is not part of the pool any more");
}

void Pool::Impl::Resubmit(std::vector<Entry*> entries) {
  // One reading of each clock for all: tasks accepted in one millisecond keep the order of `entries`.
  const auto now = clock_.Now();
  const auto wall_now = clock_.WallNow();
  const auto spec_of = [&](const Entry& entry) {
    auto spec = SpecOf(entry);
    spec.waited = std::chrono::milliseconds(std::max<std::int64_t>(0, wall_now - entry.record.created_ms));
    return spec;
  };
  std::map<Uuid, std::vector<Entry*>> members_of;
  for (Entry* entry : entries) {
    if (!entry->record.batch_id.is_nil()) members_of[entry->record.batch_id].push_back(entry);
  }
  for (Entry* entry : entries) {
    if (entry->record.batch_id.is_nil()) {
      Enter(*entry, sched_->Submit(now, spec_of(*entry)));
      continue;
    }
    const auto members = std::exchange(members_of[entry->record.batch_id], {});
    if (members.empty()) continue;  // entered with the batch's first
    std::vector<sched::TaskSpec> specs;
    for (const Entry* member : members) specs.push_back(spec_of(*member));
    const auto accepted = sched_->SubmitBatch(now, std::move(specs), false);
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (accepted.has_value()) {
        Enter(*members[i], accepted->tasks[i]);
      } else {
        Enter(*members[i], accepted.error());
      }
    }
  }
}

}  // namespace altlas::pool
