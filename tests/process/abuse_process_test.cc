// SPDX-License-Identifier: Apache-2.0
// Bytes that no HTTP client sends, against the whole program: each gets its refusal and loses its connection,
// nothing comes in beside it, and the next good request is served (API-9, promise 3).
#include <gtest/gtest.h>

#include "base/random.h"
#include "raw_socket.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

Json ErrorOf(const std::string& answer) {
  const auto body = answer.find("\r\n\r\n");
  const auto json =
      Json::parse(body == std::string::npos ? std::string() : answer.substr(body + 4), nullptr, false);
  return json.is_object() && json.contains("error") ? json["error"] : Json::object();
}

int Answers(const std::string& bytes) {
  int count = 0;
  for (auto at = bytes.find("\r\nDate: "); at != std::string::npos; at = bytes.find("\r\nDate: ", at + 1))
    ++count;
  return count;
}

class Abuse : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess;
    server_->Start();
  }
  static void TearDownTestSuite() { delete server_; }
  // Whatever a test did: nothing was accepted, and the server goes on.
  void TearDown() override {
    EXPECT_EQ(server().Call("GET", "/health/live").status, 200);
    const auto tasks = server().Call("GET", "/api/v1/tasks");
    EXPECT_EQ(tasks.status, 200);
    EXPECT_EQ(tasks.json["tasks"].size(), 0u) << tasks.reply.body;
  }
  static ServerProcess& server() { return *server_; }
  static RawSocket Connect() { return RawSocket(server().Client().address); }
  static std::string Head(const std::string& line, const std::string& fields) {
    return line + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + server().key() + "\r\n" + fields +
           "\r\n";
  }
  static std::string Post(const std::string& fields, const std::string& body) {
    return Head("POST /api/v1/predict", fields) + body;
  }
  static inline ServerProcess* server_ = nullptr;
};

struct Case {
  const char* name;
  std::string bytes;
  int status;
};

TEST_F(Abuse, WhatCouldHideARequestIsRefusedAndNothingBehindItIsRead) {
  const std::string json = R"({"text":"hidden"})";
  const std::string length = "Content-Length: " + std::to_string(json.size()) + "\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const auto hidden = Post(length, json);
  const auto in_chunk = [&](const std::string& size) {
    return Post(chunked, size + "\r\n" + json + "\r\n0\r\n\r\n" + hidden);
  };
  const auto got = [&](const std::string& fields) { return Head("GET /api/v1/gpus", fields) + hidden; };
  const Case cases[] = {
      {"CL and TE", Post(length + chunked, "0\r\n\r\n" + hidden), 400},
      {"TE and CL", Post(chunked + length, "0\r\n\r\n" + hidden), 400},
      {"two CLs", Post(length + "Content-Length: 0\r\n", hidden), 400},
      {"two equal CLs", Post(length + length, json + hidden), 400},
      {"a list of CLs", Post("Content-Length: 17, 17\r\n", json + hidden), 400},
      {"a signed CL", Post("Content-Length: +17\r\n", json + hidden), 400},
      {"a CL past 64 bits", Post("Content-Length: 18446744073709551633\r\n", json + hidden), 413},
      {"TE twice", Post(chunked + chunked, "0\r\n\r\n" + hidden), 400},
      {"another TE", Post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + hidden), 501},
      {"a blank before the colon", Post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + hidden), 400},
      {"a signed chunk size", in_chunk("+11"), 400},
      {"a chunk size of 0x", in_chunk("0x11"), 400},
      {"a chunk size with a blank", in_chunk("11 "), 400},
      {"an empty chunk size", in_chunk(""), 400},
      {"a chunk longer than its size", in_chunk("10"), 400},
      {"a chunk shorter than its size", in_chunk("12"), 400},
      {"a chunk size past 64 bits", in_chunk("10000000000000011"), 400},
      {"a bare LF behind a chunk size", Post(chunked, "11\n" + json + "\r\n0\r\n\r\n" + hidden), 400},
      {"a folded trailer", Post(chunked, "11\r\n" + json + "\r\n0\r\nA: b\r\n c\r\n\r\n" + hidden), 400},
      {"obs-fold", got("A: b\r\n c\r\n"), 400},
      {"a folded TE", Post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n" + hidden), 400},
      {"NUL in a value", got(std::string("A: b\0c\r\n", 8)), 400},
      {"NUL in a name", got(std::string("A\0: b\r\n", 7)), 400},
      {"NUL in the target", Head(std::string("GET /api\0", 9), "") + hidden, 400},
      {"a bare LF", "GET /api/v1/gpus HTTP/1.1\nHost: x\n\n" + hidden, 400},
      {"a bare LF behind a field", got("A: b\nC: d\r\n"), 400},
      {"a bare CR", got("A: b\rContent-Length: 5\r\n"), 400},
      {"two Hosts", got("Host: y\r\n"), 400},
      {"two keys", got("Authorization: Bearer x\r\n"), 400},
      {"no Host", "GET /api/v1/gpus HTTP/1.1\r\n\r\n" + hidden, 400},
      {"TE on HTTP/1.0", "POST /api/v1/predict HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n" + hidden, 400},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
      {"another method", Head("BREW /api/v1/predict", "") + hidden, 501},
      {"dots in the path", Head("GET /api/v1/../../etc/passwd", "") + hidden, 400},
  };
  for (const auto& test : cases) {
    auto socket = Connect();
    EXPECT_TRUE(socket.Send(test.bytes)) << test.name;
    const auto answer = socket.ReadToEnd();
    EXPECT_TRUE(socket.closed()) << test.name << ": the connection stays open";
    EXPECT_EQ(StatusOf(answer), test.status) << test.name << "\n" << answer;
    EXPECT_EQ(Answers(answer), 1) << test.name << "\n" << answer;
    EXPECT_TRUE(ErrorOf(answer).contains("code")) << test.name << "\n" << answer;
    if (test.status == 400) {
      EXPECT_EQ(ErrorOf(answer)["code"], "invalid_argument") << test.name;
    }
    EXPECT_EQ(server().Call("GET", "/api/v1/gpus").status, 200) << "after " << test.name;
  }
}

