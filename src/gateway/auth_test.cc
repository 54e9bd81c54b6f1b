// SPDX-License-Identifier: Apache-2.0
#include "gateway/auth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "store/store.h"

namespace altlas::gateway {
namespace {

class KeyRingTest : public testing::Test {
 protected:
  KeyRingTest()
      : store_(store::CreateMemoryStore({}, clock_, [this](auto f) { posted_.push_back(std::move(f)); })) {
    ring_ = MakeRing(store_->keys());
  }
  Executor PostedLater() {
    return [this](auto f) { posted_.push_back(std::move(f)); };
  }
  std::unique_ptr<KeyRing> MakeRing(store::KeyStore& keys) {
    return std::make_unique<KeyRing>(keys, clock_, PostedLater(), true, RateLimit{});
  }
  void RunPosted() {
    while (!posted_.empty()) {
      auto now = std::move(posted_);
      posted_.clear();
      for (auto& f : now) f();
    }
  }
  std::string Make(std::string name, store::ScopeSet scopes, RateLimit limit = {}) {
    std::string secret;
    ring_->Create(std::move(name), scopes, limit, [&](auto key) { secret = key->secret; });
    RunPosted();
    return secret;
  }
  Result<Principal> Ask(const std::string& authorization, store::Scope scope = store::Scope::kPredict) {
    const net::HeaderField header{"Authorization", authorization};
    net::Request request;
    if (!authorization.empty()) request.headers = std::span(&header, 1);
    return ring_->Authenticate(request, scope, &retry_after_);
  }

  FakeClock clock_;
  std::vector<std::function<void()>> posted_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<KeyRing> ring_;
  double retry_after_ = 0;
};

store::ScopeSet Predict() { return store::ScopeSet().Add(store::Scope::kPredict); }

// API-5
TEST_F(KeyRingTest, LetsInTheRightKeyAloneAndTellsNothingElse) {
  const auto secret = Make("a", Predict());
  EXPECT_TRUE(Ask("Bearer " + secret).has_value());
  EXPECT_TRUE(Ask("bearer   " + secret).has_value());
  std::string message;
  for (const auto& wrong : {std::string(), std::string("Bearer"), std::string("Bearer "), "Basic " + secret,
                            "Bearer " + secret + "0", "Bearer " + secret.substr(1),
                            std::string("Bearer ") + std::string(5000, 'a')}) {
    const auto refused = Ask(wrong);
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
    if (message.empty()) message = refused.error().message;
    EXPECT_EQ(refused.error().message, message) << "the refusals can be told apart";
  }
}

TEST_F(KeyRingTest, SecretsAreNotStored) {
  const auto secret = Make("a", Predict());
  const auto keys = store_->keys().LoadKeys();
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->at(0).secret_sha256.size(), 64u);
  EXPECT_EQ(keys->at(0).secret_sha256.find(secret.substr(4, 16)), std::string::npos);
}

TEST_F(KeyRingTest, ScopesAreHeldToAndNamed) {
  const auto secret = Make("a", Predict());
  const auto denied = Ask("Bearer " + secret, store::Scope::kAdmin);
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code, ErrorCode::kDenied);
  EXPECT_NE(denied.error().message.find("admin"), std::string::npos);
}

// API-5
TEST_F(KeyRingTest, RevocationCountsBeforeTheDiskFollows) {
  const auto secret = Make("a", Predict());
  ring_->Revoke("a", [](auto) {});
  EXPECT_FALSE(Ask("Bearer " + secret).has_value());
  RunPosted();
  ring_ = MakeRing(store_->keys());
  ASSERT_TRUE(ring_->Load().has_value());
  EXPECT_FALSE(Ask("Bearer " + secret).has_value()) << "a restart forgot the revocation";
  EXPECT_TRUE(ring_->IsRevoked(ring_->List().at(0).id));
}

// The store of keys on a disk that may be full.
class FullKeyStore final : public store::KeyStore {
 public:
  FullKeyStore(store::KeyStore& keys, Executor executor) : keys_(keys), executor_(std::move(executor)) {}
  void AddKey(store::KeyRecord key, store::DoneCallback done) override {
    keys_.AddKey(std::move(key), std::move(done));
  }
  void RevokeKey(Uuid id, WallMillis revoked_ms, store::DoneCallback done) override {
    if (!full) return keys_.RevokeKey(id, revoked_ms, std::move(done));
    executor_([done = std::move(done)] { done(Fail(ErrorCode::kStorageFull, "no room")); });
  }
  void TouchKey(Uuid id, WallMillis last_used_ms) override { keys_.TouchKey(id, last_used_ms); }
  Result<std::vector<store::KeyRecord>> LoadKeys() const override { return keys_.LoadKeys(); }
  bool full = false;

