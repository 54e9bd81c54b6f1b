// SPDX-License-Identifier: Apache-2.0
#include "net/http_head.h"

#include <gtest/gtest.h>

#include <string>

#include "net/http_chunk.h"

namespace altlas::net {
namespace {

RequestHead Parsed(const std::string& text) {
  RequestHead head;
  const auto refusal = ParseRequestHead(text, {}, head);
  EXPECT_FALSE(refusal.has_value()) << (refusal ? refusal->error.message : "");
  return head;
}

TEST(RequestHead, PartsAreViewsIntoTheText) {
  const std::string text =
      "POST /api/v1/predict?wait=5&x=%20 HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 12\r\n"
      "X-Empty:\r\nX-Blank: \t two words \t\r\nX-Latin: caf\xe9\r\n\r\n";
  const RequestHead head = Parsed(text);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/api/v1/predict");
  EXPECT_EQ(head.query, "wait=5&x=%20");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_FALSE(head.chunked);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_EQ(head.fields.size(), 5u);
  EXPECT_EQ(head.fields[2].value, "");
  EXPECT_EQ(head.fields[3].value, "two words");
  EXPECT_EQ(head.fields[4].value, "caf\xe9");
}

TEST(RequestHead, StorageIsReusedWithoutALeftover) {
  RequestHead head;
  const std::string first =
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\nOrigin: "
      "o\r\n\r\n";
  const std::string second = "GET /b HTTP/1.0\r\n\r\n";
  ASSERT_FALSE(ParseRequestHead(first, {}, head));
  EXPECT_TRUE(head.chunked);
  EXPECT_TRUE(head.expect_continue);
  ASSERT_FALSE(ParseRequestHead(second, {}, head));
  EXPECT_FALSE(head.chunked);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_TRUE(head.origin.empty());
  EXPECT_TRUE(head.fields.empty());
}

TEST(RequestHead, ConnectionOptionsAreAListOfTokens) {
  EXPECT_FALSE(Parsed("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade ,\tCLOSE\r\n\r\n").keep_alive);
  EXPECT_TRUE(Parsed("GET / HTTP/1.1\r\nHost: x\r\nConnection: closed\r\n\r\n").keep_alive);
  EXPECT_TRUE(Parsed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(Parsed("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").keep_alive);
}

TEST(RequestHead, AbsoluteFormOfOurOwnHostIsServedAsItsPath) {
  EXPECT_EQ(Parsed("GET http://h:80/p?q HTTP/1.1\r\nHost: H:80\r\n\r\n").path, "/p");
  EXPECT_EQ(Parsed("GET HTTP://h HTTP/1.1\r\nHost: h\r\n\r\n").path, "/");
  EXPECT_EQ(Parsed("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path, "*");
}

TEST(ContentLength, OnlyDigits) {
  EXPECT_EQ(ParseContentLength("0"), 0u);
  EXPECT_EQ(ParseContentLength("000012"), 12u);
  EXPECT_EQ(ParseContentLength("999999999999999999"), 999999999999999999u);
  for (const char* bad :
       {"", "+5", "-1", "5,5", "5 5", "0x10", "1e3", "5;", "1000000000000000000", "18446744073709551616"}) {
    EXPECT_FALSE(ParseContentLength(bad)) << bad;
  }
}

TEST(HeadScanner, EndIsFoundAtTheSamePlaceHoweverTheBytesArrive) {
  const std::string text = "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\nBODY\r\n\r\n";
  const std::size_t expected = text.find("BODY");
  for (std::size_t split = 0; split <= text.size(); ++split) {
    HeadScanner scanner;
    std::size_t end = 0;
    for (const std::size_t size : {split, text.size()}) {
      const auto found = scanner.Scan(std::string_view(text).substr(0, size), {});
      ASSERT_TRUE(found.has_value());
      end = *found;
      if (end > 0) break;
    }
    EXPECT_EQ(end, expected) << split;
  }
}

TEST(HeadScanner, LimitsHoldWithinOneByte) {
  HeadLimits limits;
  limits.header_bytes = 100;
  const auto status = [&](std::size_t filler) {
    const std::string text = "GET / HTTP/1.1\r\nX: " + std::string(filler, 'a') + "\r\n\r\n";
    HeadScanner scanner;
    return scanner.Scan(text, limits).has_value() ? text.size() : 0;
  };
  EXPECT_EQ(status(77), 100u);
  EXPECT_EQ(status(78), 0u);
}

TEST(ResponseHead, StatusFramingAndRefusals) {
  ResponseHead head;
  ASSERT_TRUE(ParseResponseHead("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n", {}, head));
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.content_length, 3u);
  ASSERT_TRUE(ParseResponseHead("HTTP/1.1 200\r\n\r\n", {}, head));
  EXPECT_FALSE(head.content_length);
  for (const char* bad :
       {"HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "200 OK\r\n\r\n", "\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    EXPECT_FALSE(ParseResponseHead(bad, {}, head)) << bad;
  }
}

// The decoded body, or an error's code name. `step` bytes at a time.
std::string Decode(std::string_view text, std::size_t step, std::uint64_t limit = 1000) {
  ChunkDecoder decoder;
  std::string body;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size() && !decoder.done(); at += step) {
    auto piece = text.substr(at, step);
    const std::size_t size = piece.size();
    while (!piece.empty() && !decoder.done()) {
      const auto part = decoder.Next(piece, limit);
      if (!part) return std::string(ErrorCodeName(part.error().code));
      body += *part;
    }
    used = at + size - piece.size();
  }
  if (!decoder.done()) return "unfinished";
  return body + "|" + std::string(text.substr(used));
}

TEST(ChunkDecoder, EveryStepSizeGivesTheSameBody) {
  const std::string text =
      "5\r\nhello\r\n00A;n;v=1;q=\"a;\\\"b\"\r\n0123456789\r\n0\r\nTrailer-One: x\r\nT2:\r\n\r\nGET / "
      "HTTP/1.1";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    EXPECT_EQ(Decode(text, step), "hello0123456789|GET / HTTP/1.1") << step;
  }
}

TEST(ChunkDecoder, WhatIsNoChunkIsRefusedHoweverItArrives) {
  for (const char* bad : {"\r\n",
                          "g\r\n",
                          "-1\r\n",
                          "+5\r\nhello",
                          " 5\r\nhello",
                          "5 \r\nhello",
                          "0x5\r\nhello",
                          "5\nhello",
                          "5\rhello",
                          "5\r\nhello\n",
                          "5\r\nhelloX",
                          "5\r\nhello\r\r",
                          "1234567890123456\r\n",
                          "5;\r\n",
                          "5;=1\r\n",
                          "5;a=\r\n",
                          "5;a b\r\n",
                          "5;a=\"x\r\n",
                          "5;a=\"x\"y\r\n",
                          "5;a\n",
                          "5;a=\"\x01\"\r\n",
                          "0\r\n: x\r\n",
                          "0\r\n x\r\n",
                          "0\r\nA b: x\r\n",
                          "0\r\nA: x\n",
                          "0\r\nA: \x01\r\n",
                          "0\r\n\rX",
                          "0\r\nContent-Length: 5\r\n",
                          "5,5\r\nhello"}) {
    const std::size_t size = std::string_view(bad).size();
    EXPECT_EQ(Decode(bad, 1), "invalid_argument") << bad;
    EXPECT_EQ(Decode(bad, size), "invalid_argument") << bad;
  }
}

TEST(ChunkDecoder, LimitIsNoticedAtTheSizeAndHugeSizesDoNotWrap) {
  EXPECT_EQ(Decode("5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n", 1, 10), "hellohello|");
  EXPECT_EQ(Decode("5\r\nhello\r\n6\r\n", 1, 10), "too_large");
  EXPECT_EQ(Decode("fffffffffffffff\r\n", 3, 10), "too_large");
  EXPECT_EQ(Decode("1;" + std::string(5000, 'a'), 100), "invalid_argument");
  EXPECT_EQ(Decode("0\r\nA:" + std::string(9000, 'a'), 100), "invalid_argument");
}

}  // namespace
}  // namespace altlas::net
