// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_metrics.h"

#include <memory>

namespace altlas::gateway {
namespace {

// One listener's series. Their counters only grow, so each takes what came since the last reading.
class Series {
 public:
  Series(metrics::Counter& requests, metrics::Counter& refused, metrics::Counter& slow,
         metrics::Gauge& active, metrics::Gauge& connections, std::function<net::HttpServerStats()> read)
      : requests_(requests),
        refused_(refused),
        slow_(slow),
        active_(active),
        connections_(connections),
        read_(std::move(read)) {}
  void Refresh() {
    const auto now = read_();
    requests_.Add(static_cast<double>(now.requests - last_.requests));
    refused_.Add(static_cast<double>(now.refused_requests - last_.refused_requests));
    slow_.Add(static_cast<double>(now.slow_clients - last_.slow_clients));
    active_.Set(static_cast<double>(now.active_requests));
    connections_.Set(static_cast<double>(now.connections));
    last_ = now;
  }

 private:
  metrics::Counter &requests_, &refused_, &slow_;
  metrics::Gauge &active_, &connections_;
  std::function<net::HttpServerStats()> read_;
  net::HttpServerStats last_;
};

}  // namespace

void ShowHttpMetrics(metrics::Registry& registry, std::vector<HttpSource> sources) {
  auto& requests =
      registry.AddCounter("altlas_http_requests_total", "Requests handed to a route, by listener.");
  auto& refused = registry.AddCounter(
      "altlas_http_refused_requests_total",
      "Requests refused before any route saw them: malformed, too large, too slow or without a key.");
  auto& slow = registry.AddCounter("altlas_http_slow_clients_total",
                                   "Clients cut for their slowness in sending or reading.");
  auto& active = registry.AddGauge("altlas_http_active_requests",
                                   "Requests handed to a route and not answered yet, streams included.");
  auto& connections = registry.AddGauge("altlas_http_connections", "Open connections.");
  const auto all = std::make_shared<std::vector<Series>>();  // shared: the registry copies what it calls
  for (auto& [listener, read] : sources) {
    const metrics::Labels labels = {{"listener", listener}};
    all->emplace_back(requests.With(labels), refused.With(labels), slow.With(labels), active.With(labels),
                      connections.With(labels), std::move(read));
  }
  registry.OnCollect([all] {
    for (auto& series : *all) series.Refresh();
  });
}

}  // namespace altlas::gateway