 private:
  store::KeyStore& keys_;
  Executor executor_;
};

TEST_F(KeyRingTest, ARevocationThatTheDiskRefusedCountsAndIsWrittenByTheNextCall) {
  FullKeyStore keys(store_->keys(), PostedLater());
  ring_ = MakeRing(keys);
  const auto secret = Make("a", Predict());
  const auto revoke = [&] {
    std::optional<Result<store::KeyRecord>> outcome;
    ring_->Revoke("a", [&](auto result) { outcome = std::move(result); });
    EXPECT_FALSE(outcome.has_value()) << "answered inside the call";
    RunPosted();
    return outcome.value();
  };
  keys.full = true;
  for (int i = 0; i < 2; ++i) {
    const auto refused = revoke();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kStorageFull);
    EXPECT_NE(refused.error().message.find("\"a\" is revoked"), std::string::npos);
    EXPECT_FALSE(Ask("Bearer " + secret).has_value());
  }
  keys.full = false;
  EXPECT_TRUE(revoke().has_value());
  EXPECT_EQ(revoke().error().code, ErrorCode::kNotFound) << "nothing is left to do";
  ring_ = MakeRing(keys);
  ASSERT_TRUE(ring_->Load().has_value());
  EXPECT_FALSE(Ask("Bearer " + secret).has_value()) << "a restart forgot the revocation";
}

TEST_F(KeyRingTest, TheLastUseIsSeenAtOnce) {
  const auto secret = Make("a", Predict());
  EXPECT_EQ(ring_->List().at(0).last_used_ms, 0);
  ASSERT_TRUE(Ask("Bearer " + secret).has_value());
  EXPECT_EQ(ring_->List().at(0).last_used_ms, clock_.WallNow());
  clock_.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(Ask("Bearer " + secret).has_value());
  EXPECT_EQ(ring_->List().at(0).last_used_ms, clock_.WallNow());
}

TEST_F(KeyRingTest, NamesThatWouldBreakAListAreRefused) {
  for (const auto& name :
       {std::string(), std::string(129, 'a'), std::string("a\nb"), std::string("\x1b[2J"),
        std::string("a\0b", 3), std::string("\xff"), std::string("\xc2\x9b"), std::string("ab\u202ecd"),
        std::string("\u2066x"), std::string("a\u200bb"), std::string("\U000e0041")}) {
    std::optional<Result<KeyRing::NewKey>> outcome;
    ring_->Create(name, Predict(), {}, [&](auto key) { outcome = std::move(key); });
    RunPosted();
    ASSERT_TRUE(outcome.has_value() && !outcome->has_value()) << name;
    EXPECT_EQ(outcome->error().field, "name");
  }
  EXPECT_TRUE(CheckKeyName("Büro 3 🚀").has_value());
  EXPECT_TRUE(ring_->empty());
}

TEST_F(KeyRingTest, KnowsAValidSecretAlone) {
  const auto secret = Make("a", Predict());
  EXPECT_TRUE(ring_->Knows(secret));
  EXPECT_FALSE(ring_->Knows(secret + "0"));
  ring_->Revoke("a", [](auto) {});
  EXPECT_FALSE(ring_->Knows(secret));
}

TEST_F(KeyRingTest, RateLimitRefillsWithTime) {
  const auto secret = Make("a", Predict(), {2, 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Ask("Bearer " + secret).has_value()) << i;
  EXPECT_EQ(Ask("Bearer " + secret).error().code, ErrorCode::kOverloaded);
  EXPECT_NEAR(retry_after_, 0.5, 0.01);
  clock_.Advance(std::chrono::milliseconds(501));
  EXPECT_TRUE(Ask("Bearer " + secret).has_value());
  EXPECT_FALSE(Ask("Bearer " + secret).has_value());
}

TEST_F(KeyRingTest, TheSocketsOwnerIsTheAdministratorAndNobodyElse) {
  net::Request request;
  request.peer_uid = ::geteuid();
  EXPECT_TRUE(ring_->Authenticate(request, store::Scope::kAdmin, &retry_after_).has_value());
  request.peer_uid = ::geteuid() + 12345;
  EXPECT_EQ(ring_->Authenticate(request, store::Scope::kPredict, &retry_after_).error().code,
            ErrorCode::kDenied);
}

}  // namespace
}  // namespace altlas::gateway
