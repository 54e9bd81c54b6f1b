// SPDX-License-Identifier: Apache-2.0
#include "profile/gate.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "profile/gate_simulation.h"

namespace altlas::profile {
namespace {

// Runs around `center` ms with uniform noise of +-`spread` (a share).
std::vector<double> SomeRuns(Random& random, std::size_t count, double center, double spread) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(center * (1 + spread * (2 * random.Unit() - 1)));
  return values;
}

Session SessionOf(std::map<std::string, std::vector<double>> columns) {
  Session session;
  for (auto& [name, values] : columns) {
    session.runs.resize(values.size());
    auto& metric = session.metrics[name];
    if (name.starts_with("kernel:")) metric.share = 0.2;
    metric.values = std::move(values);
  }
  return session;
}

struct Experiment {
  Stage screen;
  Stage confirm;
};

Experiment WallExperiment(std::uint64_t seed, double regression, double spread = 0.02,
                          std::size_t runs = 12) {
  Random random(seed);
  const auto one = [&](double center) {
    return SessionOf({{"wall", SomeRuns(random, runs, center, spread)}});
  };
  const double head = 100 * (1 + regression);
  Experiment made;
  made.screen = {one(100), one(head)};
  made.confirm = {one(100), one(head)};
  return made;
}

GateReport JudgeBoth(const Experiment& made, GateSettings settings = {},
                     std::vector<GateReason> standing = {}) {
  auto report = Judge(settings, {}, std::move(standing), made.screen, made.confirm);
  EXPECT_TRUE(report.has_value());
  return std::move(*report);
}

bool Says(const GateReport& report, std::string_view code) {
  return std::any_of(report.reasons.begin(), report.reasons.end(),
                     [&](const GateReason& r) { return r.code == code; });
}

TEST(Gate, EqualRunsPassAfterScreeningAlone) {
  const auto made = WallExperiment(1, 0);
  const auto report = Judge({}, {}, {}, made.screen, std::nullopt);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, Outcome::kPass) << report->sentence;
  EXPECT_TRUE(report->to_confirm.empty());
  EXPECT_LT(report->metrics.at(0).detectable, 0.05);
}

TEST(Gate, ARegressionNeedsFreshRunsToFail) {
  const auto made = WallExperiment(2, 0.10);
  const auto alone = Judge({}, {}, {}, made.screen, std::nullopt);
  ASSERT_TRUE(alone.has_value());
  EXPECT_EQ(alone->outcome, Outcome::kInconclusive);
  EXPECT_TRUE(Says(*alone, "not-confirmed"));
  EXPECT_EQ(alone->to_confirm, std::vector<std::string>{"wall"});
  const auto report = JudgeBoth(made);
  EXPECT_EQ(report.outcome, Outcome::kFail);
  EXPECT_NEAR(report.metrics.at(0).shift, 0.10, 0.02);
  EXPECT_LE(report.metrics.at(0).confirm_p.value(), report.metrics.at(0).confirm_level);
}

TEST(Gate, ASuspicionThatFreshRunsDoNotShareIsNoFail) {
  auto made = WallExperiment(3, 0.10);
  made.confirm = WallExperiment(4, 0).confirm;
  const auto report = JudgeBoth(made);
  EXPECT_TRUE(report.metrics.at(0).is_flagged);
  EXPECT_NE(report.outcome, Outcome::kFail);
}

TEST(Gate, NoiseThatHidesTheThresholdIsInconclusiveAndSaysHowManyRunsWouldDo) {
  const auto made = WallExperiment(5, 0, 0.20);
  const auto report = JudgeBoth(made);
  EXPECT_EQ(report.outcome, Outcome::kInconclusive);
  EXPECT_TRUE(Says(report, "noise-too-large")) << report.sentence;
  EXPECT_GT(report.metrics.at(0).detectable, 0.05);
  ASSERT_TRUE(report.runs_needed.has_value());
  EXPECT_GT(*report.runs_needed, 12u);
}

