// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "../cli_checks.h"
#include "admin_client.h"
#include "base/json_writer.h"
#include "commands.h"
#include "gateway/auth.h"
#include "net/io_loop.h"
#include "open_state.h"
#include "output.h"
#include "settings.h"
#include "store/store.h"
#include "tables.h"

namespace altlas::app {
namespace {

struct KeyOptions {
  std::string name;
  std::string scopes = "predict";
  double rate = 0;
  std::int64_t burst = gateway::RateLimit().burst;
  std::string which;
  bool json = false;
};

// The key ring of the state directory, for when no server runs.
class OfflineKeys {
 public:
  // kNotFound where there is no database yet, unless it may be made.
  static Result<std::unique_ptr<OfflineKeys>> Open(const CommonOptions& common,
                                                   const std::filesystem::path& state, bool make) {
    ALTLAS_TRY(const auto loaded, ReadConfig(common));
    if (loaded.config.store.kind == config::StoreKind::kMemory)
      return Fail(ErrorCode::kUnavailable,
                  "store.kind is memory: keys live in the running server alone, and none answers");
    auto keys = std::make_unique<OfflineKeys>();
    ALTLAS_TRY(keys->loop_, net::IoLoop::Create());
    store::SqliteOptions options;
    const auto folder = StoreFolder(loaded, state);
    const auto role = loaded.config.store.path ? kStorePathRole : store::FolderRole{};
    ALTLAS_TRY(options.folder,
               make ? store::PrepareStateDir(folder, role) : store::CheckStateDir(folder, role));
    std::error_code error;
    if (!make && !std::filesystem::exists(options.folder / "alt_las.db", error))
      return Fail(ErrorCode::kNotFound,
                  "no server answers, and {} holds no keys; name the server's state directory with --state",
                  options.folder.string());
    ALTLAS_TRY(keys->store_,
               store::OpenSqliteStore(std::move(options), keys->clock_, keys->loop_->AsExecutor()));
    keys->ring_ = std::make_unique<gateway::KeyRing>(keys->store_->keys(), keys->clock_,
                                                     keys->loop_->AsExecutor(), true, gateway::RateLimit{});
    ALTLAS_TRY_VOID(keys->ring_->Load());
    return keys;
  }
  gateway::KeyRing& ring() { return *ring_; }
  // Runs until `finish` was called by the operation's callback.
  template <typename T>
  Result<T> Await(const std::function<void(std::function<void(Result<T>)>)>& start) {
    std::optional<Result<T>> outcome;
    loop_->Post([&] {
      start([&](Result<T> result) {
        outcome = std::move(result);
        loop_->Stop();
      });
    });
    loop_->Run();
    return std::move(*outcome);
  }

