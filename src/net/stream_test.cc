// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "net/test_certificate.h"
#include "net/test_support.h"

namespace altlas::net {
namespace {

// Two connected streams on one loop, run until a condition holds.
class StreamTest : public testing::Test {
 protected:
  void Connect(const Address& address, ListenOptions server = {}, StreamOptions client = {}) {
    auto made = StreamListener::Create(
        *loop_, address, server, [this](std::unique_ptr<Stream> stream) { accepted_ = std::move(stream); });
    ASSERT_TRUE(made.has_value()) << made.error().message;
    listener_ = std::move(*made);
    pending_ =
        ConnectStream(*loop_, listener_->address(), client, [this](Result<std::unique_ptr<Stream>> result) {
          connected_ = true;
          if (result) {
            client_ = std::move(*result);
          } else {
            error_ = result.error();
          }
        });
    if (client.tls != nullptr || server.stream.tls != nullptr) {
      RunUntil([this] { return accepted_ != nullptr; });
      accepted_->Start(Record(server_got_, server_end_));
    }
    RunUntil([this] { return connected_ && accepted_ != nullptr; });
  }
  StreamCallbacks Record(std::string& got, std::optional<Error>& end) {
    return {.on_bytes = [&got](std::string_view bytes) { got += bytes; },
            .on_close = [&end](const Error& reason) { end = reason; }};
  }
  void RunUntil(const std::function<bool()>& done) { ASSERT_TRUE(TurnUntil(*loop_, done)); }

