// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string_view>
#include <utility>

#include "config/config.h"

// The spelling of each enumerator in the file. One table an enum; Name() and the reader both use it.
namespace altlas::config {

template <typename E>
struct EnumNames;

template <>
struct EnumNames<Strategy> {
  static constexpr auto kAll = kStrategies;
};
template <>
struct EnumNames<MappingAnswer> {
  static constexpr auto kAll = kMappingAnswers;
};
template <>
struct EnumNames<StoreKind> {
  static constexpr std::array<std::pair<StoreKind, std::string_view>, 2> kAll = {{
      {StoreKind::kSqlite, "sqlite"},
      {StoreKind::kMemory, "memory"},
  }};
};
template <>
struct EnumNames<Dtype> {
  static constexpr std::array<std::pair<Dtype, std::string_view>, 3> kAll = {{
      {Dtype::kFloat32, "float32"},
      {Dtype::kBfloat16, "bfloat16"},
      {Dtype::kFloat16, "float16"},
  }};
};
template <>
struct EnumNames<DeviceSource> {
  static constexpr std::array<std::pair<DeviceSource, std::string_view>, 4> kAll = {{
      {DeviceSource::kAuto, "auto"},
      {DeviceSource::kNvml, "nvml"},
      {DeviceSource::kCpu, "cpu"},
      {DeviceSource::kSimulated, "simulated"},
  }};
};
template <>
struct EnumNames<LogLevel> {
  static constexpr std::array<std::pair<LogLevel, std::string_view>, 4> kAll = {{
      {LogLevel::kDebug, "debug"},
      {LogLevel::kInfo, "info"},
      {LogLevel::kWarn, "warn"},
      {LogLevel::kError, "error"},
  }};
};

template <typename E>
constexpr std::string_view EnumName(E value) {
  for (const auto& [enumerator, name] : EnumNames<E>::kAll) {
    if (enumerator == value) return name;
  }
  return {};
}

template <typename E>
constexpr std::optional<E> ParseEnum(std::string_view text) {
  for (const auto& [enumerator, name] : EnumNames<E>::kAll) {
    if (name == text) return enumerator;
  }
  return std::nullopt;
}

}  // namespace altlas::config
