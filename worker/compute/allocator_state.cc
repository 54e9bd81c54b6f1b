// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/allocator_state.h"

#include <c10/core/AllocatorConfig.h>

#include <charconv>
#include <cstdlib>
#include <limits>

#include "base/log.h"

namespace altlas::compute {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

// The text after `key` up to the next comma; empty where the key is not there.
std::string_view ValueOf(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos || (at > 0 && text[at - 1] != ',')) return {};
  const auto rest = text.substr(at + key.size());
  return rest.substr(0, rest.find(','));
}

}  // namespace

AllocatorState ReadAllocatorState(bool on_gpu) {
  using c10::CachingAllocator::AcceleratorAllocatorConfig;
  AllocatorState state;
  state.on_gpu = on_gpu;
  try {
    state.expandable_segments = AcceleratorAllocatorConfig::use_expandable_segments();
    const auto split = AcceleratorAllocatorConfig::max_split_size();
    state.max_split_mib = split == kUnlimited ? 0 : split >> 20;
    state.settings = AcceleratorAllocatorConfig::last_allocator_settings();
  } catch (const std::exception& error) {
    const std::string_view text = error.what();
    state.error = text.substr(0, text.find('\n'));
  }
  return state;
}

std::vector<std::string> NotInForce(const AllocatorState& state, std::string_view value) {
  if (!state.error.empty()) return {"PyTorch refuses the setting: " + state.error};
  std::vector<std::string> missing;
  const auto expandable = ValueOf(value, "expandable_segments:");
  if (!expandable.empty() && (expandable == "True") != state.expandable_segments)
    missing.push_back(
        fmt::format("expandable_segments is {}, asked for was {}", state.expandable_segments, expandable));
  const auto split = ValueOf(value, "max_split_size_mb:");
  std::uint64_t mib = 0;
  std::from_chars(split.data(), split.data() + split.size(), mib);
  if (!split.empty() && mib != state.max_split_mib)
    missing.push_back(
        fmt::format("max_split_size_mb is {}, asked for was {}",
                    state.max_split_mib == 0 ? "unlimited" : std::to_string(state.max_split_mib), split));
  return missing;
}

tune::Variable AllocatorVariableSet() {
  for (const auto name : tune::AllocatorVariables()) {
    const std::string text(name);
    if (const char* value = std::getenv(text.c_str())) return {text, value};
  }
  return {};
}

void LogAllocatorState(bool on_gpu) {
  const auto variable = AllocatorVariableSet();
  if (!on_gpu) {
    if (!variable.name.empty())
      ALTLAS_INFO("worker", "the GPU allocator's settings do not apply: this worker computes on processors",
                  {"variable", variable.name});
    return;
  }
  const auto state = ReadAllocatorState(on_gpu);
  for (const auto& missing : NotInForce(state, variable.value))
    ALTLAS_WARN("worker", "the GPU allocator is not set as asked", {"variable", variable.name},
                {"what", missing});
  ALTLAS_INFO("worker", "GPU allocator", {"settings", state.settings},
              {"expandable_segments", state.expandable_segments}, {"max_split_mib", state.max_split_mib});
  for (const auto& debug : tune::DebugVariables()) {
    if (std::getenv(debug.name.c_str()) != nullptr)
      ALTLAS_WARN("worker", "a debug switch is on", {"variable", debug.name},
                  {"cost", std::string(tune::kDebugIsSlow)});
  }
}

}  // namespace altlas::compute
