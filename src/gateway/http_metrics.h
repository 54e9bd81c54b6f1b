// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "metrics/registry.h"
#include "net/http_server.h"

namespace altlas::gateway {

// A server's numbers, under the label `listener`.
using HttpSource = std::pair<std::string, std::function<net::HttpServerStats()>>;

// Shows the HTTP servers' numbers in the registry; docs/reference/metrics.md lists them. The sources are
// asked whenever the metrics are read, on the reader's thread, and never else: serving costs nothing. They
// must stay valid as long as the registry is read. Once a registry.
void ShowHttpMetrics(metrics::Registry& registry, std::vector<HttpSource> sources);

}  // namespace altlas::gateway
