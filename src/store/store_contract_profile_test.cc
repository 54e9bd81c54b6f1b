// SPDX-License-Identifier: Apache-2.0
// The history of samples of a running server (PRF-6).
#include <cmath>
#include <limits>

#include "store/store_contract.h"

namespace altlas::store {
namespace {

ProfileRow MakeRow(std::string device, std::string model, WallMillis at) {
  ProfileRow row;
  row.at_ms = at;
  row.device = std::move(device);
  row.model = std::move(model);
  row.seconds = 1;
  return row;
}

class StoreProfiles : public StoreContract {
 protected:
  Result<std::int64_t> Add(ProfileRow row, ProfileBounds bounds = {}) {
    std::optional<Result<std::int64_t>> answer;
    store_->profiles().AddProfile(std::move(row), bounds, [&](auto id) { answer = std::move(id); });
    EXPECT_TRUE(inbox_.RunUntil([&] { return answer.has_value(); }));
    return *answer;
  }
  std::vector<std::int64_t> IdsOf(const ProfileFilter& filter) {
    const auto page = store_->profiles().ListProfiles(filter);
    EXPECT_TRUE(page.has_value()) << page.error().message;
    std::vector<std::int64_t> ids;
    for (const auto& row : page->rows) ids.push_back(row.id);
    return ids;
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, StoreProfiles, testing::Values(Engine::kSqlite, Engine::kMemory),
                         [](const auto& info) {
                           return info.param == Engine::kSqlite ? "Sqlite" : "Memory";
                         });

TEST_P(StoreProfiles, ASampleReadsBackWithEveryField) {
  ProfileRow row = MakeRow("gpu_1", "tin\xc4\xb1", 1'700'000'000'123);
  row.seconds = 0.9990001;
  row.processor_seconds = 1.75;
  row.requests = 3;
  row.prompt_tokens = 1LL << 40;
  row.generated_tokens = 5;
  row.memory_peak_bytes = 6;
  row.anomaly = true;
  row.why = "slower";
  row.measures = {{"decode/1", 0.0004, 800, 0.0003, 1e-9, 20, true},
                  {"prefill/16-17", 1e-5, 9, 0, 0, 0, false}};
  row.detail = std::string("{\"a\":\"\0\"}", 9);
  const auto id = Add(row);
  ASSERT_TRUE(id.has_value()) << id.error().message;
  row.id = *id;
  const auto page = store_->profiles().ListProfiles({});
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->rows, std::vector<ProfileRow>{row});
  EXPECT_FALSE(page->next.has_value());
}

TEST_P(StoreProfiles, EachFilterKeepsWhatItNamesNewestFirst) {
  const auto a = Add(MakeRow("gpu_0", "m", 1000)).value();
  auto odd = MakeRow("gpu_0", "n", 2000);
  odd.anomaly = true;
  const auto b = Add(odd).value();
  const auto c = Add(MakeRow("gpu_1", "m", 3000)).value();
  EXPECT_LT(a, b);
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(IdsOf({}), (Ids{c, b, a}));
  EXPECT_EQ(IdsOf({.device = "gpu_0", .model = {}}), (Ids{b, a}));
  EXPECT_EQ(IdsOf({.device = {}, .model = "m"}), (Ids{c, a}));
  EXPECT_EQ(IdsOf({.device = "gpu_0", .model = "m"}), Ids{a});
  EXPECT_EQ(IdsOf({.device = {}, .model = {}, .anomalies_only = true}), Ids{b});
  EXPECT_EQ(IdsOf({.device = {}, .model = {}, .from_ms = 2000}), (Ids{c, b}));
  EXPECT_EQ(IdsOf({.device = {}, .model = {}, .before = c}), (Ids{b, a}));
  EXPECT_EQ(IdsOf({.device = "nobody", .model = {}}), Ids{});
}

TEST_P(StoreProfiles, PagesMeetAndKeepToTheirScanLimit) {
  std::vector<std::int64_t> all;
  for (int i = 0; i < 25; ++i)
    all.insert(all.begin(), Add(MakeRow("gpu_0", i % 5 == 0 ? "rare" : "m", i)).value());
  for (const std::size_t scan : {3u, 4096u}) {
    ProfileFilter filter;
    filter.limit = 4;
    filter.scan_limit = scan;
    std::vector<std::int64_t> seen;
    int pages = 0;
    for (; pages < 100; ++pages) {
      const auto page = store_->profiles().ListProfiles(filter).value();
      EXPECT_LE(page.rows.size(), std::min<std::size_t>(4, scan));
      for (const auto& row : page.rows) seen.push_back(row.id);
      if (!page.next) break;
      filter.before = *page.next;
    }
    EXPECT_EQ(seen, all);
  }
  ProfileFilter rare;
  rare.model = "rare";
  rare.scan_limit = 4;
  const auto page = store_->profiles().ListProfiles(rare).value();
  EXPECT_TRUE(page.next.has_value());
  EXPECT_LE(page.rows.size(), 1u);
}

TEST_P(StoreProfiles, OldRowsAndThosePastTheNumberGo) {
  for (int i = 1; i <= 10; ++i) ASSERT_TRUE(Add(MakeRow("gpu_0", "m", 1000 * i), {.rows = 4}).has_value());
  EXPECT_EQ(IdsOf({}).size(), 4u);
  ASSERT_TRUE(Add(MakeRow("gpu_0", "m", 11'000), {.rows = 100, .oldest_ms = 9500}).has_value());
  const auto left = store_->profiles().ListProfiles({}).value();
  ASSERT_EQ(left.rows.size(), 2u);
  EXPECT_EQ(left.rows.back().at_ms, 10'000);
  // A clock that was set back: rows of what is the future now count by their number alone.
  ASSERT_TRUE(Add(MakeRow("gpu_0", "m", 500), {.rows = 2, .oldest_ms = 100}).has_value());
  EXPECT_EQ(IdsOf({}).size(), 2u);
}

TEST_P(StoreProfiles, ASampleThatMakesNoSenseIsRefusedAndLeavesNothing) {
  EXPECT_EQ(Add(MakeRow("", "m", 1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Add(MakeRow("gpu_0", "", 1)).error().code, ErrorCode::kInvalidArgument);
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    auto row = MakeRow("gpu_0", "m", 1);
    row.measures = {{"decode/1", value, 1, 0, 0, 0, false}};
    EXPECT_EQ(Add(row).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(IdsOf({}).empty());
}

TEST_P(StoreProfiles, TheHistoryOutlivesARestartWhereTheEngineIsDurable) {
  const auto id = Add(MakeRow("gpu_0", "m", 1)).value();
  Reopen(retention_);
  EXPECT_EQ(IdsOf({}),
            GetParam() == Engine::kSqlite ? std::vector<std::int64_t>{id} : std::vector<std::int64_t>{});
}

}  // namespace
}  // namespace altlas::store
