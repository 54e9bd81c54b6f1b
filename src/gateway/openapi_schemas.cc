// SPDX-License-Identifier: Apache-2.0
#include "gateway/openapi_schemas.h"

namespace altlas::gateway {

std::string_view OpenApiSchemas() {
  return R"json({
"Object": {"type": "object"},
"Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object", "required": ["code", "message", "field"],
  "properties": {"code": {"type": "string", "enum": ["invalid_argument", "unauthenticated", "denied", "not_found", "conflict", "too_large",
    "overloaded", "storage_full", "unavailable", "timeout", "canceled", "corrupt", "unsupported", "internal"]},
  "message": {"type": "string"}, "field": {"type": ["string", "null"]}}}}},
"Strategy": {"type": "string", "enum": ["round_robin", "least_loaded", "memory_optimized", "task_specific", "random"]},
"Status": {"type": "string", "enum": ["queued", "running", "completed", "failed", "canceled"]},
"GpuId": {"type": ["string", "null"], "description": "The device that runs the task or, while it waits, the one it is predicted to run on; null where none can."},
"TaskType": {"type": "string", "enum": ["text_generation", "object_detection", "image_segmentation", "image_classification", "embedding"]},
"TaskFields": {"type": "object", "properties": {
  "text": {"type": "string", "minLength": 1, "description": "The prompt. Needed for text_generation and embedding."},
  "image": {"type": "string", "description": "For the image types."},
  "type": {"$ref": "#/components/schemas/TaskType"},
  "model": {"type": "string", "description": "A name of /api/v1/models; else the type's default."},
  "max_length": {"type": "integer", "minimum": 1, "maximum": 32768, "default": 128, "description": "Most tokens to generate; the prompt does not count. Past the model's context it is clipped, and result.max_length_clipped says so."},
  "temperature": {"type": "number", "minimum": 0, "maximum": 5, "description": "0 is greedy. Left out: the model's own."},
  "top_k": {"type": "integer", "minimum": 0, "maximum": 1000000, "description": "0 is off."},
  "top_p": {"type": "number", "minimum": 0.000001, "maximum": 1},
  "min_p": {"type": "number", "minimum": 0, "maximum": 1},
  "repetition_penalty": {"type": "number", "minimum": 0.01, "maximum": 10},
  "stop": {"oneOf": [{"type": "string", "minLength": 1}, {"type": "array", "maxItems": 16, "items": {"type": "string", "minLength": 1}}]},
  "seed": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615, "description": "Same seed, same text. Left out: drawn."},
  "estimated_memory": {"type": "integer", "minimum": 0, "description": "Bytes; a hint while the model's own need is unknown."},
  "priority": {"type": "string", "description": "A name of gpu.multi_gpu.queue_priority_levels."},
  "queue_timeout": {"type": "number", "exclusiveMinimum": 0, "description": "Seconds; may only shorten the configured one."}}},
"PredictRequest": {"allOf": [{"$ref": "#/components/schemas/TaskFields"}, {"type": "object", "properties": {
  "stream": {"type": "boolean", "description": "Answer with the token events of /api/v1/task/{id}/stream."},
  "gpu_options": {"type": "object", "properties": {"strategy": {"$ref": "#/components/schemas/Strategy"}}}}}]},
"BatchRequest": {"type": "object", "required": ["batch"], "properties": {
  "batch": {"type": "array", "minItems": 1, "items": {"allOf": [{"$ref": "#/components/schemas/TaskFields"}, {"type": "object", "properties": {
    "gpu_options": {"type": "object", "properties": {"strategy": {"$ref": "#/components/schemas/Strategy"}}}}}]}},
  "gpu_options": {"type": "object", "properties": {"strategy": {"$ref": "#/components/schemas/Strategy"}, "batch_split": {"type": "boolean"}}}}},
"Submitted": {"type": "object", "required": ["task_id", "gpu_id", "status"], "properties": {"task_id": {"type": "string", "format": "uuid"},
  "gpu_id": {"$ref": "#/components/schemas/GpuId"}, "status": {"$ref": "#/components/schemas/Status"}}},
"BatchAnswer": {"type": "object", "required": ["status"], "description": "tasks[] where the batch is to be split, gpu_id and task_ids[] where not.", "properties": {
  "status": {"type": "string", "enum": ["queued", "running"]}, "tasks": {"type": "array", "items": {"$ref": "#/components/schemas/Submitted"}},
  "gpu_id": {"$ref": "#/components/schemas/GpuId"}, "task_ids": {"type": "array", "items": {"type": "string"}}}},
