// SPDX-License-Identifier: Apache-2.0
#include "pool/task_view.h"

#include <algorithm>
#include <charconv>

namespace altlas::pool {
namespace {

// JSON that this program wrote itself is in one canonical form, without spaces, so that a key can be found as
// text; a wrong hit inside a string costs a bad estimate and nothing else.
std::optional<double> NumberAfter(std::string_view json, std::string_view key) {
  const auto at = json.rfind(key);
  if (at == std::string_view::npos) return std::nullopt;
  const auto number = json.substr(at + key.size());
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

TaskView ViewOfStored(store::TaskRecord record) {
  TaskView view;
  if (!record.device.empty()) view.device = record.device;
  record.request.clear();
  view.record = std::move(record);
  return view;
}

std::optional<double> QueueSecondsOf(const store::TaskRecord& record) {
  if (record.started_ms == 0) return std::nullopt;
  if (record.attempt > 1) return NumberAfter(record.explain, "\"waited\":");
  return static_cast<double>(std::max<WallMillis>(0, record.started_ms - record.created_ms)) / 1000;
}

double SizeHintOf(std::string_view request) {
  constexpr double kBytesPerToken = 4;  // about, of English
  const auto read = static_cast<double>(request.size()) / kBytesPerToken;
  return std::max(0.0, NumberAfter(request, "\"max_length\":").value_or(read));
}

}  // namespace altlas::pool
