// SPDX-License-Identifier: Apache-2.0
#include "gateway/render.h"

#include <algorithm>
#include <ctime>
#include <optional>

namespace altlas::gateway {
namespace {

void WriteOptional(JsonWriter& out, std::string_view key, const std::optional<double>& value) {
  out.Key(key);
  if (value) {
    out.Double(*value);
  } else {
    out.Null();
  }
}

void WriteDeviceId(JsonWriter& out, const std::optional<std::string>& device) {
  out.Key("gpu_id");
  if (device) {
    out.String(*device);
  } else {
    out.Null();
  }
}

// The worker's object with the measured time put into it: '{...}' becomes '{...,"execution_time":x}'.
void WriteResult(JsonWriter& out, const store::TaskResult& result) {
  std::string_view body = result.json;
  while (!body.empty() && (body.back() == ' ' || body.back() == '\n')) body.remove_suffix(1);
  if (body.size() < 2 || body.front() != '{' || body.back() != '}') body = "{}";
  body.remove_suffix(1);
  out.Key("result").Raw(fmt::format("{}{}\"execution_time\":{:.6f}}}", body, body.size() > 1 ? "," : "",
                                    result.execution_seconds));
}

void WriteExplanation(JsonWriter& out, const sched::Explanation& e) {
  out.Key("explain").BeginObject();
  out.Key("strategy").String(StrategyName(e.strategy)).Key("reason").String(sched::ReasonName(e.reason));
  out.Key("running")
      .Bool(e.running)
      .Key("device")
      .String(e.device)
      .Key("waiting_because")
      .String(e.waiting_because);
  out.Key("ahead").Unsigned(e.ahead).Key("candidates").BeginArray();
  for (const auto& c : e.candidates) {
    out.BeginObject()
        .Key("device")
        .String(c.device)
        .Key("eligible")
        .Bool(c.eligible)
        .Key("chosen")
        .Bool(c.chosen);
    out.Key("why").String(c.why).Key("score").Double(c.score).EndObject();
  }
  out.EndArray().EndObject();
}

// What is still to come counts before how the rest ended, and the worst end before the better ones.
store::TaskStatus StatusOfBatch(const pool::SubmitOutcome& outcome) {
  using store::TaskStatus;
  for (const auto status :
       {TaskStatus::kRunning, TaskStatus::kQueued, TaskStatus::kFailed, TaskStatus::kCanceled}) {
    if (std::any_of(outcome.tasks.begin(), outcome.tasks.end(),
                    [&](const auto& task) { return task.status == status; }))
      return status;
  }
  return TaskStatus::kCompleted;
}

}  // namespace

std::string FormatTime(WallMillis millis) {
  const std::time_t seconds = millis / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  // By hand: an answer has up to three of them, and a general formatter takes longer than the rest of it.
  std::string text = "0000-00-00T00:00:00.000Z";
  const auto put = [&](std::size_t last, int value) {
    for (; value > 0; value /= 10) text[last--] = static_cast<char>('0' + value % 10);
  };
  put(3, std::clamp(parts.tm_year + 1900, 0, 9999));
  put(6, parts.tm_mon + 1);
  put(9, parts.tm_mday);
  put(12, parts.tm_hour);
  put(15, parts.tm_min);
  put(18, parts.tm_sec);
  put(22, static_cast<int>(millis % 1000));
  return text;
}

void WriteTask(JsonWriter& out, const pool::TaskView& view) {
  const auto& r = view.record;
  const auto id = r.id.Text();
  out.BeginObject().Key("task_id").String({id.data(), id.size()});
  WriteDeviceId(out, view.device);
  out.Key("status").String(store::TaskStatusName(r.status)).Key("type").String(r.type);
  out.Key("model");
  if (r.model.empty()) {
    out.Null();
  } else {
    out.String(r.model);
  }
  out.Key("priority").String(r.priority_name).Key("attempt").Int(r.attempt);
  if (!r.strategy.empty()) out.Key("strategy").String(r.strategy);
  if (!r.batch_id.is_nil()) out.Key("batch_id").String(r.batch_id.ToString());
  out.Key("created_at").String(FormatTime(r.created_ms));
  if (r.started_ms > 0) {
    out.Key("started_at").String(FormatTime(r.started_ms));
    if (const auto waited = pool::QueueSecondsOf(r)) out.Key("queue_time").Double(*waited);
  }
  if (r.finished_ms > 0) out.Key("finished_at").String(FormatTime(r.finished_ms));
  if (r.result) WriteResult(out, *r.result);
  if (r.error) {
    out.Key("error")
        .BeginObject()
        .Key("code")
        .String(ErrorCodeName(r.error->code))
        .Key("message")
        .String(r.error->message)
        .EndObject();
  }
  if (!r.explain.empty()) out.Key("placement").Raw(r.explain);
  if (view.explanation) WriteExplanation(out, *view.explanation);
  out.EndObject();
}

std::string RenderTask(const pool::TaskView& view) {
  JsonWriter out;
  WriteTask(out, view);
  return out.Take();
}

void WriteSubmitted(JsonWriter& out, const pool::SubmitOutcome::Task& task) {
  const auto id = task.id.Text();
  out.BeginObject().Key("task_id").String({id.data(), id.size()});
  WriteDeviceId(out, task.device);
  out.Key("status").String(store::TaskStatusName(task.status)).EndObject();
}

std::string RenderBatch(const pool::SubmitOutcome& outcome, bool split) {
  JsonWriter out;
  out.BeginObject().Key("status").String(store::TaskStatusName(StatusOfBatch(outcome)));
  if (split) {
    out.Key("tasks").BeginArray();
    for (const auto& task : outcome.tasks) WriteSubmitted(out, task);
    out.EndArray();
  } else {
    std::optional<std::string> device;
    for (const auto& task : outcome.tasks) device = device ? device : task.device;
    WriteDeviceId(out, device);
    out.Key("task_ids").BeginArray();
    for (const auto& task : outcome.tasks) out.String(task.id.ToString());
    out.EndArray();
  }
  return out.EndObject().Take();
}

std::string RenderDevices(const std::vector<pool::DeviceReport>& devices) {
  JsonWriter out;
  out.BeginObject().Key("gpus").BeginArray();
  for (const auto& device : devices) {
    const auto& s = device.snapshot;
    const auto& v = device.view;
    out.BeginObject().Key("id").String(s.id).Key("name").String(s.name).Key("kind").String(
        device::DeviceKindName(s.kind));
    out.Key("utilization")
        .Double(s.utilization)
        .Key("memory_used")
        .Unsigned(s.memory_used)
        .Key("memory_total")
        .Unsigned(s.memory_total);
    out.Key("task_count")
        .Int(v.task_count)
        .Key("running")
        .Int(v.running)
        .Key("waiting")
        .Int(v.waiting)
        .Key("slots")
        .Int(v.slots);
    out.Key("memory_free").Unsigned(s.memory_free()).Key("estimated").Bool(s.estimated);
    out.Key("health").String(sched::DeviceHealthName(v.health)).Key("health_reason").String(v.why);
    out.Key("uuid").String(s.uuid).Key("pci").String(s.pci).Key("node").String("local");
    WriteOptional(out, "temperature", s.temperature);
    WriteOptional(out, "power", s.power);
    WriteOptional(out, "power_limit", s.power_limit);
    WriteOptional(out, "clock_sm", s.clock_sm);
    WriteOptional(out, "clock_memory", s.clock_memory);
    WriteOptional(out, "compute_capability", s.compute_capability);
    out.Key("throttle_reasons").BeginArray();
    for (const auto& reason : s.throttle_reasons) out.String(reason);
    out.EndArray();
    if (s.ecc_corrected) out.Key("ecc_corrected").Unsigned(*s.ecc_corrected);
    if (s.ecc_uncorrected) out.Key("ecc_uncorrected").Unsigned(*s.ecc_uncorrected);
    if (s.threads > 0) out.Key("threads").Int(s.threads);
    const auto& b = device.backend;
    out.Key("worker")
        .BeginObject()
        .Key("state")
        .String(backend::BackendStateName(b.state))
        .Key("why")
        .String(b.why);
    out.Key("pid")
        .Int(b.pid)
        .Key("restarts")
        .Unsigned(b.restarts)
        .Key("tokens_per_second")
        .Double(b.progress.tokens_per_second)
        .EndObject();
    out.EndObject();
  }
  return out.EndArray().EndObject().Take();
}

std::string RenderModels(const std::vector<config::ModelConfig>& models,
                         const std::vector<pool::DeviceReport>& devices) {
  JsonWriter out;
  out.BeginObject().Key("models").BeginArray();
  for (const auto& model : models) {
    out.BeginObject()
        .Key("name")
        .String(model.name)
        .Key("type")
        .String(config::TypeOf(model))
        .Key("dtype")
        .String(config::Name(model.dtype));
    out.Key("default")
        .Bool(config::DefaultModel(models, config::TypeOf(model)) == &model)
        .Key("devices")
        .BeginArray();
    std::optional<wire::ModelReady> loaded;
    for (const auto& device : devices) {
      for (const auto& m : device.backend.models) {
        if (m.name != model.name) continue;
        out.BeginObject()
            .Key("gpu_id")
            .String(device.snapshot.id)
            .Key("state")
            .String("loaded")
            .Key("memory")
            .Unsigned(m.memory_bytes);
        out.Key("load_seconds").Double(m.load_seconds).EndObject();
        loaded = m;
      }
      for (const auto& m : device.backend.failed_models) {
        if (m.name != model.name) continue;
        out.BeginObject()
            .Key("gpu_id")
            .String(device.snapshot.id)
            .Key("state")
            .String("failed")
            .Key("why")
            .String(m.message)
            .EndObject();
      }
    }
    out.EndArray();
    if (loaded) {
      out.Key("family").String(loaded->family).Key("parameters").Unsigned(loaded->parameters);
      out.Key("context_length")
          .Unsigned(loaded->context_length)
          .Key("vocabulary")
          .Unsigned(loaded->vocabulary);
    }
    out.EndObject();
  }
  return out.EndArray().EndObject().Take();
}

}  // namespace altlas::gateway
