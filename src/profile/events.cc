// SPDX-License-Identifier: Apache-2.0
#include "profile/events.h"

#include "profile/capture.h"

namespace altlas::profile {

std::string_view MemoryKindName(MemoryKind kind) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "pageable", "pinned", "device", "array", "managed", "device static", "managed static", "unknown"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : kNames.back();
}

std::string_view CopyKindName(CopyKind kind) {
  static constexpr std::array<std::string_view, 14> kNames = {"unknown",
                                                              "host to device",
                                                              "device to host",
                                                              "host to array",
                                                              "array to host",
                                                              "array to array",
                                                              "array to device",
                                                              "device to array",
                                                              "device to device",
                                                              "host to host",
                                                              "device to peer",
                                                              "unified memory host to device",
                                                              "unified memory device to host",
                                                              "unified memory device to device"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : kNames.front();
}

std::string_view SyncKindName(SyncKind kind) {
  static constexpr std::array<std::string_view, 5> kNames = {"unknown", "event", "stream wait", "stream",
                                                             "context"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : kNames.front();
}

std::string_view CaptureFormatName(CaptureFormat format) {
  static constexpr std::array<std::string_view, 4> kNames = {"nsys sqlite", "kineto json", "ncu csv",
                                                             "collector"};
  const auto index = static_cast<std::size_t>(format);
  return index < kNames.size() ? kNames[index] : "unknown";
}

}  // namespace altlas::profile
