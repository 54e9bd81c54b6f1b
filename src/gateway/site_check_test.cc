// SPDX-License-Identifier: Apache-2.0
#include "gateway/site_check.h"

#include "gateway/gateway_fixture.h"

namespace altlas::gateway {
namespace {

ErrorCode Judge(std::vector<net::HeaderField> fields, std::vector<std::string> origins = {}) {
  net::Request request;
  request.headers = fields;
  const auto status = CheckSite(request, origins);
  return status.has_value() ? ErrorCode::kInternal : status.error().code;
}
constexpr auto kPasses = ErrorCode::kInternal;

TEST(CheckSite, AnswersToLocalhostAndToAddressesAlone) {
  for (const auto* host : {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:8080", "10.1.2.3:80",
                           "[::1]:8080", "[fe80::1]", ""})
    EXPECT_EQ(Judge({{"Host", host}}), kPasses) << host;
  EXPECT_EQ(Judge({}), kPasses);
  for (const auto* host :
       {"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.1",
        "2130706433", "[::1", "[evil]", "[127.0.0.1]", "::1", ":8080"})
    EXPECT_EQ(Judge({{"Host", host}}), ErrorCode::kDenied) << host;
}

TEST(CheckSite, LetsInPagesOfItsOwnAndOfConfiguredOriginsAlone) {
  for (const auto* own : {"http://localhost:8080", "https://LOCALHOST:8080"})
    EXPECT_EQ(Judge({{"Host", "localhost:8080"}, {"Origin", own}}), kPasses) << own;
  for (const auto* other : {"http://evil.example", "null", "", "http://localhost", "http://localhost:8081",
                            "http://127.0.0.1:8080", "localhost:8080", "https://a.example.evil"})
    EXPECT_EQ(Judge({{"Host", "localhost:8080"}, {"Origin", other}}, {"https://a.example"}),
              ErrorCode::kDenied)
        << other;
  EXPECT_EQ(Judge({{"Host", "localhost"}, {"Origin", "https://a.example"}}, {"https://a.example"}), kPasses);
  EXPECT_EQ(Judge({{"Host", "localhost"}, {"Origin", "https://b.example"}}, {"*"}), kPasses);
  // A configured origin does not let a name in that was pointed here.
  EXPECT_EQ(Judge({{"Host", "evil.example"}, {"Origin", "http://evil.example"}}, {"*"}), ErrorCode::kDenied);
}

TEST_F(GatewayTest, WithoutKeysNoPageOfAnotherSiteControlsTheServer) {
  Serve(false);
  secret_.clear();
  const std::string key = R"({"name":"mine","scopes":["admin"]})";
  const net::HeaderField host{"Host", "127.0.0.1:8080"};
  const std::vector<net::HeaderField> foreign[] = {
      {host, {"Origin", "http://evil.example"}, {"Content-Type", "text/plain"}},
      {{"Host", "evil.example:8080"}, {"Origin", "http://evil.example:8080"}},
      {{"Host", "evil.example:8080"}}};
  const auto keys = keys_->List().size();
  for (const auto& headers : foreign) {
    for (const auto* path : {"/api/v1/keys", "/api/v1/predict", "/api/v1/config/gpu/strategy"}) {
      const auto asked = Await("POST", path, "", key, headers);
      EXPECT_EQ(asked.answer->status, 403) << path;
      EXPECT_EQ(asked.json()["error"]["code"], "denied");
    }
    EXPECT_EQ(Await("GET", "/api/v1/tasks", "", "", headers).answer->status, 403);
    // What changes nothing and tells nothing is open as ever.
    EXPECT_EQ(Await("GET", "/health/live", "", "", headers).answer->status, 200);
  }
  EXPECT_EQ(keys_->List().size(), keys);
  EXPECT_EQ(Await("GET", "/api/v1/tasks", "", "", {host}).answer->status, 200);
  EXPECT_EQ(Await("GET", "/api/v1/tasks", "", "", {host, {"Origin", "http://127.0.0.1:8080"}}).answer->status,
            200);
  config_.edit().server.cors.allowed_origins = {"https://a.example"};
  EXPECT_EQ(Await("POST", "/api/v1/keys", "", key, {host, {"Origin", "https://a.example"}}).answer->status,
            200);
}

TEST_F(GatewayTest, WithoutKeysAForeignPageIsRefusedBeforeItsBody) {
  config_.edit().auth.enabled = false;
  Serve(false);
  const net::HeaderField fields[] = {{"Host", "localhost:8080"}, {"Origin", "http://evil.example"}};
  net::Request head;
  head.method = "POST";
  head.path = "/api/v1/predict";
  head.headers = fields;
  EXPECT_EQ(gateway_->HeadCheck()(head).status, 403);
  head.headers = {fields, 1};
  EXPECT_EQ(gateway_->HeadCheck()(head).status, 0);
}

// With keys a page of another site has none, and a server may go by any name.
TEST_F(GatewayTest, WithKeysTheKeyAloneDecides) {
  Serve();
  const std::vector<net::HeaderField> headers = {{"Host", "pool.example"}, {"Origin", "https://b.example"}};
  EXPECT_EQ(Await("GET", "/api/v1/tasks", "", "", headers).answer->status, 200);
}

}  // namespace
}  // namespace altlas::gateway
