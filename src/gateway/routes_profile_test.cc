// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/profile/... (PRF-6)
#include "gateway/gateway_fixture.h"
#include "store/profile_store.h"

namespace altlas::gateway {
namespace {

constexpr auto kHistoryPath = "/api/v1/profile/history";
constexpr auto kAnomaliesPath = "/api/v1/profile/anomalies";

class ProfileRoutes : public GatewayTest {
 protected:
  std::int64_t Add(std::string device, std::string model, WallMillis age_ms, bool anomaly = false) {
    store::ProfileRow row;
    row.device = std::move(device);
    row.model = std::move(model);
    row.at_ms = clock_.WallNow() - age_ms;
    row.seconds = 1;
    row.generated_tokens = 700;
    row.anomaly = anomaly;
    row.why = anomaly ? "slower" : "";
    row.measures = {{"decode/1", 0.0006, 700, 0.0004, 0.00001, 60, anomaly},
                    {"prefill/8", 0.0001, 9, 0, 0, 5, false}};
    row.detail = R"({"phases":[]})";
    std::optional<std::int64_t> id;
    store_->profiles().AddProfile(row, {}, [&](auto added) { id = added.value(); });
    RunUntil([&] { return id.has_value(); });
    return *id;
  }
  std::vector<std::int64_t> IdsOf(std::string_view path, std::string_view query) {
    const auto asked = Await("GET", path, query);
    EXPECT_EQ(asked.answer->status, 200) << asked.answer->body;
    std::vector<std::int64_t> ids;
    const auto page = asked.json();
    for (const auto& sample : page["samples"]) ids.push_back(sample["id"].get<std::int64_t>());
    return ids;
  }
  using Ids = std::vector<std::int64_t>;
};

TEST_F(ProfileRoutes, ASampleIsShownWithItsFiguresAndTheirNormal) {
  Serve();
  const auto id = Add("gpu_0", "echo", 1000, true);
  const auto json = Await("GET", kHistoryPath).json();
  EXPECT_TRUE(json["next_before"].is_null());
  ASSERT_EQ(json["samples"].size(), 1u);
  const auto& sample = json["samples"][0];
  EXPECT_EQ(sample["id"], id);
  EXPECT_EQ(sample["device"], "gpu_0");
  EXPECT_EQ(sample["model"], "echo");
  EXPECT_EQ(sample["generated_tokens"], 700);
  EXPECT_TRUE(sample["anomaly"].get<bool>());
  EXPECT_EQ(sample["why"], "slower");
  EXPECT_EQ(sample["at"].get<std::string>().back(), 'Z');
  EXPECT_EQ(sample["measures"][0],
            Json::parse(R"({"measure":"decode/1","seconds":0.0006,"count":700,"normal":0.0004,
                                                   "spread":0.00001,"samples":60,"anomaly":true})"));
  EXPECT_TRUE(sample["measures"][1]["normal"].is_null());
  EXPECT_TRUE(sample["detail"]["phases"].is_array());
}

TEST_F(ProfileRoutes, FiltersAndPagesAreThoseOfTheHistory) {
  Serve();
  const auto a = Add("gpu_0", "echo", 5'000'000);
  const auto b = Add("gpu_1", "echo", 2000, true);
  const auto c = Add("gpu_0", "other", 1000);
  EXPECT_EQ(IdsOf(kHistoryPath, ""), (Ids{c, b, a}));
  EXPECT_EQ(IdsOf(kHistoryPath, "device=gpu_0"), (Ids{c, a}));
  EXPECT_EQ(IdsOf(kHistoryPath, "model=echo"), (Ids{b, a}));
  EXPECT_EQ(IdsOf(kHistoryPath, "since=3600"), (Ids{c, b}));
  EXPECT_EQ(IdsOf(kHistoryPath, "device=none"), Ids{});
  EXPECT_EQ(IdsOf(kAnomaliesPath, ""), Ids{b});
  EXPECT_EQ(IdsOf(kAnomaliesPath, "device=gpu_0"), Ids{});
  const auto page = Await("GET", kHistoryPath, "limit=2").json();
  EXPECT_EQ(page["samples"].size(), 2u);
  EXPECT_EQ(page["next_before"], b);
  EXPECT_EQ(IdsOf(kHistoryPath, "limit=2&before=" + std::to_string(b)), Ids{a});
}

TEST_F(ProfileRoutes, WrongParametersAreRefusedByName) {
  Serve();
  for (const auto* path : {kHistoryPath, kAnomaliesPath}) {
    for (const auto* query :
         {"limit=0", "limit=1001", "limit=x", "limit=1.5", "before=0", "before=-1", "before=1x",
          "before=", "since=-1", "since=nan", "since=1h", "since=1e30", "colour=red"}) {
      const auto asked = Await("GET", path, query);
      EXPECT_EQ(asked.answer->status, 400) << query;
      EXPECT_EQ(asked.json()["error"]["field"],
                std::string_view(query).substr(0, std::string_view(query).find('=')))
          << asked.answer->body;
    }
    EXPECT_EQ(Await("GET", path, "limit=1&limit=2").answer->status, 400);
  }
}

TEST_F(ProfileRoutes, NeedTheAdminScope) {
  Serve();
  Add("gpu_0", "echo", 1);
  secret_ = MakeKey("user", store::ScopeSet().Add(store::Scope::kPredict).Add(store::Scope::kMetrics));
  for (const auto* path : {kHistoryPath, kAnomaliesPath}) EXPECT_EQ(Await("GET", path).answer->status, 403);
  secret_ = "";
  for (const auto* path : {kHistoryPath, kAnomaliesPath}) EXPECT_EQ(Await("GET", path).answer->status, 401);
}

}  // namespace
}  // namespace altlas::gateway
