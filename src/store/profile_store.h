// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "store/task_store.h"

namespace altlas::store {

// One figure of a sample, and what it was held against when it came.
struct ProfileMeasure {
  std::string name;          // "decode/4": steps of 4 tokens; in prefill the figure is a token's
  double seconds = 0;        // the figure
  std::int64_t count = 0;    // steps it was taken from
  double normal = 0;         // the median of the samples before it; 0 while there were too few
  double spread = 0;         // their scaled MAD
  std::int64_t samples = 0;  // how many of them
  bool anomaly = false;
  bool operator==(const ProfileMeasure&) const = default;
};

// What one model did on one device in one sample of a running server (PRF-6).
struct ProfileRow {
  std::int64_t id = 0;   // given by the store; grows
  WallMillis at_ms = 0;  // the sample's end
  std::string device;
  std::string model;
  double seconds = 0;            // the sample's length
  double processor_seconds = 0;  // of the worker's process meanwhile, all models together
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::int64_t memory_peak_bytes = 0;
  bool anomaly = false;  // one of its measures is
  std::string why;       // a sentence for each that is
  std::vector<ProfileMeasure> measures;
  std::string detail;  // one JSON object, opaque here: phases and operators
  bool operator==(const ProfileRow&) const = default;
};

// What is kept. Enforced with every row that is added, at most 256 rows at a time, oldest first.
struct ProfileBounds {
  std::int64_t rows = 20'000;
  WallMillis oldest_ms = 0;  // rows of before it go
};

struct ProfileFilter {
  std::optional<std::string> device = {};
  std::optional<std::string> model = {};
  bool anomalies_only = false;
  WallMillis from_ms = 0;           // inclusive
  std::int64_t before = INT64_MAX;  // the cursor: only ids below it
  std::size_t limit = 50;
  std::size_t scan_limit = 4096;  // rows looked at in one call, which bounds its time
};
struct ProfilePage {
  std::vector<ProfileRow> rows;  // newest first
  std::optional<std::int64_t>
      next;  // the next `before`; nullopt at the end. A page may be short, or empty, and have one
};

// The history of samples. Same implementations and the same rules for threads and order as TaskStore.
class ProfileStore {
 public:
  virtual ~ProfileStore() = default;
  // `done` (may be empty) gets the row's id. Fails with the disk's error where that refuses: a sample is not
  // worth waiting for. kInvalidArgument: no device or model, or a figure that is not finite.
  virtual void AddProfile(ProfileRow row, ProfileBounds bounds,
                          std::function<void(Result<std::int64_t>)> done) = 0;
  // On the caller's thread.
  virtual Result<ProfilePage> ListProfiles(const ProfileFilter& filter) const = 0;
};

}  // namespace altlas::store
