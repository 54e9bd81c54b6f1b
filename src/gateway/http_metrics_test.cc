// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_metrics.h"

#include <gtest/gtest.h>

namespace altlas::gateway {
namespace {

// What the servers count is what is shown, however often it is read.
TEST(HttpMetrics, AreTheServersNumbersAtEachReading) {
  metrics::Registry registry;
  net::HttpServerStats tcp, admin;
  int readings = 0;
  ShowHttpMetrics(registry, {{"public",
                              [&] {
                                ++readings;
                                return tcp;
                              }},
                             {"admin", [&] { return admin; }}});
  EXPECT_EQ(readings, 0);
  const auto expect = [&](const std::string& line) {
    const auto text = registry.Text();
    EXPECT_NE(text.find("\n" + line + "\n"), std::string::npos) << line << "\n" << text;
  };
  tcp.requests = 7;
  tcp.refused_requests = 3;
  tcp.slow_clients = 2;
  tcp.active_requests = 4;
  tcp.connections = 5;
  admin.requests = 1;
  for (int again = 0; again < 2; ++again) {
    expect("altlas_http_requests_total{listener=\"public\"} 7");
    expect("altlas_http_refused_requests_total{listener=\"public\"} 3");
    expect("altlas_http_slow_clients_total{listener=\"public\"} 2");
    expect("altlas_http_active_requests{listener=\"public\"} 4");
    expect("altlas_http_connections{listener=\"public\"} 5");
    expect("altlas_http_requests_total{listener=\"admin\"} 1");
    expect("altlas_http_connections{listener=\"admin\"} 0");
  }
  tcp.requests = 9;
  tcp.active_requests = tcp.connections = 0;
  expect("altlas_http_requests_total{listener=\"public\"} 9");
  expect("altlas_http_active_requests{listener=\"public\"} 0");
  expect("altlas_http_connections{listener=\"public\"} 0");
}

}  // namespace
}  // namespace altlas::gateway
