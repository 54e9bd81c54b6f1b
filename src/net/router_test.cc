// SPDX-License-Identifier: Apache-2.0
#include "net/router.h"

#include <gtest/gtest.h>

#include <string>

#include "net/address.h"

namespace altlas::net {
namespace {

class Recorder final : public ResponseWriter {
 public:
  void Send(const Response& response) override {
    status = response.status;
    body = response.body;
    for (const auto& field : response.headers)
      headers += std::string(field.name) + "=" + std::string(field.value) + ";";
  }
  void BeginStream(const Response&) override {}
  bool Write(std::string_view) override { return false; }
  void End() override {}
  void OnGone(std::function<void()>) override {}
  int status = 0;
  std::string body;
  std::string headers;
};

HttpHandler Answer(std::string name) {
  return [name = std::move(name)](const Request& request, const std::shared_ptr<ResponseWriter>& writer) {
    writer->SendJson(200, fmt::format("{} id={} x={} rest={}", name, request.Param("id"), request.Param("x"),
                                      request.Param("rest")));
  };
}

std::shared_ptr<Recorder> Ask(const Router& router, std::string_view method, std::string_view path) {
  auto recorder = std::make_shared<Recorder>();
  Request request;
  request.method = method;
  request.path = path;
  router.Handle(request, recorder);
  return recorder;
}

Router Sample() {
  Router router;
  router.Add("GET", "/", Answer("root"));
  router.Add("GET", "/task/{id}", Answer("task"));
  router.Add("DELETE", "/task/{id}", Answer("delete"));
  router.Add("GET", "/task/latest", Answer("latest"));
  router.Add("GET", "/task/{id}/stream", Answer("stream"));
  router.Add("POST", "/task/latest/{x}", Answer("post"));
  router.Add("GET", "/ui/{rest*}", Answer("files"));
  return router;
}

TEST(Router, LiteralsWinParametersFitAndTheWayBackIsFound) {
  const Router router = Sample();
  const auto body = [&](std::string_view path) { return Ask(router, "GET", path)->body; };
  EXPECT_EQ(body("/"), "root id= x= rest=");
  EXPECT_EQ(body("/task/7"), "task id=7 x= rest=");
  EXPECT_EQ(body("/task/latest"), "latest id= x= rest=");
  EXPECT_EQ(body("/task/latest2/stream"), "stream id=latest2 x= rest=");
  EXPECT_EQ(Ask(router, "POST", "/task/latest/stream")->body, "post id= x=stream rest=");
  EXPECT_EQ(body("/ui/"), "files id= x= rest=");
  EXPECT_EQ(body("/ui/a/b.js"), "files id= x= rest=a/b.js");
}

TEST(Router, ParametersAreDecodedWithoutMovingSegments) {
  const Router router = Sample();
  EXPECT_EQ(Ask(router, "GET", "/task/a%2Fb%20c")->body, "task id=a/b c x= rest=");
  EXPECT_EQ(Ask(router, "GET", "/ui/%C3%A9/x")->body, "files id= x= rest=\xc3\xa9/x");
}

TEST(Router, UnknownPathIs404KnownPathWithAnotherMethodIs405) {
  const Router router = Sample();
  for (const char* path :
       {"/nothing", "/task", "/task/", "/task//stream", "/task/7/stream/", "//", "", "*", "/TASK/7", "/ui"}) {
    EXPECT_EQ(Ask(router, "GET", path)->status, 404) << path;
  }
  const auto wrong = Ask(router, "POST", "/task/7");
  EXPECT_EQ(wrong->status, 405);
  EXPECT_EQ(wrong->headers, "Allow=GET, HEAD, DELETE, OPTIONS;");
  EXPECT_NE(wrong->body.find("\"code\":\"unsupported\""), std::string::npos);
}

TEST(Router, HeadAndOptionsNeedNoRoutesOfTheirOwn) {
  const Router router = Sample();
  EXPECT_EQ(Ask(router, "HEAD", "/task/7")->status, 200);
  const auto options = Ask(router, "OPTIONS", "/task/7");
  EXPECT_EQ(options->status, 204);
  EXPECT_EQ(options->headers, "Allow=GET, HEAD, DELETE, OPTIONS;");
}

TEST(Router, FindsTheRouteWithoutAnswering) {
  Router router;
  const auto handler = [](Request&, const std::shared_ptr<ResponseWriter>&) { FAIL() << "answered"; };
  router.Add("GET", "/task/{id}", handler);
  router.Add("POST", "/task", handler);
  router.Add("DELETE", "/task/{id}", handler);
  const auto find = [&](std::string_view method, std::string_view path) {
    Request request;
    request.method = method;
    request.path = path;
    auto match = router.Find(request);
    if (match.handler != nullptr && path != "/task") {
      EXPECT_EQ(request.Param("id"), "7");
    }
    return match;
  };
  EXPECT_EQ(find("GET", "/task/7").route, 0u);
  EXPECT_EQ(find("HEAD", "/task/7").route, 0u);
  EXPECT_EQ(find("POST", "/task").route, 1u);
  EXPECT_EQ(find("DELETE", "/task/7").route, 2u);
  EXPECT_EQ(find("POST", "/task/7").status, 405);
  EXPECT_EQ(find("POST", "/task/7").allow, "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(find("OPTIONS", "/task").status, 0);
  EXPECT_EQ(find("OPTIONS", "/task").handler, nullptr);
  EXPECT_EQ(find("GET", "/no").status, 404);
}

TEST(Request, QueryIsDecodedInOrder) {
  Request request;
  request.query = "a=1&b=x+y%26z&&c&a=2&%61b=3";
  EXPECT_EQ(request.Query("a"), "1");
  EXPECT_EQ(request.Query("b"), "x y&z");
  EXPECT_EQ(request.Query("c"), "");
  EXPECT_EQ(request.Query("ab"), "3");
  EXPECT_EQ(request.Query("d"), std::nullopt);
  EXPECT_EQ(request.QueryPairs().size(), 5u);
}

TEST(PercentCoding, DecodesWhatItEncodes) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
  for (const char* bad : {"%", "%4", "a%4", "%g0", "%0g", "%%41"}) EXPECT_FALSE(PercentDecode(bad)) << bad;
}

TEST(ErrorBody, NamesCodeMessageAndField) {
  EXPECT_EQ(FormatErrorBody(FailField("gpu.x", "is \"wrong\"")),
            R"({"error":{"code":"invalid_argument","message":"is \"wrong\"","field":"gpu.x"}})");
  EXPECT_EQ(FormatErrorBody(Fail(ErrorCode::kNotFound, "no")),
            R"({"error":{"code":"not_found","message":"no","field":null}})");
}

TEST(Address, FormsAreReadAndWritten) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "host.example:65535", ":80", "unix:/run/a.sock"}) {
    const auto address = Address::Parse(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  for (const char* bad : {"", "host", "host:", "host:x", "host:-1", "host:65536", "::1:80", "unix:", "a b:1",
                          "http://x:80", "[::1:80"}) {
    EXPECT_FALSE(Address::Parse(bad)) << bad;
  }
  EXPECT_FALSE(Address::Parse("unix:/" + std::string(120, 'a')));
}

}  // namespace
}  // namespace altlas::net