"Result": {"type": "object", "required": ["execution_time"], "properties": {"text": {"type": "string"}, "finish_reason": {"type": "string"},
  "prompt_tokens": {"type": "integer"}, "generated_tokens": {"type": "integer"}, "max_length_clipped": {"type": "boolean"},
  "execution_time": {"type": "number", "description": "Seconds, measured by the worker."}}},
"Task": {"type": "object", "required": ["task_id", "gpu_id", "status", "type", "created_at"], "properties": {
  "task_id": {"type": "string", "format": "uuid"}, "gpu_id": {"$ref": "#/components/schemas/GpuId"}, "status": {"$ref": "#/components/schemas/Status"},
  "type": {"$ref": "#/components/schemas/TaskType"}, "model": {"type": ["string", "null"]}, "priority": {"type": "string"}, "attempt": {"type": "integer"},
  "strategy": {"$ref": "#/components/schemas/Strategy"}, "batch_id": {"type": "string"}, "created_at": {"type": "string", "format": "date-time"},
  "started_at": {"type": "string", "format": "date-time"}, "finished_at": {"type": "string", "format": "date-time"}, "queue_time": {"type": "number"},
  "result": {"$ref": "#/components/schemas/Result"}, "error": {"type": "object", "properties": {"code": {"type": "string"}, "message": {"type": "string"}}},
  "placement": {"type": "object"}, "explain": {"type": "object"}}},
"TaskOrDeleted": {"oneOf": [{"$ref": "#/components/schemas/Task"}, {"type": "object", "required": ["task_id", "deleted"],
  "properties": {"task_id": {"type": "string"}, "deleted": {"type": "boolean"}}}]},
"TaskList": {"type": "object", "required": ["tasks", "next_before"], "properties": {"tasks": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
  "next_before": {"type": ["string", "null"]}}},
"Device": {"type": "object", "required": ["id", "name", "utilization", "memory_used", "memory_total", "task_count"], "properties": {
  "id": {"type": "string"}, "name": {"type": "string"}, "kind": {"type": "string", "enum": ["gpu", "cpu"]}, "utilization": {"type": "number"},
  "memory_used": {"type": "integer"}, "memory_total": {"type": "integer"}, "task_count": {"type": "integer"}, "running": {"type": "integer"},
  "waiting": {"type": "integer"}, "slots": {"type": "integer"}, "estimated": {"type": "boolean"}, "health": {"type": "string"},
  "health_reason": {"type": "string"}, "uuid": {"type": "string"}, "temperature": {"type": ["number", "null"]}, "power": {"type": ["number", "null"]},
  "compute_capability": {"type": ["number", "null"]}, "worker": {"type": "object"}}},
"DeviceList": {"type": "object", "required": ["gpus"], "properties": {"gpus": {"type": "array", "items": {"$ref": "#/components/schemas/Device"}}}},
"ModelList": {"type": "object", "required": ["models"], "properties": {"models": {"type": "array", "items": {"type": "object"}}}},
"StrategyChange": {"type": "object", "required": ["strategy"], "properties": {"strategy": {"$ref": "#/components/schemas/Strategy"}, "persist": {"type": "boolean"}}},
"StrategySetting": {"type": "object", "required": ["strategy"], "properties": {"strategy": {"$ref": "#/components/schemas/Strategy"},
  "allowed": {"type": "array", "items": {"$ref": "#/components/schemas/Strategy"}}, "origin": {"type": "string"}, "persisted": {"type": "boolean"}}},
"SlotsChange": {"type": "object", "required": ["max_concurrent_tasks"], "properties": {"max_concurrent_tasks": {"type": "integer", "minimum": 1}, "persist": {"type": "boolean"}}},
"SlotsSetting": {"type": "object", "required": ["max_concurrent_tasks"], "properties": {"max_concurrent_tasks": {"type": "integer"}, "origin": {"type": "string"},
  "persisted": {"type": "boolean"}}},
"KeyRequest": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 128},
  "scopes": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "enum": ["predict", "admin", "metrics"]}}]},
  "requests_per_second": {"type": "number", "minimum": 0}, "burst": {"type": "integer", "minimum": 1}}},
"Key": {"type": "object", "required": ["id", "name", "scopes"], "properties": {"id": {"type": "string"}, "name": {"type": "string"},
  "scopes": {"type": "array", "items": {"type": "string"}}, "created_at": {"type": ["string", "null"]}, "revoked_at": {"type": ["string", "null"]}}},
"NewKey": {"type": "object", "required": ["secret", "key"], "properties": {"secret": {"type": "string"}, "key": {"$ref": "#/components/schemas/Key"}}},
"KeyList": {"type": "object", "required": ["keys"], "properties": {"keys": {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}}},
"Readiness": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}, "reason": {"type": "string"}, "accepting": {"type": "boolean"}}}
})json";
}

}  // namespace altlas::gateway
