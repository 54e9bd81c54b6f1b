// SPDX-License-Identifier: Apache-2.0
#include "wire/worker_link_test_kit.h"

namespace altlas::wire {
namespace {

TEST_F(WorkerLinkTest, SaysHelloWithItsTokenAndReportsItsModels) {
  auto link = NewLink();
  auto connection = manager_.Accept();
  const auto hello = connection.Expect<Hello>();
  EXPECT_EQ(hello.device, "gpu_0");
  EXPECT_EQ(hello.token, "secret");
  EXPECT_EQ(hello.program_version, "w");
  EXPECT_EQ(hello.pid, std::uint32_t(::getpid()));
  EXPECT_NE(hello.instance, 0u);
  EXPECT_TRUE(hello.leases.empty());
  connection.Send(WelcomeOf());
  EXPECT_EQ(listener_.Next(), "welcome m");
  link->SendModelFailed({"tiny", ErrorCode::kNotFound, "no such folder"});
  link->SendReady({4, 1, 0, 0});
  EXPECT_EQ(connection.Expect<ModelFailed>().message, "no such folder");
  EXPECT_EQ(connection.Expect<Ready>().slots, 4u);
}

TEST_F(WorkerLinkTest, ConnectsWhenTheManagerComesLater) {
  manager_.Leave();
  auto link = NewLink();
  manager_.Listen();
  EXPECT_EQ(manager_.Accept().Expect<Hello>().device, "gpu_0");
}

TEST_F(WorkerLinkTest, TokensGoOutForStreamsAloneAndOneOutcomeForEachLease) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, true));
  connection.Send(GrantOf(kB, false));
  EXPECT_EQ(listener_.Next(), "grant 1");
  EXPECT_EQ(listener_.Next(), "grant 2");
  link->SendToken({kB, 0, {1}, "unseen"});
  link->SendToken({kA, 0, {1}, "seen"});
  link->SendDone({kA, "{1}", 0, 0, 0});
  link->SendDone({kA, "{2}", 0, 0, 0});
  link->SendFailed({kB, ErrorCode::kInternal, "why", false});
  EXPECT_EQ(connection.Expect<Token>().text, "seen");
  EXPECT_EQ(connection.Expect<LeaseDone>().result, "{1}");
  EXPECT_EQ(connection.Expect<LeaseFailed>().message, "why");
}

TEST_F(WorkerLinkTest, ReconnectionBringsLeasesAnswersTokensAndOutcomesAgain) {
  auto link = NewLink();
  std::uint64_t instance = 0;
  {
    auto connection = Adopted(*link);
    connection.Send(GrantOf(kA, true));
    connection.Send(GrantOf(kB, false));
    EXPECT_EQ(listener_.Next(), "grant 1");
    EXPECT_EQ(listener_.Next(), "grant 2");
    link->SendToken({kA, 0, {1}, "a"});
    link->SendDone({kB, "{}", 0, 0, 0});
    connection.Expect<Token>();
    connection.Expect<LeaseDone>();
  }
  link->SendToken({kA, 1, {2}, "b"});  // perhaps while nobody is there
  auto second = manager_.Accept();
  const auto hello = second.Expect<Hello>();
  instance = hello.instance;
  EXPECT_EQ(hello.leases, (std::vector<Hello::HeldLease>{{kA, false}, {kB, true}}));
  second.Send(WelcomeOf());
  EXPECT_EQ(second.Expect<ModelReady>().name, "tiny");
  EXPECT_EQ(second.Expect<Ready>().slots, 4u);
  EXPECT_EQ(second.Expect<Token>().text, "a");
  EXPECT_EQ(second.Expect<Token>().text, "b");
  EXPECT_EQ(second.Expect<LeaseDone>().lease, kB);
  link->SendToken({kA, 2, {3}, "c"});
  EXPECT_EQ(second.Expect<Token>().text, "c");
  second.Send(LeaseDoneAck{kB});
  second.Send(LeaseCancel{kA});
  EXPECT_EQ(listener_.Next(), "cancel 1");  // so the acknowledgement was read
  second = Connection(UniqueFd());

  auto third = manager_.Accept();
  const auto again = third.Expect<Hello>();
  EXPECT_EQ(again.instance, instance);
  EXPECT_EQ(again.leases, (std::vector<Hello::HeldLease>{{kA, false}}));
  EXPECT_TRUE(listener_.quiet());  // no second welcome
}

TEST_F(WorkerLinkTest, RepeatedGrantAndCancelOfAnsweredLeaseReachNobody) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, false));
  connection.Send(GrantOf(kA, false));
  EXPECT_EQ(listener_.Next(), "grant 1");
  link->SendDone({kA, "{}", 0, 0, 0});
  connection.Expect<LeaseDone>();
  connection.Send(LeaseCancel{kA});
  connection.Send(GrantOf(kB, false));
  EXPECT_EQ(listener_.Next(), "grant 2");
}

