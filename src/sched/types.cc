// SPDX-License-Identifier: Apache-2.0
#include "sched/types.h"

namespace altlas::sched {

std::string_view DeviceHealthName(DeviceHealth health) {
  switch (health) {
    case DeviceHealth::kOk:
      return "ok";
    case DeviceHealth::kStarting:
      return "starting";
    case DeviceHealth::kLimited:
      return "limited";
    case DeviceHealth::kLost:
      return "lost";
    case DeviceHealth::kDisabled:
      return "disabled";
  }
  return {};
}

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "none";
    case Reason::kNextInTurn:
      return "next_in_turn";
    case Reason::kLeastFinish:
      return "least_finish";
    case Reason::kLeastCount:
      return "least_count";
    case Reason::kBestFit:
      return "best_fit";
    case Reason::kMapped:
      return "mapped";
    case Reason::kMappingFellBack:
      return "mapping_fell_back";
    case Reason::kDrawn:
      return "drawn";
    case Reason::kBatchShare:
      return "batch_share";
    case Reason::kKeptFree:
      return "kept_free";
    case Reason::kQueueTimeout:
      return "queue_timeout";
    case Reason::kMappingUnavailable:
      return "mapping_unavailable";
  }
  return {};
}

}  // namespace altlas::sched