TEST_F(Abuse, WhatIsTooMuchIsRefusedByItsLimit) {
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += "A" + std::to_string(i) + ": b\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const Case cases[] = {
      {"a huge header", Head("GET /health/live", "A: " + std::string(200'000, 'a') + "\r\n"), 431},
      {"an endless header", "GET /health/live HTTP/1.1\r\nHost: x\r\nA: " + std::string(200'000, 'a'), 431},
      {"many fields", Head("GET /health/live", fields), 431},
      {"a huge target", Head("GET /" + std::string(200'000, 'a'), ""), 414},
      {"an endless line", std::string(200'000, 'a'), 414},
      {"a body of terabytes", Post("Content-Length: 9999999999999\r\n", "{"), 413},
      {"a chunk of gigabytes", Post(chunked, "ffffffff\r\n{"), 413},
      {"a body where none is taken", Head("GET /health/live", "Content-Length: 5000\r\n"), 413},
  };
  for (const auto& test : cases) {
    auto socket = Connect();
    socket.Send(test.bytes);  // the server may close before it has read all of it
    const auto answer = socket.ReadToEnd();
    EXPECT_TRUE(socket.closed()) << test.name;
    EXPECT_EQ(StatusOf(answer), test.status) << test.name << "\n" << answer;
    EXPECT_EQ(server().Call("GET", "/api/v1/gpus").status, 200) << "after " << test.name;
  }
}

TEST_F(Abuse, DeepOrBroadJsonIsRefused) {
  const auto text = [](const std::string& value) { return R"({"text":"a","x":)" + value + "}"; };
  const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
  std::string objects = "1";
  for (int i = 0; i < 5000; ++i) objects = R"({"a":)" + objects + "}";
  std::string broad = "[0";
  for (int i = 0; i < 70'000; ++i) broad += ",0";
  broad += "]";
  const std::pair<std::string, int> bodies[] = {{text(deep), 400},
                                                {text(std::string(30'000, '[')), 400},
                                                {text(objects), 400},
                                                {deep, 400},
                                                {text(broad), 413}};
  for (const auto& [body, status] : bodies) {
    for (const char* path : {"/api/v1/predict", "/api/v1/batch_predict"}) {
      const auto answer = server().Call("POST", path, body);
      EXPECT_EQ(answer.status, status) << body.substr(0, 40) << "\n" << answer.reply.body;
      EXPECT_FALSE(answer.json["error"]["message"].get<std::string>().empty());
    }
  }
}

TEST_F(Abuse, RubbishCostsItsConnectionAlone) {
  Random random(20261121);
  for (int round = 0; round < 100; ++round) {
    auto socket = Connect();
    std::string bytes = round % 2 == 0 ? "" : Head("GET /health/live", "");
    for (int i = 0; i < 300; ++i) bytes += static_cast<char>(random.Below(256));
    socket.Send(bytes);
    socket.EndOutput();
    const auto answer = socket.ReadToEnd();
    EXPECT_TRUE(socket.closed());
    if (round % 2 == 1) {
      EXPECT_EQ(StatusOf(answer), 200) << answer;
    } else if (!answer.empty()) {
      EXPECT_GE(StatusOf(answer), 400) << answer;
    }
  }
}

TEST_F(Abuse, ClientsThatLeaveInTheMiddleOfARequestHaveSentNothing) {
  const std::string json = R"({"text":"half"})";
  for (std::size_t left = 1; left <= json.size(); ++left) {
    auto socket = Connect();
    socket.Send(
        Post("Content-Length: " + std::to_string(json.size()) + "\r\n", json.substr(0, json.size() - left)));
    if (left % 2 == 0) {
      socket.EndOutput();
      EXPECT_EQ(socket.ReadToEnd(), "");
    }
  }
  auto socket = Connect();
  socket.Send(Post("Transfer-Encoding: chunked\r\n", "f\r\n" + json + "\r\n"));
  socket.EndOutput();
  EXPECT_EQ(socket.ReadToEnd(), "");
}

TEST_F(Abuse, PipelinedRequestsAreAnsweredInOrder) {
  auto socket = Connect();
  socket.Send(Head("GET /version", "") + Head("GET /nowhere", "") +
              Head("GET /health/live", "Connection: close\r\n"));
  EXPECT_NE(socket.ReadAnswer().find("alt_las"), std::string::npos);
  EXPECT_EQ(StatusOf(socket.ReadAnswer()), 404);
  EXPECT_EQ(StatusOf(socket.ReadAnswer()), 200);
  EXPECT_EQ(socket.ReadToEnd(), "");
  EXPECT_TRUE(socket.closed());
}

// Heads and bodies that come a byte at a time, or not at all.
TEST(SlowClients, AreToldSoAndCutWhileOthersAreServed) {
  ServerProcess server("server:\n  limits: {request_time: 4, idle_time: 4}\n");
  server.Start();
  const auto address = server.Client().address;
  const std::string head =
      "POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + server.key() + "\r\n";
  const std::string endless(100'000, 'a');
  const std::string long_body = head + "Content-Length: 90000\r\n\r\n";
  struct {
    const char* what;
    std::string at_once, slowly;
  } const cases[] = {
      {"head", "", head + "A: " + endless},
      {"head", head.substr(0, 20), ""},
      {"body", long_body, endless},
      {"body", long_body + "{\"text\":", ""},
      {"body", head + "Transfer-Encoding: chunked\r\n\r\n", "fff0\r\n" + endless},
  };
  RawSocket silent(address);
  RawSocket idle(address);
  idle.Send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(idle.ReadAnswer()), 200);
  std::vector<RawSocket> sockets;
  for (const auto& test : cases) sockets.emplace_back(address).Send(test.at_once);
  bool open = true;
  for (std::size_t at = 0; open && at < endless.size(); ++at) {
    open = false;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      if (sockets[i].Readable(2)) continue;
      open = true;
      if (at < cases[i].slowly.size()) sockets[i].Send({&cases[i].slowly[at], 1});
    }
    if (at % 100 == 0) {
      EXPECT_EQ(server.Call("GET", "/health/live").status, 200);
    }
  }
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const auto answer = sockets[i].ReadToEnd();
    EXPECT_TRUE(sockets[i].closed()) << i << answer;
    EXPECT_EQ(StatusOf(answer), 408) << i << answer;
    EXPECT_EQ(ErrorOf(answer)["code"], "timeout") << i << answer;
    EXPECT_NE(answer.find(cases[i].what), std::string::npos) << i << answer;
  }
  for (auto* socket : {&silent, &idle}) {
    EXPECT_EQ(socket->ReadToEnd(), "");
    EXPECT_TRUE(socket->closed());
  }
  EXPECT_EQ(server.Call("GET", "/api/v1/tasks").json["tasks"].size(), 0u);
}

TEST(Connections, PastTheirNumberAreTurnedAwayAndServedOnceOthersLeave) {
  ServerProcess server("server:\n  limits: {connections: 4}\n");
  server.Start();
  const auto address = server.Client().address;
  std::vector<RawSocket> held;
  // The connections that asked whether it is ready are still on their way out.
  ASSERT_TRUE(Eventually([&] {
    RawSocket socket(address);
    socket.Send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    if (StatusOf(socket.ReadAnswer()) == 200) held.push_back(std::move(socket));
    return held.size() == 4;
  }));
  for (int i = 0; i < 200; ++i) {
    RawSocket socket(address);
    const auto answer = socket.ReadToEnd();
    EXPECT_TRUE(socket.closed());
    EXPECT_TRUE(answer.empty() || StatusOf(answer) == 503) << answer;
    if (i > 0) continue;
    EXPECT_EQ(StatusOf(answer), 503);
    EXPECT_EQ(ErrorOf(answer)["code"], "overloaded") << answer;
  }
  for (auto& socket : held) {
    socket.Send("GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(StatusOf(socket.ReadAnswer()), 200) << "one that was there is served";
  }
  held.pop_back();
  EXPECT_TRUE(Eventually([&] { return server.Call("GET", "/health/live").status == 200; }));
}

}  // namespace
}  // namespace altlas::testing_process
