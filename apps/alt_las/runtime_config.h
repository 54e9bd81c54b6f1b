// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>

#include "gateway/gateway.h"

namespace altlas::app {

// The running server's configuration: what was loaded, and what was changed since. Loop thread only.
class RuntimeConfig final : public gateway::ConfigAccess {
 public:
  // `apply` puts a changed configuration into force; where it fails the change is dropped.
  using Apply = std::function<Status(const config::LoadedConfig&)>;
  RuntimeConfig(config::LoadedConfig loaded, config::LoadOptions source)
      : loaded_(std::move(loaded)), source_(std::move(source)) {}
  void SetApply(Apply apply) { apply_ = std::move(apply); }

  const config::LoadedConfig& current() const override { return loaded_; }
  Status Set(std::string_view key, std::string_view value, bool persist) override;
  // Reads the file again (SIGHUP). A wrong file changes nothing; what needs a restart is logged and keeps its
  // old value.
  Status Reload();

 private:
  config::LoadedConfig loaded_;
  config::LoadOptions source_;
  Apply apply_;
};

}  // namespace altlas::app
