// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "backend/process.h"

namespace altlas::backend {

// What one manager leaves for the next about a device's worker: `<state>/workers/<device>.json`, mode 0600.
// JSON object: pid, start_ticks and boot_id (ProcessIdentity; pid 0 while it is being started), token (what
// the worker proves itself with).
struct WorkerRecord {
  ProcessIdentity process;
  std::string token;
  bool operator==(const WorkerRecord&) const = default;
};

std::string FormatWorkerRecord(const WorkerRecord& record);
// kCorrupt where it is not such an object.
Result<WorkerRecord> ParseWorkerRecord(std::string_view json);

// Empty where there is none, or it cannot be read (with a warning): then there is nothing to adopt. Blocks
// shortly.
std::optional<WorkerRecord> LoadWorkerRecord(const std::filesystem::path& path);

}  // namespace altlas::backend
