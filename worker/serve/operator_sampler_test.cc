// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/operator_sampler.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <thread>

#include "base/file.h"

namespace altlas::serve {
namespace {

// Operators by name, and what they hold.
class OperatorSink final : public profile::CaptureSink {
 public:
  void OnOperator(const profile::OperatorEvent& event) override {
    ++count;
    EXPECT_LE(event.start, event.end);
    if (event.name != "aten::mm") return;
    ++products;
    threads.insert(event.thread);
    shapes = event.shapes;
    depth = event.depth;
  }
  int count = 0, products = 0;
  std::set<std::uint64_t> threads;
  std::string shapes;
  std::uint32_t depth = 99;
};

OperatorSink Record(ProfileWishes wishes, const std::function<void()>& compute) {
  TemporaryFolder folder;
  wishes.folder = folder.path().string();
  {
    const auto recorder = PhaseRecorder::Create(wishes).value();
    const auto sampler = OperatorSampler::Start(recorder.get(), wishes);
    EXPECT_NE(sampler, nullptr);
    compute();
  }
  compute();  // no longer recorded
  OperatorSink sink;
  EXPECT_TRUE(
      profile::ReadCollector(folder.path() / fmt::format("worker-{}.alc", ::getpid()), sink).has_value());
  return sink;
}

TEST(OperatorSampler, OperatorsOfEveryThreadAreRecorded) {
  const auto a = at::ones({2, 3}), b = at::ones({3, 4});
  const auto sink = Record({}, [&] {
    (void)at::mm(a, b);
    std::thread([&] { (void)at::mm(a, b); }).join();
  });
  EXPECT_EQ(sink.products, 2);
  EXPECT_EQ(sink.threads.size(), 2u);
  EXPECT_EQ(sink.depth, 0u);
  EXPECT_EQ(sink.shapes, "");
}

TEST(OperatorSampler, ShapesWhereTheyAreWanted) {
  ProfileWishes wishes;
  wishes.shapes = true;
  const auto a = at::ones({2, 3}), b = at::ones({3, 4});
  const auto sink = Record(wishes, [&] { (void)at::matmul(a, b); });
  EXPECT_EQ(sink.shapes, "[[2,3],[3,4]]");
  EXPECT_EQ(sink.depth, 1u);  // within aten::matmul
}

TEST(OperatorSampler, OnlyAShareIsRecordedWhereThatIsWanted) {
  ProfileWishes wishes;
  wishes.sampling = 0.01;
  const auto a = at::ones({2, 2});
  const auto sink = Record(wishes, [&] {
    for (int i = 0; i < 20'000; ++i) (void)at::mm(a, a);
  });
  // 200 expected; 40 to 800 is past any chance.
  EXPECT_GT(sink.products, 40);
  EXPECT_LT(sink.products, 800);
}

TEST(OperatorSampler, WithoutARecorderThereIsNone) {
  EXPECT_EQ(OperatorSampler::Start(nullptr, {}), nullptr);
}

}  // namespace
}  // namespace altlas::serve
