// SPDX-License-Identifier: Apache-2.0
// What a scheduling decision costs. "Pick" is choosing the device of least predicted finish, counting the
// task there and giving an earlier one back; "Task" is the whole way of a task: Submit, Poll, Finish.
#include <benchmark/benchmark.h>

#include "sched/device_table.h"
#include "sched/scheduler.h"

namespace altlas::sched {
namespace {

DeviceState SomeDevice(std::int64_t index) {
  constexpr double kSpeeds[] = {1, 2, 4, 8};
  DeviceState state;
  state.id = "gpu_" + std::to_string(index);
  state.types = {"text_generation"};
  state.models = {{"m"}};
  state.speed = kSpeeds[index % 4];
  return state;
}

void Pick(benchmark::State& state) {
  DeviceTable table;
  SchedConfig config;
  table.Configure(config);
  for (std::int64_t i = 0; i < state.range(0); ++i) table.Update(SomeDevice(i));
  const RouteIndex route = table.FindRoute("text_generation", "m");
  // About four tasks a device are outstanding; the oldest leaves as one comes.
  std::vector<RunningToken> running(static_cast<std::size_t>(4 * state.range(0)));
  std::size_t oldest = 0;
  std::uint32_t task = 0;
  TimePoint now;
  for (auto _ : state) {
    table.SetNow(now += Duration(1000));
    const LoadIndex::Best best = table.LeastFinish(route, 1);
    benchmark::DoNotOptimize(best.device);
    running[oldest].Release();
    running[oldest] = table.BeginRunning(route, best.device, ++task, 1, 0, false);
    oldest = (oldest + 1) % running.size();
  }
}
BENCHMARK(Pick)->Arg(8)->Arg(64)->Arg(1024)->Arg(16384);

void WholeTask(benchmark::State& state) {
  SchedConfig config;
  config.max_queue_size = 1'000'000;
  auto scheduler = std::move(*Scheduler::Create(config, Random(1)));
  TimePoint now(std::chrono::seconds(1));
  for (std::int64_t i = 0; i < state.range(0); ++i) scheduler->UpdateDevice(now, SomeDevice(i));
  std::vector<TaskId> running(static_cast<std::size_t>(4 * state.range(0)));
  std::size_t oldest = 0;
  std::uint64_t number = 0;
  for (auto _ : state) {
    now += Duration(1000);
    if (!running[oldest].is_nil()) {
      scheduler->Finish(now, running[oldest], Outcome::kFailed, std::chrono::milliseconds(1));
    }
    TaskSpec spec;
    spec.id = {1, ++number};
    spec.type = "text_generation";
    spec.model = "m";
    running[oldest] = spec.id;
    oldest = (oldest + 1) % running.size();
    benchmark::DoNotOptimize(scheduler->Submit(now, std::move(spec)));
    benchmark::DoNotOptimize(scheduler->Poll(now));
  }
}
BENCHMARK(WholeTask)->Arg(8)->Arg(64)->Arg(1024)->Arg(16384);

}  // namespace
}  // namespace altlas::sched

BENCHMARK_MAIN();
