// SPDX-License-Identifier: Apache-2.0
// What the routes answer, held against what the OpenAPI document says that they answer.
#include "gateway/gateway_fixture.h"
#include "gateway/render.h"

namespace altlas::gateway {
namespace {

// The problems of a value under a schema, taken strictly: a property that the schema does not name is one.
class SchemaCheck {
 public:
  explicit SchemaCheck(const Json& document) : document_(document) {}
  std::string Problems(const Json& schema, const Json& value, const std::string& path) const {
    if (schema.contains("$ref")) return Problems(Resolve(schema), value, path);
    if (schema.contains("anyOf")) return OfAny(schema["anyOf"], value, path);
    if (schema.contains("oneOf")) return OfAny(schema["oneOf"], value, path);
    if (!schema.contains("type")) return path + ": the schema has no type\n";
    if (!HasType(schema["type"], value)) return path + ": is " + value.dump() + "\n";
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
      return path + ": is no value of the enumeration: " + value.dump() + "\n";
    std::string problems;
    if (value.is_object()) problems += OfObject(schema, value, path);
    if (value.is_array()) {
      for (const auto& item : value) problems += Problems(schema.at("items"), item, path + "[]");
    }
    return problems;
  }
  const Json& Resolve(const Json& schema) const {
    if (!schema.contains("$ref")) return schema;
    return document_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
  }

 private:
  static bool HasType(const Json& type, const Json& value) {
    if (type.is_array())
      return std::any_of(type.begin(), type.end(), [&](const auto& one) { return HasType(one, value); });
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    if (type == "array") return value.is_array();
    if (type == "object") return value.is_object();
    return type == "null" && value.is_null();
  }
  std::string OfAny(const Json& schemas, const Json& value, const std::string& path) const {
    std::string all;
    for (const auto& schema : schemas) {
      const auto problems = Problems(schema, value, path);
      if (problems.empty()) return "";
      all += problems;
    }
    return all;
  }
  std::string OfObject(const Json& schema, const Json& value, const std::string& path) const {
    if (schema.contains("additionalProperties")) return "";
    std::string problems;
    const auto known = schema.value("properties", Json::object());
    for (const auto& [name, child] : value.items()) {
      problems += known.contains(name) ? Problems(known[name], child, path + "." + name)
                                       : path + "." + name + ": is not in the schema\n";
    }
    for (const auto& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) problems += path + ": lacks " + name.dump() + "\n";
    }
    return problems;
  }
  const Json& document_;
};

class OpenApiAnswers : public GatewayTest {
 protected:
  // Asks, waits for the answer's end and holds it against the document.
  Json Checked(std::string method, const std::string& pattern, int status, const std::string& path,
               std::string_view query = "", std::string body = "",
               std::vector<net::HeaderField> headers = {}) {
    const auto asked = Await(method, path, query, std::move(body), std::move(headers));
    EXPECT_EQ(asked.answer->status, status) << method << " " << path << "\n" << asked.answer->body;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const auto& responses = document_.at("paths").at(pattern).at(method).at("responses");
    const auto key = std::to_string(asked.answer->status);
    EXPECT_TRUE(responses.contains(key)) << method << " " << pattern << " " << key;
    if (!responses.contains(key)) return {};
    const auto& response = check_.Resolve(responses[key]);
    for (const auto& [name, value] : asked.answer->headers)
      EXPECT_TRUE(response.value("headers", Json::object()).contains(name))
          << pattern << " " << key << " " << name;
    const auto& content = response.at("content");
    if (!content.contains(asked.answer->content_type)) {
      ADD_FAILURE() << pattern << " " << key << " " << asked.answer->content_type;
      return {};
    }
    const auto& schema = content.at(asked.answer->content_type).at("schema");
    if (asked.answer->content_type != "application/json") return asked.answer->body;
    EXPECT_EQ(check_.Problems(schema, asked.json(), ""), "") << method << " " << path << "\n"
                                                             << asked.answer->body;
    return asked.json();
  }
  std::string Problems(std::string_view schema, const std::string& json) const {
    return check_.Problems(document_["components"]["schemas"].at(std::string(schema)), Json::parse(json), "");
  }

