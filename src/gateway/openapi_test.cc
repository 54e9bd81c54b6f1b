// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "backend/echo_backend.h"
#include "gateway/gateway.h"
#include "gateway/test_support.h"

namespace altlas::gateway {
namespace {

using Json = nlohmann::json;

// API-1 to API-9
TEST(OpenApi, IsCompleteAndTrue) {
  auto loop = net::IoLoop::Create().value();
  SystemClock clock;
  auto store = store::CreateMemoryStore({}, clock, loop->AsExecutor());
  metrics::Registry registry;
  FixedConfig config;
  KeyRing keys(store->keys(), clock, loop->AsExecutor(), true, {});
  auto pool = pool::Pool::Create({}, *loop, clock, *store, registry, [](const auto&, auto) {
                return nullptr;
              }).value();
  Gateway gateway({*loop, clock, *pool, *store, keys, config, registry, {}, {}});

  const auto document = Json::parse(OpenApiDocument());
  std::set<std::string> documented;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      documented.insert(upper + " " + path);
    }
  }
  const auto routes = gateway.Routes();
  EXPECT_EQ(documented, std::set<std::string>(routes.begin(), routes.end()));
}

void CollectReferences(const Json& json, std::set<std::string>& references) {
  if (json.is_object() && json.contains("$ref")) references.insert(json["$ref"].get<std::string>());
  for (const auto& child : json) {
    if (child.is_structured()) CollectReferences(child, references);
  }
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  const auto document = Json::parse(OpenApiDocument());
  std::set<std::string> references;
  CollectReferences(document, references);
  EXPECT_GT(references.size(), 20u);
  for (const auto& reference : references)
    EXPECT_TRUE(document.contains(Json::json_pointer(reference.substr(1)))) << reference;
}

using Names = std::set<std::string, std::less<>>;

Names EnumOf(const Json& schema) {
  Names names;
  for (const auto& name : schema["enum"]) EXPECT_TRUE(names.insert(name.get<std::string>()).second) << name;
  return names;
}

// What the document enumerates by hand is what the program knows.
TEST(OpenApi, EnumerationsAreThoseOfTheProgram) {
  const auto schemas = Json::parse(OpenApiDocument())["components"]["schemas"];
  const auto types = config::KnownTaskTypes();
  EXPECT_EQ(EnumOf(schemas["TaskType"]), Names(types.begin(), types.end()));
  Names strategies;
  for (const auto strategy : AllStrategies()) strategies.insert(std::string(StrategyName(strategy)));
  EXPECT_EQ(EnumOf(schemas["Strategy"]), strategies);
  Names states;
  for (int i = 0; i < store::kTaskStatusCount; ++i)
    states.insert(std::string(store::TaskStatusName(static_cast<store::TaskStatus>(i))));
  EXPECT_EQ(EnumOf(schemas["Status"]), states);
  const auto scopes = store::ScopeNames(store::ScopeSet::All());
  EXPECT_EQ(EnumOf(schemas["KeyRequest"]["properties"]["scopes"]["oneOf"][1]["items"]),
            Names(scopes.begin(), scopes.end()));
  Names codes;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i)
    codes.insert(std::string(ErrorCodeName(static_cast<ErrorCode>(i))));
  EXPECT_EQ(EnumOf(schemas["Code"]), codes);
}

}  // namespace
}  // namespace altlas::gateway
