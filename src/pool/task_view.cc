// SPDX-License-Identifier: Apache-2.0
#include "pool/task_view.h"

#include <charconv>

namespace altlas::pool {

TaskView ViewOfStored(store::TaskRecord record) {
  TaskView view;
  if (!record.device.empty()) view.device = record.device;
  record.request.clear();
  view.record = std::move(record);
  return view;
}

double SizeHintOf(std::string_view request) {
  // The gateway writes the request in one canonical form, without spaces, so the key can be found as text; a
  // wrong hit inside a string costs a bad estimate and nothing else.
  constexpr std::string_view kKey = "\"max_length\":";
  const auto at = request.rfind(kKey);
  if (at == std::string_view::npos) return 0;
  const auto number = request.substr(at + kKey.size());
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  return error == std::errc() && value > 0 ? value : 0;
}

}  // namespace altlas::pool
