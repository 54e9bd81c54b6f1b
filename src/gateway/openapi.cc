// SPDX-License-Identifier: Apache-2.0
#include <span>

#include "base/json_writer.h"
#include "gateway/gateway.h"
#include "gateway/openapi_schemas.h"

namespace altlas::gateway {
namespace {

struct Parameter {
  std::string_view name;
  std::string_view in;  // query, path or header
  std::string_view type;
  std::string_view text;
};

constexpr Parameter kId = {"id", "path", "string", "The task's id."};
constexpr Parameter kWait = {
    "wait", "query", "number",
    "Answer with the whole task once it is final, or as it stands after so many seconds."};
constexpr Parameter kStrict = {"strict", "query", "boolean",
                               "Refuse unknown fields instead of warning about them."};
constexpr Parameter kIdempotency = {
    "Idempotency-Key", "header", "string",
    "The same key with the same body gives the tasks of the first request; with another body 422."};
constexpr Parameter kPredictParameters[] = {kWait, kStrict, kIdempotency};
constexpr Parameter kBatchParameters[] = {kStrict, kIdempotency};
constexpr Parameter kTaskParameters[] = {
    kId, kWait, {"explain", "query", "boolean", "With the candidates and reasons, for a live task."}};
constexpr Parameter kIdOnly[] = {kId};
constexpr Parameter kStreamParameters[] = {kId,
                                           {"Last-Event-ID", "header", "integer", "Go on after this token."}};
constexpr Parameter kListParameters[] = {
    {"status", "query", "string", "queued, running, completed, failed or canceled"},
    {"type", "query", "string", "A task type."},
    {"model", "query", "string", "A model's name."},
    {"priority", "query", "string", "A priority level's name."},
    {"limit", "query", "integer", "Tasks a page, 1 to 200 (50)."},
    {"before", "query", "string", "next_before of the page before."}};
constexpr Parameter kKeyId[] = {{"id", "path", "string", "The key's id or name."}};

struct Operation {
  std::string_view method;
  std::string_view path;
  std::string_view summary;
  std::string_view scope;  // empty: no key
  std::span<const Parameter> parameters;
  std::string_view body;    // schema name
  std::string_view answer;  // schema name; empty: plain text
  std::string_view errors;  // statuses beside those of every operation
};

constexpr Operation kOperations[] = {
    {"post", "/api/v1/predict", "Accept one task, durably.", "predict", kPredictParameters, "PredictRequest",
     "Submitted", "400 404 409 413 422 429 503 507"},
    {"post", "/api/v1/batch_predict", "Accept several tasks, all or none.", "predict", kBatchParameters,
     "BatchRequest", "BatchAnswer", "400 404 409 413 422 429 503 507"},
    {"get", "/api/v1/tasks", "List tasks, newest first: one's own, or all with the admin scope.", "predict",
     kListParameters, "", "TaskList", "400"},
    {"get", "/api/v1/task/{id}", "One task; with ?wait, once it is final.", "predict", kTaskParameters, "",
     "Task", "400 404"},
    {"delete", "/api/v1/task/{id}", "Cancel a queued or running task; delete a finished one.", "predict",
     kIdOnly, "", "TaskOrDeleted", "400 404 409"},
    {"get", "/api/v1/task/{id}/stream", "The task's tokens as server-sent events: token, reset, done, error.",
     "predict", kStreamParameters, "", "EventStream", "400 404"},
    {"get", "/api/v1/gpus", "The devices, with use, health and tasks.", "predict", {}, "", "DeviceList", ""},
    {"get", "/api/v1/models", "The models and where they are loaded.", "predict", {}, "", "ModelList", ""},
    {"get",
     "/api/v1/config",
     "The configuration in force with the origin of each value.",
     "admin",
     {},
     "",
     "Object",
     ""},
    {"get", "/api/v1/config/gpu/strategy", "The default strategy.", "predict", {}, "", "StrategySetting", ""},
    {"post",
     "/api/v1/config/gpu/strategy",
     "Change the default strategy at run time.",
     "admin",
     {},
     "StrategyChange",
     "StrategySetting",
     "400 409"},
    {"get",
     "/api/v1/config/gpu/max_concurrent_tasks",
     "Tasks at a time on a device.",
     "predict",
     {},
     "",
     "SlotsSetting",
     ""},
    {"post",
     "/api/v1/config/gpu/max_concurrent_tasks",
     "Change it at run time.",
     "admin",
     {},
     "SlotsChange",
     "SlotsSetting",
     "400 409"},
    {"get", "/api/v1/keys", "The API keys, without their secrets.", "admin", {}, "", "KeyList", ""},
    {"post",
     "/api/v1/keys",
     "Make a key; its secret is shown this once.",
     "admin",
     {},
     "KeyRequest",
     "NewKey",
     "400 507"},
    {"delete", "/api/v1/keys/{id}", "Revoke a key, at once and for good.", "admin", kKeyId, "", "Key",
     "404 409"},
    {"get", "/health/live", "The process answers.", "", {}, "", "Object", ""},
    {"get", "/health/ready", "Every served model has a healthy device.", "", {}, "", "Readiness", "503"},
    {"get", "/version", "Name and version.", "", {}, "", "Object", ""},
    {"get", "/openapi.json", "This document.", "", {}, "", "Object", ""},
    {"get",
     "/metrics",
     "Prometheus metrics (at gpu.monitoring.prometheus_endpoint).",
     "metrics",
     {},
     "",
     "",
     ""},
};

std::string Reference(std::string_view schema) { return fmt::format("#/components/schemas/{}", schema); }

void WriteContent(JsonWriter& out, std::string_view schema) {
  if (schema.empty() || schema == "EventStream") {
    out.Key("content")
        .BeginObject()
        .Key(schema.empty() ? "text/plain" : "text/event-stream")
        .BeginObject()
        .Key("schema")
        .BeginObject();
    out.Key("type").String("string").EndObject().EndObject().EndObject();
    return;
  }
  out.Key("content").BeginObject().Key("application/json").BeginObject().Key("schema").BeginObject();
  out.Key("$ref").String(Reference(schema)).EndObject().EndObject().EndObject();
}

void WriteError(JsonWriter& out, std::string_view status) {
  out.Key(status)
      .BeginObject()
      .Key("description")
      .String(status == "503" ? "Not now; Retry-After says when to try again."
                              : "Refused; the error says why.");
  WriteContent(out, status == "503" ? "Object" : "Error");
  out.EndObject();
}

void WriteOperation(JsonWriter& out, const Operation& op) {
  out.Key(op.method).BeginObject().Key("summary").String(op.summary);
  std::string id(op.method);
  for (const char c : op.path) id += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  out.Key("operationId").String(id);
  out.Key("security").BeginArray();
  if (!op.scope.empty()) out.BeginObject().Key("key").BeginArray().String(op.scope).EndArray().EndObject();
  out.EndArray();
  if (!op.parameters.empty()) {
    out.Key("parameters").BeginArray();
    for (const auto& p : op.parameters) {
      out.BeginObject().Key("name").String(p.name).Key("in").String(p.in).Key("description").String(p.text);
      out.Key("required")
          .Bool(p.in == "path")
          .Key("schema")
          .BeginObject()
          .Key("type")
          .String(p.type)
          .EndObject()
          .EndObject();
    }
    out.EndArray();
  }
  if (!op.body.empty()) {
    out.Key("requestBody").BeginObject().Key("required").Bool(true);
    WriteContent(out, op.body);
    out.EndObject();
  }
  out.Key("responses").BeginObject().Key("200").BeginObject().Key("description").String("Done.");
  WriteContent(out, op.answer);
  out.EndObject();
  if (!op.scope.empty()) {
    for (const auto* status : {"401", "403"}) WriteError(out, status);
    if (op.errors.find("429") == std::string_view::npos) WriteError(out, "429");
  }
  for (std::string_view rest = op.errors; rest.size() >= 3;
       rest.remove_prefix(std::min<std::size_t>(4, rest.size())))
    WriteError(out, rest.substr(0, 3));
  out.EndObject().EndObject();
}

std::string Build() {
  JsonWriter out;
  out.BeginObject()
      .Key("openapi")
      .String("3.1.0")
      .Key("info")
      .BeginObject()
      .Key("title")
      .String("ALT_LAS")
      .Key("version")
      .String(ALTLAS_VERSION);
  out.Key("description")
      .String("One pool of unequal devices that serves models. Times are in seconds, sizes in bytes.");
  out.Key("license").BeginObject().Key("name").String("Apache-2.0").EndObject().EndObject();
  out.Key("paths").BeginObject();
  std::string_view open;
  for (const auto& op : kOperations) {
    if (op.path != open) {
      if (!open.empty()) out.EndObject();
      out.Key(op.path).BeginObject();
      open = op.path;
    }
    WriteOperation(out, op);
  }
  out.EndObject().EndObject();
  out.Key("components").BeginObject().Key("securitySchemes").BeginObject().Key("key").BeginObject();
  out.Key("type").String("http").Key("scheme").String("bearer").EndObject().EndObject();
  out.Key("schemas").Raw(OpenApiSchemas()).EndObject().EndObject();
  return out.Take();
}

}  // namespace

std::string OpenApiDocument() {
  static const std::string document = Build();
  return document;
}

}  // namespace altlas::gateway