  TemporaryFolder folder_;
  std::unique_ptr<IoLoop> loop_ = std::move(*IoLoop::Create());
  std::unique_ptr<StreamListener> listener_;
  std::unique_ptr<PendingConnect> pending_;
  std::unique_ptr<Stream> accepted_;
  std::unique_ptr<Stream> client_;
  std::optional<Error> error_;
  bool connected_ = false;
  std::string server_got_, client_got_;
  std::optional<Error> server_end_, client_end_;
};

TEST_F(StreamTest, BytesGoBothWaysOverAUnixSocketThatOnlyItsOwnerMayOpen) {
  const std::string path = folder_.path() / "a.sock";
  Connect(Address::Unix(path));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(accepted_->peer().uid, ::getuid());
  EXPECT_EQ(accepted_->peer().pid, ::getpid());
  accepted_->Start(Record(server_got_, server_end_));
  client_->Start(Record(client_got_, client_end_));
  ASSERT_TRUE(client_->Write("to "));
  ASSERT_TRUE(client_->Write("server"));
  ASSERT_TRUE(accepted_->Write("to client"));
  RunUntil([&] { return server_got_ == "to server" && client_got_ == "to client"; });
  listener_.reset();
  EXPECT_NE(::stat(path.c_str(), &status), 0) << "the socket's file stays behind";
}

TEST_F(StreamTest, MegabytesWaitForAReaderThatStartsLateAndArriveInOrder) {
  Connect(Address::Tcp("127.0.0.1", 0));
  std::string sent;
  for (int i = 0; i < 600'000; ++i) sent += std::to_string(i * 31 % 97);
  bool drained = false;
  auto callbacks = Record(client_got_, client_end_);
  callbacks.on_drained = [&] { drained = true; };
  client_->Start(std::move(callbacks));
  for (std::size_t at = 0; at < sent.size(); at += 10'000)
    ASSERT_TRUE(client_->Write(std::string_view(sent).substr(at, 10'000)));
  while (loop_->RunReady()) {
  }
  EXPECT_EQ(server_got_, "") << "a reader that has not started was given bytes";
  accepted_->Start(Record(server_got_, server_end_));
  RunUntil([&] { return server_got_.size() == sent.size() && drained; });
  EXPECT_EQ(server_got_, sent);
  EXPECT_EQ(client_->queued_bytes(), 0u);
}

TEST_F(StreamTest, QueueIsBoundedAndARefusedWriteTakesNothing) {
  StreamOptions options;
  options.max_queued_bytes = 1'000'000;
  Connect(Address::Unix(folder_.path() / "a.sock"), {}, options);
  client_->Start(Record(client_got_, client_end_));
  const std::string piece(100'000, 'x');
  std::size_t taken = 0;
  Status last;
  while ((last = client_->Write(piece)) && taken < 100'000'000) taken += piece.size();
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::kOverloaded);
  EXPECT_LE(client_->queued_bytes(), 1'000'000u);
  accepted_->Start(Record(server_got_, server_end_));
  RunUntil([&] { return server_got_.size() == taken; });
  EXPECT_TRUE(client_->Write("more"));
}

TEST_F(StreamTest, CloseWhenSentDeliversEverythingThenEndsBothSides) {
  Connect(Address::Tcp("127.0.0.1", 0));
  accepted_->Start(Record(server_got_, server_end_));
  client_->Start(Record(client_got_, client_end_));
  const std::string sent(3'000'000, 'y');
  ASSERT_TRUE(client_->Write(sent));
  client_->CloseWhenSent();
  EXPECT_EQ(client_->Write("late").error().code, ErrorCode::kUnavailable);
  RunUntil([&] { return server_end_ && client_end_; });
  EXPECT_EQ(server_got_.size(), sent.size());
  EXPECT_EQ(client_end_->code, ErrorCode::kCanceled);
  EXPECT_EQ(server_end_->code, ErrorCode::kUnavailable);
}

TEST_F(StreamTest, OwnerMayDestroyAStreamInsideItsCallbacks) {
  Connect(Address::Unix(folder_.path() / "a.sock"));
  const std::string long_capture =
      "a capture too long for the small buffer of a function, so that a use after free shows";
  accepted_->Start({.on_bytes =
                        [this, long_capture](std::string_view) {
                          accepted_.reset();
                          server_got_ = long_capture;
                        },
                    .on_close = [](const Error&) { FAIL() << "called after destruction"; }});
  client_->Start(
      {.on_bytes = [](std::string_view) {}, .on_close = [this](const Error&) { client_.reset(); }});
  ASSERT_TRUE(client_->Write("x"));
  RunUntil([&] { return client_ == nullptr; });
  EXPECT_EQ(server_got_, long_capture);
}

TEST_F(StreamTest, NobodyListeningAndBadNamesAreErrorsThatNameTheAddress) {
  const auto outcome = [this](const Address& address) {
    std::optional<Error> error;
    const auto pending = ConnectStream(*loop_, address, {}, [&](auto result) { error = result.error(); });
    EXPECT_FALSE(error) << "called inside the call";
    RunUntil([&] { return error.has_value(); });
    return *error;
  };
  const Error refused = outcome(Address::Unix(folder_.path() / "none.sock"));
  EXPECT_EQ(refused.code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.message.find("none.sock"), std::string::npos);
  EXPECT_EQ(outcome(Address::Unix(std::string(200, 'a'))).code, ErrorCode::kInvalidArgument);
}

TEST_F(StreamTest, AbandonedConnectIsNotReported) {
  auto pending = ConnectStream(*loop_, Address::Unix(folder_.path() / "none.sock"), {}, [](auto) { FAIL(); });
  pending.reset();
  while (loop_->RunReady()) {
  }
}

TEST_F(StreamTest, SecondListenerOnALiveSocketIsRefusedAStaleOneIsReplaced) {
  const Address address = Address::Unix(folder_.path() / "a.sock");
  const auto listen = [&](const Address& where) {
    return StreamListener::Create(*loop_, where, {}, [](auto) {});
  };
  auto first = listen(address);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(listen(address).error().code, ErrorCode::kConflict);
  // A process that dies leaves the file of its socket behind, as closing it does.
  const Address stale = Address::Unix(folder_.path() / "b.sock");
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  stale.path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
    EXPECT_EQ(listen(stale).error().code, ErrorCode::kConflict);
  }
  EXPECT_TRUE(listen(stale).has_value());
  std::ofstream(folder_.path() / "plain") << "text";
  EXPECT_EQ(listen(Address::Unix(folder_.path() / "plain")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(listen(Address::Tcp("no.such.host.invalid", 0)).error().code, ErrorCode::kInvalidArgument);
  auto tcp = listen(Address::Tcp("127.0.0.1", 0));
  ASSERT_TRUE(tcp.has_value());
  EXPECT_NE((*tcp)->address().port, 0);
  EXPECT_EQ(listen((*tcp)->address()).error().code, ErrorCode::kConflict);
}

class TlsStreamTest : public StreamTest {
 protected:
  void SetUp() override { MakeCertificate(folder_.path() / "server"); }
  ListenOptions Server(bool ask_client = false) {
    TlsServerOptions options{folder_.path() / "server.pem", folder_.path() / "server.key", {}};
    if (ask_client) options.client_ca_file = folder_.path() / "server.pem";
    ListenOptions listen;
    listen.stream.tls = *TlsContext::ForServer(options);
    return listen;
  }
  StreamOptions Client(TlsClientOptions options) {
    StreamOptions stream;
    stream.tls = *TlsContext::ForClient(std::move(options));
    return stream;
  }
  TlsClientOptions Trusting() { return {.ca_file = folder_.path() / "server.pem"}; }
};

TEST_F(TlsStreamTest, MegabytesGoBothWaysEncrypted) {
  Connect(Address::Tcp("127.0.0.1", 0), Server(), Client(Trusting()));
  ASSERT_NE(client_, nullptr) << error_->message;
  client_->Start(Record(client_got_, client_end_));
  const std::string up(2'000'000, 'u'), down(1'500'000, 'd');
  ASSERT_TRUE(client_->Write(up));
  ASSERT_TRUE(accepted_->Write(down));
  RunUntil([&] { return server_got_.size() == up.size() && client_got_.size() == down.size(); });
  EXPECT_EQ(server_got_, up);
  EXPECT_EQ(client_got_, down);
  client_->CloseWhenSent();
  RunUntil([&] { return server_end_.has_value(); });
}

TEST_F(TlsStreamTest, UntrustedWrongOrMissingCertificatesEndTheAttempt) {
  Connect(Address::Tcp("127.0.0.1", 0), Server(), Client({}));
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, ErrorCode::kDenied);
  accepted_.reset();
  error_.reset();
  connected_ = false;
  auto other_name = Trusting();
  other_name.server_name = "other.example";
  Connect(Address::Tcp("127.0.0.1", 0), Server(), Client(other_name));
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, ErrorCode::kDenied);
}

TEST_F(TlsStreamTest, ClientCertificatesAreAskedForWhereTold) {
  auto with_own = Trusting();
  with_own.certificate_file = folder_.path() / "server.pem";
  with_own.key_file = folder_.path() / "server.key";
  Connect(Address::Tcp("127.0.0.1", 0), Server(true), Client(with_own));
  ASSERT_NE(client_, nullptr);
  client_->Start(Record(client_got_, client_end_));
  ASSERT_TRUE(client_->Write("known"));
  RunUntil([&] { return server_got_ == "known"; });
  server_end_.reset();
  accepted_.reset();
  client_.reset();
  connected_ = false;
  Connect(Address::Tcp("127.0.0.1", 0), Server(true), Client(Trusting()));
  if (client_ != nullptr) client_->Start(Record(client_got_, client_end_));
  RunUntil([&] { return server_end_.has_value(); });
  EXPECT_EQ(server_got_, "known") << "a stranger's bytes came through";
}

TEST_F(TlsStreamTest, PlainBytesOnATlsListenerCostOnlyTheirConnection) {
  auto server = Server();
  Connect(Address::Tcp("127.0.0.1", 0), server, {});
  client_->Start(Record(client_got_, client_end_));
  ASSERT_TRUE(client_->Write("GET / HTTP/1.1\r\n\r\n"));
  RunUntil([&] { return server_end_.has_value() && client_end_.has_value(); });
  EXPECT_EQ(server_got_, "");
}

TEST_F(TlsStreamTest, ReloadTakesNewFilesAndKeepsTheOldOnesOnAnError) {
  const auto cert = folder_.path() / "server.pem";
  auto context = *TlsContext::ForServer({cert, folder_.path() / "server.key", {}});
  const auto* before = context->native();
  std::ofstream(cert) << "no certificate";
  const auto failed = context->Reload();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("server.pem"), std::string::npos);
  EXPECT_EQ(context->native(), before);
  MakeCertificate(folder_.path() / "server");
  EXPECT_TRUE(context->Reload());
  TemporaryFolder other;
  MakeCertificate(other.path() / "server");
  EXPECT_EQ(TlsContext::ForServer({cert, other.path() / "server.key", {}}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(TlsContext::ForServer({"/none.pem", "/none.pem", {}}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace altlas::net