TEST(Gate, ALuckyBoundOverBlindRunsIsNoPass) {
  // A machine that was slower while the baseline was recorded: the bounds lie below the threshold.
  const auto made = WallExperiment(21, -0.10, 0.30);
  const auto report = JudgeBoth(made);
  EXPECT_GT(report.metrics.at(0).detectable, 0.1);
  EXPECT_NE(report.metrics.at(0).outcome, MetricOutcome::kClear);
  EXPECT_EQ(report.outcome, Outcome::kInconclusive) << report.sentence;
}

TEST(Gate, WhatItSaysIsNeededIsEnough) {
  Random random(6);
  Simulation simulation;
  simulation.noise.recorded = SomeRuns(random, 500, 100, 0.12);
  simulation.runs = simulation.confirm = 12;
  const auto made = WallExperiment(7, 0, 0.12);
  const auto report = JudgeBoth(made);
  ASSERT_TRUE(report.runs_needed.has_value()) << report.sentence;
  simulation.runs = simulation.confirm = *report.runs_needed;
  simulation.wall_regression = 0.05;
  EXPECT_GE(Simulate(simulation, 200, 11).FailShare(), 0.88);
}

TEST(Gate, AnImprovementPassesAndIsNamed) {
  const auto report = JudgeBoth(WallExperiment(8, -0.15));
  EXPECT_EQ(report.outcome, Outcome::kPass);
  EXPECT_EQ(report.metrics.at(0).outcome, MetricOutcome::kImproved);
}

TEST(Gate, TooFewRunsCannotPassNorFail) {
  for (const double regression : {0.0, 0.5}) {
    const auto report = JudgeBoth(WallExperiment(9, regression, 0.01, 4));
    EXPECT_EQ(report.outcome, Outcome::kInconclusive);
    EXPECT_TRUE(Says(report, "too-few-runs"));
  }
}

TEST(Gate, EvidenceAgainstTheRunsVetoesEvenAClearRegression) {
  const auto with = [](auto change) {
    auto made = WallExperiment(10, 0.30);
    for (auto* session : {&made.screen.head, &made.confirm.head})
      for (auto& run : session->runs) change(run);
    return JudgeBoth(made);
  };
  const auto expect = [](const GateReport& report, std::string_view code) {
    EXPECT_EQ(report.outcome, Outcome::kInconclusive) << code;
    EXPECT_TRUE(Says(report, code)) << code;
    for (const auto& reason : report.reasons) EXPECT_FALSE(reason.advice.empty());
  };
  expect(with([](RunState& run) { run.throttled = "sw_power_cap"; }), "throttled");
  expect(with([](RunState& run) { run.foreign_processes = "pid 7"; }), "foreign-processes");
  expect(with([](RunState& run) { run.dropped_records = 1; }), "dropped-records");
  EXPECT_EQ(with([](RunState&) {}).outcome, Outcome::kFail);
}

TEST(Gate, ClocksAndForeignLoadThatDifferBetweenTheSidesVeto) {
  auto made = WallExperiment(11, 0.30);
  for (auto* stage : {&made.screen, &made.confirm}) {
    for (auto& run : stage->base.runs) run.clock_mhz = 1800, run.foreign_cpu = 0.02;
    for (auto& run : stage->head.runs) run.clock_mhz = 1400, run.foreign_cpu = 0.60;
  }
  const auto report = JudgeBoth(made);
  EXPECT_EQ(report.outcome, Outcome::kInconclusive);
  EXPECT_TRUE(Says(report, "clocks-differ"));
  EXPECT_TRUE(Says(report, "foreign-processes"));
  GateSettings in_turns;
  in_turns.interleaved = true;
  for (auto* stage : {&made.screen, &made.confirm})
    for (auto& run : stage->head.runs) run.clock_mhz = 1800;
  // In turns both sides bear the same load: it is noise, and a regression is still one.
  EXPECT_EQ(JudgeBoth(made, in_turns).outcome, Outcome::kFail);
}

