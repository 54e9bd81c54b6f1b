// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_ops.h"

#include <type_traits>

namespace altlas::store {
namespace {

bool ConcernsOneOp(ErrorCode code) {
  return code == ErrorCode::kConflict || code == ErrorCode::kNotFound || code == ErrorCode::kInvalidArgument;
}

struct Apply {
  Ledger& ledger;
  WallMillis now;
  auto operator()(AcceptOp& op) { return ledger.Accept(op.record, op.blobs, now); }
  auto operator()(FinalOp& op) { return ledger.Finish(op.record, op.blob); }
  auto operator()(DispatchOp& op) { return ledger.Dispatch(op.record); }
  auto operator()(RequeueOp& op) { return ledger.Requeue(op.record); }
  auto operator()(DeleteOp& op) { return ledger.Delete(op.record.id); }
  auto operator()(AddKeyOp& op) { return ledger.AddKey(op.record); }
  auto operator()(RevokeKeyOp& op) { return ledger.RevokeKey(op.record.id, op.record.revoked_ms); }
  auto operator()(AddProfileOp& op) { return ledger.AddProfile(op.record.row, op.record.bounds); }
  auto operator()(TouchKeyOp& op) { return ledger.TouchKey(op.record.id, op.record.last_used_ms); }
};

}  // namespace

bool FailsWithTheDisk(const Op& op) {
  return std::visit(
      [](const auto& one) {
        using T = std::decay_t<decltype(one)>;
        return std::is_same_v<T, AcceptOp> || std::is_same_v<T, DeleteOp> || std::is_same_v<T, AddKeyOp> ||
               std::is_same_v<T, TouchKeyOp> || std::is_same_v<T, AddProfileOp>;
      },
      op);
}

std::size_t RowsOf(const Op& op) {
  const auto* accept = std::get_if<AcceptOp>(&op);
  return accept == nullptr ? 1 : std::max<std::size_t>(1, accept->record.tasks.size());
}

OpStage StageOf(const Op& op) {
  return std::visit([](const auto& one) { return one.stage; }, op);
}
void SetStage(Op& op, OpStage stage) {
  std::visit([&](auto& one) { one.stage = stage; }, op);
}

void Decide(Op& op, const Error& error) {
  std::visit(
      [&](auto& one) {
        one.outcome = error;
        one.stage = OpStage::kAnswer;
      },
      op);
}

Status ApplyOp(Op& op, Ledger& ledger, WallMillis now) {
  return std::visit(
      [&](auto& one) -> Status {
        one.outcome = Apply{ledger, now}(one);
        if (one.outcome.has_value() || ConcernsOneOp(one.outcome.error().code)) return {};
        return one.outcome.error();
      },
      op);
}

std::function<void()> AnswerOf(Op op) {
  return std::visit(
      [](auto& one) -> std::function<void()> {
        if (!one.done) return {};
        return [done = std::move(one.done), outcome = std::move(one.outcome)]() mutable {
          done(std::move(outcome));
        };
      },
      op);
}

}  // namespace altlas::store
