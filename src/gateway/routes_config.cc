// SPDX-License-Identifier: Apache-2.0
#include "config/format.h"
#include "config/key_spec.h"
#include "gateway/gateway_impl.h"

namespace altlas::gateway {
namespace {

constexpr std::string_view kStrategyKey = "gpu.multi_gpu.default_strategy";
constexpr std::string_view kSlotsKey = "gpu.multi_gpu.max_concurrent_tasks_per_gpu";

void WriteOrigin(JsonWriter& out, const config::LoadedConfig& loaded, std::string_view key) {
  const auto found = loaded.origins.find(std::string(key));
  const auto kind = found == loaded.origins.end() ? config::OriginKind::kDefault : found->second.kind;
  out.Key("origin").String(config::Name(kind)).Key("persisted").Bool(kind == config::OriginKind::kPersisted);
}

std::string ShowStrategy(const config::LoadedConfig& loaded) {
  JsonWriter out;
  out.BeginObject()
      .Key("strategy")
      .String(config::Name(loaded.config.gpu.multi_gpu.default_strategy))
      .Key("allowed")
      .BeginArray();
  for (const auto strategy : loaded.config.gpu.multi_gpu.strategies) out.String(config::Name(strategy));
  out.EndArray();
  WriteOrigin(out, loaded, kStrategyKey);
  return out.EndObject().Take();
}

std::string ShowSlots(const config::LoadedConfig& loaded) {
  JsonWriter out;
  out.BeginObject().Key("max_concurrent_tasks").Int(loaded.config.gpu.multi_gpu.max_concurrent_tasks_per_gpu);
  WriteOrigin(out, loaded, kSlotsKey);
  return out.EndObject().Take();
}

struct Change {
  std::string value;
  bool persist = false;
};

// {"<field>": value, "persist": bool}; anything else is refused.
Result<Change> ReadChange(const net::Request& request, JsonLimits limits, std::string_view key,
                          std::string_view field, bool number) {
  ALTLAS_TRY(const auto document, JsonDocument::Parse(request.body, limits, net::Request::kBodyPadding));
  ALTLAS_TRY(auto body, ObjectReader::Root(document));
  Change change;
  if (!body.Has(field)) body.Complain(field, fmt::format("{} is missing", field));
  if (number) {
    const auto* spec = config::FindKey(key);
    const auto value =
        body.Int(field, static_cast<std::int64_t>(spec->minimum), static_cast<std::int64_t>(spec->maximum));
    if (value) change.value = fmt::format("{}", *value);
  } else if (const auto value = body.String(field)) {
    AppendJsonString(change.value, *value);
  }
  change.persist = body.Bool("persist").value_or(false);
  ALTLAS_TRY(const auto unknown, body.Finish());
  if (!unknown.empty())
    return FailField(unknown.front().substr(0, 64), "unknown field \"{}\"; use {} and persist",
                     unknown.front().substr(0, 64), field);
  return change;
}

}  // namespace

void Gateway::Impl::AddConfigRoutes() {
  using store::Scope;
  const auto add_pair = [this](const std::string& path, std::string_view key, std::string_view field,
                               bool number, std::string (*show)(const config::LoadedConfig&)) {
    Add("GET", path, Scope::kPredict, [this, show](net::Request&, const Writer& writer, const Principal&) {
      SendJson(*writer, 200, show(deps_.config.current()));
    });
    Add("POST", path, Scope::kAdmin,
        [this, key, field, number, show](net::Request& request, const Writer& writer, const Principal&) {
          const auto change = ReadChange(request, Rules().json, key, field, number);
          if (!change.has_value()) return SendError(*writer, change.error());
          if (auto status = deps_.config.Set(key, change->value, change->persist); !status.has_value()) {
            auto error = status.error();
            error.field = field;
            return SendError(*writer, error);
          }
          SendJson(*writer, 200, show(deps_.config.current()));
        });
  };
  add_pair("/api/v1/config/gpu/strategy", kStrategyKey, "strategy", false, ShowStrategy);
  add_pair("/api/v1/config/gpu/max_concurrent_tasks", kSlotsKey, "max_concurrent_tasks", true, ShowSlots);
  Add("GET", "/api/v1/config", Scope::kAdmin, [this](net::Request&, const Writer& writer, const Principal&) {
    SendJson(*writer, 200, config::FormatEffectiveJson(deps_.config.current()));
  });
}

}  // namespace altlas::gateway