TEST_F(WorkerLinkTest, NoManagerForTheOrphanTimeEndsIt) {
  auto link = NewLink();
  {
    auto connection = Adopted(*link, WelcomeOf(/*orphan_ms=*/30));
    manager_.Leave();
  }
  EXPECT_EQ(listener_.Next(), "end orphaned");
}

TEST_F(WorkerLinkTest, NoManagerEverEndsIt) {
  manager_.Leave();
  first_contact_ = milliseconds(20);
  auto link = NewLink();
  EXPECT_EQ(listener_.Next(), "end orphaned");
}

TEST_F(WorkerLinkTest, DrainEndsWhenTheLastOutcomeIsAcknowledged) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, false));
  EXPECT_EQ(listener_.Next(), "grant 1");
  connection.Send(Drain{0});
  EXPECT_EQ(listener_.Next(), "drain 0");
  link->SendDone({kA, "{}", 0, 0, 0});
  connection.Expect<LeaseDone>();
  EXPECT_TRUE(listener_.quiet());
  connection.Send(LeaseDoneAck{kA});
  EXPECT_EQ(connection.Expect<Goodbye>().reason, GoodbyeReason::kDrained);
  EXPECT_FALSE(connection.Receive());
  EXPECT_EQ(listener_.Next(), "end drained");
}

TEST_F(WorkerLinkTest, DrainPastItsDeadlineEndsWithLeasesOpen) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, false));
  connection.Send(Drain{5});
  EXPECT_NE(connection.Expect<Goodbye>().text.find("1 leases open"), std::string::npos);
}

TEST_F(WorkerLinkTest, GoodbyeOfTheManagerEndsIt) {
  auto link = NewLink();
  auto connection = manager_.Accept();
  connection.Expect<Hello>();
  connection.Send(Goodbye{GoodbyeReason::kWrongVersion, "0.1.0 is not 0.2.0"});
  EXPECT_EQ(listener_.Next(), "end wrong_version");
}

TEST_F(WorkerLinkTest, EndOfItsOwnSaysGoodbyeAfterWhatIsQueued) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  link->SendModelFailed({"late", ErrorCode::kInternal, "last words"});
  link->End({GoodbyeReason::kFault, "device lost"});
  EXPECT_EQ(connection.Expect<ModelFailed>().message, "last words");
  EXPECT_EQ(connection.Expect<Goodbye>().text, "device lost");
  EXPECT_EQ(listener_.Next(), "end fault");
}

TEST_F(WorkerLinkTest, OtherModelsInALaterWelcomeEndIt) {
  auto link = NewLink();
  { auto connection = Adopted(*link); }
  auto connection = manager_.Accept();
  connection.Expect<Hello>();
  auto other = WelcomeOf();
  other.models[0].dtype = "bfloat16";
  connection.Send(other);
  EXPECT_EQ(listener_.Next(), "end reconfigured");
}

TEST_F(WorkerLinkTest, OtherLimitsInALaterWelcomeKeepItAndItsLeases) {
  auto link = NewLink();
  {
    auto connection = Adopted(*link);
    connection.Send(GrantOf(kA, false));
    EXPECT_EQ(listener_.Next(), "grant 1");
  }
  auto connection = manager_.Accept();
  EXPECT_EQ(connection.Expect<Hello>().leases.size(), 1u);
  auto other = WelcomeOf();
  other.max_batch = 1000;
  other.orphan_ms += 1;
  connection.Send(other);
  connection.Expect<ModelReady>();
  connection.Expect<Ready>();
  link->SendDone({kA, "{}", 0, 0, 0});
  EXPECT_EQ(connection.Expect<LeaseDone>().lease, kA);
}

TEST_F(WorkerLinkTest, DamagedBytesOfTheManagerCostTheConnectionAlone) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.SendRaw("GET / HTTP/1.1\r\n");
  EXPECT_FALSE(connection.Receive());
  EXPECT_EQ(manager_.Accept().Expect<Hello>().device, "gpu_0");
}

TEST_F(WorkerLinkTest, ManagerThatDoesNotReadNeitherBlocksItNorLosesAnything) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, true));
  EXPECT_EQ(listener_.Next(), "grant 1");
  const std::string piece(10'000, 'x');
  for (std::uint32_t i = 0; i < 500; ++i) link->SendToken({kA, i, {i}, piece});  // past any socket buffer
  link->SendDone({kA, "{}", 0, 0, 0});
  for (std::uint32_t i = 0; i < 500; ++i) ASSERT_EQ(connection.Expect<Token>().index, i);
  connection.Expect<LeaseDone>();
}

