// SPDX-License-Identifier: Apache-2.0
#include "runtime_config.h"

#include "base/log.h"

namespace altlas::app {

Status RuntimeConfig::Set(std::string_view key, std::string_view value, bool persist) {
  ALTLAS_TRY(auto changed, config::SetRuntime(loaded_, key, value));
  const auto diff = config::DiffConfig(loaded_.config, changed.config);
  if (apply_) ALTLAS_TRY_VOID(apply_(changed));
  if (persist) {
    const std::string keys[] = {std::string(key)};
    auto persisted = config::PersistRuntime(changed, keys);
    if (!persisted.has_value()) {
      if (apply_) (void)apply_(loaded_);
      return std::move(persisted).error();
    }
    changed = std::move(*persisted);
  }
  loaded_ = std::move(changed);
  for (const auto& change : diff.at_run_time)
    ALTLAS_INFO("config", "changed", {"key", change.key}, {"before", change.before}, {"after", change.after},
                {"persisted", persist});
  return {};
}

Status RuntimeConfig::Reload() {
  auto source = source_;
  source.refuse_empty = true;
  ALTLAS_TRY(auto fresh, config::LoadConfig(source));
  const auto diff = config::DiffConfig(loaded_.config, fresh.config);
  for (const auto& change : diff.need_restart)
    ALTLAS_WARN("config", "needs a restart", {"key", change.key}, {"running", change.before},
                {"file", change.after});
  // Only what may change at run time is taken over; the rest goes on as it is until the restart.
  auto next = loaded_;
  for (const auto& change : diff.at_run_time) {
    ALTLAS_TRY(next, config::SetRuntime(next, change.key, change.after));
    const auto origin = fresh.origins.find(change.key);
    if (origin != fresh.origins.end()) {
      next.origins[change.key] = origin->second;
    } else {
      next.origins.erase(change.key);
    }
  }
  if (apply_) ALTLAS_TRY_VOID(apply_(next));
  loaded_ = std::move(next);
  for (const auto& change : diff.at_run_time)
    ALTLAS_INFO("config", "changed", {"key", change.key}, {"before", change.before}, {"after", change.after},
                {"source", "file"});
  ALTLAS_INFO("config", "reloaded", {"file", fresh.path.string()}, {"applied", diff.at_run_time.size()},
              {"need_restart", diff.need_restart.size()});
  return {};
}

}  // namespace altlas::app
