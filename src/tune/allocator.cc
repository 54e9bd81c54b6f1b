// SPDX-License-Identifier: Apache-2.0
#include "tune/allocator.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include "base/nearest.h"

namespace altlas::tune {
namespace {

constexpr std::uint64_t kGB = 1'000'000'000;
constexpr TorchVersion kHasMaxSplit{1, 10, 0};
constexpr TorchVersion kHasExpandable{2, 1, 0};
// From here on the split limit leaves expandable blocks alone (pytorch#134338); before, the two together
// could run into an assertion near the end of the memory.
constexpr TorchVersion kPairIsSafe{2, 5, 0};
constexpr TorchVersion kNewNameExists{2, 8, 0};
constexpr TorchVersion kNewNameIsTheName{2, 12, 0};

std::string_view VariableFor(const AllocatorQuestion& question, std::vector<std::string>& reasons) {
  const auto version = FormatTorchVersion(question.torch);
  if (question.platform == Platform::kRocm && question.torch < kNewNameIsTheName) {
    reasons.push_back(fmt::format("{}: PyTorch {} for AMD reads its settings there", kHipAllocConf, version));
    return kHipAllocConf;
  }
  if (question.torch >= kNewNameIsTheName) {
    reasons.push_back(fmt::format("{}: its name since PyTorch {}; the older {} is an alias", kAllocConf,
                                  FormatTorchVersion(kNewNameIsTheName), kCudaAllocConf));
    return kAllocConf;
  }
  if (question.torch < kNewNameExists) {
    reasons.push_back(fmt::format("{}: the only name that PyTorch {} knows", kCudaAllocConf, version));
  } else if (question.torch < TorchVersion{2, 10, 0}) {
    reasons.push_back(
        fmt::format("{}: PyTorch {} calls the name deprecated, and yet leaves {} unread on CUDA "
                    "(pytorch#183387)",
                    kCudaAllocConf, version, kAllocConf));
  } else {
    reasons.push_back(fmt::format("{}: what PyTorch {} reads first on CUDA, before {}", kCudaAllocConf,
                                  version, kAllocConf));
  }
  return kCudaAllocConf;
}

// Why expandable segments are left out; empty where they are not.
std::string WhyNotExpandable(const AllocatorQuestion& question) {
  switch (question.platform) {
    case Platform::kWindows:
      return "expandable_segments is left out: PyTorch for Windows warns that the platform does not support "
             "it, "
             "and ignores it";
    case Platform::kWsl:
      return "expandable_segments is left out: under WSL the mapping of memory that it needs fails "
             "(pytorch#192330)";
    case Platform::kJetson:
      return "expandable_segments is left out: on Tegra it ends in out of memory while memory is free";
    case Platform::kRocm:
      return "expandable_segments is left out: it needs NVIDIA's driver";
    case Platform::kLinux:
      break;
  }
  if (question.torch < kHasExpandable)
    return fmt::format("expandable_segments is left out: PyTorch {} is older than it ({})",
                       FormatTorchVersion(question.torch), FormatTorchVersion(kHasExpandable));
  return {};
}

std::string WhySplit(const AllocatorQuestion& question, std::uint64_t mib, bool with_expandable) {
  const double gb = static_cast<double>(question.memory_bytes) / kGB;
  auto text = question.short_of_memory
                  ? fmt::format("max_split_size_mb:{}: the smallest, after an out of memory", mib)
                  : fmt::format(
                        "max_split_size_mb:{}: the row for a device of {:.1f} GB; larger blocks are not "
                        "split, so that they stay whole for large tensors",
                        mib, gb);
  if (with_expandable) text += "; it governs only the blocks outside expandable segments, hence hardly any";
  return text;
}

}  // namespace

std::uint64_t MaxSplitMib(std::uint64_t memory_bytes) {
  if (memory_bytes >= 24 * kGB) return 512;
  if (memory_bytes >= 12 * kGB) return 256;
  if (memory_bytes >= 8 * kGB) return 128;
  return 64;
}

AllocatorAdvice AdviseAllocator(const AllocatorQuestion& question) {
  AllocatorAdvice advice;
  advice.variable.name = VariableFor(question, advice.reasons);
  const auto left_out = WhyNotExpandable(question);
  advice.expandable_segments = left_out.empty();
  advice.reasons.push_back(
      advice.expandable_segments
          ? "expandable_segments:True: a segment grows in place, so that freed blocks of "
            "odd sizes are not lost; the first allocation takes some 10 ms longer"
          : left_out);
  if (question.torch < kHasMaxSplit) {
    advice.reasons.push_back(fmt::format("max_split_size_mb is left out: PyTorch {} is older than it ({})",
                                         FormatTorchVersion(question.torch),
                                         FormatTorchVersion(kHasMaxSplit)));
  } else if (advice.expandable_segments && question.torch < kPairIsSafe) {
    advice.reasons.push_back(
        fmt::format("max_split_size_mb is left out: before PyTorch {} it can end in an assertion beside "
                    "expandable_segments when memory runs out (pytorch#134338)",
                    FormatTorchVersion(kPairIsSafe)));
  } else {
    advice.max_split_mib = question.short_of_memory ? 64 : MaxSplitMib(question.memory_bytes);
    advice.reasons.push_back(WhySplit(question, advice.max_split_mib, advice.expandable_segments));
  }
  auto& value = advice.variable.value;
  if (advice.expandable_segments) value = "expandable_segments:True";
  if (advice.max_split_mib != 0)
    value += fmt::format("{}max_split_size_mb:{}", value.empty() ? "" : ",", advice.max_split_mib);
  return advice;
}

std::vector<std::string_view> AllocatorVariables() { return {kCudaAllocConf, kAllocConf, kHipAllocConf}; }

std::vector<Variable> DebugVariables() {
  return {{"CUDA_LAUNCH_BLOCKING", "1"}, {"PYTORCH_NO_CUDA_MEMORY_CACHING", "1"}};
}

namespace {

std::span<const std::string> KnownKeys() {
  static const std::vector<std::string> keys = {
      "backend",
      "expandable_segments",
      "garbage_collection_threshold",
      "graph_capture_record_stream_reuse",
      "large_segment_size_mb",
      "max_non_split_rounding_mb",
      "max_split_size_mb",
      "per_process_memory_fraction",
      "pinned_max_cached_size_mb",
      "pinned_num_register_threads",
      "pinned_reserve_segment_size_mb",
      "pinned_use_background_threads",
      "pinned_use_cuda_host_register",
      "release_lock_on_cudamalloc",
      "roundup_power2_divisions",
  };
  return keys;
}

// What PyTorch's parser refuses at a worker's start, or takes for something else (-5 becomes 2^44 MiB), as
// `alt_las_worker --allocator` shows with PyTorch 2.11.
struct NumberRule {
  std::string_view key;
  double least;
  double most;
  bool ends_allowed;
  std::string_view allowed;
};
constexpr NumberRule kNumberRules[] = {
    {"max_split_size_mb", 20, 1e9, true, "a whole number from 20 on"},
    {"garbage_collection_threshold", 0, 1, false, "a number between 0 and 1"},
    {"per_process_memory_fraction", 0, 1, true, "a number from 0 to 1"},
};

Status CheckNumber(std::string_view key, std::string_view value) {
  for (const auto& rule : kNumberRules) {
    if (rule.key != key) continue;
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_whole = key != "max_split_size_mb" || number == std::floor(number);
    const bool is_within = rule.ends_allowed ? number >= rule.least && number <= rule.most
                                             : number > rule.least && number < rule.most;
    if (error == std::errc{} && end == value.data() + value.size() && is_whole && is_within) return {};
    return Fail(ErrorCode::kInvalidArgument, "{} is {}, and \"{}\" was found", key, rule.allowed, value);
  }
  const bool is_switch = key == "expandable_segments" || key == "pinned_use_background_threads";
  if (is_switch && value != "True" && value != "False")
    return Fail(ErrorCode::kInvalidArgument, "{} is True or False, and \"{}\" was found", key, value);
  return {};
}

Status CheckPair(std::string_view pair) {
  const auto colon = pair.find(':');
  const std::string key(pair.substr(0, colon));
  const auto keys = KnownKeys();
  if (colon == std::string_view::npos || colon + 1 == pair.size())
    return Fail(ErrorCode::kInvalidArgument, "\"{}\" is no key:value pair, as max_split_size_mb:128 is",
                pair);
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
    const auto near = Nearest(key, keys);
    return Fail(ErrorCode::kInvalidArgument, "\"{}\" is no key of PyTorch's allocator{}", key,
                near.empty() ? "" : "; did you mean " + near + "?");
  }
  return CheckNumber(key, pair.substr(colon + 1));
}

}  // namespace

Status CheckAllocatorText(std::string_view value) {
  constexpr std::size_t kLimit = 1024;
  if (value.empty() || value.size() > kLimit)
    return Fail(ErrorCode::kInvalidArgument, "found {} bytes, allowed are 1 to {}", value.size(), kLimit);
  const bool odd = std::any_of(value.begin(), value.end(), [](char c) { return c <= ' ' || c > '~'; });
  if (odd) return Fail(ErrorCode::kInvalidArgument, "only printable ASCII without spaces can stand there");
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at <= value.size(); ++at) {
    if (at < value.size() && value[at] == '[') ++depth;
    if (at < value.size() && value[at] == ']') --depth;
    if (depth < 0) break;
    if (at != value.size() && (value[at] != ',' || depth > 0)) continue;
    if (depth > 0) break;
    ALTLAS_TRY_VOID(CheckPair(value.substr(begin, at - begin)));
    begin = at + 1;
  }
  if (depth != 0) return Fail(ErrorCode::kInvalidArgument, "the brackets of \"{}\" do not match", value);
  return {};
}

}  // namespace altlas::tune
