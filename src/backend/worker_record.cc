// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_record.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "wire/messages.h"

namespace altlas::backend {

std::string FormatWorkerRecord(const WorkerRecord& record) {
  JsonWriter json;
  json.BeginObject();
  json.Key("pid").Int(record.process.pid);
  json.Key("start_ticks").Unsigned(record.process.start_ticks);
  json.Key("boot_id").String(record.process.boot_id);
  json.Key("token").String(record.token);
  json.EndObject();
  return json.Take();
}

Result<WorkerRecord> ParseWorkerRecord(std::string_view json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* key, bool (nlohmann::json::*is)() const noexcept) {
    return parsed.contains(key) && (parsed.at(key).*is)();
  };
  if (!parsed.is_object() || !has("pid", &nlohmann::json::is_number_unsigned) ||
      !has("start_ticks", &nlohmann::json::is_number_unsigned) ||
      !has("boot_id", &nlohmann::json::is_string) || !has("token", &nlohmann::json::is_string)) {
    return Fail(ErrorCode::kCorrupt, "not a worker's record: pid, start_ticks, boot_id and token are needed");
  }
  WorkerRecord record;
  const auto pid = parsed.at("pid").get<std::uint64_t>();
  record.process.start_ticks = parsed.at("start_ticks").get<std::uint64_t>();
  record.process.boot_id = parsed.at("boot_id").get<std::string>();
  record.token = parsed.at("token").get<std::string>();
  if (pid > 0x7fffffff || record.token.empty() || record.token.size() > wire::kMaxSecretBytes) {
    return Fail(ErrorCode::kCorrupt, "not a worker's record: pid {}, a token of {} bytes", pid,
                record.token.size());
  }
  record.process.pid = static_cast<pid_t>(pid);
  return record;
}

std::optional<WorkerRecord> LoadWorkerRecord(const std::filesystem::path& path) {
  const auto text = ReadFile(path, 64 << 10);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::nullopt;
  auto record = text ? ParseWorkerRecord(*text) : Result<WorkerRecord>(text.error());
  if (!record) {
    ALTLAS_WARN("backend", "a worker's record is ignored", {"path", path.string()},
                {"why", record.error().message});
    return std::nullopt;
  }
  return *record;
}

}  // namespace altlas::backend
