// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "config/config.h"
#include "pool/pool.h"

namespace altlas::gateway {

// The JSON shapes of the interface; docs/guide/http-api.md and the OpenAPI document describe them.

// {"task_id","gpu_id","status",...,"result":{"text",...,"execution_time"},"error":{"code","message"}}
void WriteTask(JsonWriter& out, const pool::TaskView& view);
std::string RenderTask(const pool::TaskView& view);
// {"task_id","gpu_id","status"}
void WriteSubmitted(JsonWriter& out, const pool::SubmitOutcome::Task& task);
// The answer to batch_predict in the form that `split` asks for (API-3).
std::string RenderBatch(const pool::SubmitOutcome& outcome, bool split);
// {"gpus":[...]}
std::string RenderDevices(const std::vector<pool::DeviceReport>& devices);
// {"models":[...]}
std::string RenderModels(const std::vector<config::ModelConfig>& models,
                         const std::vector<pool::DeviceReport>& devices);
// "2026-01-02T03:04:05.678Z"
std::string FormatTime(WallMillis millis);

}  // namespace altlas::gateway
