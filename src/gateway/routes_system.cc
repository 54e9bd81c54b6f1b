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
    out.Key("accepting")
        .Bool(store.accepting && !deps_.pool.stopping())
        .Key("store")
        .String(store.reason)
        .EndObject();
    writer->SendJson(ready ? 200 : 503, out.text());
  });
  AddOpen("GET", "/version", [](net::Request&, const Writer& writer) {
    writer->SendJson(200, fmt::format(R"({{"name":"alt_las","version":"{}"}})", ALTLAS_VERSION));
  });
  AddOpen("GET", "/openapi.json",
          [](net::Request&, const Writer& writer) { writer->SendJson(200, OpenApiDocument()); });

  const auto& monitoring = deps_.config.current().config.gpu.monitoring;
  if (!monitoring.prometheus_metrics) return;
  // Whether it is on, and open, may change while the server runs.
  AddOpen("GET", monitoring.prometheus_endpoint, [this](net::Request& request, const Writer& writer) {
    const auto& now = deps_.config.current().config;
    if (!now.gpu.monitoring.enabled)
      return SendError(*writer, Fail(ErrorCode::kNotFound, "metrics are off (gpu.monitoring.enabled)"));
    double retry_after = 1;
    if (!now.auth.metrics_open) {
      const auto who = deps_.keys.Authenticate(request, Scope::kMetrics, &retry_after);
      if (!who.has_value()) return SendError(*writer, who.error(), retry_after);
    }
    writer->Send({.status = 200,
                  .content_type = "text/plain; version=0.0.4; charset=utf-8",
                  .body = deps_.metrics.Text()});
  });
}

}  // namespace altlas::gateway
