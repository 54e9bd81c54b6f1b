// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "wire/messages.h"

// The one description of every message's fields, in their order on the wire. The encoder, the decoder and the
// tests' generator are "archives": classes with the calls used here. Internal to this module.
namespace altlas::wire {

inline constexpr std::uint8_t kLastGoodbyeReason = static_cast<std::uint8_t>(GoodbyeReason::kFault);

template <typename A>
void Fields(A&, KeepAlive&) {}

template <typename A>
void Fields(A& a, StatusAnswer& m) {
  a.Number("status", m.status);
}

template <typename A>
void Fields(A& a, PrintLine& m) {
  a.Text("text", m.text);
}

template <typename A>
void Fields(A& a, LeaseKey& k) {
  a.Number("task", k.task.high);
  a.Number("task", k.task.low);
  a.Number("attempt", k.attempt);
}

template <typename A>
void Fields(A& a, Hello::HeldLease& h) {
  Fields(a, h.lease);
  a.Bool("finished", h.finished);
}

template <typename A>
void Fields(A& a, Hello& m) {
  a.Protocol("protocol", m.protocol);
  a.Name("program_version", m.program_version);
  a.Name("device", m.device);
  a.Bytes("token", m.token, kMaxSecretBytes);
  a.Number("pid", m.pid);
  a.Number("instance", m.instance);
  a.List("leases", m.leases, kMaxLeases);
}

template <typename A>
void Fields(A& a, ModelSpec& s) {
  a.Name("model name", s.name);
  a.Bytes("model folder", s.folder, kMaxPathBytes);
  a.Name("model dtype", s.dtype);
  a.Number("model kv_budget_bytes", s.kv_budget_bytes);
  a.Number("model max_context", s.max_context);
}

template <typename A>
void Fields(A& a, Welcome& m) {
  a.Protocol("protocol", m.protocol);
  a.Name("program_version", m.program_version);
  a.List("models", m.models, kMaxModels);
  a.Number("threads", m.threads);
  a.Number("max_batch", m.max_batch);
  a.Number("heartbeat_interval_ms", m.heartbeat_interval_ms);
  a.Number("orphan_ms", m.orphan_ms);
}

template <typename A>
void Fields(A& a, ModelReady& m) {
  a.Name("name", m.name);
  a.Name("family", m.family);
  a.Name("dtype", m.dtype);
  a.Number("memory_bytes", m.memory_bytes);
  a.Number("kv_budget_bytes", m.kv_budget_bytes);
  a.Amount("load_seconds", m.load_seconds);
  a.Number("parameters", m.parameters);
  a.Number("context_length", m.context_length);
  a.Number("vocabulary", m.vocabulary);
}

template <typename A>
void Fields(A& a, ModelFailed& m) {
  a.Name("name", m.name);
  a.Code("code", m.code);
  a.Text("message", m.message);
}

template <typename A>
void Fields(A& a, Ready& m) {
  a.Number("slots", m.slots);
  a.Number("threads", m.threads);
  a.Number("memory_used_bytes", m.memory_used_bytes);
  a.Number("memory_total_bytes", m.memory_total_bytes);
}

template <typename A>
void Fields(A& a, LeaseGrant& m) {
  Fields(a, m.lease);
  a.Name("type", m.type);
  a.Name("model", m.model);
  a.Bytes("request", m.request, kMaxJsonBytes);
  a.Bool("stream", m.stream);
  a.Ids("emitted", m.emitted, kMaxTokenIds);
}

template <typename A>
void Fields(A& a, LeaseCancel& m) {
  Fields(a, m.lease);
}

template <typename A>
void Fields(A& a, Token& m) {
  Fields(a, m.lease);
  a.Number("index", m.index);
  a.Ids("ids", m.ids, 1);
  a.Bytes("text", m.text, kMaxPieceBytes);
}

template <typename A>
void Fields(A& a, LeaseDone& m) {
  Fields(a, m.lease);
  a.Bytes("result", m.result, kMaxJsonBytes);
  a.Amount("seconds", m.seconds);
  a.Number("prompt_tokens", m.prompt_tokens);
  a.Number("generated_tokens", m.generated_tokens);
}

template <typename A>
void Fields(A& a, LeaseDoneAck& m) {
  Fields(a, m.lease);
}

template <typename A>
void Fields(A& a, LeaseFailed& m) {
  Fields(a, m.lease);
  a.Code("code", m.code);
  a.Text("message", m.message);
  a.Bool("worker_at_fault", m.worker_at_fault);
}

template <typename A>
void Fields(A& a, Heartbeat& m) {
  a.Number("sequence", m.sequence);
  a.Number("running", m.running);
  a.Number("waiting", m.waiting);
  a.Number("steps", m.steps);
  a.Number("tokens", m.tokens);
  a.Number("memory_used_bytes", m.memory_used_bytes);
  a.Amount("tokens_per_second", m.tokens_per_second);
}

template <typename A>
void Fields(A& a, Drain& m) {
  a.Number("deadline_ms", m.deadline_ms);
}

template <typename A>
void Fields(A& a, Goodbye& m) {
  a.Enum("reason", m.reason, kLastGoodbyeReason);
  a.Text("text", m.text);
}

template <typename A>
void Fields(A& a, ProfileAsk& m) {
  a.Number("id", m.id);
  a.Number("duration_ms", m.duration_ms);
  a.Number("operators", m.operators);
}

template <typename A>
void Fields(A& a, ProfileReport::Phase& p) {
  a.Name("phase name", p.name);
  a.Number("phase size_from", p.size_from);
  a.Number("phase size_to", p.size_to);
  a.Number("phase count", p.count);
  a.Number("phase tokens", p.tokens);
  a.Amount("phase sum_seconds", p.sum_seconds);
  a.Amount("phase median_seconds", p.median_seconds);
  a.Amount("phase p95_seconds", p.p95_seconds);
  a.Amount("phase median_seconds_per_token", p.median_seconds_per_token);
}

template <typename A>
void Fields(A& a, ProfileReport::Model& m) {
  a.Name("model name", m.name);
  a.Number("model requests", m.requests);
  a.Number("model prompt_tokens", m.prompt_tokens);
  a.Number("model generated_tokens", m.generated_tokens);
  a.List("phases", m.phases, kMaxProfilePhases);
}

template <typename A>
void Fields(A& a, ProfileReport::Operator& o) {
  a.Name("operator name", o.name);
  a.Number("operator count", o.count);
  a.Amount("operator sum_seconds", o.sum_seconds);
}

template <typename A>
void Fields(A& a, ProfileReport& m) {
  a.Number("id", m.id);
  a.Amount("seconds", m.seconds);
  a.Amount("processor_seconds", m.processor_seconds);
  a.Number("memory_peak_bytes", m.memory_peak_bytes);
  a.Amount("operator_sampling", m.operator_sampling);
  a.List("models", m.models, kMaxModels);
  a.List("operators", m.operators, kMaxProfileOperators);
}

}  // namespace altlas::wire