 private:
  SystemClock clock_;
  std::unique_ptr<net::IoLoop> loop_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<gateway::KeyRing> ring_;
};

struct NewKey {
  std::string id;
  std::string secret;
};

// False where it could not be shown.
bool PrintNew(const NewKey& key, const std::string& name, store::ScopeSet scopes, bool json) {
  if (json) {
    JsonWriter out;
    out.BeginObject().Key("id").String(key.id).Key("name").String(name).Key("scopes").BeginArray();
    for (const auto scope : store::ScopeNames(scopes)) out.String(scope);
    out.EndArray().Key("secret").String(key.secret).EndObject();
    Say("{}\n", out.text());
  } else {
    Say("{}\n", key.secret);
  }
  if (!FlushOutput()) return false;
  if (!json)
    Note("The key \"{}\" ({}) is shown this once; only its hash is kept.\n", Printable(name),
         store::FormatScopes(scopes));
  return true;
}

Result<NewKey> MakeOnServer(const AdminClient& admin, const KeyOptions& options, store::ScopeSet scopes) {
  JsonWriter body;
  body.BeginObject().Key("name").String(options.name).Key("scopes").BeginArray();
  for (const auto name : store::ScopeNames(scopes)) body.String(name);
  body.EndArray().Key("requests_per_second").Double(options.rate).Key("burst").Int(options.burst).EndObject();
  ALTLAS_TRY(const auto answer, admin.Call("POST", "/api/v1/keys", body.text()));
  const auto json = nlohmann::json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("key") || !json["key"].is_object())
    return Fail(ErrorCode::kInternal, "the server's answer is not readable");
  return NewKey{json["key"].value("id", ""), json.value("secret", "")};
}

Result<NewKey> MakeOffline(const CommonOptions& common, const std::filesystem::path& state,
                           const KeyOptions& options, store::ScopeSet scopes) {
  ALTLAS_TRY(const auto offline, OfflineKeys::Open(common, state, true));
  ALTLAS_TRY(const auto key, offline->Await<gateway::KeyRing::NewKey>([&](auto done) {
    offline->ring().Create(options.name, scopes, {options.rate, options.burst}, std::move(done));
  }));
  return NewKey{key.record.id.ToString(), key.secret};
}

Status RevokeKey(const CommonOptions& common, const std::filesystem::path& state, const std::string& which) {
  const AdminClient admin(state);
  ALTLAS_TRY(const bool online, admin.Reachable());
  if (online) {
    ALTLAS_TRY_VOID(admin.Call("DELETE", "/api/v1/keys/" + net::PercentEncode(which)));
    return {};
  }
  ALTLAS_TRY(const auto offline, OfflineKeys::Open(common, state, false));
  ALTLAS_TRY_VOID(
      offline->Await<store::KeyRecord>([&](auto done) { offline->ring().Revoke(which, std::move(done)); }));
  return {};
}

int Create(const CommonOptions& common, const KeyOptions& options) {
  const auto scopes = store::ParseScopes(options.scopes);
  if (!scopes.has_value()) return Complain(scopes.error());
  if (const auto right = gateway::CheckKeyName(options.name); !right.has_value())
    return Complain(right.error());
  // A folder that was named and is not there is a slip of the pen; the default one may be made.
  const auto state = common.state.empty() ? StateFolder(common) : LookAtState(common);
  if (!state.has_value()) return Complain(state.error());
  const AdminClient admin(*state);
  const auto online = admin.Reachable();
  if (!online.has_value()) return Complain(online.error());
  const auto key =
      *online ? MakeOnServer(admin, options, *scopes) : MakeOffline(common, *state, options, *scopes);
  if (!key.has_value()) return Complain(key.error());
  if (PrintNew(*key, options.name, *scopes, options.json)) return 0;
  // Nobody has seen it, and nobody ever will.
  const auto revoked = RevokeKey(common, *state, key->id);
  if (!revoked.has_value())
    return Complain(revoked.error().Context("revoking key " + key->id + ", which could not be shown"));
  Note("alt_las: the key \"{}\" could not be shown and was revoked at once\n", Printable(options.name));
  return 1;
}

std::string TimeText(const nlohmann::json& key, const char* field) {
  return key.contains(field) && key[field].is_string() ? key[field].get<std::string>() : "-";
}

int List(const CommonOptions& common, const KeyOptions& options) {
  const auto state = LookAtState(common);
  if (!state.has_value()) return Complain(state.error());
  auto answer = AdminClient(*state).Call("GET", "/api/v1/keys");
  if (!answer.has_value() && answer.error().code != ErrorCode::kUnavailable) return Complain(answer.error());
  if (!answer.has_value()) {
    auto offline = OfflineKeys::Open(common, *state, false);
    if (!offline.has_value()) return Complain(offline.error());
    answer = gateway::RenderKeys((*offline)->ring().List());
  }
  if (options.json) {
    Say("{}\n", *answer);
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {{"ID", "NAME", "SCOPES", "CREATED", "LAST USED", "REVOKED"}};
  const auto json = nlohmann::json::parse(*answer, nullptr, false);
  for (const auto& key : json["keys"]) {
    std::string scopes;
    for (const auto& scope : key["scopes"]) scopes += (scopes.empty() ? "" : ",") + scope.get<std::string>();
    rows.push_back({key.value("id", ""), key.value("name", ""), scopes, TimeText(key, "created_at"),
                    TimeText(key, "last_used_at"), TimeText(key, "revoked_at")});
  }
  WriteOut(FormatTable(std::move(rows)));
  return 0;
}

int Revoke(const CommonOptions& common, const KeyOptions& options) {
  const auto state = LookAtState(common);
  if (!state.has_value()) return Complain(state.error());
  if (const auto revoked = RevokeKey(common, *state, options.which); !revoked.has_value())
    return Complain(revoked.error());
  Say("revoked {}\n", Printable(options.which));
  return 0;
}

}  // namespace

void AddKey(CLI::App& root, CommonOptions& common, Command& run) {
  auto* command = root.add_subcommand("key", "Make, list and revoke API keys");
  command->require_subcommand(1);
  command->fallthrough();
  command->footer(
      "Works on the running server by its socket in the state directory, or on the state directory itself "
      "when none runs.\n"
      "Examples:\n"
      "  alt_las key create --name dashboard --scopes metrics\n"
      "  alt_las key list\n"
      "  alt_las key revoke dashboard\n" +
      std::string(kExitCodes));
  auto options = std::make_shared<KeyOptions>();

  auto* create = command->add_subcommand("create", "Make a key and print it, this once");
  create->fallthrough();
  AddPlaces(*create, common);
  create->footer(kExitCodes);
  create->add_option("--name", options->name, "What the key is for; shown in lists and logs")->required();
  create->add_option("--scopes", options->scopes, "Any of predict, admin, metrics, joined by commas")
      ->capture_default_str();
  create
      ->add_option("--rate", options->rate,
                   "Requests a second that it may send; 0: as configured (auth.rate_limit)")
      ->check(Number(0, 1e9));
  create->add_option("--burst", options->burst, "Requests at once, with --rate")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->capture_default_str();
  create->add_flag("--json", options->json, "As JSON");
  create->callback(
      [&run, &common, options] { run = [&common, options] { return Create(common, *options); }; });

  auto* list = command->add_subcommand("list", "List the keys; secrets are not kept and cannot be shown");
  list->fallthrough();
  AddPlaces(*list, common);
  list->footer(kExitCodes);
  list->add_flag("--json", options->json, "As JSON");
  list->callback([&run, &common, options] { run = [&common, options] { return List(common, *options); }; });

  auto* revoke = command->add_subcommand("revoke", "End a key, at once and for good");
  revoke->fallthrough();
  AddPlaces(*revoke, common);
  revoke->footer(kExitCodes);
  revoke->add_option("key", options->which, "Its id or its name")->required();
  revoke->callback(
      [&run, &common, options] { run = [&common, options] { return Revoke(common, *options); }; });
}

}  // namespace altlas::app
