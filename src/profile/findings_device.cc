// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "profile/analysis_parts.h"
#include "profile/finding_rules.h"

namespace altlas::profile {
namespace {

// Shares below which a matter is not worth a sentence.
constexpr double kGapShare = 0.10;
constexpr double kGapWarningShare = 0.30;
constexpr double kCopyShare = 0.05;
constexpr double kPageableShare = 0.10;
constexpr double kLittleOverlapPercent = 10;
constexpr double kSlowApi = 1.5;
constexpr std::uint64_t kManyCopies = 500;
constexpr double kSmallCopyBytes = 64 * 1024;

struct GapMend {
  std::string_view cause;
  const char* what;
  const char* mend;
};
constexpr std::array<GapMend, 4> kGapMends = {{
    {"launch", "launches under way: the call itself, or the host between two close ones",
     "Fuse small kernels, raise the batch size, or replay the sequence as a CUDA graph."},
    {"copy", "copies, with no kernel running beside them",
     "Copy asynchronously from pinned memory on a stream of its own, one batch ahead of the computing."},
    {"data", "the host loading data before it launched",
     "Give the data loader more workers, let it prefetch, and keep its workers alive between epochs."},
    {"host", "the host doing other work before it launched",
     "Look at what the host does between launches (capture with NVTX ranges or CPU sampling), and move it "
     "off the "
     "launching thread."},
}};

// A launch of milliseconds does more than launch: the first one of a kernel loads its code.
constexpr double kLongLaunchNs = 1e6;
constexpr const char* kLongLaunchMend =
    "These are few and long: the first launch of a kernel loads its code. Warm up before the part that "
    "matters, or set "
    "CUDA_MODULE_LOADING=EAGER.";

void AddIdleDevices(const Summary& summary, Findings& findings) {
  if (summary.devices.size() < 2) return;
  const auto [least, most] = std::minmax_element(
      summary.devices.begin(), summary.devices.end(),
      [](const SummaryDevice& a, const SummaryDevice& b) { return a.kernel_ns < b.kernel_ns; });
  constexpr double kUneven = 1.25;
  if (most->kernel_ns == 0 || static_cast<double>(most->kernel_ns) <
                                  kUneven * static_cast<double>(std::max<std::int64_t>(least->kernel_ns, 1)))
    return;
  findings.push_back({"uneven-devices",
                      "notice",
                      fmt::format("The devices do unequal work: {} ran kernels for {}, {} for {}.", most->id,
                                  InTime(most->kernel_ns), least->id, InTime(least->kernel_ns)),
                      {{"most_ns", static_cast<double>(most->kernel_ns)},
                       {"least_ns", static_cast<double>(least->kernel_ns)}},
                      "Deal the work by the devices' speeds (strategy least_loaded), or give each an equal "
                      "part where they are alike.",
                      CheckWith("[.devices[] | {id, kernel_ns}]")});
}

}  // namespace

void AddGapFindings(const Summary& summary, Findings& findings) {
  AddIdleDevices(summary, findings);
  const auto windows = static_cast<double>(WindowsOf(summary));
  if (!summary.gaps || windows <= 0) return;
  for (const auto& gap : summary.gaps->causes) {
    const auto* mend = std::find_if(kGapMends.begin(), kGapMends.end(),
                                    [&](const GapMend& known) { return known.cause == gap.cause; });
    if (mend == kGapMends.end() || gap.share < kGapShare) continue;
    const auto percent = 100 * gap.share;
    const bool is_long = gap.cause == "launch" && Ratio(static_cast<double>(gap.total_ns),
                                                        static_cast<double>(gap.count)) >= kLongLaunchNs;
    findings.push_back(
        {"idle-" + gap.cause,
         gap.share >= kGapWarningShare ? "warning" : "notice",
         fmt::format("No kernel ran in {:.1f} % of the time ({} of {}) because of {}.", percent,
                     InTime(gap.total_ns), InTime(windows), mend->what),
         {{"percent", percent},
          {"total_ns", static_cast<double>(gap.total_ns)},
          {"gaps", static_cast<double>(gap.count)}},
         is_long ? kLongLaunchMend : mend->mend,
         CheckWith(fmt::format(".gaps.causes[] | select(.cause == \"{}\") | .share", gap.cause))});
  }
}

namespace {

struct HostCopies {
  double bytes = 0, ns = 0, api_bytes = 0, api_ns = 0;
  std::uint64_t count = 0;
  void Add(const SummaryCopy& copy) {
    bytes += static_cast<double>(copy.bytes);
    ns += static_cast<double>(copy.timing.total_ns);
    count += copy.timing.count;
    if (!copy.api_bytes_per_second) return;
    api_ns += static_cast<double>(copy.api_ns);
    api_bytes += *copy.api_bytes_per_second * static_cast<double>(copy.api_ns) / 1e9;
  }
  std::string Rates() const {
    auto text = InBytes(bytes * 1e9 / std::max(ns, 1.0)) + "/s on the engine";
    if (api_ns > 0) text += fmt::format(", {}/s as the callers saw it", InBytes(api_bytes * 1e9 / api_ns));
    return text;
  }
};

void AddPageable(const Summary& summary, double windows, Findings& findings) {
  const auto percent = FindValue(summary, "pageable_copy_percent");
  if (!percent || *percent < 100 * kPageableShare) return;
  HostCopies pageable;
  HostCopies pinned;
  for (const auto& copy : summary.copies) {
    if (copy.kind != "host to device" && copy.kind != "device to host") continue;
    const bool is_pageable = copy.source_memory == "pageable" || copy.target_memory == "pageable";
    (is_pageable ? pageable : pinned).Add(copy);
  }
  const auto share = Ratio(pageable.ns, windows);
  if (share < kCopyShare / 5) return;
  auto sentence = fmt::format(
      "{:.0f} % of the bytes between host and device ({} in {} copies, {} on the engine) have pageable host "
      "memory: {}.",
      *percent, InBytes(pageable.bytes), pageable.count, InTime(pageable.ns), pageable.Rates());
  if (pinned.bytes > 0) sentence += fmt::format(" Pinned copies of the same capture: {}.", pinned.Rates());
  findings.push_back(
      {"pageable-copies",
       share >= kCopyShare ? "warning" : "notice",
       std::move(sentence),
       {{"percent", *percent},
        {"bytes", pageable.bytes},
        {"engine_ns", pageable.ns},
        {"api_ns", pageable.api_ns}},
       "Use pinned memory (cudaHostAlloc; in PyTorch pin_memory=True and non_blocking=True): the driver then "
       "needs no staging copy, and the copy can run beside kernels.",
       CheckWith(".pageable_copy_percent")});
}

}  // namespace

void AddCopyFindings(const Summary& summary, Findings& findings) {
  const auto windows = static_cast<double>(WindowsOf(summary));
  if (windows <= 0) return;
  AddPageable(summary, windows, findings);
  if (summary.overlap && summary.overlap->percent < kLittleOverlapPercent &&
      Ratio(static_cast<double>(summary.overlap->copy_ns), windows) >= kCopyShare)
    findings.push_back(
        {"no-overlap",
         "notice",
         fmt::format(
             "Copies take {} ({:.1f} % of the time), and a kernel ran beside them in {:.1f} % of that.",
             InTime(summary.overlap->copy_ns),
             100 * Ratio(static_cast<double>(summary.overlap->copy_ns), windows), summary.overlap->percent),
         {{"copy_ns", static_cast<double>(summary.overlap->copy_ns)},
          {"overlap_percent", summary.overlap->percent}},
         "Copy the next batch on a stream of its own while this one is computed (needs pinned memory).",
         CheckWith(".copy_overlap_percent")});
  for (const auto& copy : summary.copies) {
    const auto mean_bytes = Ratio(static_cast<double>(copy.bytes), static_cast<double>(copy.timing.count));
    const auto api_ns = static_cast<double>(copy.api_ns);
    if (copy.timing.count >= kManyCopies && mean_bytes < kSmallCopyBytes &&
        Ratio(api_ns, windows) >= kCopyShare)
      findings.push_back(
          {"small-copies",
           "notice",
           fmt::format("{} copies {} carry {} each on average; their calls took {}.", copy.timing.count,
                       copy.kind, InBytes(mean_bytes), InTime(copy.api_ns)),
           {{"count", static_cast<double>(copy.timing.count)},
            {"mean_bytes", mean_bytes},
            {"api_ns", api_ns}},
           "Gather what is copied into one buffer and copy it once; keep small values on the device.",
           CheckWith("[.copies[] | {kind, count, bytes}]")});
    const auto engine_ns = static_cast<double>(copy.timing.total_ns);
    if (engine_ns > 0 && api_ns >= kSlowApi * engine_ns && Ratio(api_ns - engine_ns, windows) >= kCopyShare)
      findings.push_back({"copy-calls-wait",
                          "info",
                          fmt::format("The calls of {} copies {} ({} to {}) took {}, the copying itself {}: "
                                      "the rest is staging and waiting "
                                      "for work before them.",
                                      copy.timing.count, copy.kind, copy.source_memory, copy.target_memory,
                                      InTime(copy.api_ns), InTime(copy.timing.total_ns)),
                          {{"api_ns", api_ns}, {"engine_ns", engine_ns}},
                          "Use asynchronous copies from pinned memory, so that the host goes on.",
                          CheckWith("[.copies[] | {kind, api_ns, total_ns}]")});
  }
}

}  // namespace altlas::profile