TEST(Gate, OtherKernelsTakePassAwayAndHideNoRegression) {
  const auto with_kernels = [](double regression) {
    auto made = WallExperiment(12, regression);
    for (auto* stage : {&made.screen, &made.confirm}) {
      stage->base.metrics["kernel:old"] = {"ms", false, 0.5, 40.0, std::vector<double>(12, 3.0)};
      stage->head.metrics["kernel:new"] = {"ms", false, 0.5, 40.0, std::vector<double>(12, 3.0)};
      stage->head.metrics["kernel:tiny"] = {"ms", false, 0.001, 0.01, std::vector<double>(12, 3.0)};
    }
    return JudgeBoth(made);
  };
  const auto same = with_kernels(0);
  EXPECT_EQ(same.outcome, Outcome::kInconclusive);
  EXPECT_TRUE(Says(same, "kernel-set-differs"));
  EXPECT_EQ(same.reasons.at(0).text.find("tiny"), std::string::npos);
  EXPECT_EQ(with_kernels(0.2).outcome, Outcome::kFail);
}

TEST(Gate, ADriftWithinTheNewRunsVetoesUnlessBothSidesTookTurns) {
  auto made = WallExperiment(13, 0, 0.005);
  for (auto* session : {&made.screen.head, &made.confirm.head}) {
    double warm = session == &made.screen.head ? 1.0 : 1.12;
    for (double& value : session->metrics["wall"].values) value *= warm += 0.01;
  }
  EXPECT_TRUE(Says(JudgeBoth(made), "drift"));
  GateSettings in_turns;
  in_turns.interleaved = true;
  EXPECT_FALSE(Says(JudgeBoth(made, in_turns), "drift"));
}

TEST(Gate, AKernelThatRegressesFailsThoughTheWallTimeHidesIt) {
  Random random(14);
  const auto stage = [&] {
    const auto side = [&](double kernel) {
      return SessionOf({{"wall", SomeRuns(random, 12, 100, 0.02)},
                        {"kernel:gemm", SomeRuns(random, 12, kernel, 0.01)},
                        {"kernel:copy", SomeRuns(random, 12, 5, 0.01)}});
    };
    const auto base = side(2.0);
    return Stage{base, side(2.2)};
  };
  const Stage screen = stage();
  const auto report = Judge({}, {}, {}, screen, stage());
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, Outcome::kFail);
  EXPECT_NE(report->sentence.find("kernel:gemm"), std::string::npos) << report->sentence;
  EXPECT_EQ(report->metrics.at(0).name, "wall");
}

TEST(Gate, AWatchedMetricTooNoisyForTheThresholdIsHeldAgainstItsOwn) {
  Random random(15);
  const auto side = [&] {
    return SessionOf(
        {{"wall", SomeRuns(random, 12, 100, 0.01)}, {"kernel:wild", SomeRuns(random, 12, 5, 0.4)}});
  };
  const Stage screen{side(), side()};
  const auto report = Judge({}, {}, {}, screen, Stage{side(), side()});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, Outcome::kPass) << report->sentence;
  EXPECT_GT(report->metrics.at(1).threshold, 0.05);
}

TEST(Gate, SessionsOfTheBaselineThatDifferRaiseTheLine) {
  const auto made = WallExperiment(16, 0.06);
  std::vector<Session> sessions = {made.screen.base, made.screen.base};
  for (double& value : sessions[1].metrics["wall"].values) value *= 1.08;
  const auto report = Judge({}, sessions, {}, made.screen, made.confirm);
  ASSERT_TRUE(report.has_value());
  EXPECT_NEAR(report->metrics.at(0).line, 0.08, 0.001);
  EXPECT_NE(report->outcome, Outcome::kFail);
  EXPECT_EQ(JudgeBoth(made).outcome, Outcome::kFail);
}

TEST(Gate, TheVerdictKnowsNeitherUnitsNorWhichWayIsUp) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    Random random(seed);
    const double regression = static_cast<double>(random.Below(5)) * 0.03 - 0.03;
    const auto made = WallExperiment(seed, regression, 0.04);
    const auto plain = JudgeBoth(made);
    auto scaled = made;
    auto inverse = made;
    const auto each = [](Experiment& all, auto change) {
      for (auto* session : {&all.screen.base, &all.screen.head, &all.confirm.base, &all.confirm.head})
        change(session->metrics["wall"]);
    };
    each(scaled, [](MetricValues& m) {
      for (double& v : m.values) v *= 4096;
    });
    each(inverse, [](MetricValues& m) {
      m.higher_is_better = true;
      for (double& v : m.values) v = 1 / v;
    });
    RC_ASSERT(JudgeBoth(scaled).outcome == plain.outcome);
    RC_ASSERT(JudgeBoth(inverse).outcome == plain.outcome);
    RC_ASSERT(std::abs(JudgeBoth(inverse).metrics[0].shift - plain.metrics[0].shift) < 1e-9);
  }));
}

