// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "config/load.h"
#include "gateway/auth.h"
#include "gateway/predict_request.h"
#include "metrics/registry.h"
#include "net/http_server.h"
#include "net/io_loop.h"
#include "net/router.h"
#include "pool/pool.h"
#include "store/store.h"

namespace altlas::gateway {

// The running configuration, as the gateway reads and changes it. Owned by main().
class ConfigAccess {
 public:
  virtual ~ConfigAccess() = default;
  virtual const config::LoadedConfig& current() const = 0;
  // Sets one key at run time and applies it; with `persist` it also outlasts a restart. On an error nothing
  // changes.
  virtual Status Set(std::string_view key, std::string_view value, bool persist) = 0;
};

// What the gateway works on; all outlive it.
struct GatewayDeps {
  net::IoLoop& loop;
  const Clock& clock;
  pool::Pool& pool;
  store::Store& store;
  KeyRing& keys;
  ConfigAccess& config;
  metrics::Registry& metrics;
  std::vector<config::ModelConfig> models;  // resolved: the shipped one where none is configured
  std::function<void()> refresh_devices;    // asks for a fresh reading; may be empty
};

// The HTTP interface: routes, keys, JSON to types and back, streaming. Loop thread only; nothing blocks but
// the store's reader. Handler() is for every listener, the administrator's socket too (a request with a
// peer's uid is judged by that).
class Gateway {
 public:
  explicit Gateway(GatewayDeps deps);
  ~Gateway();
  net::HttpHandler Handler();
  // For net::HttpServerOptions::check_head, beside Handler: who has no key for a route, or asks for none that
  // is there, is told so before a body is read; bodies of routes that take none, or small ones, are bounded.
  net::HttpHeadCheck HeadCheck();
  // "METHOD pattern" of every route, for the OpenAPI test.
  std::vector<std::string> Routes() const;

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

// The OpenAPI 3.1 document, as JSON.
std::string OpenApiDocument();

}  // namespace altlas::gateway
