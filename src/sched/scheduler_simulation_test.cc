// SPDX-License-Identifier: Apache-2.0
// Unequal devices in virtual time: the scheduler is told nothing of their speeds and has to find out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "sched/scheduler.h"

namespace altlas::sched {
namespace {

struct SimulatedDevice {
  double speed = 1;       // units of work a second, alone
  double contention = 0;  // as in ServiceStats
  int slots = 1;
};

struct Workload {
  std::vector<SimulatedDevice> devices;
  double load = 0.5;   // of what all devices can do together
  bool burst = false;  // arrivals in groups of 8
  int tasks = 2500;
  std::uint64_t seed = 1;
};

struct Latency {
  double mean = 0;
  double p99 = 0;
};

class Simulation {
 public:
  Simulation(const Workload& workload, Strategy strategy) : workload_(workload), random_(workload.seed) {
    SchedConfig config;
    config.default_strategy = strategy;
    config.max_queue_size = 1'000'000;
    config.queue_timeout = std::chrono::hours(100'000);
    config.max_concurrent_tasks_per_gpu = 64;
    scheduler_ = std::move(*Scheduler::Create(config, Random(workload.seed + 99)));
    for (std::size_t i = 0; i < workload.devices.size(); ++i) {
      DeviceState state;
      state.id = "gpu_" + std::to_string(i);
      state.types = {"text_generation"};
      state.slots = workload.devices[i].slots;
      scheduler_->UpdateDevice(Now(), state);
    }
    running_.resize(workload.devices.size());
  }

  Latency Run() {
    double next_arrival = 0;
    int arrived = 0;
    while (latencies_.size() < static_cast<std::size_t>(workload_.tasks)) {
      const auto [end_at, device, task] = NextEnd();
      const double wake =
          scheduler_->NextWake().has_value() ? Seconds(scheduler_->NextWake()->time_since_epoch()) : kNever;
      const double arrival = arrived < workload_.tasks ? next_arrival : kNever;
      const double at = std::max(now_, std::min({end_at, wake, arrival}));
      Advance(at);
      if (end_at <= at) {
        End(device, task);
      } else if (arrival <= at) {
        const int group = workload_.burst ? 8 : 1;
        for (int i = 0; i < group && arrived < workload_.tasks; ++i) Arrive(++arrived);
        next_arrival += group * -std::log(1 - random_.Unit()) / (workload_.load * TotalRate());
      }
      for (const Action& action : scheduler_->Poll(Now())) Start(action);
    }
    std::sort(latencies_.begin(), latencies_.end());
    double sum = 0;
    for (const double latency : latencies_) sum += latency;
    return {sum / static_cast<double>(latencies_.size()), latencies_[latencies_.size() * 99 / 100]};
  }

 private:
  struct Work {
    TaskId id;
    double left;
    double started;
  };
  static constexpr double kNever = std::numeric_limits<double>::max();

  TimePoint Now() const { return TimePoint(Duration(static_cast<std::int64_t>(std::ceil(now_ * 1e9)))); }
  double TotalRate() const {
    double rate = 0;
    for (const auto& d : workload_.devices) rate += d.speed * d.slots / (1 + d.contention * (d.slots - 1));
    return rate;
  }
  double Pace(std::size_t device) const {
    const SimulatedDevice& d = workload_.devices[device];
    return d.speed / (1 + d.contention * (static_cast<double>(running_[device].size()) - 1));
  }
  std::tuple<double, std::size_t, std::size_t> NextEnd() const {
    std::tuple<double, std::size_t, std::size_t> next{kNever, 0, 0};
    for (std::size_t d = 0; d < running_.size(); ++d) {
      for (std::size_t t = 0; t < running_[d].size(); ++t) {
        next = std::min(next, std::tuple(now_ + std::max(0.0, running_[d][t].left) / Pace(d), d, t));
      }
    }
    return next;
  }
  void Advance(double at) {
    for (std::size_t d = 0; d < running_.size(); ++d) {
      for (Work& work : running_[d]) work.left -= (at - now_) * Pace(d);
    }
    now_ = at;
  }
  void Arrive(int number) {
    TaskSpec spec;
    spec.id = {1, static_cast<std::uint64_t>(number)};
    spec.type = "text_generation";
    arrivals_[spec.id] = {now_, 0.8 + 0.4 * random_.Unit()};
    ASSERT_TRUE(scheduler_->Submit(Now(), spec).has_value());
  }
  void Start(const Action& action) {
    ASSERT_EQ(action.kind, Action::Kind::kDispatch);
    running_[static_cast<std::size_t>(std::stoi(action.device.substr(4)))].push_back(
        {action.task, arrivals_[action.task].second, now_});
  }
  void End(std::size_t device, std::size_t index) {
    const Work work = running_[device][index];
    running_[device].erase(running_[device].begin() + static_cast<std::ptrdiff_t>(index));
    latencies_.push_back(now_ - arrivals_[work.id].first);
    ASSERT_TRUE(scheduler_->Finish(Now(), work.id, Outcome::kDone, FromSeconds(now_ - work.started)));
  }

  Workload workload_;
  Random random_;
  std::unique_ptr<Scheduler> scheduler_;
  double now_ = 1;
  std::vector<std::vector<Work>> running_;
  std::map<TaskId, std::pair<double, double>> arrivals_;
  std::vector<double> latencies_;
};

void ExpectLeastLoadedWins(const std::string& name, Workload workload) {
  for (const double load : {0.2, 0.5, 0.8, 0.95}) {
    for (const bool burst : {false, true}) {
      workload.load = load;
      workload.burst = burst;
      const Latency least = Simulation(workload, Strategy::kLeastLoaded).Run();
      const Latency turns = Simulation(workload, Strategy::kRoundRobin).Run();
      const Latency dice = Simulation(workload, Strategy::kRandom).Run();
      std::printf(
          "%s load %.2f%s: mean %.3f / %.3f / %.3f, p99 %.2f / %.2f / %.2f (least_loaded / round_robin / "
          "random)\n",
          name.c_str(), load, burst ? " bursts" : "", least.mean, turns.mean, dice.mean, least.p99, turns.p99,
          dice.p99);
      // Where no device is ever idle there is little to choose: all pull from one queue. Never worse than
      // rounding there.
      const bool choice = load < 0.9 && !(burst && load > 0.3);
      const double factor = !choice ? 1.01 : burst || load > 0.5 ? 1.0 : 0.9;
      EXPECT_LT(least.mean, factor * turns.mean) << name << " load " << load << " burst " << burst;
      EXPECT_LT(least.mean, factor * dice.mean) << name << " load " << load << " burst " << burst;
    }
  }
}

// SCH-1
TEST(SchedulerSimulation, LeastLoadedWinsOnOneToAThird) {
  ExpectLeastLoadedWins("1:1/3", {{{1}, {1.0 / 3}}});
}

TEST(SchedulerSimulation, LeastLoadedWinsWhereTheSlowDeviceComesFirst) {
  ExpectLeastLoadedWins("1/3:1", {{{1.0 / 3}, {1}}});
}

TEST(SchedulerSimulation, LeastLoadedWinsOnOneTwoFourEight) {
  ExpectLeastLoadedWins("1:2:4:8", {{{1}, {2}, {4}, {8}}});
}

TEST(SchedulerSimulation, LeastLoadedWinsWhereTasksOfADeviceShareIt) {
  ExpectLeastLoadedWins("1:1/3 shared by 4", {{{1, 0.5, 4}, {1.0 / 3, 0.5, 4}}});
}

}  // namespace
}  // namespace altlas::sched
