// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "profile/analysis_parts.h"
#include "profile/finding_rules.h"

namespace altlas::profile {
namespace {

constexpr double kAllocationShare = 0.05;
constexpr std::uint64_t kFewKernels = 100;
constexpr double kSyncsPerKernel = 0.5;
constexpr double kShortShare = 0.5;
constexpr double kTopOperatorShare = 0.3;
constexpr double kBusyThreads = 0.5;

bool IsAllocationCall(std::string_view name) {
  for (const auto* known :
       {"cudaMalloc", "cudaFree", "cuMemAlloc", "cuMemFree", "cudaHostAlloc", "cuMemHostAlloc"})
    if (name.starts_with(known)) return true;
  return false;
}

void AddAllocationCalls(const Summary& summary, double total_ns, Findings& findings) {
  std::uint64_t count = 0;
  double ns = 0;
  const SummaryApi* most = nullptr;
  for (const auto& api : summary.api) {
    if (!IsAllocationCall(api.name)) continue;
    count += api.timing.count;
    ns += static_cast<double>(api.timing.total_ns);
    if (most == nullptr) most = &api;
  }
  if (most == nullptr || Ratio(ns, total_ns) < kAllocationShare) return;
  findings.push_back(
      {"allocation-calls",
       "notice",
       fmt::format("{} calls that allocate or free took {} ({:.1f} % of the capture), most of it {} ({} "
                   "calls, {}; the "
                   "longest {}).",
                   count, InTime(ns), 100 * Ratio(ns, total_ns), most->name, most->timing.count,
                   InTime(most->timing.total_ns), InTime(most->timing.max_ns)),
       {{"count", static_cast<double>(count)}, {"total_ns", ns}},
       "Allocate once and reuse, or through a caching allocator (PyTorch's, cudaMallocAsync). The first call "
       "of a process "
       "also pays for the CUDA context.",
       CheckWith("[.api[] | select(.name | test(\"Malloc|Free\")) | {name, count, total_ns}]")});
}

void AddDeviceSyncs(const Summary& summary, Findings& findings) {
  const auto kernels = FindValue(summary, "kernel_count").value_or(0);
  if (kernels < static_cast<double>(kFewKernels)) return;
  for (const auto& api : summary.api) {
    if (!IsSyncCall(api.name) || static_cast<double>(api.timing.count) < kSyncsPerKernel * kernels) continue;
    findings.push_back({"many-syncs",
                        "warning",
                        fmt::format("{} is called {} times for {:.0f} kernels, and the host waited {} in it.",
                                    api.name, api.timing.count, kernels, InTime(api.timing.total_ns)),
                        {{"calls", static_cast<double>(api.timing.count)},
                         {"kernels", kernels},
                         {"total_ns", static_cast<double>(api.timing.total_ns)}},
                        "Wait once where the result is needed: launches on one stream run in order anyway. "
                        "In PyTorch look for .item(), "
                        ".cpu() and print of tensors in the loop; unset CUDA_LAUNCH_BLOCKING.",
                        CheckWith("[.api[] | select(.name | test(\"ynchronize\")) | {name, count}]")});
  }
}

void AddShortKernels(const Summary& summary, Findings& findings) {
  if (!summary.launch || summary.launch->call.count < kFewKernels) return;
  const auto& launch = *summary.launch;
  const auto share =
      Ratio(static_cast<double>(launch.shorter_than_call), static_cast<double>(launch.call.count));
  if (share < kShortShare) return;
  findings.push_back(
      {"short-kernels",
       "notice",
       fmt::format("{:.0f} % of the calls that launch kernels ({} of {}) take longer than what "
                   "they launch (median call {}).",
                   100 * share, launch.shorter_than_call, launch.call.count, InTime(launch.call.median_ns)),
       {{"percent", 100 * share}, {"call_median_ns", launch.call.median_ns}},
       "Fuse the kernels, raise the batch size, or use CUDA graphs (in PyTorch torch.compile "
       "with mode=\"reduce-overhead\").",
       CheckWith(".launch | {calls: .call.count, shorter_than_call}")});
}

// Those that were recorded tell nothing of how long none ran: only sources with every operator count, each
// against its own time.
void AddWaitingOperators(const Summary& summary, Findings& findings) {
  const SummarySource* least = nullptr;
  double least_share = kBusyThreads;
  std::size_t waiting = 0;
  for (const auto& source : summary.sources) {
    if (source.operator_sampling || source.operator_ns <= 0 || source.duration_ns <= 0) continue;
    const auto share =
        Ratio(static_cast<double>(source.operator_ns), static_cast<double>(source.duration_ns));
    if (share >= kBusyThreads) continue;
    ++waiting;
    if (share >= least_share) continue;
    least = &source;
    least_share = share;
  }
  if (least == nullptr) return;
  std::string where;
  if (summary.sources.size() > 1) where = fmt::format(" in {}", least->path);
  if (waiting > 1) where += fmt::format(" (the least of {} such captures)", waiting);
  findings.push_back(
      {"operators-wait",
       "info",
       fmt::format("Operators ran for {} of {}{}: {:.0f} % of one thread's time.", InTime(least->operator_ns),
                   InTime(least->duration_ns), where, 100 * least_share),
       {{"percent", 100 * least_share}},
       "Where work was waiting, look for what kept it from the operators (the phases, the "
       "processor time); where "
       "none was, there is room for more.",
       CheckWith("[.sources[] | 100 * .operator_ns / .duration_ns]")});
}

void AddOperatorFindings(const Summary& summary, Findings& findings) {
  const auto sampled =
      std::any_of(summary.sources.begin(), summary.sources.end(),
                  [](const SummarySource& source) { return source.operator_sampling.has_value(); });
  if (!summary.operators.empty() && summary.operators.front().share >= kTopOperatorShare) {
    const auto& top = summary.operators.front();
    findings.push_back(
        {"top-operator",
         "info",
         fmt::format("{} alone takes {:.0f} % of the {}operators' own time ({} calls, {}).", top.name,
                     100 * top.share, sampled ? "recorded " : "", top.timing.count, InTime(top.self_ns)),
         {{"percent", 100 * top.share}, {"self_ns", static_cast<double>(top.self_ns)}},
         "What makes this operator cheaper (threads, precision, shapes) is worth most.",
         CheckWith(".operators[0] | {name, share}")});
  }
  AddWaitingOperators(summary, findings);
}

}  // namespace

void AddTrustFindings(const Summary& summary, Findings& findings) {
  for (const auto& source : summary.sources)
    if (source.dropped_records > 0)
      findings.push_back({"dropped-records",
                          "warning",
                          fmt::format("The tool dropped {} records of {}: counts and sums are too small.",
                                      source.dropped_records, source.path),
                          {{"dropped", static_cast<double>(source.dropped_records)}},
                          "Capture a shorter stretch, or with larger buffers (nsys: --cuda-flush-interval).",
                          CheckWith("[.sources[].dropped_records] | add")});
  double graphs = 0;
  double all = 0;
  for (const auto& kernel : summary.kernels) {
    all += static_cast<double>(kernel.timing.count);
    if (kernel.is_graph) graphs += static_cast<double>(kernel.timing.count);
  }
  if (graphs > 0)
    findings.push_back(
        {"graphs-as-one",
         "notice",
         fmt::format("{:.0f} of {:.0f} kernel records are whole CUDA graphs: the mean kernel time and the "
                     "kernel table speak of graphs there.",
                     graphs, all),
         {{"graphs", graphs}, {"records", all}},
         "Capture with --cuda-graph-trace=node to see the kernels inside (it costs more while capturing).",
         CheckWith("[.kernels[] | select(.is_graph)] | length")});
}

void AddHostFindings(const Summary& summary, Findings& findings) {
  const auto total_ns = FindValue(summary, "total_time_ms").value_or(0) * 1e6;
  AddAllocationCalls(summary, total_ns, findings);
  AddDeviceSyncs(summary, findings);
  AddShortKernels(summary, findings);
  for (const auto& api : summary.api)
    if (api.failures > 0 && api.name.find("Query") == std::string::npos)
      findings.push_back(
          {"failed-calls",
           "notice",
           fmt::format("{} of {} calls of {} did not succeed.", api.failures, api.timing.count, api.name),
           {{"failures", static_cast<double>(api.failures)}},
           "Check the result of the call in the program.",
           CheckWith("[.api[] | select(.failures > 0) | {name, failures}]")});
  if (summary.kernels.empty()) AddOperatorFindings(summary, findings);
}

}  // namespace altlas::profile
