// SPDX-License-Identifier: Apache-2.0
// HTTPS by certificate files: who is served, who is refused, and how a certificate is replaced.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "base/clock.h"
#include "net/test_certificate.h"
#include "raw_socket.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

using Trust = std::shared_ptr<net::TlsContext>;

class Https : public testing::Test {
 protected:
  void SetUp() override {
    Renew();
    server_.AddToConfig("server: {tls: {certificate: server.pem, key: server.key}}");
    server_.SpeakTls(TrustIn("server"));
    server_.Start();
  }
  // Another pair of key and certificate in the files that the server reads.
  void Renew() {
    constexpr WallMillis kDay = 86'400'000;
    const auto now = SystemClock().WallNow();
    net::MakeCertificate(server_.folder() / "server", now - kDay, now + kDay);
  }
  Trust TrustIn(const std::string& stem) {
    net::TlsClientOptions options;
    options.ca_file = server_.folder() / (stem + ".pem");
    return net::TlsContext::ForClient(std::move(options)).value();
  }
  Result<net::HttpReply> AskWith(Trust trust) {
    auto client = server_.Client();
    client.tls = std::move(trust);
    return net::CallBlocking(client, {.target = "/health/live"});
  }
  bool Serves(const Trust& trust) {
    const auto reply = AskWith(trust);
    return reply.has_value() && reply->status == 200;
  }
  void Reload() const { ::kill(server_.pid(), SIGHUP); }
  std::size_t Refusals() const {
    const std::string line = "certificate not reloaded, the old one stays";
    const auto log = server_.Log();
    std::size_t count = 0;
    for (auto at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++count;
    return count;
  }
  ServerProcess server_{"", {"--service-ms=3600000"}};
};

TEST_F(Https, AClientThatTrustsTheCertificateIsServed) {
  const auto address = ReadFile(server_.state() / "address", 4096).value();
  EXPECT_TRUE(address.starts_with("https://")) << address;
  EXPECT_EQ(server_.Call("GET", "/api/v1/gpus").status, 200);
  EXPECT_EQ(server_.CallWithKey("alk_wrong", "GET", "/api/v1/gpus").status, 401);
  const auto large = Json({{"text", std::string(900'000, 'x')}}).dump();
  const auto id = server_.Call("POST", "/api/v1/predict", large).json["task_id"].get<std::string>();
  EXPECT_EQ(server_.Call("DELETE", "/api/v1/task/" + id).json["status"], "canceled");
}

TEST_F(Https, AClientThatTrustsAnotherOneOrNobodyRefusesIt) {
  const auto now = SystemClock().WallNow();
  net::MakeCertificate(server_.folder() / "other", now - 1000, now + 86'400'000);
  for (const auto& trust : {TrustIn("other"), net::TlsContext::ForClient({}).value()}) {
    const auto reply = AskWith(trust);
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().code, ErrorCode::kDenied) << reply.error().message;
    EXPECT_NE(reply.error().message.find("not trusted"), std::string::npos) << reply.error().message;
  }
  net::TlsClientOptions elsewhere;
  elsewhere.ca_file = server_.folder() / "server.pem";
  elsewhere.server_name = "elsewhere.example";
  EXPECT_FALSE(AskWith(net::TlsContext::ForClient(std::move(elsewhere)).value()).has_value());
  EXPECT_TRUE(Serves(TrustIn("server")));
}

// A client that speaks plain HTTP, or nonsense, costs its own connection.
TEST_F(Https, WhoSpeaksNoTlsIsCutOffAndLeavesNothingBehind) {
  const auto before = OpenDescriptors(server_.pid());
  const auto address = server_.Client().address;
  const std::string openings[] = {"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", std::string(4096, '\0'),
                                  "\x16\x03\x01\xff\xff" + std::string(70'000, 'a'), "SSH-2.0-x\r\n"};
  for (int round = 0; round < 10; ++round) {
    for (const auto& opening : openings) {
      RawSocket client(address);
      client.Send(opening);
      const auto answer = client.ReadToEnd();
      EXPECT_TRUE(client.closed()) << "still open after: " << opening.substr(0, 20);
      EXPECT_EQ(answer.find("HTTP/1.1 200"), std::string::npos) << answer;
      EXPECT_EQ(answer.find("\"live\""), std::string::npos) << answer;
    }
  }
  // Half a greeting, then gone.
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(RawSocket(address).Send("\x16\x03\x01"));
  EXPECT_TRUE(Serves(TrustIn("server")));
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors(server_.pid()) <= before; }))
      << before << " before, " << OpenDescriptors(server_.pid()) << " now";
}

TEST_F(Https, ANewCertificateServesFromNowOnAndOpenConnectionsGoOn) {
  const auto old_trust = TrustIn("server");
  std::string words;
  for (int i = 0; i < 6000; ++i) words += "w ";
  net::HttpCall call;
  call.method = "POST";
  call.target = "/api/v1/predict";
  call.body = Json({{"text", words}, {"max_length", 6000}, {"stream", true}}).dump();
  call.headers.emplace_back("Authorization", "Bearer " + server_.key());
  std::atomic<int> tokens{0};
  std::string last, problem;
  std::thread listener([&, client = server_.Client()] {
    net::SseReader reader;
    const auto reply = net::StreamBlocking(client, call, [&](std::string_view piece) {
      return reader
          .Feed(piece,
                [&](const net::SseEvent& event) {
                  last = event.event;
                  if (last == "token") ++tokens;
                })
          .has_value();
    });
    if (!reply.has_value()) problem = reply.error().message;
  });
  EXPECT_TRUE(Eventually([&] { return tokens > 0; }));
  Renew();
  const auto new_trust = TrustIn("server");
  EXPECT_FALSE(Serves(new_trust)) << "before the reload";
  Reload();
  EXPECT_TRUE(Eventually([&] { return Serves(new_trust); })) << server_.Log();
  EXPECT_FALSE(Serves(old_trust));
  server_.SpeakTls(new_trust);
  const int before = tokens;
  EXPECT_TRUE(Eventually([&] { return tokens > before; })) << "the open stream stands still";
  const auto tasks = server_.Call("GET", "/api/v1/tasks").json["tasks"];
  EXPECT_EQ(tasks.size(), 1u);
  const auto id = tasks[0].value("task_id", "");
  EXPECT_EQ(server_.Call("DELETE", "/api/v1/task/" + id).json["status"], "canceled");
  listener.join();
  EXPECT_EQ(problem, "");
  EXPECT_EQ(last, "error") << "a canceled task's stream ends with its task";
}

TEST_F(Https, ABrokenNewCertificateKeepsTheOldOneAndSaysWhy) {
  const auto trust = TrustIn("server");
  const auto certificate = server_.folder() / "server.pem";
  const auto good = ReadFile(certificate, 1 << 16).value();
  const auto now = SystemClock().WallNow();
  net::MakeCertificate(server_.folder() / "other", now - 1000, now + 86'400'000);
  const auto foreign = ReadFile(server_.folder() / "other.pem", 1 << 16).value();
  std::size_t refusals = 0;
  for (const auto& [broken, reason] : {std::pair{std::string("garbage"), "holds no certificate"},
                                       {good.substr(0, good.size() / 2), "holds no certificate"},
                                       {foreign, "does not belong to"}}) {
    ASSERT_TRUE(WriteFileAtomically(certificate, broken).has_value());
    const auto said_before = server_.Log().size();
    Reload();
    EXPECT_TRUE(Eventually([&] { return Refusals() > refusals; })) << server_.Log();
    refusals = Refusals();
    EXPECT_NE(server_.Log().find(reason, said_before), std::string::npos) << server_.Log();
    EXPECT_TRUE(Serves(trust));
  }
  std::filesystem::remove(certificate);
  Reload();
  EXPECT_TRUE(Eventually([&] { return Refusals() > refusals; })) << server_.Log();
  EXPECT_TRUE(Serves(trust));
  Renew();
  Reload();
  EXPECT_TRUE(Eventually([&] { return Serves(TrustIn("server")); })) << server_.Log();
}

}  // namespace
}  // namespace altlas::testing_process