  Json document_ = Json::parse(OpenApiDocument());
  SchemaCheck check_{document_};
};

constexpr auto kPredictPath = "/api/v1/predict";
constexpr auto kBatchPath = "/api/v1/batch_predict";
constexpr auto kTaskPath = "/api/v1/task/{id}";
constexpr auto kHelloBody = R"({"text":"hello"})";

TEST_F(OpenApiAnswers, OfTasksAreAsDocumented) {
  Serve();
  const auto submitted = Checked("POST", kPredictPath, 200, kPredictPath, "", R"({"text":"a","colour":1})");
  EXPECT_EQ(submitted.size(), 3u);
  const auto path = "/api/v1/task/" + submitted["task_id"].get<std::string>();
  EXPECT_TRUE(Checked("GET", kTaskPath, 200, path, "explain=1&wiat=1").contains("explain"));
  EXPECT_TRUE(
      Checked("POST", kPredictPath, 200, kPredictPath, "wait=0.01", kHelloBody).contains("created_at"));
  Checked("POST", kPredictPath, 400, kPredictPath, "", "{}");
  Checked("POST", kPredictPath, 404, kPredictPath, "", R"({"text":"a","model":"none"})");
  const net::HeaderField once{"Idempotency-Key", "one"};
  Checked("POST", kPredictPath, 200, kPredictPath, "", kHelloBody, {once});
  Checked("POST", kPredictPath, 422, kPredictPath, "", R"({"text":"other"})", {once});
  Checked("POST", kBatchPath, 200, kBatchPath, "", R"({"batch":[{"text":"a"},{"text":"b"}]})");
  Checked("POST", kBatchPath, 200, kBatchPath, "wait=1",
          R"({"batch":[{"text":"a"}],"gpu_options":{"batch_split":false,"strategy":"random"}})");
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  RunUntil([&] { return Ask("GET", path).json()["status"] == "completed"; });
  EXPECT_TRUE(Checked("GET", kTaskPath, 200, path).contains("result"));
  const auto waiting = PathOf(PredictOne());
  EXPECT_TRUE(Checked("DELETE", kTaskPath, 200, waiting).contains("error"));
  EXPECT_GT(Checked("GET", "/api/v1/tasks", 200, "/api/v1/tasks")["tasks"].size(), 3u);
  EXPECT_TRUE(Checked("DELETE", kTaskPath, 200, waiting)["deleted"].get<bool>());
  Checked("GET", kTaskPath, 404, waiting);
  Checked("GET", kTaskPath, 400, "/api/v1/task/x");
  Checked("GET", "/api/v1/tasks", 400, "/api/v1/tasks", "colour=red");
  Checked("GET", "/api/v1/task/{id}/stream", 200, path + "/stream", "wiat=1");
  // A stream has a head of its own.
  const auto stream = Ask("POST", kPredictPath, "wiat=1", R"({"text":"a","stream":true})");
  RunUntil([&] { return stream.answer->status != 0; });
  const auto& response = document_["paths"][kPredictPath]["post"]["responses"]["200"];
  EXPECT_TRUE(response["content"].contains(stream.answer->content_type)) << stream.answer->content_type;
  EXPECT_EQ(stream.answer->headers.size(), 4u);
  for (const auto& [name, value] : stream.answer->headers)
    EXPECT_TRUE(response["headers"].contains(name)) << name;
  stream.writer.lock()->Leave();
}

TEST_F(OpenApiAnswers, OfKeysAndSettingsAreAsDocumented) {
  Serve();
  const std::string keys = "/api/v1/keys";
  const auto made = Checked("POST", keys, 200, keys, "", R"({"name":"k","requests_per_second":1})");
  Checked("GET", keys, 200, keys);
  Checked("DELETE", keys + "/{id}", 200, keys + "/k");
  Checked("DELETE", keys + "/{id}", 404, keys + "/nobody");
  for (const std::string path : {"/api/v1/config/gpu/strategy", "/api/v1/config/gpu/max_concurrent_tasks"}) {
    Checked("GET", path, 200, path);
    Checked("POST", path, 400, path, "", "{}");
  }
  Checked("POST", "/api/v1/config/gpu/strategy", 200, "/api/v1/config/gpu/strategy", "",
          R"({"strategy":"random"})");
  for (const std::string path :
       {"/api/v1/config", "/health/live", "/health/ready", "/version", "/openapi.json"})
    Checked("GET", path, 200, path);
  Checked("GET", "/metrics", 200, "/metrics");
  secret_ = MakeKey("metrics", store::ScopeSet().Add(store::Scope::kMetrics));
  Checked("GET", "/api/v1/gpus", 403, "/api/v1/gpus");
  secret_ = "alk_wrong";
  Checked("GET", "/api/v1/gpus", 401, "/api/v1/gpus");
}

TEST_F(OpenApiAnswers, OfTheHistoryAreAsDocumented) {
  Serve();
  store::ProfileRow row;
  row.device = "gpu_0";
  row.model = "echo";
  row.measures = {{"decode/1", 0.1, 9, 0.1, 0.01, 30, true}, {"decode/2", 0.1, 9, 0, 0, 3, false}};
  for (const bool anomaly : {true, false}) {
    row.anomaly = anomaly;
    store_->profiles().AddProfile(row, {}, {});
  }
  for (const std::string path : {"/api/v1/profile/history", "/api/v1/profile/anomalies"}) {
    EXPECT_EQ(Checked("GET", path, 200, path)["samples"].size(), path.ends_with("history") ? 2u : 1u);
    Checked("GET", path, 200, path, "limit=1");
    Checked("GET", path, 400, path, "limit=0");
  }
}

TEST_F(OpenApiAnswers, OfAServerThatIsNotReadyOrOverloadedAreAsDocumented) {
  Serve();
  pool_->UpdateDevices({});
  Checked("GET", "/health/ready", 503, "/health/ready");
  keys_->SetDefaultLimit({1e-6, 1});
  Checked("GET", "/api/v1/gpus", 200, "/api/v1/gpus");
  Checked("GET", "/api/v1/gpus", 429, "/api/v1/gpus");
}

// With everything that a device can tell.
TEST_F(OpenApiAnswers, OfDevicesAndModelsAreAsDocumented) {
  Serve();
  Checked("GET", "/api/v1/gpus", 200, "/api/v1/gpus");
  Checked("GET", "/api/v1/models", 200, "/api/v1/models");
  pool::DeviceReport report;
  report.snapshot = Device("gpu_0");
  for (auto* value :
       {&report.snapshot.temperature, &report.snapshot.power, &report.snapshot.power_limit,
        &report.snapshot.clock_sm, &report.snapshot.clock_memory, &report.snapshot.compute_capability})
    *value = 1.5;
  report.snapshot.throttle_reasons = {"power"};
  report.snapshot.ecc_corrected = report.snapshot.ecc_uncorrected = 1;
  report.backend.models.push_back({"a", "llama", "fp32", 1, 1, 0.5, 1, 1, 1});
  report.backend.failed_models.push_back({"b", ErrorCode::kUnavailable, "no memory"});
  EXPECT_EQ(Problems("DeviceList", RenderDevices({report})), "");
  std::vector<config::ModelConfig> models(2);
  models[0].name = "a";
  models[1].name = "b";
  EXPECT_EQ(Problems("ModelList", RenderModels(models, {report})), "");
}

}  // namespace
}  // namespace altlas::gateway
