// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace altlas::sched {

inline constexpr std::uint32_t kNotInHeap = UINT32_MAX;

// A 4-ary min heap of (key, id) whose entries can be removed and changed in O(log n), because the heap tells
// each id its position: `Place` is a functor with `std::uint32_t& operator()(std::uint32_t id)` that names
// where the position is kept. An id is in one heap at a time for each place; its position is kNotInHeap while
// it is in none.
template <typename Key, typename Place>
class IndexedHeap {
 public:
  struct Entry {
    Key key;
    std::uint32_t id;
  };
  explicit IndexedHeap(Place place) : place_(std::move(place)) {}

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const Entry& top() const { return entries_.front(); }
  // In no particular order.
  const std::vector<Entry>& entries() const { return entries_; }

  void Push(std::uint32_t id, Key key) {
    entries_.push_back({std::move(key), id});
    Up(static_cast<std::uint32_t>(entries_.size() - 1));
  }
  void Remove(std::uint32_t id) {
    const std::uint32_t at = std::exchange(place_(id), kNotInHeap);
    Entry last = std::move(entries_.back());
    entries_.pop_back();
    if (at == entries_.size()) return;
    Settle(at, std::move(last));
  }
  void Update(std::uint32_t id, Key key) { Settle(place_(id), Entry{std::move(key), id}); }

 private:
  void Settle(std::uint32_t at, Entry entry) {
    entries_[at] = std::move(entry);
    if (at > 0 && entries_[at].key < entries_[(at - 1) / 4].key) {
      Up(at);
    } else {
      Down(at);
    }
  }
  void Up(std::uint32_t at) {
    Entry entry = std::move(entries_[at]);
    while (at > 0) {
      const std::uint32_t parent = (at - 1) / 4;
      if (!(entry.key < entries_[parent].key)) break;
      Set(at, std::move(entries_[parent]));
      at = parent;
    }
    Set(at, std::move(entry));
  }
  void Down(std::uint32_t at) {
    Entry entry = std::move(entries_[at]);
    const auto count = static_cast<std::uint32_t>(entries_.size());
    for (;;) {
      const std::uint32_t first = 4 * at + 1;
      if (first >= count) break;
      std::uint32_t least = first;
      for (std::uint32_t child = first + 1; child < count && child < first + 4; ++child) {
        if (entries_[child].key < entries_[least].key) least = child;
      }
      if (!(entries_[least].key < entry.key)) break;
      Set(at, std::move(entries_[least]));
      at = least;
    }
    Set(at, std::move(entry));
  }
  void Set(std::uint32_t at, Entry entry) {
    place_(entry.id) = at;
    entries_[at] = std::move(entry);
  }

  Place place_;
  std::vector<Entry> entries_;
};

}  // namespace altlas::sched
