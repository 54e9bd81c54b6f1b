// SPDX-License-Identifier: Apache-2.0
// A pool over real parts (scheduler, store, echo backends in this process) for the tests.
#pragma once
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "backend/echo_backend.h"
#include "base/file.h"
#include "pool/pool.h"
#include "store/store.h"

namespace altlas::pool {

// Takes leases and answers none of them until the test says so.
class ManualBackend final : public backend::Backend {
 public:
  ManualBackend(std::string device, net::IoLoop& loop, backend::BackendListener listener)
      : device_(std::move(device)), loop_(loop), listener_(std::move(listener)) {}
  void Start(std::vector<backend::LeaseKey> known) override {
    known_ = std::move(known);
    started_ = true;
  }
  Status Grant(wire::LeaseGrant grant) override {
    if (refuse_) return Fail(ErrorCode::kUnavailable, "the worker restarts");
    grants_.push_back(std::move(grant));
    return {};
  }
  void Cancel(const backend::LeaseKey& lease) override { canceled_.push_back(lease); }
  void Acknowledge(const backend::LeaseKey& lease) override { acknowledged_.push_back(lease); }
  void Stop(backend::StopMode, std::function<void()> stopped) override { loop_.Post(std::move(stopped)); }
  backend::BackendStatus status() const override {
    backend::BackendStatus status;
    status.device = device_;
    status.ready.slots = slots_;
    return status;
  }

  void BecomeReady(std::uint32_t slots = 4) {
    slots_ = slots;
    refuse_ = false;
    backend::BackendReady ready;
    ready.ready.slots = slots;
    ready.models.push_back({"echo", "echo", "fp32", 0, 0, 0, 0, 1024, 0});
    Emit(ready);
  }
  void Emit(backend::BackendEvent event) { listener_(device_, std::move(event)); }
  void Finish(const wire::LeaseGrant& grant, std::string text = "done") {
    Emit(wire::LeaseDone{grant.lease, "{\"text\":\"" + text + "\"}", 0.01, 1, 1});
  }
  void Lose(std::vector<backend::LeaseKey> leases, bool worker_down) {
    Emit(backend::LeasesLost{"killed by a test", std::move(leases), worker_down});
  }

  std::string device_;
  net::IoLoop& loop_;
  backend::BackendListener listener_;
  std::uint32_t slots_ = 0;
  bool started_ = false;
  bool refuse_ = false;
  std::vector<backend::LeaseKey> known_;
  std::vector<wire::LeaseGrant> grants_;
  std::vector<backend::LeaseKey> canceled_;
  std::vector<backend::LeaseKey> acknowledged_;
};

// The system's clock, whose wall clock can be held still, or made to be later at each reading.
class PoolClock final : public Clock {
 public:
  TimePoint Now() const override { return system_.Now(); }
  WallMillis WallNow() const override { return held_ ? wall_.fetch_add(step_) : system_.WallNow(); }
  void HoldWall() {
    wall_ = system_.WallNow();
    held_ = true;
  }
  void StepWallAtEachReading() { step_ = 1; }
  void AdvanceWall(WallMillis by) { wall_ += by; }

 private:
  SystemClock system_;
  std::atomic<bool> held_{false};
  std::atomic<WallMillis> step_{0};
  mutable std::atomic<WallMillis> wall_{0};
};

class PoolTest : public testing::Test {
 protected:
  void SetUp() override {
    auto loop = net::IoLoop::Create();
    ASSERT_TRUE(loop.has_value());
    loop_ = std::move(*loop);
    store_ = store::CreateMemoryStore({}, clock_, loop_->AsExecutor());
    options_.models.push_back({"echo", "text_generation", std::nullopt});
    registry_ = std::make_unique<metrics::Registry>();
  }

