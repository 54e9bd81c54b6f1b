// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "profile/capture.h"
#include "profile/interner.h"

// What the analysis keeps of a capture: rows of 24 to 40 bytes, names as numbers, so that 10^7 events fit a
// machine. Private to the analysis.
namespace altlas::profile {

inline constexpr std::uint32_t kNoRow = 0xFFFFFFFFU;

// Joins a piece of work on a device with the call that asked for it: process << 40 | correlation; 0: none.
using CallKey = std::uint64_t;
inline constexpr unsigned kCorrelationBits = 40;
inline CallKey CallKeyOf(std::uint64_t process, std::uint64_t correlation) {
  if (correlation == kNoCorrelation) return 0;
  return (process << kCorrelationBits) | (correlation & ((CallKey{1} << kCorrelationBits) - 1));
}

// Numbers that nearly always fit 31 bits, kept in 32: a wider one lies in a table, its place in the row.
class NarrowNumbers {
 public:
  std::uint32_t Put(std::uint64_t number) {
    if (number < kInTable) return static_cast<std::uint32_t>(number);
    wide_.push_back(number);
    return kInTable | static_cast<std::uint32_t>(wide_.size() - 1);
  }
  std::uint64_t Get(std::uint32_t narrow) const {
    return narrow < kInTable ? narrow : wide_[narrow - kInTable];
  }

 private:
  static constexpr std::uint32_t kInTable = 0x80000000U;
  std::vector<std::uint64_t> wide_;
};

// Columns tells the end and the key of a kernel and of a call.
struct KernelRow {
  Ns start;
  std::uint32_t duration, correlation;  // of Columns::narrow
  std::uint32_t call;                   // row in Columns::api that launched it, or kNoRow
  std::uint32_t name, shape;
  std::uint32_t lane_and_graph;

  static constexpr std::uint32_t kIsGraph = 0x80000000U;
  std::uint32_t lane() const { return lane_and_graph & ~kIsGraph; }
  bool is_graph() const { return (lane_and_graph & kIsGraph) != 0; }
};
static_assert(sizeof(KernelRow) == 32);

struct CopyRow {
  Ns start, end;
  CallKey key;
  std::uint64_t bytes;
  std::uint32_t lane;
  CopyKind kind;
  MemoryKind source, target;
  bool is_memset;
};

struct ApiRow {
  Ns start;
  std::uint32_t duration, correlation;  // of Columns::narrow
  std::uint32_t name, thread;
};
static_assert(sizeof(ApiRow) == 24);

struct SyncRow {
  Ns start, end;
  SyncKind kind;
};

struct AllocationRow {
  Ns at;
  std::uint64_t bytes, address, allocated_total;
  std::uint32_t pool;
  bool is_free;
};

// A range (name: of Names::phases) or an operator (name: of Names::operators) on a thread.
struct SpanRow {
  Ns start, end;
  std::uint32_t name, thread;
};

// A stream of a device in a process.
struct Lane {
  std::int32_t device = 0;
  std::uint32_t process = 0;
  std::uint32_t stream = 0;
  std::optional<std::uint32_t> context;  // as its first kernel says
};

struct AllocationPool {
  std::int32_t device = kNoDevice;
  MemoryKind kind = MemoryKind::kUnknown;
  std::uint64_t peak_reserved = 0;
};

struct Phase {
  std::uint32_t name = 0;    // of Names::texts
  std::uint32_t domain = 0;  // of Names::texts
};

struct LaunchShape {
  std::array<std::uint32_t, 3> grid{};
  std::array<std::uint32_t, 3> block{};
  std::uint32_t registers = 0;
  std::uint64_t shared_bytes = 0;
  auto operator<=>(const LaunchShape&) const = default;
};

// Numbers of things, given in the order of their first sight.
template <typename Key, typename Value = Key>
struct Numbered {
  std::vector<Value> items;
  std::map<Key, std::uint32_t> numbers;
  std::optional<std::pair<Key, std::uint32_t>> last;

  std::uint32_t Of(const Key& key, const Value& value) {
    if (last.has_value() && last->first == key) return last->second;
    const auto [at, is_new] = numbers.emplace(key, static_cast<std::uint32_t>(items.size()));
    if (is_new) items.push_back(value);
    last = *at;
    return at->second;
  }
};

// Shared by all sources, so that a kernel has one number in all of them.
struct Names {
  Interner kernels;
  Interner api;
  Interner operators;
  Interner texts;
  Numbered<std::pair<std::uint32_t, std::uint32_t>, Phase> phases;
  Numbered<LaunchShape> shapes;
};

struct CounterSum {
  std::string name;
  std::int32_t device = kNoDevice;
  std::uint64_t count = 0;
  Ns first_at = 0, last_at = 0;
  double min = 0, max = 0, sum = 0, first = 0, last = 0;
};

// One capture.
struct Columns {
  CaptureInfo info;
  std::vector<KernelRow> kernels;
  std::vector<CopyRow> copies;  // memsets too
  std::vector<ApiRow> api;
  std::vector<SyncRow> syncs;
  std::vector<AllocationRow> allocations;
  std::vector<SpanRow> ranges;
  std::vector<SpanRow> operators;
  Numbered<std::array<std::uint32_t, 3>, Lane> lanes;  // by device, process, stream
  Numbered<std::uint64_t> threads;
  Numbered<std::pair<std::int32_t, int>, AllocationPool> pools;
  std::map<std::uint32_t, std::uint64_t> marks;         // by phase
  std::map<std::uint32_t, std::uint64_t> api_failures;  // by name of a call
  std::map<std::pair<std::string, std::int32_t>, CounterSum> counters;
  std::uint64_t bad_records = 0;  // that the reader passed on and the analysis left out
  std::optional<Ns> first, last;  // of all records
  NarrowNumbers narrow;

  template <typename Row>
  Ns DurationOf(const Row& row) const {
    if constexpr (requires { row.duration; })
      return static_cast<Ns>(narrow.Get(row.duration));
    else
      return row.end - row.start;
  }
  template <typename Row>
  Ns EndOf(const Row& row) const {
    return row.start + DurationOf(row);
  }
  CallKey KeyOf(const CopyRow& row) const { return row.key; }
  CallKey KeyOf(const KernelRow& row) const {
    return row.correlation == 0 ? 0 : CallKeyOf(lanes.items[row.lane()].process, narrow.Get(row.correlation));
  }
  CallKey KeyOf(const ApiRow& row) const {
    constexpr unsigned kThreadBits = 24;  // below the process in a thread's number
    return row.correlation == 0
               ? 0
               : CallKeyOf(threads.items[row.thread] >> kThreadBits, narrow.Get(row.correlation));
  }
};

}  // namespace altlas::profile
