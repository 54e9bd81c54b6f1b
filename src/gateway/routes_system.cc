// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_impl.h"

namespace altlas::gateway {

void Gateway::Impl::AddSystemRoutes() {
  using store::Scope;
  Add("GET", "/api/v1/gpus", Scope::kPredict, [this](net::Request&, const Writer& writer, const Principal&) {
    SendJson(*writer, 200, RenderDevices(deps_.pool.Devices()));
    if (deps_.refresh_devices) deps_.refresh_devices();
  });
  Add("GET", "/api/v1/models", Scope::kPredict,
      [this](net::Request&, const Writer& writer, const Principal&) {
        SendJson(*writer, 200, RenderModels(deps_.models, deps_.pool.Devices()));
      });
  AddOpen("GET", "/health/live",
          [](net::Request&, const Writer& writer) { writer->SendJson(200, R"({"status":"live"})"); });
  AddOpen("GET", "/health/ready", [this](net::Request&, const Writer& writer) {
    std::string why;
    const bool ready = deps_.pool.Ready(&why);
    const auto store = deps_.store.health();
    JsonWriter out;
    out.BeginObject().Key("status").String(ready ? "ready" : "not_ready").Key("reason").String(why);
    out.Key("accepting").Bool(store.accepting).Key("store").String(store.reason).EndObject();
    writer->SendJson(ready ? 200 : 503, out.text());
  });
  AddOpen("GET", "/version", [](net::Request&, const Writer& writer) {
    writer->SendJson(200, fmt::format(R"({{"name":"alt_las","version":"{}"}})", ALTLAS_VERSION));
  });
  AddOpen("GET", "/openapi.json",
          [](net::Request&, const Writer& writer) { writer->SendJson(200, OpenApiDocument()); });

  const auto& config = deps_.config.current().config;
  const auto& monitoring = config.gpu.monitoring;
  if (!monitoring.enabled || !monitoring.prometheus_metrics) return;
  const auto show = [this](const Writer& writer) {
    writer->Send({.status = 200,
                  .content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = deps_.metrics.Text()});
  };
  metrics_path_ = monitoring.prometheus_endpoint;
  if (config.auth.metrics_open) {
    AddOpen("GET", metrics_path_, [show](net::Request&, const Writer& writer) { show(writer); });
  } else {
    Add("GET", metrics_path_, Scope::kMetrics,
        [show](net::Request&, const Writer& writer, const Principal&) { show(writer); });
  }
}

}  // namespace altlas::gateway
