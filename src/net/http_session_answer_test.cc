// SPDX-License-Identifier: Apache-2.0
// Answers: at once or later, streamed, broken off, to a client that has left.
#include "net/http_session_fixture.h"

namespace altlas::net {
namespace {

TEST(HttpSession, LaterPipelinedRequestsWaitForAnAnswerThatComesLater) {
  std::vector<std::shared_ptr<ResponseWriter>> writers;
  Wire wire([&](const Request& request, const auto& writer) {
    if (request.path == "/later") {
      writers.push_back(writer);
    } else {
      Echo(request, writer);
    }
  });
  wire.Feed("GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n" + Get(""));
  EXPECT_EQ(wire.Take(), "");
  ASSERT_EQ(writers.size(), 1u);
  writers[0]->SendJson(200, "1");
  EXPECT_EQ(writers.size(), 1u) << "a handler ran inside a writer's call";
  wire.RunPosts();
  ASSERT_EQ(writers.size(), 2u);
  writers[0]->SendJson(200, "again");  // over: ignored
  writers[1]->SendJson(200, "2");
  wire.RunPosts();
  const std::string out = wire.Take();
  EXPECT_EQ(out.find("again"), std::string::npos);
  EXPECT_LT(out.find("\r\n\r\n1HTTP"), out.find("\r\n\r\n2HTTP"));
  EXPECT_TRUE(out.ends_with(Ok("GET / ? 1 []")));
  EXPECT_EQ(wire.shared().stats.active_requests, 0u);
}

TEST(HttpSession, StreamsAreChunkedPlainForOldClientsAndEmptyForHead) {
  const auto stream = [](const Request&, const std::shared_ptr<ResponseWriter>& writer) {
    writer->BeginStream({.content_type = "text/event-stream", .body = "a"});
    EXPECT_TRUE(writer->Write("bc"));
    EXPECT_TRUE(writer->Write(""));
    EXPECT_TRUE(writer->Write(std::string(17, 'd')));
    writer->End();
    EXPECT_FALSE(writer->Write("late"));
  };
  const std::string d17(17, 'd');
  const std::string head = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/event-stream\r\n";
  Wire wire(stream);
  wire.Feed(Get(""));
  EXPECT_EQ(wire.Take(),
            head + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n11\r\n" + d17 + "\r\n0\r\n\r\n");
  wire.Feed("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(wire.Take(), head + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(wire.session().phase(), HttpSession::Phase::kIdle);
  wire.Feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(wire.Take(), head + "Connection: close\r\n\r\nabc" + d17);
  EXPECT_EQ(wire.session().phase(), HttpSession::Phase::kClosed);
}

TEST(HttpSession, HandlerIsToldWhenItsClientLeavesAndOnlyThen) {
  std::shared_ptr<ResponseWriter> writer;
  int gone = 0;
  const auto hold = [&](const Request&, const std::shared_ptr<ResponseWriter>& w) {
    writer = w;
    writer->OnGone([&] { ++gone; });
  };
  Wire left(hold);
  left.Feed(Get(""));
  left.session().OnEndOfInput();
  left.RunPosts();
  EXPECT_EQ(gone, 0) << "it may still read";
  left.session().OnBroken();
  EXPECT_EQ(gone, 0) << "called inside an event";
  left.RunPosts();
  EXPECT_EQ(gone, 1);
  left.session().OnBroken();
  left.RunPosts();
  EXPECT_EQ(gone, 1);
  writer->OnGone([&] { gone += 10; });
  left.RunPosts();
  EXPECT_EQ(gone, 11) << "it had left already";

  gone = 0;
  Wire stayed(hold);
  stayed.Feed(Get(""));
  writer->SendJson(200, "{}");
  stayed.session().OnEndOfInput();
  stayed.session().OnBroken();
  stayed.RunPosts();
  EXPECT_EQ(gone, 0);
}

TEST(HttpSession, HalfClosedClientStillGetsItsAnswers) {
  std::shared_ptr<ResponseWriter> writer;
  Wire wire([&](const Request&, const std::shared_ptr<ResponseWriter>& w) { writer = w; });
  wire.Feed(Get("") + Get(""));
  wire.session().OnEndOfInput();
  writer->SendJson(200, "1");
  wire.RunPosts();
  EXPECT_EQ(wire.session().phase(), HttpSession::Phase::kHandling);
  writer->SendJson(200, "2");
  wire.RunPosts();
  EXPECT_TRUE(wire.Take().ends_with("2"));
  EXPECT_EQ(wire.session().phase(), HttpSession::Phase::kClosed);
}

TEST(HttpSession, HalfClosedClientStillGetsTheWholeStreamAndIsNotTakenForGone) {
  std::shared_ptr<ResponseWriter> writer;
  int gone = 0;
  Wire wire([&](const Request&, const std::shared_ptr<ResponseWriter>& w) {
    writer = w;
    writer->OnGone([&] { ++gone; });
  });
  wire.Feed(Get(""));
  wire.session().OnEndOfInput();
  wire.RunPosts();
  writer->BeginStream({.content_type = "text/event-stream"});
  EXPECT_TRUE(writer->Write("abc"));
  wire.RunPosts();
  EXPECT_TRUE(writer->Write("de"));
  writer->End();
  wire.RunPosts();
  EXPECT_EQ(gone, 0);
  EXPECT_EQ(
      wire.Take(),
      "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
      "Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(wire.session().phase(), HttpSession::Phase::kClosed);
}

TEST(HttpSession, StreamThatIsNotReadIsCut) {
  HttpServerOptions options;
  options.limits.queued_bytes = 10'000;
  std::shared_ptr<ResponseWriter> writer;
  int gone = 0;
  Wire wire(
      [&](const Request&, const std::shared_ptr<ResponseWriter>& w) {
        writer = w;
        writer->BeginStream({});
        writer->OnGone([&] { ++gone; });
      },
      options);
  wire.Feed(Get(""));
  int written = 0;
  while (writer->Write(std::string(1000, 'a')) && written < 1000) ++written;
  EXPECT_LT(written, 11);
  wire.RunPosts();
  EXPECT_EQ(gone, 1);
  EXPECT_TRUE(wire.session().aborted());
  EXPECT_EQ(wire.shared().stats.slow_clients, 1u);
}

TEST(HttpSession, AWriterDroppedUnansweredIsAnsweredWithAnError) {
  std::shared_ptr<ResponseWriter> writer;
  Wire at_once([](const Request&, const auto&) {});
  at_once.Feed(Get(""));
  EXPECT_EQ(StatusOf(at_once.output()), 500);
  Wire later([&](const Request&, const std::shared_ptr<ResponseWriter>& w) { writer = w; });
  later.Feed(Get(""));
  EXPECT_FALSE(later.session().CheckAbandoned());
  writer.reset();
  EXPECT_TRUE(later.session().CheckAbandoned());
  EXPECT_EQ(StatusOf(later.output()), 500);
  Wire thrown([](const Request&, const auto&) { throw std::runtime_error("secret"); });
  thrown.Feed(Get(""));
  EXPECT_EQ(StatusOf(thrown.output()), 500);
  EXPECT_EQ(thrown.output().find("secret"), std::string::npos);
}

TEST(HttpSession, LineBreaksInHeaderValuesCannotBeginAField) {
  Wire wire([](const Request&, const auto& writer) {
    const HeaderField field{"X", std::string_view("a\r\nSet-Cookie: b\0c", 18)};
    writer->Send({.status = 201, .body = "{}", .headers = {&field, 1}});
  });
  wire.Feed(Get(""));
  EXPECT_NE(wire.output().find("X: a  Set-Cookie: b c\r\n"), std::string::npos) << wire.output();
}

TEST(HttpSession, NoBodyAndNoLengthWhereTheStatusForbidsThem) {
  Wire wire([](const Request&, const auto& writer) { writer->Send({.status = 204, .body = "x"}); });
  wire.Feed(Get(""));
  EXPECT_EQ(wire.Take(), "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
}

TEST(HttpSession, CorsAnswersAllowedOriginsOnly) {
  HttpServerOptions options;
  options.cors.origins = {"https://a.example"};
  const std::string preflight =
      "OPTIONS /p HTTP/1.1\r\nHost: x\r\nAccess-Control-Request-Method: POST\r\nOrigin: ";
  const std::string allowed = Answer(preflight + "https://a.example\r\n\r\n", {}, options);
  EXPECT_EQ(StatusOf(allowed), 204);
  EXPECT_NE(allowed.find("Access-Control-Allow-Origin: https://a.example\r\n"), std::string::npos);
  EXPECT_NE(allowed.find("Access-Control-Allow-Headers: authorization"), std::string::npos);
  EXPECT_EQ(Answer(preflight + "https://b.example\r\n\r\n", {}, options).find("Access-Control"),
            std::string::npos);
  const std::string read = Answer(Get("Origin: https://a.example\r\n"), {}, options);
  EXPECT_NE(read.find("Vary: Origin"), std::string::npos);
  // All that a page needs of an answer's head: where its task is, when to ask again, what was ignored.
  EXPECT_NE(read.find("Access-Control-Expose-Headers: location, retry-after, warning, x-task-id\r\n"),
            std::string::npos);
  EXPECT_EQ(Answer(Get("Origin: https://a.example\r\n")).find("Access-Control"), std::string::npos);
}

TEST(HttpSession, DrainingServerEndsConnectionsWithTheirAnswers) {
  Wire wire(Echo);
  wire.shared().draining = true;
  wire.Feed(Get(""));
  EXPECT_NE(wire.output().find("Connection: close"), std::string::npos);
  EXPECT_EQ(wire.session().phase(), HttpSession::Phase::kClosed);
}

TEST(DateLine, IsAnHttpDate) {
  EXPECT_EQ(FormatDateLine(784111777), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
}

}  // namespace
}  // namespace altlas::net
