// SPDX-License-Identifier: Apache-2.0
#include "periodic/profiler.h"

#include <algorithm>

#include "base/log.h"
#include "periodic/report.h"

namespace altlas::periodic {

Profiler::Profiler(ProfilerOptions options, net::IoLoop& loop, const Clock& clock, store::ProfileStore& store,
                   metrics::Registry& registry)
    : options_(options),
      loop_(loop),
      clock_(clock),
      store_(store),
      learner_(options.rules),
      anomalies_(
          registry.AddCounter("altlas_profile_anomalies_total",
                              "Samples in which a model was slower than its normal, by model and device.")),
      samples_(registry.AddCounter(
          "altlas_profile_samples_total",
          "Samples asked of workers, by device and outcome (kept, idle, lost, failed).")) {}

Profiler::~Profiler() = default;

Status Profiler::Start() {
  store::ProfileFilter filter;
  filter.limit = filter.scan_limit = kLearnedRows;
  ALTLAS_TRY(auto page, store_.ListProfiles(filter));
  for (auto row = page.rows.rbegin(); row != page.rows.rend(); ++row) (void)learner_.Take(*row);
  // Ids of an earlier manager's asks may still be under way in a worker that is adopted.
  last_id_ = static_cast<std::uint64_t>(std::max<WallMillis>(1, clock_.WallNow())) << 16;
  started_ = true;
  Arm();
  return {};
}

void Profiler::Configure(ProfilerOptions options) {
  const bool rearm = options.enabled != options_.enabled || options.interval != options_.interval;
  options_ = options;
  learner_.SetRules(options_.rules);
  if (started_ && rearm) Arm();
}

void Profiler::Arm() {
  timer_.Cancel();
  if (!options_.enabled) return;
  timer_ = loop_.RunAfter(options_.interval, [this] {
    AskAll();
    Arm();
  });
}

void Profiler::Add(std::string device, backend::ProfileSource& source) {
  devices_[std::move(device)] = {.source = &source};
}

void Profiler::AskAll() {
  wire::ProfileAsk ask;
  ask.duration_ms = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.sample_duration).count());
  ask.operators =
      static_cast<std::uint32_t>(std::clamp(options_.operators, 0, int{wire::kMaxProfileOperators}));
  const auto now = clock_.Now();
  for (auto& [name, device] : devices_) {
    if (device.asked != 0 && now < device.until) continue;
    if (device.asked != 0) Count(name, "lost");
    device.asked = 0;
    ask.id = ++last_id_;
    if (!device.source->AskForProfile(ask).has_value()) continue;
    device.asked = ask.id;
    device.until = now + options_.sample_duration + kPatience;
  }
}

void Profiler::OnNotReady(std::string_view name) {
  const auto found = devices_.find(name);
  if (found == devices_.end() || found->second.asked == 0) return;
  found->second.asked = 0;
  Count(name, "lost");
}

void Profiler::OnReport(std::string_view name, const wire::ProfileReport& report) {
  const auto found = devices_.find(name);
  if (found == devices_.end() || report.id == 0 || found->second.asked != report.id) return;
  found->second.asked = 0;
  auto rows = ReadReport(report, name, clock_.WallNow());
  if (rows.empty()) return Count(name, "idle");
  for (auto& row : rows) Keep(std::move(row));
}

void Profiler::Keep(store::ProfileRow row) {
  for (const auto& change : learner_.Take(row)) {
    if (change.kind == Change::Kind::kBegan) {
      ALTLAS_WARN("profile", "slower than normal", {"device", row.device}, {"model", row.model},
                  {"why", change.why});
    } else {
      ALTLAS_INFO("profile", change.kind == Change::Kind::kEnded ? "back to normal" : "a new normal",
                  {"device", row.device}, {"model", row.model}, {"why", change.why});
    }
  }
  // There with 0 before the first: an alert on its increase sees that one too.
  auto& anomalies = anomalies_.With({{"model", row.model}, {"device", row.device}});
  if (row.anomaly) anomalies.Add();
  store::ProfileBounds bounds;
  bounds.rows = options_.history_samples;
  bounds.oldest_ms =
      clock_.WallNow() - std::chrono::duration_cast<std::chrono::milliseconds>(options_.history_age).count();
  // The counter outlives this: it is the registry's.
  auto& kept = samples_.With({{"device", row.device}, {"outcome", "kept"}});
  auto& failed = samples_.With({{"device", row.device}, {"outcome", "failed"}});
  store_.AddProfile(std::move(row), bounds, [&kept, &failed](const Result<std::int64_t>& id) {
    (id.has_value() ? kept : failed).Add();
    if (!id.has_value()) ALTLAS_WARN("profile", "a sample is not kept", {"why", id.error().message});
  });
}

void Profiler::Count(std::string_view device, const char* outcome) {
  samples_.With({{"device", std::string(device)}, {"outcome", outcome}}).Add();
}

}  // namespace altlas::periodic