  void MakePool() {
    auto pool = Pool::Create(
        options_, *loop_, clock_, *store_, *registry_, [this](const auto& device, auto listener) {
          auto backend = std::make_unique<ManualBackend>(device.id, *loop_, std::move(listener));
          backends_[device.id] = backend.get();
          return backend;
        });
    ASSERT_TRUE(pool.has_value()) << pool.error().message;
    pool_ = std::move(*pool);
    ASSERT_TRUE(pool_->Recover().has_value());
  }

  // As if the manager died: nothing is said to anybody; the store stays.
  void KillPool() {
    pool_.reset();
    backends_.clear();
    registry_ = std::make_unique<metrics::Registry>();
  }

  static device::DeviceSnapshot Device(std::string id) {
    device::DeviceSnapshot snapshot;
    snapshot.id = std::move(id);
    snapshot.kind = device::DeviceKind::kCpu;
    snapshot.memory_total = 8ULL << 30;
    snapshot.threads = 1;
    return snapshot;
  }

  void MakeDevices(int count, bool ready = true) {
    std::vector<device::DeviceSnapshot> devices;
    for (int i = 0; i < count; ++i) devices.push_back(Device("gpu_" + std::to_string(i)));
    pool_->UpdateDevices(devices);
    if (!ready) return;
    for (auto& [id, backend] : backends_) backend->BecomeReady();
  }

  // The manager dies and the next one starts on the same store, with so many devices.
  void Restart(int devices, bool ready = false) {
    KillPool();
    MakePool();
    MakeDevices(devices, ready);
  }
  // A task runs on the only device when the manager dies; the next one waits for that device's worker.
  wire::LeaseKey RestartWithARunningTask() {
    MakePool();
    MakeDevices(1);
    const auto id = SubmitOne();
    EXPECT_EQ(StatusOf(id), store::TaskStatus::kRunning);
    const auto lease = Gpu(0).grants_.at(0).lease;
    Restart(1);
    return lease;
  }

  // Turns the loop until `condition` holds; the limit only ends a broken test.
  void RunUntil(const std::function<bool()>& condition) {
    const auto limit = clock_.Now() + std::chrono::seconds(120);
    while (!condition()) {
      ASSERT_LT(clock_.Now(), limit) << "the condition never came true";
      if (!loop_->RunReady()) std::this_thread::yield();
    }
  }
  void Settle() {
    while (loop_->RunReady()) {
    }
  }

  static NewTask Task(std::string text = "hello") {
    NewTask task;
    task.type = "text_generation";
    task.model = "echo";
    task.request = "{\"text\":\"" + text + "\",\"max_length\":4}";
    task.size_hint = 4;
    return task;
  }

  Result<SubmitOutcome> Submit(std::vector<NewTask> tasks, std::optional<bool> split = std::nullopt,
                               std::optional<store::IdempotencyClaim> claim = std::nullopt) {
    std::optional<Result<SubmitOutcome>> outcome;
    pool_->Submit(Uuid{}, std::move(tasks), split, std::move(claim),
                  [&](auto result) { outcome = std::move(result); });
    EXPECT_FALSE(outcome.has_value()) << "the answer came inside the call";
    RunUntil([&] { return outcome.has_value(); });
    return std::move(*outcome);
  }
  TaskId SubmitOne(NewTask task = Task()) {
    std::vector<NewTask> tasks;
    tasks.push_back(std::move(task));
    auto outcome = Submit(std::move(tasks));
    EXPECT_TRUE(outcome.has_value());
    return outcome->tasks.at(0).id;
  }
  store::TaskStatus StatusOf(const TaskId& id) {
    const auto view = pool_->Get(id);
    EXPECT_TRUE(view.has_value());
    return view->record.status;
  }
  void AwaitStatus(const TaskId& id, store::TaskStatus status) {
    RunUntil([&] { return StatusOf(id) == status; });
  }
  ManualBackend& Gpu(int index) { return *backends_.at("gpu_" + std::to_string(index)); }

  PoolClock clock_;
  std::unique_ptr<net::IoLoop> loop_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<metrics::Registry> registry_;
  PoolOptions options_;
  std::map<std::string, ManualBackend*> backends_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace altlas::pool
