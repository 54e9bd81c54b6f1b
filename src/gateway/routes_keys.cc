// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_impl.h"

namespace altlas::gateway {
namespace {

void WriteKey(JsonWriter& out, const store::KeyRecord& key) {
  out.BeginObject()
      .Key("id")
      .String(key.id.ToString())
      .Key("name")
      .String(key.name)
      .Key("scopes")
      .BeginArray();
  for (const auto name : store::ScopeNames(key.scopes)) out.String(name);
  out.EndArray().Key("requests_per_second").Double(key.requests_per_second).Key("burst").Int(key.burst);
  const auto time = [&](std::string_view name, WallMillis millis) {
    out.Key(name);
    if (millis > 0) {
      out.String(FormatTime(millis));
    } else {
      out.Null();
    }
  };
  time("created_at", key.created_ms);
  time("revoked_at", key.revoked_ms);
  time("last_used_at", key.last_used_ms);
  out.EndObject();
}

struct KeyRequest {
  std::string name;
  store::ScopeSet scopes;
  RateLimit limit;
};

Result<KeyRequest> ReadKey(const net::Request& request, JsonLimits limits) {
  ALTLAS_TRY(const auto document, JsonDocument::Parse(request.body, limits, net::Request::kBodyPadding));
  ALTLAS_TRY(auto body, ObjectReader::Root(document));
  KeyRequest key;
  key.name = body.String("name").value_or("");
  if (const auto right = CheckKeyName(key.name); !right.has_value())
    body.Complain("name", right.error().message);
  std::string scopes;
  for (const auto scope : body.StringOrList("scopes", 8).value_or(std::vector<std::string_view>{"predict"}))
    scopes += (scopes.empty() ? "" : ",") + std::string(scope);
  if (auto parsed = store::ParseScopes(scopes); parsed.has_value()) {
    key.scopes = *parsed;
  } else {
    body.Complain("scopes", parsed.error().message);
  }
  key.limit.requests_per_second = body.Number("requests_per_second", 0, 1e9).value_or(0);
  key.limit.burst = body.Int("burst", 1, 1'000'000'000).value_or(RateLimit().burst);
  ALTLAS_TRY(const auto unknown, body.Finish());
  if (!unknown.empty())
    return FailField(unknown.front().substr(0, 64),
                     "unknown field \"{}\"; use name, scopes, requests_per_second and burst",
                     unknown.front().substr(0, 64));
  return key;
}

}  // namespace

std::string RenderKeys(const std::vector<store::KeyRecord>& keys) {
  JsonWriter out;
  out.BeginObject().Key("keys").BeginArray();
  for (const auto& key : keys) WriteKey(out, key);
  return out.EndArray().EndObject().Take();
}

void Gateway::Impl::AddKeyRoutes() {
  using store::Scope;
  Add("GET", "/api/v1/keys", Scope::kAdmin, [this](net::Request&, const Writer& writer, const Principal&) {
    SendJson(*writer, 200, RenderKeys(deps_.keys.List()));
  });
  Add("POST", "/api/v1/keys", Scope::kAdmin,
      [this](net::Request& request, const Writer& writer, const Principal&) {
        auto wanted = ReadKey(request, Rules().json);
        if (!wanted.has_value()) return SendError(*writer, wanted.error());
        deps_.keys.Create(std::move(wanted->name), wanted->scopes, wanted->limit,
                          [writer](Result<KeyRing::NewKey> key) {
                            if (!key.has_value()) return SendError(*writer, key.error());
                            JsonWriter out;
                            out.BeginObject().Key("secret").String(key->secret).Key("key");
                            WriteKey(out, key->record);
                            SendJson(*writer, 200, out.EndObject().text());
                          });
      });
  Add("DELETE", "/api/v1/keys/{id}", Scope::kAdmin,
      [this](net::Request& request, const Writer& writer, const Principal&) {
        deps_.keys.Revoke(std::string(request.Param("id")), [writer](Result<store::KeyRecord> key) {
          if (!key.has_value()) return SendError(*writer, key.error());
          JsonWriter out;
          WriteKey(out, *key);
          SendJson(*writer, 200, out.text());
        });
      });
}

}  // namespace altlas::gateway
