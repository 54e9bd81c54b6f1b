// SPDX-License-Identifier: Apache-2.0
#include "metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <set>

#include "base/mutex.h"
#include "base/result.h"

namespace altlas::metrics {
namespace {

class CounterOver final : public Counter {
 public:
  explicit CounterOver(prometheus::Counter& inner) : inner_(inner) {}
  void Add(double by) override { inner_.Increment(by); }

 private:
  prometheus::Counter& inner_;
};

class GaugeOver final : public Gauge {
 public:
  explicit GaugeOver(prometheus::Gauge& inner) : inner_(inner) {}
  void Set(double value) override { inner_.Set(value); }

 private:
  prometheus::Gauge& inner_;
};

class HistogramOver final : public Histogram {
 public:
  explicit HistogramOver(prometheus::Histogram& inner) : inner_(inner) {}
  void Observe(double value) override { inner_.Observe(value); }

 private:
  prometheus::Histogram& inner_;
};

// Ours over theirs: the series of a family by its labels.
template <typename Ours, typename Over, typename Theirs>
class FamilyOver final : public Family<Ours> {
 public:
  using Make = std::function<Theirs&(prometheus::Family<Theirs>&, const Labels&)>;
  FamilyOver(prometheus::Family<Theirs>& inner, Make make) : inner_(inner), make_(std::move(make)) {}
  Ours& With(const Labels& labels) override {
    MutexLock lock(mutex_);
    auto& entry = series_[labels];
    if (entry.over == nullptr) {
      entry.theirs = &make_(inner_, labels);
      entry.over = std::make_unique<Over>(*entry.theirs);
    }
    return *entry.over;
  }
  void Clear() override {
    MutexLock lock(mutex_);
    for (auto& [labels, entry] : series_) inner_.Remove(entry.theirs);
    series_.clear();
  }

 private:
  struct Entry {
    Theirs* theirs = nullptr;
    std::unique_ptr<Over> over;
  };
  prometheus::Family<Theirs>& inner_;
  Make make_;
  Mutex mutex_;
  std::map<Labels, Entry> series_ ALTLAS_GUARDED_BY(mutex_);
};

}  // namespace

struct Registry::Impl {
  prometheus::Registry registry;
  Mutex mutex;
  std::set<std::string> names ALTLAS_GUARDED_BY(mutex);
  std::vector<std::function<void()>> refreshers ALTLAS_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Family<Counter>>> counters ALTLAS_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Family<Gauge>>> gauges ALTLAS_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Family<Histogram>>> histograms ALTLAS_GUARDED_BY(mutex);

  void Claim(const std::string& name) ALTLAS_REQUIRES(mutex) {
    ALTLAS_CHECK(names.insert(name).second, "a metric name is registered twice");
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Family<Counter>& Registry::AddCounter(const std::string& name, const std::string& help) {
  MutexLock lock(impl_->mutex);
  impl_->Claim(name);
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  impl_->counters.push_back(std::make_unique<FamilyOver<Counter, CounterOver, prometheus::Counter>>(
      family, [](auto& f, const Labels& labels) -> prometheus::Counter& { return f.Add(labels); }));
  return *impl_->counters.back();
}

Family<Gauge>& Registry::AddGauge(const std::string& name, const std::string& help) {
  MutexLock lock(impl_->mutex);
  impl_->Claim(name);
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  impl_->gauges.push_back(std::make_unique<FamilyOver<Gauge, GaugeOver, prometheus::Gauge>>(
      family, [](auto& f, const Labels& labels) -> prometheus::Gauge& { return f.Add(labels); }));
  return *impl_->gauges.back();
}

Family<Histogram>& Registry::AddHistogram(const std::string& name, const std::string& help,
                                          std::vector<double> bounds) {
  MutexLock lock(impl_->mutex);
  impl_->Claim(name);
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  impl_->histograms.push_back(std::make_unique<FamilyOver<Histogram, HistogramOver, prometheus::Histogram>>(
      family,
      [bounds](auto& f, const Labels& labels) -> prometheus::Histogram& { return f.Add(labels, bounds); }));
  return *impl_->histograms.back();
}

void Registry::OnCollect(std::function<void()> refresh) {
  MutexLock lock(impl_->mutex);
  impl_->refreshers.push_back(std::move(refresh));
}

std::string Registry::Text() {
  std::vector<std::function<void()>> refreshers;
  {
    MutexLock lock(impl_->mutex);
    refreshers = impl_->refreshers;
  }
  for (const auto& refresh : refreshers) refresh();
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

std::vector<double> LatencyBounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600};
}

}  // namespace altlas::metrics
