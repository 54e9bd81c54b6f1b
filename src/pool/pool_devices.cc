// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "base/log.h"
#include "pool/pool_impl.h"

namespace altlas::pool {
namespace {

// A CPU device's speed as far as its configuration tells it; measured service times replace it.
std::optional<double> KnownSpeed(const device::DeviceSnapshot& snapshot) {
  if (snapshot.kind != device::DeviceKind::kCpu || snapshot.threads <= 0) return std::nullopt;
  return snapshot.threads * snapshot.cpu_quota;
}

// On a processor the cache takes memory as it fills, so it is not part of memory_bytes.
std::uint64_t MostHeldBy(const wire::ModelReady& model, device::DeviceKind kind) {
  return model.memory_bytes + (kind == device::DeviceKind::kCpu ? model.kv_budget_bytes : 0);
}

}  // namespace

void Pool::Impl::UpdateDevices(const std::vector<device::DeviceSnapshot>& snapshots) {
  std::set<std::string> seen;
  for (const auto& snapshot : snapshots) {
    seen.insert(snapshot.id);
    if (!devices_.contains(snapshot.id)) {
      if (!AddDevice(snapshot)) continue;
    } else {
      auto& device = devices_[snapshot.id];
      device.snapshot = snapshot;
      device.present = true;
    }
    TellScheduler(snapshot.id);
  }
  for (auto& [id, device] : devices_) {
    if (seen.contains(id)) continue;
    if (device.present)
      ALTLAS_WARN("pool", "device lost", {"device", id}, {"why", "the probe does not see it any more"});
    device.present = false;
    TellScheduler(id);
  }
  if (!devices_known_) {
    devices_known_ = true;
    EnterRecovered();
  }
  Pump();
}

bool Pool::Impl::AddDevice(const device::DeviceSnapshot& snapshot) {
  auto backend = factory_(snapshot, Later([](Impl& self, std::string_view id, backend::BackendEvent event) {
                            self.OnEvent(id, std::move(event));
                          }));
  if (backend == nullptr) return false;
  ALTLAS_INFO("pool", "device found", {"device", snapshot.id},
              {"kind", device::DeviceKindName(snapshot.kind)}, {"name", snapshot.name},
              {"memory_bytes", snapshot.memory_total});
  auto& device = devices_[snapshot.id];
  device.snapshot = snapshot;
  device.backend = std::move(backend);
  std::vector<backend::LeaseKey> known;
  for (const auto& [id, entry] : tasks_) {
    if (entry->phase == Entry::Phase::kLimbo && entry->record.device == snapshot.id)
      known.push_back(entry->lease);
  }
  if (!stopping_) device.backend->Start(std::move(known));
  return true;
}

bool Pool::Impl::Serves(const PoolModel& model, const std::string& device) const {
  return !model.devices ||
         std::find(model.devices->begin(), model.devices->end(), device) != model.devices->end();
}

void Pool::Impl::TellScheduler(const std::string& id) {
  auto& device = devices_[id];
  const auto& s = device.snapshot;
  sched::DeviceState state;
  state.id = id;
  state.kind = s.kind == device::DeviceKind::kGpu ? sched::DeviceKind::kGpu : sched::DeviceKind::kCpu;
  state.present = device.present && s.fault.empty();
  state.ready = device.ready;
  state.why_not = !device.present    ? "the probe does not see it any more"
                  : !s.fault.empty() ? s.fault
                  : !device.ready    ? device.why_not
                                     : "";
  std::uint64_t at_rest = 0;
  for (const auto& model : device.models) at_rest += MostHeldBy(model, s.kind);
  for (const auto& model : options_.models) {
    if (!Serves(model, id) || device.failed.contains(model.name)) continue;
    const bool loaded = std::any_of(device.models.begin(), device.models.end(),
                                    [&](const auto& m) { return m.name == model.name; });
    sched::ServedModel served;
    served.name = model.name;
    served.ready = loaded;
    // The most that its KV cache takes is counted at rest, so one more task of a loaded model needs nothing.
    if (loaded) served.memory_per_task = 0;
    state.models.push_back(std::move(served));
    if (std::find(state.types.begin(), state.types.end(), model.type) == state.types.end())
      state.types.push_back(model.type);
  }
  state.memory_total = s.memory_total;
  state.memory_used_by_others = s.memory_used_by_others;
  state.memory_at_rest = at_rest;
  // A processor is shared with everything on its machine, the clients of this very server too: how busy
  // others keep it is shown, and no reason to refuse work.
  state.utilization_by_others = s.kind == device::DeviceKind::kGpu ? s.utilization_by_others / 100 : 0;
  state.temperature_celsius = s.temperature;
  state.compute_capability = s.compute_capability;
  state.speed = KnownSpeed(s);
  state.slots = static_cast<int>(device.backend->status().ready.slots);
  sched_->UpdateDevice(clock_.Now(), std::move(state));
}

void Pool::Impl::OnEvent(std::string_view id, backend::BackendEvent event) {
  const std::string device(id);
  if (!devices_.contains(device)) return;
  std::visit([&](auto& e) { OnBackend(device, e); }, event);
  Pump();
}

void Pool::Impl::OnBackend(const std::string& id, const backend::BackendReady& event) {
  auto& device = devices_[id];
  device.ready = true;
  device.models.clear();
  device.failed.clear();
  std::uint64_t held = 0;
  for (const auto& model : event.models) {
    held += MostHeldBy(model, device.snapshot.kind);
    if (device.snapshot.kind != device::DeviceKind::kCpu || held <= device.snapshot.memory_total) {
      device.models.push_back(model);
      continue;
    }
    held -= MostHeldBy(model, device.snapshot.kind);
    device.failed[model.name] = fmt::format(
        "it holds {} bytes and up to {} in its cache, the device may use {}: raise devices.cpu[].memory or "
        "lower the model's kv_cache",
        model.memory_bytes, model.kv_budget_bytes, device.snapshot.memory_total);
  }
  for (const auto& failed : event.failed_models) device.failed[failed.name] = failed.message;
  for (const auto& [name, why] : device.failed)
    ALTLAS_ERROR("pool", "model not loaded", {"device", id}, {"model", name}, {"why", why});
  for (const auto& model : device.models)
    ALTLAS_INFO("pool", "model ready", {"device", id}, {"model", model.name},
                {"memory_bytes", model.memory_bytes}, {"load_seconds", model.load_seconds});
  TellScheduler(id);
}

void Pool::Impl::OnBackend(const std::string& id, const backend::StateChanged& event) {
  auto& device = devices_[id];
  const bool ready = event.state == backend::BackendState::kReady;
  ALTLAS_DEBUG("pool", "worker state", {"device", id}, {"state", backend::BackendStateName(event.state)},
               {"why", event.why});
  if (!ready) {
    device.ready = false;
    device.why_not = event.why.empty()
                         ? fmt::format("its worker is {}", backend::BackendStateName(event.state))
                         : event.why;
    TellScheduler(id);
  }
}

std::vector<DeviceReport> Pool::Impl::Devices() const {
  std::vector<DeviceReport> reports;
  const auto now = clock_.Now();
  for (const auto& view : sched_->Devices(now)) {
    const auto found = devices_.find(view.id);
    if (found == devices_.end()) continue;
    const auto& device = found->second;
    reports.push_back({device.snapshot, view, device.backend->status(), device.present});
  }
  return reports;
}

bool Pool::Impl::Ready(std::string* why) const {
  if (stopping_) {
    if (why != nullptr) *why = "the server is shutting down";
    return false;
  }
  const auto devices = sched_->Devices(clock_.Now());
  if (options_.models.empty()) {
    if (why != nullptr) *why = "no model is configured";
    return false;
  }
  for (const auto& model : options_.models) {
    const bool served = std::any_of(devices.begin(), devices.end(), [&](const auto& view) {
      const auto found = devices_.find(view.id);
      if (view.health != sched::DeviceHealth::kOk || found == devices_.end()) return false;
      const auto& loaded = found->second.models;
      return Serves(model, view.id) &&
             std::any_of(loaded.begin(), loaded.end(), [&](const auto& m) { return m.name == model.name; });
    });
    if (served) continue;
    if (why != nullptr) *why = fmt::format("no healthy device serves the model \"{}\"", model.name);
    return false;
  }
  return true;
}

}  // namespace altlas::pool
