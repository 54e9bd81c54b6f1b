// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
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
                               "Refuse unknown fields and parameters instead of warning about them."};
constexpr Parameter kIdempotency = {
    "Idempotency-Key", "header", "string",
    "The same key with the same body gives the tasks of the first request; with another body 422."};
constexpr Parameter kPredictParameters[] = {kWait, kStrict, kIdempotency};
constexpr Parameter kBatchParameters[] = {kStrict, kIdempotency};
constexpr Parameter kTaskParameters[] = {
    kId,
    kWait,
    {"explain", "query", "boolean", "With the candidates and reasons, for a live task."},
    kStrict};
constexpr Parameter kDeleteParameters[] = {kId, kStrict};
constexpr Parameter kStreamParameters[] = {
    kId, kStrict, {"Last-Event-ID", "header", "integer", "Go on after this token; empty: from the start."}};
constexpr Parameter kListParameters[] = {
    {"status", "query", "string", "queued, running, completed, failed or canceled"},
    {"type", "query", "string",
     "text_generation, object_detection, image_segmentation, image_classification or embedding"},
    {"model", "query", "string", "A model's name."},
    {"priority", "query", "string", "A priority level's name."},
    {"limit", "query", "integer", "Tasks a page, 1 to 200 (50)."},
    {"before", "query", "string", "next_before of the page before."}};
constexpr Parameter kProfileParameters[] = {
    {"model", "query", "string", "A model's name."},
    {"device", "query", "string", "A device's id."},
    {"since", "query", "number", "No older than so many seconds."},
    {"limit", "query", "integer", "Samples a page, 1 to 1000 (100)."},
    {"before", "query", "integer", "next_before of the page before."}};
constexpr Parameter kKeyId[] = {{"id", "path", "string", "The key's id or name."}};

struct Operation {
  std::string_view method;
  std::string_view path;
  std::string_view summary;
  std::string_view scope;  // empty: no key
  std::span<const Parameter> parameters;
  std::string_view body;    // schema name
  std::string_view answer;  // schema names, one for each media type; empty: plain text
  std::string_view errors;  // statuses beside those of every operation
  std::string_view note = {};
};

constexpr Operation kOperations[] = {
    {"post", "/api/v1/predict", "Accept one task, durably.", "predict", kPredictParameters, "PredictRequest",
     "SubmittedOrTask EventStream", "400 404 409 413 415 422 429 503 507"},
    {"post", "/api/v1/batch_predict", "Accept several tasks, all or none.", "predict", kBatchParameters,
     "BatchRequest", "BatchAnswer", "400 404 409 413 415 422 429 503 507"},
    {"get", "/api/v1/tasks", "List tasks, newest first: one's own, or all with the admin scope.", "predict",
     kListParameters, "", "TaskList", "400"},
    {"get", "/api/v1/task/{id}", "One task; with ?wait, once it is final.", "predict", kTaskParameters, "",
     "Task", "400 404"},
    {"delete", "/api/v1/task/{id}", "Cancel a queued or running task; delete a finished one.", "predict",
     kDeleteParameters, "", "TaskOrDeleted", "400 404 409"},
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
     "Configuration",
     ""},
    {"get", "/api/v1/config/gpu/strategy", "The default strategy.", "predict", {}, "", "StrategySetting", ""},
    {"post",
     "/api/v1/config/gpu/strategy",
     "Change the default strategy at run time.",
     "admin",
     {},
     "StrategyChange",
     "StrategySetting",
     "400 409 415"},
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
     "400 409 415"},
    {"get", "/api/v1/keys", "The API keys, without their secrets.", "admin", {}, "", "KeyList", ""},
    {"post",
     "/api/v1/keys",
     "Make a key; its secret is shown this once.",
     "admin",
     {},
     "KeyRequest",
     "NewKey",
     "400 415 507"},
    {"delete", "/api/v1/keys/{id}", "Revoke a key, at once and for good.", "admin", kKeyId, "", "Key",
     "404 409"},
    {"get", "/api/v1/profile/history", "Samples of what the workers did, newest first (profile.periodic).",
     "admin", kProfileParameters, "", "ProfileHistory", "400"},
    {"get", "/api/v1/profile/anomalies",
     "Of them, those in which a model was slower than is normal for it there.", "admin", kProfileParameters,
     "", "ProfileHistory", "400"},
    {"get", "/health/live", "The process answers.", "", {}, "", "Liveness", ""},
    {"get", "/health/ready", "Every served model has a healthy device.", "", {}, "", "Readiness", "503"},
    {"get", "/version", "Name and version.", "", {}, "", "Version", ""},
    {"get", "/openapi.json", "This document.", "", {}, "", "Object", ""},
    {"get",
     "/metrics",
     "Prometheus metrics.",
     "metrics",
     {},
     "",
     "",
     "404",
     "The path is the one of gpu.monitoring.prometheus_endpoint, /metrics unless it is configured. It is not "
     "there "
     "where gpu.monitoring.prometheus_metrics is off, and needs no key where auth.metrics_open is on."},
};

std::string Reference(std::string_view schema) { return fmt::format("#/components/schemas/{}", schema); }

void WriteMedia(JsonWriter& out, std::string_view schema) {
  const bool text = schema.empty() || schema == "EventStream";
  out.Key(schema.empty() ? "text/plain" : text ? "text/event-stream" : "application/json");
  out.BeginObject().Key("schema").BeginObject();
  if (text) {
    out.Key("type").String("string");
  } else {
    out.Key("$ref").String(Reference(schema));
  }
  out.EndObject().EndObject();
}

