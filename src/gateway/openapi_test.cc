// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "backend/echo_backend.h"
#include "gateway/gateway.h"

namespace altlas::gateway {
namespace {

using Json = nlohmann::json;

class FixedConfig final : public ConfigAccess {
 public:
  const config::LoadedConfig& current() const override { return loaded_; }
  Status Set(std::string_view, std::string_view, bool) override { return {}; }

 private:
  config::LoadedConfig loaded_;
};

TEST(OpenApi, IsCompleteAndTrue) {
  auto loop = net::IoLoop::Create().value();
  SystemClock clock;
  auto store = store::CreateMemoryStore({}, clock, loop->AsExecutor());
  metrics::Registry registry;
  FixedConfig config;
  KeyRing keys(store->keys(), clock, true, {});
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

TEST(OpenApi, TaskTypesAreThoseOfTheConfiguration) {
  const auto document = Json::parse(OpenApiDocument());
  std::set<std::string> documented;
  for (const auto& type : document["components"]["schemas"]["TaskType"]["enum"]) documented.insert(type);
  const auto known = config::KnownTaskTypes();
  EXPECT_EQ(documented, std::set<std::string>(known.begin(), known.end()));
}

}  // namespace
}  // namespace altlas::gateway
