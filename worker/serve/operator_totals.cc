// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/operator_totals.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/utf8.h"

namespace altlas::serve {

namespace {

constexpr std::size_t kMostOperatorNames = 4096;
using SteadyClock = std::chrono::steady_clock;

struct OperatorSum {
  std::uint64_t count = 0;
  SteadyClock::duration sum{};
};
struct OperatorSums {
  Mutex mutex;
  std::unordered_map<std::string, OperatorSum> by_name ALTLAS_GUARDED_BY(mutex);
};

// libtorch's callbacks are plain functions without an argument of ours; they run on the thread that added
// them.
thread_local OperatorSums* sums_of_thread = nullptr;

struct TimedOperator final : at::ObserverContext {
  SteadyClock::time_point start;
};

std::unique_ptr<at::ObserverContext> OnTimedStart(const at::RecordFunction&) {
  if (sums_of_thread == nullptr) return nullptr;
  auto timed = std::make_unique<TimedOperator>();
  timed->start = SteadyClock::now();
  return timed;
}

void OnTimedEnd(const at::RecordFunction& function, at::ObserverContext* context) {
  if (context == nullptr || sums_of_thread == nullptr) return;
  const auto took = SteadyClock::now() - static_cast<const TimedOperator*>(context)->start;
  auto& sums = *sums_of_thread;
  MutexLock lock(sums.mutex);
  const std::string name = function.name();
  const auto found = sums.by_name.find(name);
  if (found == sums.by_name.end() && sums.by_name.size() >= kMostOperatorNames) return;
  auto& sum = found == sums.by_name.end() ? sums.by_name[name] : found->second;
  ++sum.count;
  sum.sum += took;
}

// As the wire wants a name.
std::string AsName(std::string_view text) {
  std::string name = ReplaceInvalidUtf8(text.substr(0, wire::kMaxNameBytes / 2));
  if (name.size() > wire::kMaxNameBytes) name.resize(wire::kMaxNameBytes);
  name.resize(name.size() - IncompleteUtf8Tail(name));
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return name.empty() ? "unnamed" : name;
}

}  // namespace

struct OperatorTotals::State {
  double sampling = 1;
  OperatorSums sums;
  std::optional<at::CallbackHandle> handle;
};

OperatorTotals::OperatorTotals(double sampling) : state_(std::make_unique<State>()) {
  state_->sampling = std::clamp(sampling, 1e-6, 1.0);
}

// The callback, where one is left, belongs to a thread that computes no more.
OperatorTotals::~OperatorTotals() = default;

void OperatorTotals::Switch(bool on) {
  if (on == state_->handle.has_value()) return;
  if (on) {
    sums_of_thread = &state_->sums;
    at::RecordFunctionCallback callback(&OnTimedStart, &OnTimedEnd);
    callback.samplingProb(state_->sampling).scopes({at::RecordScope::FUNCTION});
    state_->handle = at::addThreadLocalCallback(callback);
  } else {
    at::removeCallback(*state_->handle);
    state_->handle.reset();
    sums_of_thread = nullptr;
  }
}

double OperatorTotals::sampling() const { return state_->sampling; }

std::vector<wire::ProfileReport::Operator> OperatorTotals::Take(std::size_t most) {
  std::unordered_map<std::string, OperatorSum> taken;
  {
    MutexLock lock(state_->sums.mutex);
    taken.swap(state_->sums.by_name);
  }
  std::vector<wire::ProfileReport::Operator> operators;
  for (const auto& [name, sum] : taken)
    operators.push_back({AsName(name), sum.count, std::chrono::duration<double>(sum.sum).count()});
  std::sort(operators.begin(), operators.end(), [](const auto& a, const auto& b) {
    return a.sum_seconds != b.sum_seconds ? a.sum_seconds > b.sum_seconds : a.name < b.name;
  });
  if (operators.size() > most) operators.resize(most);
  return operators;
}

}  // namespace altlas::serve
