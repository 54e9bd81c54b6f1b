// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/sha256.h"
#include "base/utf8.h"
#include "gateway/gateway_impl.h"

namespace altlas::gateway {
namespace {

constexpr std::size_t kValuesOfAnItem = 32;  // of a batch; one that names every field has 15

}  // namespace

RequestRules Gateway::Impl::Rules() const {
  const auto& limits = deps_.config.current().config.server.limits;
  RequestRules rules;
  rules.text_bytes = limits.text_bytes.count;
  rules.batch_items = static_cast<std::size_t>(limits.batch_items);
  rules.json.nesting = limits.json_nesting;
  rules.json.values = std::max(rules.json.values, kValuesOfAnItem * rules.batch_items);
  rules.models = deps_.models;
  return rules;
}

Random Gateway::Impl::SeededFromKernel() {
  std::uint64_t seed = 0;
  FillSecureRandom(std::as_writable_bytes(std::span(&seed, 1)));
  return Random(seed);
}

Result<std::optional<store::IdempotencyClaim>> Gateway::Impl::ClaimOf(const net::Request& request,
                                                                      const Principal& who,
                                                                      std::string_view note) const {
  const auto key = request.Header(store::kIdempotencyField);
  if (!key) return std::optional<store::IdempotencyClaim>();
  if (!IsValidUtf8(*key))
    return FailField(std::string(store::kIdempotencyField),
                     "the Idempotency-Key header is not UTF-8; 1 to {} bytes of UTF-8 are needed",
                     store::kMaxIdempotencyKeyBytes);
  if (key->empty() || key->size() > store::kMaxIdempotencyKeyBytes)
    return FailField(std::string(store::kIdempotencyField),
                     "the Idempotency-Key header has {} bytes; 1 to {} of UTF-8 are needed", key->size(),
                     store::kMaxIdempotencyKeyBytes);
  store::IdempotencyClaim claim;
  claim.key_id = who.key_id;
  claim.key = std::string(*key);
  const std::array<std::string_view, 3> hashed = {request.path, "\n", request.body};
  claim.body_hash = Sha256Hex(hashed);
  claim.note = std::string(note);
  return std::optional(std::move(claim));
}

bool Gateway::Impl::RefuseUnknown(const net::Request& request, std::span<const std::string_view> known,
                                  std::vector<std::string> unknown, const Writer& writer,
                                  std::string* warning) const {
  for (const auto& [name, value] : request.QueryPairs()) {
    if (name != "strict" && std::find(known.begin(), known.end(), name) == known.end())
      unknown.push_back("?" + name);
  }
  const auto strict = ParseFlag("strict", request.Query("strict"));
  if (!strict.has_value()) {
    SendError(*writer, strict.error());
    return true;
  }
  if (unknown.empty()) return false;
  std::string names;
  for (const auto& path : unknown) {
    if (names.size() > 512) {
      names += ", ...";
      break;
    }
    // Header text: printable ASCII alone, without quotes.
    std::string plain;
    for (const char c : path.substr(0, 64)) plain += c >= ' ' && c < 0x7f && c != '"' && c != '\\' ? c : '?';
    names += (names.empty() ? "" : ", ") + plain;
  }
  if (*strict) {
    auto first = unknown.front().substr(0, 64);
    if (first.starts_with('?')) first.erase(0, 1);
    SendError(*writer,
              FailField(std::move(first), "unknown fields: {}; leave them out, or leave strict out", names));
    return true;
  }
  *warning = "299 - \"unknown fields ignored: " + names + "\"";
  return false;
}

void Gateway::Impl::AnswerSubmitError(const Writer& writer, const Error& error) const {
  SendError(*writer, error, Seconds(deps_.pool.RetryAfter()));
}

std::optional<pool::TaskView> Gateway::Impl::VisibleTask(const net::Request& request, const Writer& writer,
                                                         const Principal& who) const {
  const auto text = request.Param("id");
  const auto id = TaskId::Parse(text);
  if (!id) {
    SendError(*writer, FailField("task_id",
                                 "\"{}\" is not a task id; ids are UUIDs as the answer to predict gives them",
                                 text.substr(0, 64)));
    return std::nullopt;
  }
  auto view = deps_.pool.LiveView(*id);
  if (!view) {
    auto stored = deps_.store.reader().Head(*id);
    if (!stored.has_value() && stored.error().code != ErrorCode::kNotFound) {
      SendError(*writer, stored.error());
      return std::nullopt;
    }
    if (stored.has_value()) view = pool::ViewOfStored(std::move(*stored));
  }
  // Another key's task is not there, as far as this key can tell.
  if (!view || !who.Sees(view->record.key_id)) {
    SendError(
        *writer,
        Error{ErrorCode::kNotFound,
              fmt::format("no task {} is known; finished tasks are kept for a limited time (store.retention)",
                          id->ToString()),
              "task_id"});
    return std::nullopt;
  }
  return view;
}

}  // namespace altlas::gateway
