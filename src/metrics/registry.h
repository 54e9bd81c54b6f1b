// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace altlas::metrics {

using Labels = std::map<std::string, std::string>;

// One number of a time series. Thread-safe, lock-free, lives until its family is cleared or
// its Registry goes.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double by = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

// A family: one metric name, one help sentence, one time series for each set of labels. With() makes the
// series at its first use (a lock and a map look-up: hot callers keep the reference).
template <typename Metric>
class Family {
 public:
  virtual ~Family() = default;
  virtual Metric& With(const Labels& labels) = 0;
  // Forgets all series, so that what no longer exists is no longer shown. Invalidates the references.
  virtual void Clear() = 0;
};

// The process's metrics, in the Prometheus text format. Families are owned by the registry. Thread-safe.
// Names: altlas_<thing>_<unit>, counters end in _total. Registering one name twice aborts.
class Registry {
 public:
  Registry();
  ~Registry();
  Family<Counter>& AddCounter(const std::string& name, const std::string& help);
  Family<Gauge>& AddGauge(const std::string& name, const std::string& help);
  Family<Histogram>& AddHistogram(const std::string& name, const std::string& help,
                                  std::vector<double> bounds);
  // Runs before each Text(), on the caller's thread: for values that are read when asked.
  void OnCollect(std::function<void()> refresh);
  // The exposition, text/plain; version=0.0.4.
  std::string Text();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Bounds for latencies in seconds, 1 ms to 10 minutes.
std::vector<double> LatencyBounds();

}  // namespace altlas::metrics
