// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/cpu_limits.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <new>
#include <system_error>
#include <thread>

#include "base/clock.h"
#include "device/proc_files.h"
#include "worker/bench/peak_loops.h"
#include "worker/bench/units.h"

namespace altlas::bench {
namespace {

// Runs `work(thread)` on so many threads at once, `trials` times; the seconds of the fastest trial, from the
// first thread's beginning to the last one's end. The calling thread is one of them: a watcher beside them
// could wake late and see less than the whole.
Result<double> FastestTogether(int threads, int trials, const std::function<void(int)>& work) {
  struct Stretch {
    TimePoint begin, end;
  };
  const SystemClock clock;
  std::vector<Stretch> stretches(static_cast<std::size_t>(threads));
  double fastest = std::numeric_limits<double>::max();
  const auto judge = [&]() noexcept {
    auto whole = stretches.front();
    for (const auto& stretch : stretches) {
      whole.begin = std::min(whole.begin, stretch.begin);
      whole.end = std::max(whole.end, stretch.end);
    }
    fastest = std::min(fastest, Seconds(whole.end - whole.begin));
  };
  std::barrier ready(threads);
  std::barrier done(threads, judge);
  std::promise<bool> all_there;
  const std::shared_future<bool> go(all_there.get_future());
  const auto run = [&](int thread) {
    if (!go.get()) return;
    auto& stretch = stretches[static_cast<std::size_t>(thread)];
    for (int trial = 0; trial < trials; ++trial) {
      ready.arrive_and_wait();
      stretch.begin = clock.Now();
      work(thread);
      stretch.end = clock.Now();
      done.arrive_and_wait();
    }
  };
  std::vector<std::jthread> others;
  others.reserve(static_cast<std::size_t>(threads));
  try {
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  } catch (const std::system_error& e) {
    all_there.set_value(false);
    return Fail(ErrorCode::kUnavailable, "cannot start thread {} of {} (--threads): {}", others.size() + 2,
                threads, e.what());
  }
  all_there.set_value(true);
  run(0);
  return fastest;
}

// Rounds that take about `seconds` on one core.
std::int64_t RoundsFor(const PeakLoops& loops, double seconds, std::atomic<float>& sink) {
  const SystemClock clock;
  for (std::int64_t rounds = 1 << 12;; rounds *= 2) {
    const auto begin = clock.Now();
    sink = loops.multiply_add(rounds, 1.0F);
    const double took = Seconds(clock.Now() - begin);
    if (took >= seconds / 8 || rounds > (std::int64_t{1} << 40))
      return std::max<std::int64_t>(
          1, static_cast<std::int64_t>(static_cast<double>(rounds) * seconds / std::max(took, 1e-9)));
  }
}

Result<double> MeasureFlop(const PeakLoops& loops, const CpuLimitOptions& options) {
  std::atomic<float> sink = 0;
  const auto rounds = RoundsFor(loops, options.trial_seconds, sink);
  const auto multiply_add = [&](int thread) {
    sink = loops.multiply_add(rounds, 1.0F + static_cast<float>(thread));
  };
  ALTLAS_TRY(const double seconds, FastestTogether(options.threads, options.trials, multiply_add));
  return static_cast<double>(options.threads) * static_cast<double>(rounds) *
         static_cast<double>(loops.flop_per_round) / seconds;
}

std::uint64_t TriadBytes(const CpuLimitOptions& options) {
  if (options.triad_bytes != 0) return options.triad_bytes;
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 20;
  const auto cache = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_LEVEL3_CACHE_SIZE)));
  return std::max(kLeast, std::min(4 * cache, std::uint64_t{2} << 30));
}

Result<double> MeasureBytes(const PeakLoops& loops, const CpuLimitOptions& options, std::uint64_t bytes) {
  const auto count = static_cast<std::int64_t>(bytes / 24);
  std::unique_ptr<double[]> a, b, c;
  if (bytes > AvailableMemory() / 2)
    return Fail(ErrorCode::kUnavailable,
                "measuring the memory's speed takes {}, and {} are free: end other programs",
                BytesText(static_cast<double>(bytes)), BytesText(static_cast<double>(AvailableMemory())));
  const auto make = [&] {
    return std::unique_ptr<double[]>(new (std::nothrow) double[static_cast<std::size_t>(count)]);
  };
  if (!(a = make()) || !(b = make()) || !(c = make()))
    return Fail(ErrorCode::kUnavailable, "no memory for the {} that measuring the memory's speed takes",
                BytesText(static_cast<double>(bytes)));
  const std::int64_t share = count / options.threads;
  const auto part = [&](int thread) {
    const std::int64_t begin = share * thread;
    return std::pair(begin, thread + 1 == options.threads ? count - begin : share);
  };
  // First touched by the thread that uses it: its pages lie near it.
  const auto fill = [&](int thread) {
    const auto [begin, length] = part(thread);
    std::fill_n(a.get() + begin, length, 0.0);
    std::fill_n(b.get() + begin, length, 1.0);
    std::fill_n(c.get() + begin, length, 2.0);
  };
  const auto triad = [&](int thread) {
    const auto [begin, length] = part(thread);
    loops.triad(a.get() + begin, b.get() + begin, c.get() + begin, 3.0, length);
  };
  ALTLAS_TRY_VOID(FastestTogether(options.threads, 1, fill));
  ALTLAS_TRY(const double seconds, FastestTogether(options.threads, options.trials, triad));
  return 24.0 * static_cast<double>(count) / seconds;
}

}  // namespace

std::uint64_t AvailableMemory() { return device::ReadMemory("/").value_or(device::MemoryFacts{}).available; }

Result<MachineLimits> MeasureCpuLimits(const CpuLimitOptions& options) {
  const PeakLoops& loops = BestPeakLoops();
  const auto bytes = TriadBytes(options);
  MachineLimits limits;
  ALTLAS_TRY(limits.bytes_per_second, MeasureBytes(loops, options, bytes));
  ALTLAS_TRY(limits.flop_per_second, MeasureFlop(loops, options));
  limits.flop_source =
      fmt::format("measured here: float32 multiply-adds in registers ({}), {} thread{}, best of {} trials",
                  loops.name, options.threads, options.threads == 1 ? "" : "s", options.trials);
  limits.bytes_source = fmt::format("measured here: STREAM's triad over {}, {} thread{}, best of {} trials",
                                    BytesText(static_cast<double>(bytes)), options.threads,
                                    options.threads == 1 ? "" : "s", options.trials);
  return limits;
}

}  // namespace altlas::bench
