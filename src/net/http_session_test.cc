// SPDX-License-Identifier: Apache-2.0
// Requests: how their bytes are read, what is refused, what they may cost.
#include "net/http_session_fixture.h"

namespace altlas::net {
namespace {

// Where the last answer begins: bodies of errors speak of HTTP/1.1 too.
std::size_t StartOfLast(const std::string& answers) {
  std::size_t at = answers.rfind("HTTP/1.1 ");
  while (at != std::string::npos && at > 0 && std::isdigit(static_cast<unsigned char>(answers[at + 9])) == 0)
    at = answers.rfind("HTTP/1.1 ", at - 1);
  return at;
}

struct Case {
  const char* name;
  std::string bytes;
  int status;        // of the last answer, the one that ends the connection (0: none)
  int requests = 0;  // that reached the handler
};

std::vector<Case> RefusedCases() {
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  return {
      {"CL and TE", Post("Content-Length: 6\r\n" + chunked, "0\r\n\r\n" + smuggled), 400},
      {"TE and CL", Post(chunked + "Content-Length: 6\r\n", "0\r\n\r\n" + smuggled), 400},
      {"two CL", Post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello" + smuggled), 400},
      {"two equal CL", Post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello" + smuggled), 400},
      {"two CL, other case", Post("Content-Length: 5\r\ncontent-length: 0\r\n", "hello" + smuggled), 400},
      {"CL list", Post("Content-Length: 5,5\r\n", "hello" + smuggled), 400},
      {"CL list of one", Post("Content-Length: 5,\r\n", "hello"), 400},
      {"CL plus", Post("Content-Length: +5\r\n", "hello"), 400},
      {"CL minus", Post("Content-Length: -5\r\n", "hello"), 400},
      {"CL hex", Post("Content-Length: 0x5\r\n", "hello"), 400},
      {"CL inner blank", Post("Content-Length: 1 0\r\n", "hellohello"), 400},
      {"CL empty", Post("Content-Length:\r\n", ""), 400},
      {"CL quoted", Post("Content-Length: \"5\"\r\n", "hello"), 400},
      {"CL past 64 bits", Post("Content-Length: 18446744073709551621\r\n", "hello"), 413},
      {"CL of 23 digits", Post("Content-Length: 99999999999999999999999\r\n", "hello"), 413},
      {"CL of zeros and a letter", Post("Content-Length: 0000000000000000000000000x\r\n", "hello"), 400},
      {"coded body", Post("Content-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"), 415},
      {"coded chunks", Post("content-encoding: br\r\n" + chunked, "5\r\nhello\r\n0\r\n\r\n"), 415},
      {"coded twice",
       Post("Content-Encoding: identity\r\nContent-Encoding: deflate\r\nContent-Length: 5\r\n", "hello"),
       415},
      {"CL too large", Post("Content-Length: 999999999999\r\n", "hello"), 413},
      {"TE gzip", Post("Transfer-Encoding: gzip\r\n", ""), 501},
      {"TE gzip, chunked", Post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
      {"TE chunked, chunked", Post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 501},
      {"TE chunked twice", Post(chunked + chunked, "0\r\n\r\n"), 400},
      {"TE xchunked", Post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
      {"TE chunked with a comma", Post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n"), 501},
      {"TE quoted", Post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 501},
      {"TE identity", Post("Transfer-Encoding: identity\r\n", ""), 501},
      {"TE with vertical tab",
       Post("Transfer-Encoding: \x0b"
            "chunked\r\n",
            "0\r\n\r\n"),
       400},
      {"TE empty", Post("Transfer-Encoding:\r\n", ""), 501},
      {"TE on HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"blank before colon", Post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
      {"tab before colon", Post("Content-Length\t: 5\r\n", "hello"), 400},
      {"obs-fold", Get("A: b\r\n c\r\n"), 400},
      {"obs-fold by tab", Get("A: b\r\n\tc\r\n"), 400},
      {"first field folded", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      {"folded TE", Post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400},
      {"NUL in value", Get(std::string("A: b\0c\r\n", 8)), 400},
      {"NUL in name", Get(std::string("A\0: b\r\n", 7)), 400},
      {"control in value", Get("A: b\x01\r\n"), 400},
      {"escape in a long value", Get("A: 0123456789012345678901234567890\x1b[2J\r\n"), 400},
      {"DEL in value", Get("A: 01234567\x7f\r\n"), 400},
      {"bare CR in value", Get("A: b\rContent-Length: 5\r\n"), 400},
      {"bare CR ends a line", "GET / HTTP/1.1\rHost: x\r\n\r\n", 400},
      {"bare LF after request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", 400},
      {"bare LF after field", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400},
      {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400},
      {"LF LF", "GET / HTTP/1.1\n\n", 400},
      {"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400},
      {"two Hosts", Get("Host: y\r\n"), 400},
      {"two equal Hosts", Get("Host: x\r\n"), 400},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400},
      {"Host with userinfo", "GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", 400},
      {"Host list", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
      {"two Authorization", Get("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400},
      {"two Content-Type", Get("Content-Type: a/b\r\nContent-Type: a/b\r\n"), 400},
      {"two Idempotency-Key", Get("Idempotency-Key: a\r\nidempotency-key: b\r\n"), 400},
      {"Connection that is no list", Get("Connection: close; x\r\n"), 400},
      {"no colon", Get("nonsense\r\n"), 400},
      {"empty name", Get(": x\r\n"), 400},
      {"name with a bracket", Get("A(b): c\r\n"), 400},
      {"name beyond ASCII", Get("\xc3\xa9: c\r\n"), 400},
      {"unknown expectation", Post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), 417},
      {"method with a bracket", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"method in control characters", "\x01GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"TLS greeting", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
      {"leading blank", " GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"unknown method", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"lower-case method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"CONNECT", "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 400},
      {"authority form", "GET x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 400},
      {"absolute form of another host", "GET http://evil/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"absolute form of another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"asterisk for GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"two blanks", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"blank in target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"tab for a blank", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"blank behind the version", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
      {"fragment", "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"backslash", "GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"raw UTF-8", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"percent cut short", "GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"percent no hex", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"percent in query", "GET /?a=% HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"encoded CRLF", "GET /a%0d%0aB:c HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"encoded bad UTF-8", "GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"dot segments", "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"encoded dot segments", "GET /a/%2e%2E/b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"encoded slash and dots", "GET /a/..%2fb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505},
      {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505},
      {"http/1.1", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
      {"HTTP/1.1x", "GET / HTTP/1.1x\r\nHost: x\r\n\r\n", 400},
      {"HTTP/01.1", "GET / HTTP/01.1\r\nHost: x\r\n\r\n", 400},
      {"long target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
      {"endless target", "GET /" + std::string(20000, 'a'), 414},
      {"long head", Get("A: " + std::string(17000, 'a') + "\r\n"), 431},
      {"endless head", "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(20000, 'a'), 431},
      {"many fields", Get([] {
         std::string fields;
         for (int i = 0; i < 101; ++i) fields += fmt::format("A{}: b\r\n", i);
         return fields;
       }()),
       431},
      {"chunk size signed", Post(chunked, "+5\r\nhello\r\n0\r\n\r\n" + smuggled), 400},
      {"chunk size in blanks", Post(chunked, "5 \r\nhello\r\n0\r\n\r\n" + smuggled), 400},
      {"chunk size 0x", Post(chunked, "0x5\r\nhello\r\n0\r\n\r\n" + smuggled), 400},
      {"chunk bare LF", Post(chunked, "5\nhello\r\n0\r\n\r\n" + smuggled), 400},
      {"chunk longer than its size", Post(chunked, "4\r\nhello\r\n0\r\n\r\n" + smuggled), 400},
      {"chunk of 2^64", Post(chunked, "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk too large", Post(chunked, "fffffff\r\n"), 413},
      {"chunk extension with a line break", Post(chunked, "5;a\nb\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size zz", Post(chunked, "zz\r\nhello\r\n0\r\n\r\n"), 400},
      {"trailer of the head", Post(chunked, "0\r\nContent-Length: 5\r\n\r\n"), 400},
      {"trailer folded", Post(chunked, "0\r\nA: b\r\n c\r\n\r\n" + smuggled), 400},
      {"after a good request", Get("") + Get("A : b\r\n"), 400, 1},
  };
}

TEST(HttpSession, WhatCouldBeReadInTwoWaysIsRefusedAndEndsTheConnection) {
  for (const auto& test : RefusedCases()) {
    Wire wire(Echo);
    wire.Feed(test.bytes);
    const std::string answer = wire.Take();
    const std::size_t last = StartOfLast(answer);
    ASSERT_NE(last, std::string::npos) << test.name;
    EXPECT_EQ(StatusOf(answer.substr(last)), test.status) << test.name << "\n" << answer;
    EXPECT_NE(answer.find("Connection: close\r\n", last), std::string::npos) << test.name;
    EXPECT_NE(answer.find("{\"error\":{\"code\":\"", last), std::string::npos) << test.name;
    if (test.status == 400) {
      EXPECT_NE(answer.find("{\"code\":\"invalid_argument\"", last), std::string::npos)
          << test.name << answer;
    }
    EXPECT_EQ(wire.shared().stats.requests, static_cast<std::uint64_t>(test.requests)) << test.name;
    EXPECT_EQ(wire.session().phase(), HttpSession::Phase::kClosed) << test.name;
    // Nothing that follows is looked at.
    wire.Feed(Get(""));
    EXPECT_EQ(wire.Take(), "") << test.name;
  }
}

TEST(HttpSession, ARefusedCodingIsNamed) {
  const auto answer = Answer(Post("Content-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"));
  EXPECT_NE(answer.find("\"field\":\"Content-Encoding\""), std::string::npos) << answer;
  EXPECT_NE(answer.find("\"code\":\"unsupported\""), std::string::npos) << answer;
}

TEST(HttpSession, RefusalsDoNotDependOnHowTheBytesArrive) {
  for (const auto& test : RefusedCases()) {
    if (test.bytes.size() > 2000) continue;
    const std::string whole = Answer(test.bytes);
    std::vector<std::size_t> every;
    for (std::size_t cut = 1; cut < test.bytes.size(); ++cut) {
      EXPECT_EQ(Answer(test.bytes, {cut}), whole) << test.name << " at " << cut;
      every.push_back(cut);
    }
    EXPECT_EQ(Answer(test.bytes, every), whole) << test.name;
  }
}

std::vector<std::pair<std::string, std::string>> AcceptedCases() {
  return {
      {Get(""), Ok("GET / ? 1 []")},
      {"\r\n" + Get(""), Ok("GET / ? 1 []")},
      {"\r\n\r\n\r\n" + Get(""), Ok("GET / ? 1 []")},
      {"GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n", Ok("GET /a/b ?c=d&e 2 []")},
      {Post("Content-Length: 5\r\n", "hello"), Ok("POST / ? 2 [hello]")},
      {Post("Content-Length: 0\r\n", ""), Ok("POST / ? 2 []")},
      {Post("Content-Encoding: Identity\r\nContent-Length: 5\r\n", "hello"), Ok("POST / ? 3 [hello]")},
      {Get("Content-Encoding: gzip\r\n"), Ok("GET / ? 2 []")},
      {Post("", ""), Ok("POST / ? 1 []")},
      {Post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\nT: t\r\n\r\n"),
       Ok("POST / ? 2 [hello world]")},
      {Post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n") + Get(""),
       Ok("POST / ? 2 []") + Ok("GET / ? 1 []")},
      {Get("") + Post("Content-Length: 3\r\n", "abc") +
           Post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n1\r\ny\r\n0\r\n\r\n") + Get("A: b\r\n"),
       Ok("GET / ? 1 []") + Ok("POST / ? 2 [abc]") + Ok("POST / ? 2 [xy]") + Ok("GET / ? 2 []")},
      {"HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n" + Get(""),
       "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\n" +
           Ok("GET / ? 1 []")},
      {"GET / HTTP/1.0\r\n\r\n" + Get(""),
       "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: "
       "close\r\n\r\nGET / ? 0 []"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + Get(""),
       "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: "
       "keep-alive\r\n\r\nGET / ? 1 []" +
           Ok("GET / ? 1 []")},
      {Get("Connection: close\r\n") + Get(""),
       "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: "
       "close\r\n\r\nGET / ? 2 []"},
  };
}

TEST(HttpSession, EveryTwoWaySplitAndByteByByteGiveTheSameAnswers) {
  for (const auto& [bytes, expected] : AcceptedCases()) {
    EXPECT_EQ(Answer(bytes), expected);
    std::vector<std::size_t> every;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      EXPECT_EQ(Answer(bytes, {cut}), expected) << bytes << " at " << cut;
      every.push_back(cut);
    }
    EXPECT_EQ(Answer(bytes, every), expected) << bytes;
  }
}

TEST(HttpSession, BodiesOfEverySizeArriveWholeAndAreFollowedByPadding) {
  for (const std::size_t size : {1u, 4095u, 4096u, 5000u, 70000u, 1000000u}) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i * 7 % 26);
    for (const bool chunked : {false, true}) {
      bool same = false;
      unsigned padding = 0;
      Wire wire([&](const Request& request, const auto& writer) {
        same = request.body == body && request.Header("a") == "b";
        for (std::size_t i = 0; i < Request::kBodyPadding; ++i)
          padding += static_cast<unsigned char>(*(request.body.end() + i)) & 1u;
        writer->SendJson(200, "{}");
      });
      const std::string half = body.substr(0, size / 2), rest = body.substr(size / 2);
      wire.Feed(chunked ? Post("Transfer-Encoding: chunked\r\nA: b\r\n",
                               (half.empty() ? "" : fmt::format("{:x}\r\n{}\r\n", half.size(), half)) +
                                   fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", rest.size(), rest))
                        : Post(fmt::format("Content-Length: {}\r\nA: b\r\n", size), body));
      EXPECT_TRUE(same) << size << (chunked ? " chunked" : "");
      EXPECT_EQ(StatusOf(wire.output()), 200);
      EXPECT_LE(padding, Request::kBodyPadding);
    }
  }
}

TEST(HttpSession, ContinueIsSentOnlyWhileTheBodyIsMissing) {
  Wire wire(Echo);
  wire.Feed(Post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""));
  EXPECT_EQ(wire.Take(), "HTTP/1.1 100 Continue\r\n\r\n");
  wire.Feed("h");
  EXPECT_EQ(wire.Take(), "");
  wire.Feed("i");
  EXPECT_EQ(wire.Take(), Ok("POST / ? 3 [hi]"));
  wire.Feed(Post("Expect: 100-continue\r\nContent-Length: 2\r\n", "hi"));
  EXPECT_EQ(wire.Take(), Ok("POST / ? 3 [hi]"));
  wire.Feed(Post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", ""));
  EXPECT_EQ(wire.Take(), "HTTP/1.1 100 Continue\r\n\r\n");
  wire.Feed(Post("Expect: 100-continue\r\nContent-Length: 99999999\r\n", ""));
}

TEST(HttpSession, TooLargeABodyIsRefusedBeforeContinueAndBeforeItsBytes) {
  HttpServerOptions options;
  options.limits.body_bytes = 10;
  EXPECT_EQ(StatusOf(Answer(Post("Expect: 100-continue\r\nContent-Length: 11\r\n", ""), {}, options)), 413);
  EXPECT_EQ(StatusOf(Answer(Post("Content-Length: 10\r\n", "0123456789"), {}, options)), 200);
  EXPECT_EQ(StatusOf(Answer(Post("Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n1\r\n"), {}, options)),
            413);
}

TEST(HttpSession, MemoryOfUnfinishedRequestsIsBounded) {
  HttpServerOptions options;
  options.limits.buffered_bytes = 100'000;
  Wire wire(Echo, options);
  wire.Feed(Post("Content-Length: 1000000\r\n", std::string(500'000, 'a')));
  EXPECT_EQ(StatusOf(wire.output()), 503);
  EXPECT_LE(wire.shared().stats.buffered_bytes, 100'000u);
  wire.Close();
  EXPECT_EQ(wire.shared().stats.buffered_bytes, 0u);
}

// With the memory used up, what is pipelined behind a request waits outside until that request is answered.
TEST(HttpSession, UsedUpMemoryNeverWritesIntoAnAnswerThatIsUnderWay) {
  for (const bool streamed : {false, true}) {
    HttpServerOptions options;
    options.limits.buffered_bytes = 10'000;
    std::shared_ptr<ResponseWriter> writer;
    int handled = 0;
    Wire wire(
        [&](const Request& request, const auto& w) {
          if (++handled > 1) return Echo(request, w);
          writer = w;
          if (streamed) writer->BeginStream({.content_type = "text/plain", .body = "a"});
        },
        options);
    std::string sent = Post("Content-Length: 4\r\n", "body");
    for (int i = 0; i < 1000; ++i) sent += Get("");
    auto left = wire.Feed(sent);
    EXPECT_FALSE(left.empty());
    EXPECT_FALSE(wire.session().wants_input());
    std::string answer = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\n";
    if (streamed) {
      EXPECT_TRUE(writer->Write("bc"));
      writer->End();
      answer += "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    } else {
      EXPECT_EQ(wire.output(), "");
      writer->Send({.content_type = "text/plain", .body = "once"});
      answer += "Content-Length: 4\r\n\r\nonce";
    }
    EXPECT_EQ(wire.output(), answer);
    wire.RunPosts();
    while (!left.empty() && wire.session().wants_input()) left = wire.Feed(left);
    EXPECT_EQ(left, "");
    EXPECT_EQ(handled, 1001) << "the client's later requests were lost";
    EXPECT_EQ(wire.output().find(" 503 "), std::string::npos);
  }
}

TEST(HttpSession, BytesOfAReadThatIsUnderWayStandBehindWhatWasDecodedMeanwhile) {
  std::shared_ptr<ResponseWriter> writer;
  Wire wire([&](const Request& request, const auto& w) {
    if (request.path != "/later") return Echo(request, w);
    writer = w;
  });
  wire.Feed("GET /later HTTP/1.1\r\nHost: x\r\n\r\n" +
            Post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"));
  const std::string_view rest = "6\r\n world\r\n0\r\n\r\n";
  const auto space = wire.session().ReadSpace();
  std::memcpy(space.data(), rest.data(), rest.size());
  writer->SendJson(200, "{}");
  wire.RunPosts();  // decodes the first chunk in place, so the end moves
  wire.session().OnBytes(rest.size());
  EXPECT_TRUE(wire.output().ends_with(Ok("POST / ? 2 [hello world]"))) << wire.output();
}

TEST(HttpSession, TimeoutAnswersOnlyInTheMiddleOfARequest) {
  Wire idle(Echo);
  idle.session().OnTimeout();
  EXPECT_EQ(idle.Take(), "");
  EXPECT_EQ(idle.session().phase(), HttpSession::Phase::kClosed);
  for (const std::string& part : {std::string("GET / HT"), Post("Content-Length: 5\r\n", "he"),
                                  Post("Transfer-Encoding: chunked\r\n", "5\r\n")}) {
    Wire wire(Echo);
    wire.Feed(part);
    wire.session().OnTimeout();
    EXPECT_EQ(StatusOf(wire.output()), 408) << part;
  }
}

}  // namespace
}  // namespace altlas::net
