// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "metrics/registry.h"
#include "pool/task_view.h"

namespace altlas::pool {

struct DeviceReport;

// Which groups are kept up to date (gpu.monitoring's switches).
struct MetricSwitches {
  bool devices = true;
  bool tasks = true;
  bool queue = true;
};

// The pool's numbers in the registry; docs/reference/metrics.md lists them. Used on the loop's thread.
class PoolMetrics {
 public:
  PoolMetrics(metrics::Registry& registry, MetricSwitches switches);
  void SetSwitches(MetricSwitches switches);
  void Accepted(const store::TaskRecord& task);
  void Refused(std::string_view why, std::string_view priority);
  void Dispatched(const store::TaskRecord& task, double waited_seconds);
  // `task` is final; `generated_tokens` of a completed one.
  void Ended(const store::TaskRecord& task, std::uint32_t generated_tokens);
  void WorkerLost(const std::string& device);
  void ShowDevices(const std::vector<DeviceReport>& devices);
  void ShowQueue(const std::vector<std::pair<std::string, std::size_t>>& depth,
                 const std::vector<std::pair<std::string, Duration>>& oldest_waits);

 private:
  MetricSwitches switches_;
  // The series that the last accept counted in: most are of one kind, and finding it costs more than
  // counting.
  struct {
    std::string type, model, priority;
    metrics::Counter* counter = nullptr;
  } last_accepted_;
  metrics::Family<metrics::Counter>&accepted_, &ended_, &refused_, &tokens_, &losses_;
  metrics::Family<metrics::Histogram>&queue_seconds_, &execution_seconds_;
  metrics::Family<metrics::Gauge>&depth_, &oldest_, &utilization_, &memory_used_, &memory_total_,
      &temperature_, &power_, &clock_sm_, &clock_memory_, &ecc_, &healthy_, &running_, &waiting_, &restarts_;
};

}  // namespace altlas::pool
