// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_impl.h"

namespace altlas::gateway {

void Gateway::Impl::Predict(net::Request& request, const Writer& writer, const Principal& who) {
  const auto rules = Rules();
  auto wait =
      ParseWait(request.Query("wait"),
                std::chrono::duration<double>(deps_.config.current().config.server.limits.wait_time).count());
  if (!wait.has_value()) return SendError(*writer, wait.error());
  auto parsed = ParsePredict(request.body, net::Request::kBodyPadding, rules, [this] { return DrawSeed(); });
  if (!parsed.has_value()) return SendError(*writer, parsed.error());
  std::string warning;
  constexpr std::string_view kKnown[] = {"wait"};
  if (RefuseUnknown(request, kKnown, std::move(parsed->unknown), writer, &warning)) return;
  auto claim = ClaimOf(request, who, "");
  if (!claim.has_value()) return SendError(*writer, claim.error());

  const bool stream = parsed->value.stream;
  std::vector<pool::NewTask> tasks;
  tasks.push_back(std::move(parsed->value.task));
  deps_.pool.Submit(who.key_id, std::move(tasks), std::nullopt, std::move(*claim),
                    [self = shared_from_this(), writer, warning, stream, key = who.key_id,
                     wait = *wait](Result<pool::SubmitOutcome> outcome) {
                      if (!outcome.has_value()) return self->AnswerSubmitError(writer, outcome.error());
                      const auto& task = outcome->tasks.front();
                      if (stream) return self->BeginTokenStream(task.id, 0, key, writer, warning);
                      if (wait) return self->AnswerWhenDone(task.id, *wait, false, key, writer, warning);
                      JsonWriter out;
                      WriteSubmitted(out, task);
                      SendJson(*writer, 200, out.text(), warning);
                    });
}

}  // namespace altlas::gateway
