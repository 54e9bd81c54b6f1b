// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "store/key_store.h"
#include "store/profile_store.h"
#include "store/sqlite_ledger.h"

// The writer's queue as values: what to do, whom to tell, and how far it got.
namespace altlas::store {

enum class OpStage : std::uint8_t {
  kApply,   // belongs into the next transaction
  kAnswer,  // `outcome` is decided, nothing more to write
  kRetry,   // could not be prepared; stays for a later group
};

template <typename R, typename Outcome>
struct OpOf {
  R record;
  std::function<void(Result<Outcome>)> done;
  Result<Outcome> outcome = Error{ErrorCode::kInternal, "not applied"};
  OpStage stage = OpStage::kApply;
};

struct DeleteRecord {
  TaskId id;
};
struct RevokeRecord {
  Uuid id;
  WallMillis revoked_ms = 0;
};
struct TouchRecord {
  Uuid id;
  WallMillis last_used_ms = 0;
};

struct AcceptOp : OpOf<AcceptBatch, AcceptOutcome> {
  std::size_t bytes = 0;
  std::vector<std::string> blobs = {};  // names, one a task
};
struct FinalOp : OpOf<FinalRecord, FinalOutcome> {
  std::string blob = {};
};
using DispatchOp = OpOf<DispatchRecord, void>;
using RequeueOp = OpOf<RequeueRecord, void>;
using DeleteOp = OpOf<DeleteRecord, void>;
using AddKeyOp = OpOf<KeyRecord, void>;
using RevokeKeyOp = OpOf<RevokeRecord, void>;
using TouchKeyOp = OpOf<TouchRecord, void>;
struct ProfileRecord {
  ProfileRow row;
  ProfileBounds bounds;
};
using AddProfileOp = OpOf<ProfileRecord, std::int64_t>;
using Op = std::variant<AcceptOp, FinalOp, DispatchOp, RequeueOp, DeleteOp, AddKeyOp, RevokeKeyOp, TouchKeyOp,
                        AddProfileOp>;

// A group of them grows by moves: a copy would hold the texts of its tasks twice.
static_assert(std::is_nothrow_move_constructible_v<Op>);

// Operations that somebody waits for and can repeat fail when the disk does; the others are kept until it
// takes them.
bool FailsWithTheDisk(const Op& op);
std::size_t RowsOf(const Op& op);
OpStage StageOf(const Op& op);
void SetStage(Op& op, OpStage stage);
// Decides `outcome`: the operation will not be applied.
void Decide(Op& op, const Error& error);
// Runs it in the open transaction and sets `outcome`. An error return means that the whole transaction
// failed.
Status ApplyOp(Op& op, Ledger& ledger, WallMillis now);
// The call of the callback with the outcome; empty where nobody listens.
std::function<void()> AnswerOf(Op op);

}  // namespace altlas::store
