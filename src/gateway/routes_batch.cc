// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_impl.h"

namespace altlas::gateway {

void Gateway::Impl::BatchPredict(net::Request& request, const Writer& writer, const Principal& who) {
  const bool default_split = deps_.pool.sched_config().batch_split;
  auto parsed = ParseBatch(request.body, net::Request::kBodyPadding, Rules(), default_split,
                           [this] { return DrawSeed(); });
  if (!parsed.has_value()) return SendError(*writer, parsed.error());
  std::string warning;
  if (RefuseUnknown(request, {}, std::move(parsed->unknown), writer, &warning)) return;
  const bool split = parsed->value.split;
  auto claim = ClaimOf(request, who, split ? "" : "unsplit");
  if (!claim.has_value()) return SendError(*writer, claim.error());
  deps_.pool.Submit(who.key_id, std::move(parsed->value.tasks), split, std::move(*claim),
                    [self = shared_from_this(), writer, warning](Result<pool::SubmitOutcome> outcome) {
                      if (!outcome.has_value()) return self->AnswerSubmitError(writer, outcome.error());
                      SendJson(*writer, 200, RenderBatch(*outcome, outcome->split), warning);
                    });
}

}  // namespace altlas::gateway