// The sends run on while the link's thread waits for the manager to take its last messages: were they held up
// by that, this would stand still for an hour.
TEST_F(WorkerLinkTest, SendingGoesOnWhileTheLastWordsAreStuck) {
  flush_within_ = std::chrono::hours(1);
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, true));
  EXPECT_EQ(listener_.Next(), "grant 1");
  const std::string piece(10'000, 'x');
  std::uint32_t index = 0;
  for (; index < 500; ++index) link->SendToken({kA, index, {index}, piece});  // past any socket buffer
  link->End({GoodbyeReason::kShutdown, "last"});
  for (; index < 20'000; ++index) link->SendToken({kA, index, {index}, ""});
  EXPECT_TRUE(listener_.quiet());
  std::uint32_t expected = 0;
  while (auto message = connection.Receive()) {
    if (const auto* token = std::get_if<Token>(&*message)) {
      ASSERT_EQ(token->index, expected++);
      continue;
    }
    ASSERT_TRUE(std::holds_alternative<Goodbye>(*message)) << MessageName(MessageType(*message));
    EXPECT_EQ(std::get<Goodbye>(*message).text, "last");
  }
  EXPECT_GE(expected, 500u);
  EXPECT_EQ(listener_.Next(), "end shutdown");
}

TEST_F(WorkerLinkTest, ManagerThatNeverReadsTheLastWordsIsLeft) {
  flush_within_ = milliseconds(1);
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, true));
  EXPECT_EQ(listener_.Next(), "grant 1");
  const std::string piece(10'000, 'x');
  for (std::uint32_t i = 0; i < 500; ++i) link->SendToken({kA, i, {i}, piece});
  link->End({GoodbyeReason::kShutdown, "last"});
  EXPECT_EQ(listener_.Next(), "end shutdown");
}

TEST_F(WorkerLinkTest, ResultPastTheLimitBecomesAFailureThatSaysSo) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(GrantOf(kA, false));
  EXPECT_EQ(listener_.Next(), "grant 1");
  link->SendDone({kA, std::string(kMaxJsonBytes + 1, ' '), 0, 0, 0});
  const auto failed = connection.Expect<LeaseFailed>();
  EXPECT_EQ(failed.code, ErrorCode::kInternal);
  EXPECT_NE(failed.message.find("result"), std::string::npos);
}

TEST_F(WorkerLinkTest, HeartbeatsCountUpAndCarryTheProgress) {
  steps_ = 41;
  auto link = NewLink();
  auto connection = manager_.Accept();
  auto welcome = WelcomeOf();
  welcome.heartbeat_interval_ms = 1;
  connection.Send(welcome);
  FrameReader reader;
  std::uint64_t last = 0;
  while (last < 5) {
    char buffer[4096];
    const auto got = ::recv(connection.fd(), buffer, sizeof(buffer), 0);
    ASSERT_GT(got, 0);
    reader.Feed(AsBytes({buffer, std::size_t(got)}));
    while (const auto frame = reader.Next()) {
      const auto message = DecodeMessage(*frame);
      ASSERT_TRUE(message);
      if (const auto* heartbeat = std::get_if<Heartbeat>(&*message)) {
        EXPECT_EQ(heartbeat->sequence, ++last);
        EXPECT_EQ(heartbeat->steps, 41u);
      }
    }
  }
}

TEST_F(WorkerLinkTest, WrongOptionsAreRefusedWithAReason) {
  WorkerLinkOptions options;
  options.socket_path = "/" + std::string(108, 'x');
  options.device = "gpu_0";
  EXPECT_NE(WorkerLink::Create(options, listener_, {}).error().message.find("107"), std::string::npos);
  options.socket_path = path_;
  options.device = "";
  EXPECT_NE(WorkerLink::Create(options, listener_, {}).error().message.find("device"), std::string::npos);
}

TEST_F(WorkerLinkTest, AProfileIsAskedForAndToldAndOneForNobodyIsDropped) {
  Mutex mutex;
  CondVar changed;
  std::vector<ProfileAsk> asked;
  WorkerLinkOptions options;
  options.socket_path = path_;
  options.device = "gpu_0";
  options.on_profile_ask = [&](const ProfileAsk& ask) {
    MutexLock lock(mutex);
    asked.push_back(ask);
    changed.NotifyAll();
  };
  auto link = WorkerLink::Create(options, listener_, {}).value();
  link->SendProfileReport({.id = 1, .models = {}, .operators = {}});  // nobody is there: nobody gets it later
  auto connection = Adopted(*link);
  connection.Send(ProfileAsk{7, 200, 3});
  {
    MutexLock lock(mutex);
    while (asked.empty()) changed.Wait(mutex);
    EXPECT_EQ(asked, (std::vector<ProfileAsk>{{7, 200, 3}}));
  }
  link->SendProfileReport({.id = 7, .seconds = 0.2, .models = {}, .operators = {}});
  const auto report = connection.Expect<ProfileReport>();
  EXPECT_EQ(report.id, 7u);
  EXPECT_EQ(report.seconds, 0.2);
}

// A worker that cannot watch itself says nothing, and is none the worse for being asked.
TEST_F(WorkerLinkTest, AnAskIsIgnoredWhereNobodyWatches) {
  auto link = NewLink();
  auto connection = Adopted(*link);
  connection.Send(ProfileAsk{7, 200, 3});
  connection.Send(GrantOf(kA, false));
  EXPECT_EQ(listener_.Next(), "grant 1");
}

}  // namespace
}  // namespace altlas::wire
