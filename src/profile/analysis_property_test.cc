// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>
#include <tuple>

#include "profile/analysis_fixture.h"

// The analysis against references that look at every moment, every pair, every range, one by one.
namespace altlas::profile {
namespace {

constexpr Ns kTick = 1'000;  // times are multiples, so that a reference can step through them
constexpr Ns kLastStart = 120 * kTick;
constexpr Ns kLongest = 24 * kTick;
constexpr Ns kEndOfTime = kLastStart + 3 * kLongest;  // of the longest range: the references look until there
const std::vector<std::string> kSomeNames = {"a", "b<int>", "ns::c", "_Z5saxpyifPfS_"};

Ns AnyTime() { return kTick * *rc::gen::inRange<Ns>(-20, kLastStart / kTick + 1); }
Ns AnyLength() { return kTick * *rc::gen::inRange<Ns>(0, kLongest / kTick + 1); }
std::uint64_t AnyThread() { return *rc::gen::inRange<std::uint64_t>(1, 3); }

// Beyond 2.1 s and beyond 31 bits rows keep durations and correlations in a table.
constexpr std::uint64_t kWideCorrelation = std::uint64_t{1} << 33U;
constexpr Ns kWideLength = 5'000'000'000;

TestCapture AnyCapture() {
  TestCapture made;
  const auto wide = *rc::gen::inRange(0, 2) == 0 ? 0 : kWideCorrelation;
  const auto work = *rc::gen::inRange(0, 14);
  for (int i = 1; i <= work; ++i) {
    const auto start = AnyTime();
    const auto end = start + AnyLength();
    // Of its own call, of one before it (that launched several), or of none.
    const auto of = *rc::gen::inRange(0, 3) == 0 ? *rc::gen::inRange(1, i + 1) : i;
    const auto correlation =
        *rc::gen::inRange<std::uint64_t>(0, 3) == 0 ? 0U : wide + static_cast<std::uint64_t>(of);
    const auto device = *rc::gen::inRange(0, 2);
    if (*rc::gen::inRange(0, 3) > 0) {
      const auto& name = kSomeNames[*rc::gen::inRange<std::size_t>(0, kSomeNames.size())];
      made.kernels.push_back(TestKernel(start, end, name, correlation, device));
    } else {
      made.copies.push_back(TestCopy(start, end, CopyKind::kHostToDevice, MemoryKind::kPageable,
                                     MemoryKind::kDevice, *rc::gen::inRange<std::uint64_t>(0, 1000),
                                     correlation, device));
    }
    if (*rc::gen::inRange(0, 5) == 0) continue;
    const auto call = AnyTime();
    made.api.push_back(TestCall(call, call + AnyLength(),
                                *rc::gen::inRange(0, 3) == 0 ? "cudaMemcpy" : "cudaLaunchKernel",
                                wide + static_cast<std::uint64_t>(i), AnyThread()));
  }
  const auto ranges = *rc::gen::inRange(0, 8);
  for (int i = 0; i < ranges; ++i) {
    const auto start = AnyTime();
    static const std::vector<std::string> kNames = {"data", "step", "forward"};
    const auto& name = kNames[*rc::gen::inRange<std::size_t>(0, 3)];
    made.ranges.push_back(TestRange(start, start + 3 * AnyLength(), name, AnyThread()));
    made.operators.push_back(TestOperator(start, start + 2 * AnyLength(), name, AnyThread()));
  }
  return made;
}

const ApiEvent* CallOf(const TestCapture& made, std::uint64_t correlation) {
  if (correlation == 0) return nullptr;
  for (const auto& call : made.api)
    if (call.correlation == correlation) return &call;
  return nullptr;
}

// What runs on a device in the tick that begins at `at`.
struct Moment {
  bool kernel = false;
  bool copy = false;
};
Moment LookAt(const TestCapture& made, int device, Ns at) {
  Moment moment;
  for (const auto& kernel : made.kernels)
    if (kernel.device == device && kernel.start <= at && at < kernel.end) moment.kernel = true;
  for (const auto& copy : made.copies)
    if (copy.device == device && copy.start <= at && at < copy.end) moment.copy = true;
  return moment;
}

struct Window {
  std::optional<Ns> start, end;
  void Take(Ns from, Ns to) {
    start = std::min(start.value_or(from), from);
    end = std::max(end.value_or(to), to);
  }
};
Window WindowOf(const TestCapture& made, int device) {
  Window window;
  for (const auto& kernel : made.kernels)
    if (kernel.device == device) window.Take(kernel.start, kernel.end);
  for (const auto& copy : made.copies)
    if (copy.device == device) window.Take(copy.start, copy.end);
  return window;
}

TEST(AnalysisProperty, BusyTimesAreThoseOfEveryMoment) {
  EXPECT_TRUE(rc::check([] {
    const auto made = AnyCapture();
    const auto summary = SummaryOf({made});
    std::int64_t copying = 0;
    std::int64_t beside = 0;
    for (const auto& device : summary.devices) {
      std::int64_t busy = 0;
      std::int64_t compute = 0;
      std::int64_t copy = 0;
      for (Ns at = -30 * kTick; at < kEndOfTime; at += kTick) {
        const auto moment = LookAt(made, device.index, at);
        compute += moment.kernel ? kTick : 0;
        copy += moment.copy ? kTick : 0;
        busy += moment.kernel || moment.copy ? kTick : 0;
        copying += moment.copy ? kTick : 0;
        beside += moment.copy && moment.kernel ? kTick : 0;
      }
      const auto window = WindowOf(made, device.index);
      RC_ASSERT(device.compute_ns == compute);
      RC_ASSERT(device.copy_ns == copy);
      RC_ASSERT(device.busy_ns == busy);
      RC_ASSERT(device.window_ns == *window.end - *window.start);
      RC_ASSERT(device.idle_ns == device.window_ns - busy);
    }
    RC_ASSERT((summary.overlap ? summary.overlap->copy_ns : 0) == copying);
    RC_ASSERT((summary.overlap ? summary.overlap->overlap_ns : 0) == beside);
  }));
}

// Two pieces of work that begin and end together leave open which of their calls counts.
bool HasTwins(const TestCapture& made) {
  std::set<std::tuple<int, Ns, Ns>> seen;
  for (const auto& kernel : made.kernels)
    if (!seen.emplace(kernel.device, kernel.start, kernel.end).second) return true;
  seen.clear();
  for (const auto& copy : made.copies)
    if (!seen.emplace(copy.device, copy.start, copy.end).second) return true;
  return false;
}

TEST(AnalysisProperty, KernelsAddUpToTheirRecordsInAnyOrder) {
  EXPECT_TRUE(rc::check([] {
    auto made = AnyCapture();
    RC_PRE(!HasTwins(made));
    const auto summary = SummaryOf({made});
    std::map<std::string, std::vector<std::int64_t>> durations;
    std::int64_t total = 0;
    for (const auto& kernel : made.kernels) {
      const auto name =
          kernel.name == "_Z5saxpyifPfS_" ? "saxpy(int, float, float*, float*)" : std::string(kernel.name);
      durations[name].push_back(kernel.end - kernel.start);
      total += kernel.end - kernel.start;
    }
    RC_ASSERT(summary.kernels.size() == durations.size());
    for (const auto& kernel : summary.kernels) {
      auto& expected = durations[kernel.full_name];
      std::sort(expected.begin(), expected.end());
      RC_ASSERT(kernel.timing.count == expected.size());
      RC_ASSERT(kernel.timing.min_ns == expected.front());
      RC_ASSERT(kernel.timing.max_ns == expected.back());
      std::int64_t sum = 0;
      for (const auto duration : expected) sum += duration;
      RC_ASSERT(kernel.timing.total_ns == sum);
      std::uint64_t parts = 0;
      for (const auto& part : kernel.devices) parts += part.count;
      RC_ASSERT(parts == expected.size());
    }
    if (made.kernels.empty()) {
      RC_ASSERT(FindFigure(summary, "avg_kernel_time")->kind == ProvenanceKind::kAbsent);
    } else {
      const auto mean = static_cast<double>(total) / static_cast<double>(made.kernels.size()) / 1e6;
      RC_ASSERT(std::abs(FindValue(summary, "avg_kernel_time").value() - mean) <= 1e-12 * (1 + mean));
    }
    const auto text = FormatSummary(summary);
    std::reverse(made.kernels.begin(), made.kernels.end());
    std::reverse(made.copies.begin(), made.copies.end());
    std::reverse(made.api.begin(), made.api.end());
    std::reverse(made.ranges.begin(), made.ranges.end());
    const auto turned = SummaryOf({made});
    RC_ASSERT(FormatSummary(turned) == text);
  }));
}

// The cause of one idle tick, by the table of docs/formats/profile_summary.md.
std::string CauseAt(const TestCapture& made, int device, Ns at) {
  if (LookAt(made, device, at).copy) return "copy";
  // The idle stretch around the moment.
  Ns begin = at;
  Ns end = at + kTick;
  const auto idle = [&](Ns moment) {
    const auto look = LookAt(made, device, moment);
    return !look.kernel && !look.copy;
  };
  const auto window = WindowOf(made, device);
  while (begin > *window.start && idle(begin - kTick)) begin -= kTick;
  while (end < *window.end && idle(end)) end += kTick;
  // The work that ends it: a kernel before a copy, and of two kernels the shorter, as rows are sorted.
  std::optional<std::pair<Ns, std::uint64_t>> next;
  for (const auto& kernel : made.kernels)
    if (kernel.device == device && kernel.start == end && kernel.end > end &&
        (!next || kernel.end < next->first))
      next = {kernel.end, kernel.correlation};
  if (!next)
    for (const auto& copy : made.copies)
      if (copy.device == device && copy.start == end && copy.end > end && (!next || copy.end < next->first))
        next = {copy.end, copy.correlation};
  const auto* call = next ? CallOf(made, next->second) : nullptr;
  if (call == nullptr) return "unknown";
  if (call->start < begin) return call->end <= begin ? "queued" : "launch";
  if (at >= call->start || std::min(call->start, end) - begin <= 20'000) return "launch";
  for (const auto& other : made.api)
    if (other.name == "cudaMemcpy" && other.thread == call->thread && other.start <= at && at < other.end)
      return "copy";
  for (const auto& range : made.ranges)
    if (range.name == "data" && range.thread == call->thread && range.start <= at && at < range.end)
      return "data";
  return "host";
}

TEST(AnalysisProperty, EveryIdleMomentHasItsCause) {
  EXPECT_TRUE(rc::check([] {
    const auto made = AnyCapture();
    RC_PRE(!HasTwins(made));
    const auto summary = SummaryOf({made});
    std::map<std::string, std::int64_t> expected;
    std::int64_t without_kernel = 0;
    for (const auto& device : summary.devices) {
      if (device.kernel_count == 0) continue;
      const auto window = WindowOf(made, device.index);
      without_kernel += device.window_ns - device.compute_ns;
      for (auto at = *window.start; at < *window.end; at += kTick)
        if (!LookAt(made, device.index, at).kernel) expected[CauseAt(made, device.index, at)] += kTick;
    }
    std::map<std::string, std::int64_t> found;
    if (summary.gaps) {
      for (const auto& gap : summary.gaps->causes) found[gap.cause] = gap.total_ns;
      RC_ASSERT(summary.gaps->total_ns == without_kernel);
    }
    RC_ASSERT(found == expected);
  }));
}

// Of those that hold the call, the one that began last; of equals the shorter, then the later name.
const RangeEvent* InnermostAround(const std::vector<RangeEvent>& ranges, const ApiEvent& call) {
  const RangeEvent* found = nullptr;
  for (const auto& range : ranges) {
    if (range.thread != call.thread || range.start > call.start || range.end < call.end) continue;
    const auto key = [](const RangeEvent& one) { return std::tuple(one.start, -one.end, one.name); };
    if (found == nullptr || key(range) > key(*found)) found = &range;
  }
  return found;
}

TEST(AnalysisProperty, PhasesHoldTheKernelsWhoseCallsLieWithinThem) {
  EXPECT_TRUE(rc::check([] {
    const auto made = AnyCapture();
    const auto summary = SummaryOf({made});
    for (const auto& phase : summary.phases) {
      std::uint64_t count = 0;
      std::int64_t total = 0;
      std::int64_t projected = 0;
      for (const auto& kernel : made.kernels) {
        const auto* call = CallOf(made, kernel.correlation);
        if (call == nullptr) continue;
        const bool within = std::any_of(made.ranges.begin(), made.ranges.end(), [&](const RangeEvent& range) {
          return range.name == phase.name && range.thread == call->thread && range.start <= call->start &&
                 call->end <= range.end;
        });
        count += within ? 1 : 0;
        total += within ? kernel.end - kernel.start : 0;
      }
      for (const auto& range : made.ranges) {
        if (range.name != phase.name) continue;
        Window window;
        for (const auto& kernel : made.kernels) {
          const auto* call = CallOf(made, kernel.correlation);
          if (call != nullptr && range.thread == call->thread && range.start <= call->start &&
              call->end <= range.end)
            window.Take(kernel.start, kernel.end);
        }
        if (window.start) projected += *window.end - *window.start;
      }
      std::int64_t self = 0;
      for (const auto& kernel : made.kernels) {
        const auto* call = CallOf(made, kernel.correlation);
        const auto* innermost = call == nullptr ? nullptr : InnermostAround(made.ranges, *call);
        if (innermost != nullptr && innermost->name == phase.name) self += kernel.end - kernel.start;
      }
      RC_ASSERT(phase.self_kernel_ns == self);
      RC_ASSERT(phase.kernel_count == count);
      RC_ASSERT(phase.kernel_ns == total);
      RC_ASSERT(phase.projected_ns == projected);
    }
  }));
}

TEST(AnalysisProperty, SelfTimesAddUpToTheTimeInWhichOperatorsRan) {
  EXPECT_TRUE(rc::check([] {
    const auto made = AnyCapture();
    const auto summary = SummaryOf({made});
    std::map<std::string, std::int64_t> expected;
    for (std::uint64_t thread = 1; thread < 3; ++thread) {
      for (Ns at = -30 * kTick; at < kEndOfTime; at += kTick) {
        const OperatorEvent* latest = nullptr;
        for (const auto& call : made.operators) {
          if (call.thread != thread || call.start > at || call.end <= at) continue;
          const auto later = [&] {
            if (call.start != latest->start) return call.start > latest->start;
            return call.end != latest->end ? call.end < latest->end : call.name > latest->name;
          };
          if (latest == nullptr || later()) latest = &call;
        }
        if (latest != nullptr) expected[std::string(latest->name)] += kTick;
      }
    }
    for (const auto& made_operator : summary.operators)
      RC_ASSERT(made_operator.self_ns == expected[made_operator.name]);
  }));
}

// The same records with every length and distance stretched: figures in time stretch with them.
TEST(AnalysisProperty, LongRecordsOfSeveralProcessesAreThoseOfTheShortOnesStretched) {
  EXPECT_TRUE(rc::check([] {
    constexpr Ns kStretch = kWideLength / kTick;
    constexpr unsigned kThreadBits = 24;
    auto made = AnyCapture();
    const auto with_process = *rc::gen::inRange(0, 2) == 1;
    // A process uses the correlations of another anew.
    const auto records = made.kernels.size();
    for (std::size_t i = 0; i < records; ++i) {
      auto other = made.kernels[i];
      other.process = 2;
      made.kernels[i].process = 1;
      if (with_process) made.kernels.push_back(other);
    }
    const auto calls = made.api.size();
    for (std::size_t i = 0; i < calls; ++i) {
      auto other = made.api[i];
      other.thread += std::uint64_t{2} << kThreadBits;
      made.api[i].thread += std::uint64_t{1} << kThreadBits;
      if (with_process) made.api.push_back(other);
    }
    made.copies.clear();
    made.ranges.clear();
    made.operators.clear();
    auto stretched = made;
    const auto stretch = [&](auto& rows) {
      for (auto& row : rows) {
        row.start *= kStretch;
        row.end *= kStretch;
      }
    };
    stretch(stretched.kernels);
    stretch(stretched.api);
    const auto a = SummaryOf({made});
    const auto b = SummaryOf({stretched});
    RC_ASSERT(a.devices.size() == b.devices.size());
    for (std::size_t i = 0; i < a.devices.size(); ++i) {
      RC_ASSERT(a.devices[i].busy_ns * kStretch == b.devices[i].busy_ns);
      RC_ASSERT(a.devices[i].kernel_ns * kStretch == b.devices[i].kernel_ns);
      RC_ASSERT(a.devices[i].window_ns * kStretch == b.devices[i].window_ns);
    }
    RC_ASSERT(a.launch.has_value() == b.launch.has_value());
    RC_ASSERT(a.streams.size() == b.streams.size());
    if (!a.launch) return;
    std::uint64_t matched = 0;
    for (const auto& kernel : made.kernels) matched += CallOf(made, kernel.correlation) != nullptr ? 1 : 0;
    RC_ASSERT(a.launch->matched == matched);
    RC_ASSERT(b.launch->matched == matched);
    RC_ASSERT(a.launch->call.total_ns * kStretch == b.launch->call.total_ns);
    RC_ASSERT(a.launch->latency.total_ns * kStretch == b.launch->latency.total_ns);
    RC_ASSERT(a.launch->queue_ns * kStretch == b.launch->queue_ns);
    RC_ASSERT(a.launch->shorter_than_call == b.launch->shorter_than_call);
    RC_ASSERT(a.launch->max_queue_length == b.launch->max_queue_length);
  }));
}

TEST(AnalysisProperty, LaunchFiguresAreThoseOfEachKernelAndItsCall) {
  EXPECT_TRUE(rc::check([] {
    const auto made = AnyCapture();
    const auto summary = SummaryOf({made});
    std::uint64_t matched = 0;
    std::uint64_t queued = 0;
    std::int64_t latency = 0;
    std::map<int, std::uint64_t> longest;
    std::map<const ApiEvent*, std::int64_t> kernels_of;
    for (const auto& kernel : made.kernels)
      if (const auto* call = CallOf(made, kernel.correlation); call != nullptr)
        kernels_of[call] += kernel.end - kernel.start;
    std::uint64_t shorter = 0;
    std::int64_t in_calls = 0;
    for (const auto& [call, ran] : kernels_of) {
      in_calls += call->end - call->start;
      shorter += ran < call->end - call->start ? 1 : 0;
    }
    for (const auto& kernel : made.kernels) {
      const auto* call = CallOf(made, kernel.correlation);
      if (call == nullptr) continue;
      ++matched;
      latency += kernel.start - call->start;
      queued += kernel.start >= call->end ? 1 : 0;
      std::uint64_t waiting = 0;
      for (const auto& other : made.kernels) {
        const auto* its_call = CallOf(made, other.correlation);
        if (its_call != nullptr && other.device == kernel.device && its_call->end <= call->end &&
            other.start > call->end)
          ++waiting;
      }
      longest[kernel.device] = std::max(longest[kernel.device], waiting);
    }
    if (!summary.launch) {
      RC_ASSERT(made.api.empty() || made.kernels.empty());
      return;
    }
    std::uint64_t most = 0;
    for (const auto& [device, waiting] : longest) most = std::max(most, waiting);
    RC_ASSERT(summary.launch->matched == matched);
    RC_ASSERT(summary.launch->matched + summary.launch->unmatched == made.kernels.size());
    RC_ASSERT(summary.launch->call.count == kernels_of.size());
    RC_ASSERT(summary.launch->call.total_ns == in_calls);
    RC_ASSERT(summary.launch->shorter_than_call == shorter);
    RC_ASSERT(summary.launch->queued == queued);
    RC_ASSERT(summary.launch->latency.total_ns == latency);
    RC_ASSERT(summary.launch->max_queue_length == most);
  }));
}

}  // namespace
}  // namespace altlas::profile