TEST(Gate, ValuesThatAreNotPositiveAreNotJudged) {
  auto made = WallExperiment(17, 0);
  made.screen.head.metrics["wall"].values[3] = 0;
  const auto report = JudgeBoth(made);
  EXPECT_EQ(report.outcome, Outcome::kInconclusive);
  EXPECT_TRUE(Says(report, "not-judged"));
}

TEST(Gate, AWishedMetricIsFoundByAPieceOfItsNameOrRefused) {
  Session session =
      SessionOf({{"wall", {1}}, {"kernel:void gemm<float>(int)", {1}}, {"kernel:void copy<int>", {1}}});
  GateSettings settings;
  settings.metrics = {"kernel:gemm"};
  EXPECT_EQ(SelectMetrics(settings, session, session)->required.at(0), "kernel:void gemm<float>(int)");
  settings.metrics = {"kernel:void"};
  const auto several = SelectMetrics(settings, session, session);
  ASSERT_FALSE(several.has_value());
  EXPECT_NE(several.error().message.find("fits 2 metrics"), std::string::npos);
  settings.metrics = {"wal"};
  const auto near = SelectMetrics(settings, session, session);
  ASSERT_FALSE(near.has_value());
  EXPECT_NE(near.error().message.find("did you mean \"wall\""), std::string::npos) << near.error().message;
}

// PRF-3: the numbers of the requirement, on noise of uniform and of heavy-tailed shape.
TEST(GateSimulation, FalseAlarmsAreRareAndFivePercentIsFound) {
  Random random(18);
  Simulation simulation;
  simulation.noise.recorded = SomeRuns(random, 300, 100, 0.035);  // 2 % standard deviation
  simulation.runs = simulation.confirm = 12;
  const auto quiet = Simulate(simulation, 300, 1);
  EXPECT_LE(quiet.fail, 8u);  // 3 expected at the limit of 1 %; above 8 is one in 250
  EXPECT_GE(quiet.PassShare(), 0.9);
  simulation.wall_regression = 0.05;
  const auto slow = Simulate(simulation, 300, 2);
  EXPECT_GE(slow.FailShare(), 0.95);
  EXPECT_LE(slow.PassShare(), 0.05);
  simulation.noise.outlier_share = 0.1;
  simulation.noise.outlier_size = 0.15;
  EXPECT_GE(Simulate(simulation, 300, 3).FailShare(), 0.9);
  simulation.wall_regression = 0;
  EXPECT_LE(Simulate(simulation, 300, 4).fail, 8u);
}

TEST(GateSimulation, FalseAlarmsStayRareWithManyKernelsAndUnderDrift) {
  Random random(19);
  Simulation simulation;
  simulation.noise.recorded = SomeRuns(random, 300, 100, 0.03);
  simulation.runs = simulation.confirm = 12;
  simulation.kernels = 20;
  EXPECT_LE(Simulate(simulation, 60, 1).fail, 4u);
  simulation.kernels = 0;
  simulation.noise.drift_per_run = 0.002;
  simulation.noise.autocorrelation = 0.7;
  simulation.noise.added_noise = 0.02;
  EXPECT_LE(Simulate(simulation, 200, 2).fail, 7u);
}

TEST(GateSimulation, NoisyRunsAreInconclusiveRatherThanPassed) {
  Random random(20);
  Simulation simulation;
  simulation.noise.recorded = SomeRuns(random, 300, 100, 0.3);
  simulation.runs = simulation.confirm = 12;
  simulation.wall_regression = 0.05;
  const auto tally = Simulate(simulation, 200, 1);
  EXPECT_LE(tally.PassShare(), 0.05);
  EXPECT_GE(tally.inconclusive, 150u);
  EXPECT_EQ(tally.pass + tally.fail + tally.inconclusive, tally.trials);
  const auto again = Simulate(simulation, 200, 1);
  EXPECT_EQ(again.inconclusive, tally.inconclusive);
}

}  // namespace
}  // namespace altlas::profile
