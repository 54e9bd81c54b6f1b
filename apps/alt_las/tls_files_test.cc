// SPDX-License-Identifier: Apache-2.0
#include "tls_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "net/test_certificate.h"

namespace altlas::app {
namespace {

constexpr WallMillis kDay = 86'400'000;

class TlsFilesTest : public testing::Test {
 protected:
  // A pair `name`.pem and `name`.key, valid from a day before now for two days.
  void MakePair(const std::string& name, const char* password = nullptr) {
    net::MakeCertificate(Path(name), now_ - kDay, now_ + kDay, password);
  }
  std::filesystem::path Path(const std::string& name) { return folder_.path() / name; }
  void Refuse(const std::string& certificate, const std::string& key, const std::string& field,
              const std::string& part) {
    const auto looked = LookAtTlsFiles(Path(certificate), Path(key), now_);
    ASSERT_FALSE(looked.has_value()) << certificate << key;
    EXPECT_EQ(looked.error().field, field);
    EXPECT_NE(looked.error().message.find(part), std::string::npos) << looked.error().message;
  }

  TemporaryFolder folder_;
  const WallMillis now_ = 1'800'000'000'000;
};

TEST_F(TlsFilesTest, ARightPairHasNothingToSay) {
  MakePair("a");
  const auto looked = LookAtTlsFiles(Path("a.pem"), Path("a.key"), now_);
  ASSERT_TRUE(looked.has_value()) << looked.error().message;
  EXPECT_TRUE(looked->warnings.empty()) << looked->warnings.front();
  EXPECT_TRUE(looked->ValidAt(now_));
}

TEST_F(TlsFilesTest, WhatCannotBeUsedNamesTheKeyOfTheConfigurationAndWhy) {
  MakePair("a");
  MakePair("b");
  MakePair("locked", "word");
  ASSERT_TRUE(WriteFileAtomically(Path("garbage"), "garbage").has_value());
  Refuse("none", "a.key", "server.tls.certificate", "none");
  Refuse("garbage", "a.key", "server.tls.certificate", "no certificate");
  Refuse("a.pem", "none", "server.tls.key", "none");
  Refuse("a.pem", "garbage", "server.tls.key", "no private key");
  Refuse("a.pem", "b.key", "server.tls.key", "does not belong to");
  Refuse("locked.pem", "locked.key", "server.tls.key", "encrypted with a password");
}

TEST_F(TlsFilesTest, OutOfItsTimeIsAWarning) {
  MakePair("a");
  const auto late = LookAtTlsFiles(Path("a.pem"), Path("a.key"), now_ + 3 * kDay);
  ASSERT_TRUE(late.has_value());
  EXPECT_FALSE(late->ValidAt(now_ + 3 * kDay));
  ASSERT_EQ(late->warnings.size(), 1u);
  EXPECT_NE(late->warnings[0].find("expired at 2027-01-1"), std::string::npos) << late->warnings[0];
  const auto early = LookAtTlsFiles(Path("a.pem"), Path("a.key"), now_ - 3 * kDay);
  ASSERT_EQ(early->warnings.size(), 1u);
  EXPECT_NE(early->warnings[0].find("on only"), std::string::npos) << early->warnings[0];
}

TEST_F(TlsFilesTest, AKeyThatOthersMayReadIsAWarningWithItsCure) {
  MakePair("a");
  ASSERT_EQ(::chmod(Path("a.key").c_str(), 0640), 0);
  const auto looked = LookAtTlsFiles(Path("a.pem"), Path("a.key"), now_);
  ASSERT_EQ(looked->warnings.size(), 1u);
  EXPECT_NE(looked->warnings[0].find("chmod 600"), std::string::npos) << looked->warnings[0];
}

}  // namespace
}  // namespace altlas::app