// `schemas` are separated by blanks.
void WriteContent(JsonWriter& out, std::string_view schemas) {
  out.Key("content").BeginObject();
  const auto blank = schemas.find(' ');
  WriteMedia(out, schemas.substr(0, blank));
  if (blank != std::string_view::npos) WriteMedia(out, schemas.substr(blank + 1));
  out.EndObject();
}

struct Header {
  std::string_view name;
  std::string_view type;
  std::string_view text;
};
constexpr Header kWarning = {"Warning", "string", "Names unknown fields and parameters, which were ignored."};
constexpr Header kRetryAfter = {"Retry-After", "integer", "Seconds after which to try again."};
constexpr Header kAllow = {"Allow", "string", "The methods that the path takes."};
constexpr Header kAuthenticate = {"WWW-Authenticate", "string", "Bearer."};
constexpr Header kEventHeaders[] = {{"X-Task-Id", "string", "Of a stream: the task."},
                                    {"Location", "string", "Of a stream: the task's path."},
                                    {"Cache-Control", "string", "Of a stream: no-store."}};

void WriteHeader(JsonWriter& out, const Header& header) {
  out.Key(header.name).BeginObject().Key("description").String(header.text).Key("schema").BeginObject();
  out.Key("type").String(header.type).EndObject().EndObject();
}

// The answers that are errors, for components/responses; operations name them by their status.
struct ErrorAnswer {
  std::string_view status;
  std::string_view text;
  const Header* header = nullptr;
};
constexpr ErrorAnswer kErrorAnswers[] = {
    {"400", "The request is wrong; unchanged it will stay so."},
    {"401", "No valid key.", &kAuthenticate},
    {"403", "The key lacks the scope; without keys, a page of another site asks."},
    {"404", "Not here."},
    {"405", "The path does not take the method.", &kAllow},
    {"408", "The head or the body did not arrive in time."},
    {"409", "The state does not allow it."},
    {"413", "Past a limit on bytes, items or values."},
    {"414", "The target is too long."},
    {"415", "The body has a Content-Encoding."},
    {"422", "The Idempotency-Key came with another body."},
    {"429", "The queue or the key's rate is full.", &kRetryAfter},
    {"431", "The head is too long."},
    {"500", "A fault of the server."},
    {"503", "Not now.", &kRetryAfter},
    {"507", "The disk is full."},
    {"default", "Any other error, of HTTP itself or of what stands behind the interface."},
};
// Of every operation, and of every one that needs a key.
constexpr std::string_view kCommonErrors[] = {"400", "405", "408", "413",    "414",
                                              "431", "500", "503", "default"};
constexpr std::string_view kKeyErrors[] = {"401", "403", "429"};

void WriteErrorAnswers(JsonWriter& out) {
  out.BeginObject();
  for (const auto& answer : kErrorAnswers) {
    out.Key(answer.status).BeginObject().Key("description").String(answer.text);
    if (answer.header != nullptr) {
      out.Key("headers").BeginObject();
      WriteHeader(out, *answer.header);
      out.EndObject();
    }
    WriteContent(out, "Error");
    out.EndObject();
  }
  out.EndObject();
}

bool Takes(const Operation& op, std::string_view parameter) {
  return std::any_of(op.parameters.begin(), op.parameters.end(),
                     [&](const auto& known) { return known.name == parameter; });
}

void WriteSuccess(JsonWriter& out, const Operation& op) {
  out.Key("200").BeginObject().Key("description").String("Done.");
  const bool events = op.answer.find("EventStream") != std::string_view::npos;
  if (events || Takes(op, "strict")) {
    out.Key("headers").BeginObject();
    if (Takes(op, "strict")) WriteHeader(out, kWarning);
    if (events) {
      for (const auto& header : kEventHeaders) WriteHeader(out, header);
    }
    out.EndObject();
  }
  WriteContent(out, op.answer);
  out.EndObject();
}

void WriteResponses(JsonWriter& out, const Operation& op) {
  out.Key("responses").BeginObject();
  WriteSuccess(out, op);
  std::set<std::string_view> errors(std::begin(kCommonErrors), std::end(kCommonErrors));
  if (!op.scope.empty()) errors.insert(std::begin(kKeyErrors), std::end(kKeyErrors));
  for (std::size_t at = 0; at + 3 <= op.errors.size(); at += 4) errors.insert(op.errors.substr(at, 3));
  const bool readiness = op.answer == "Readiness";
  if (readiness) errors.erase("503");
  for (const auto status : errors) {
    out.Key(status).BeginObject();
    out.Key("$ref").String(fmt::format("#/components/responses/{}", status)).EndObject();
  }
  if (readiness) {
    out.Key("503").BeginObject().Key("description").String("Not ready, or not now.");
    WriteContent(out, "ReadinessOrError");
    out.EndObject();
  }
  out.EndObject();
}

void WriteOperation(JsonWriter& out, const Operation& op) {
  out.Key(op.method).BeginObject().Key("summary").String(op.summary);
  if (!op.note.empty()) out.Key("description").String(op.note);
  std::string id(op.method);
  for (const char c : op.path) id += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  out.Key("operationId").String(id);
  out.Key("security").BeginArray();
  if (!op.scope.empty()) out.BeginObject().Key("key").BeginArray().String(op.scope).EndArray().EndObject();
  if (op.scope == "metrics") out.BeginObject().EndObject();  // auth.metrics_open
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
  WriteResponses(out, op);
  out.EndObject();
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
      .String(
          "One pool of unequal devices that serves models. Times are in seconds, sizes in bytes. Where "
          "auth.enabled is off no operation needs a key.");
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
  out.Key("responses");
  WriteErrorAnswers(out);
  out.Key("schemas").Raw(OpenApiSchemas()).EndObject().EndObject();
  return out.Take();
}

}  // namespace

std::string OpenApiDocument() {
  static const std::string document = Build();
  return document;
}

}  // namespace altlas::gateway
