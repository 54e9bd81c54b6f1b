// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/task_id.h"

namespace altlas::gateway {

// The requests that are held open (streams, long polls), by the key that they came with, so that they can be
// ended with it. Loop thread only; never blocks.
class OpenWaits {
  using Ends = std::multimap<Uuid, std::function<void()>>;

 public:
  // A request's entry: it is in the table until this goes, which may be after the table.
  class Ticket {
   public:
    Ticket(const std::shared_ptr<Ends>& ends, Ends::iterator at) : ends_(ends), at_(at) {}
    ~Ticket() {
      if (const auto ends = ends_.lock()) ends->erase(at_);
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    std::weak_ptr<Ends> ends_;
    Ends::iterator at_;
  };

  // `end` is what ends the request; it may let go of the ticket.
  [[nodiscard]] std::unique_ptr<Ticket> Add(const Uuid& key, std::function<void()> end) {
    return std::make_unique<Ticket>(ends_, ends_->emplace(key, std::move(end)));
  }
  // Ends all requests of that key.
  void End(const Uuid& key) {
    std::vector<std::function<void()>> open;
    const auto [first, last] = ends_->equal_range(key);
    for (auto at = first; at != last; ++at) open.push_back(at->second);
    for (const auto& end : open) end();
  }
  std::size_t size() const { return ends_->size(); }

 private:
  std::shared_ptr<Ends> ends_ = std::make_shared<Ends>();  // known weakly to the tickets
};

}  // namespace altlas::gateway
