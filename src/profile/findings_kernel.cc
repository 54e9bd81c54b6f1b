// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "profile/analysis_parts.h"
#include "profile/finding_rules.h"

namespace altlas::profile {
namespace {

constexpr double kTopShare = 0.3;
constexpr double kUnevenShare = 0.05;
constexpr double kUnevenRatio = 3;
constexpr std::uint64_t kUnevenCount = 20;
constexpr double kLowPercent = 80;
constexpr double kOccupancyPoints = 20;
constexpr std::size_t kDetailsTold = 5;

// The identifier that a name begins with: what a shell and ncu take as it is, whatever the capture says.
std::string NameForNcu(const std::string& name) {
  const auto end = std::find_if(name.begin(), name.end(),
                                [](unsigned char c) { return std::isalnum(c) == 0 && c != '_'; });
  return {name.begin(), end};
}

void AddUneven(const SummaryKernel& kernel, Findings& findings) {
  const auto& timing = kernel.timing;
  const auto p95 = static_cast<double>(timing.p95_ns);
  if (kernel.share < kUnevenShare || timing.count < kUnevenCount || timing.median_ns <= 0 ||
      p95 < kUnevenRatio * timing.median_ns)
    return;
  const bool by_shape = kernel.shape_count > 1;
  findings.push_back(
      {"uneven-kernel",
       "info",
       fmt::format("{} varies: the median of {} launches is {}, the 95th percentile {}{}.", kernel.name,
                   timing.count, InTime(timing.median_ns), InTime(p95),
                   by_shape ? fmt::format("; it runs with {} launch shapes", kernel.shape_count) : ""),
       {{"median_ns", timing.median_ns},
        {"p95_ns", p95},
        {"shapes", static_cast<double>(kernel.shape_count)}},
       by_shape ? "Look at its shapes one by one: inputs of different sizes share this name."
                : "Look for other work on the device at the same time, and at the clocks.",
       CheckWith(fmt::format("[.kernels[] | select(.name | startswith(\"{}\")) | .shapes[]]",
                             NameForNcu(kernel.name)))});
}

struct DetailRuleOfOurs {
  const char* bound;
  const char* sentence;
  const char* mend;
};
constexpr std::array<DetailRuleOfOurs, 4> kBoundRules = {{
    {"latency", "neither computing nor memory is busy: it waits for latencies",
     "Give it more warps to hide them (occupancy), more independent work a thread, fewer barriers."},
    {"small grid", "the grid is too small to fill the chip (less than one wave of blocks)",
     "Launch more blocks: larger batches, or split the work further."},
    {"memory", "memory is what limits it",
     "Move fewer bytes: fuse it with its neighbours, use smaller types, reuse through shared memory."},
    {"compute", "computing is what limits it",
     "Use tensor cores or a lower precision where the result allows, and fewer instructions an element."},
}};

void AddBound(const SummaryKernelDetail& kernel, Findings& findings) {
  const auto* rule = std::find_if(kBoundRules.begin(), kBoundRules.end(),
                                  [&](const DetailRuleOfOurs& known) { return kernel.bound == known.bound; });
  if (rule == kBoundRules.end() || !kernel.sm_throughput_percent || !kernel.memory_throughput_percent) return;
  std::map<std::string, double> figures = {{"sm_percent", *kernel.sm_throughput_percent},
                                           {"memory_percent", *kernel.memory_throughput_percent}};
  if (kernel.waves_per_sm) figures["waves_per_sm"] = *kernel.waves_per_sm;
  std::string id = "kernel-" + kernel.bound;
  std::replace(id.begin(), id.end(), ' ', '-');
  findings.push_back(
      {std::move(id), "notice",
       fmt::format("{}: {} (SM {:.1f} %, memory {:.1f} % of their peaks).", kernel.name, rule->sentence,
                   *kernel.sm_throughput_percent, *kernel.memory_throughput_percent),
       std::move(figures), rule->mend,
       fmt::format("alt_las profile run --tool ncu --kernel '{}' -- CMD", NameForNcu(kernel.name))});
}

void AddEfficiency(const SummaryKernelDetail& kernel, Findings& findings) {
  const auto add = [&](const char* id, std::optional<double> percent, std::string sentence,
                       const char* mend) {
    findings.push_back(
        {id,
         "notice",
         kernel.name + ": " + std::move(sentence),
         {{"percent", percent.value_or(0)}},
         mend,
         fmt::format("alt_las profile run --tool ncu --kernel '{}' -- CMD", NameForNcu(kernel.name))});
  };
  if (kernel.coalescing_percent && *kernel.coalescing_percent < kLowPercent)
    add("uncoalesced", kernel.coalescing_percent,
        fmt::format("only {:.0f} % of the sectors that its global accesses move would be needed.",
                    *kernel.coalescing_percent),
        "Let the threads of a warp read addresses that follow one another (layout of the data, index "
        "order).");
  if (kernel.warp_efficiency_percent && *kernel.warp_efficiency_percent < kLowPercent)
    add("divergence", kernel.warp_efficiency_percent,
        fmt::format("{:.0f} % of the threads of a warp are active in an instruction.",
                    *kernel.warp_efficiency_percent),
        "Let the threads of a warp take the same branch (sort or pad the work, move the condition to "
        "blocks).");
  if (kernel.achieved_occupancy_percent && kernel.theoretical_occupancy_percent &&
      *kernel.theoretical_occupancy_percent - *kernel.achieved_occupancy_percent >= kOccupancyPoints)
    add("occupancy", kernel.achieved_occupancy_percent,
        fmt::format("the achieved occupancy is {:.1f} %, {:.1f} % are possible.",
                    *kernel.achieved_occupancy_percent, *kernel.theoretical_occupancy_percent),
        "Even out the work of warps and blocks; a last wave that is not full leaves SMs idle.");
}

}  // namespace

void AddKernelFindings(const Summary& summary, Findings& findings) {
  if (!summary.kernels.empty() && summary.kernels.front().share >= kTopShare &&
      !summary.kernels.front().is_graph) {
    const auto& top = summary.kernels.front();
    findings.push_back(
        {"top-kernel",
         "info",
         fmt::format("{} alone takes {:.0f} % of the kernels' time ({} launches, {}).", top.name,
                     100 * top.share, top.timing.count, InTime(top.timing.total_ns)),
         {{"percent", 100 * top.share}, {"total_ns", static_cast<double>(top.timing.total_ns)}},
         "Profile this one in detail before any other.",
         fmt::format("alt_las profile run --tool ncu --kernel '{}' -- CMD", NameForNcu(top.name))});
  }
  for (const auto& kernel : summary.kernels) AddUneven(kernel, findings);
}

void AddDetailFindings(const Summary& summary, Findings& findings) {
  for (std::size_t i = 0; i < std::min(summary.kernel_details.size(), kDetailsTold); ++i) {
    AddBound(summary.kernel_details[i], findings);
    AddEfficiency(summary.kernel_details[i], findings);
  }
}

}  // namespace altlas::profile
