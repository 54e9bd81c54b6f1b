// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <arpa/inet.h>

#include <array>
#include <string>

#include "config/enum_names.h"

namespace altlas::config {

std::string_view Name(Strategy value) { return EnumName(value); }
std::string_view Name(Dtype value) { return EnumName(value); }
std::string_view Name(DeviceSource value) { return EnumName(value); }

std::span<const std::string_view> KnownTaskTypes() {
  static constexpr std::array<std::string_view, 5> kTypes = {
      "text_generation", "object_detection", "image_segmentation", "image_classification", "embedding"};
  return kTypes;
}

std::string_view TypeOf(const ModelConfig& model) {
  return model.type ? std::string_view(*model.type) : KnownTaskTypes().front();
}

const ModelConfig* DefaultModel(std::span<const ModelConfig> models, std::string_view type) {
  const ModelConfig* first = nullptr;
  for (const auto& model : models) {
    if (TypeOf(model) != type) continue;
    if (model.is_default) return &model;
    if (first == nullptr) first = &model;
  }
  return first;
}

bool IsLoopback(std::string_view address) {
  const std::string text(address);
  if (text == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace altlas::config
