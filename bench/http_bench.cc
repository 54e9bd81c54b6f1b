// SPDX-License-Identifier: Apache-2.0
// What a request costs, beside the least that can answer HTTP: `alt_las serve` on core 0, the load on core 1,
// each variant right after the raw epoll server (and nginx, where it is installed), several times; medians.
// usage: http_bench BUILD_FOLDER [ROUNDS [SECONDS [ROW]]]
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

#include "group_commit.h"
#include "load_client.h"
#include "server_under_test.h"

namespace altlas::bench {
namespace {

struct Length {
  int rounds = 5;
  double seconds = 1;
};
const std::string kAnswer =
    R"({"task_id":"01a2003e-b92b-7000-b076-65305de3bb77","gpu_id":"gpu_0","status":"queued"})";
// 250 bytes, as a client sends one.
const std::string kBody =
    R"({"text": "Once upon a time there was a small house at the edge of a great forest, and in the house lived )"
    R"(a man who had never seen the sea.", "max_length": 60, "temperature": 0.7, "type": "text_generation", )"
    R"("priority": "normal", "top_p": 0.9})";
// One token to send back.
const std::string kShortBody = R"({"text": "a", "max_length": 1})";
// Nothing runs: the worker is never ready, so that what is measured is the way into the queue.
constexpr const char* kNeverReady = "--slow-start=3600000";

struct Sample {
  double rate = 0, cpu = 0, p50 = 0, p99 = 0;
};

std::string Request(const std::string& method, const std::string& target, const std::string& key,
                    const std::string& body) {
  std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!key.empty()) request += "Authorization: Bearer " + key + "\r\n";
  if (!body.empty())
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return request + "\r\n" + body;
}

Sample Measure(const Length& length, const ServerUnderTest& server, const std::string& request,
               double open_rate = 0, int connections = 64) {
  LoadOptions options;
  options.port = server.port();
  options.request = request;
  options.requests_per_second = open_rate;
  options.connections = connections;
  LoadClient client(options);
  client.Run(length.seconds / 4);
  const double before = server.CpuMicroseconds();
  const auto result = client.Run(length.seconds);
  const double cpu = server.CpuMicroseconds() - before;
  if (result.errors != 0)
    std::fprintf(stderr, "%llu answers were errors\n", static_cast<unsigned long long>(result.errors));
  return {result.rate(), cpu / static_cast<double>(std::max<std::uint64_t>(1, result.answers)),
          result.Percentile(0.5), result.Percentile(0.99)};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

struct Row {
  std::string what;
  std::vector<Sample> ours, raw, nginx;
};

std::string Config(const char* store) {
  return "store: {kind: " + std::string(store) +
         "}\ngpu: {enabled: false, multi_gpu: {max_queue_size: 10000000, queue_timeout: 3600, "
         "max_concurrent_tasks_per_gpu: 8}}\n"
         "devices: {source: cpu, cpu_count: 1}\n";
}

class Bench {
 public:
  Bench(std::string build, Length length) : build_(std::move(build)), length_(length) {}

  // One row: our server, made anew for each round, beside the others.
  void Compare(const std::string& what, const std::string& method, const char* store, double open_rate) {
    Row row{what, {}, {}, {}};
    for (int round = 0; round < length_.rounds; ++round) {
      {
        const auto raw = ServerUnderTest::RawEpoll(kAnswer);
        row.raw.push_back(
            Measure(length_, raw,
                    Request(method, "/api/v1/predict", "alt_0123456789abcdef0123456789abcdef", Body(method)),
                    open_rate));
      }
      if (const auto nginx = ServerUnderTest::Nginx(kAnswer); nginx.port() != 0)
        row.nginx.push_back(
            Measure(length_, nginx,
                    Request(method, "/api/v1/predict", "alt_0123456789abcdef0123456789abcdef", Body(method)),
                    open_rate));
      const auto ours = ServerUnderTest::AltLas(build_, Config(store), kNeverReady);
      row.ours.push_back(
          Measure(length_, ours, Request(method, Target(method, ours), ours.key(), Body(method)), open_rate));
    }
    Print(row);
  }

  // 64 clients whose tasks are on disk when they are answered, beside the same rows written by the database
  // alone.
  void Durable() {
    std::vector<double> ours, alone;
    for (int round = 0; round < length_.rounds; ++round) {
      alone.push_back(GroupCommitRate(64, kBody, length_.seconds));
      const auto server = ServerUnderTest::AltLas(build_, Config("sqlite"), kNeverReady, kEveryCore);
      ours.push_back(Measure(length_, server, Request("POST", "/api/v1/predict", server.key(), kBody)).rate);
    }
    std::printf("%-34s %9.0f/s   the database alone, 64 rows a commit: %9.0f/s   ratio %.2f\n",
                "durable accept, 64 clients", Median(ours), Median(alone), Median(ours) / Median(alone));
  }

  // One client at a time that waits for its text: the way to the worker process and back.
  void Hop() {
    std::vector<double> p50, p99, raw50;
    for (int round = 0; round < length_.rounds; ++round) {
      {
        const auto raw = ServerUnderTest::RawEpoll(kAnswer);
        raw50.push_back(Measure(length_, raw, Request("POST", "/", "", kShortBody), 0, 1).p50);
      }
      const auto server = ServerUnderTest::AltLas(build_, Config("memory"), "--service-ms=0", kEveryCore);
      const auto sample = Measure(length_, server,
                                  Request("POST", "/api/v1/predict?wait=30", server.key(), kShortBody), 0, 1);
      p50.push_back(sample.p50);
      p99.push_back(sample.p99);
    }
    std::printf("%-34s p50 %.0f us, p99 %.0f us; a bare request to the raw server: p50 %.0f us\n",
                "predict?wait through an echo worker", Median(p50), Median(p99), Median(raw50));
  }

 private:
  static std::string Body(const std::string& method) { return method == "POST" ? kShortBody : ""; }

  static std::string Target(const std::string& method, const ServerUnderTest& server) {
    if (method == "POST") return "/api/v1/predict";
    LoadOptions options;
    options.port = server.port();
    options.request = Request("POST", "/api/v1/predict", server.key(), kShortBody);
    options.connections = 1;
    const auto answer = LoadClient(options).Once();
    return "/api/v1/task/" + answer.substr(answer.find("task_id") + 10, 36);
  }

  static void Print(const Row& row) {
    const auto median = [](const std::vector<Sample>& samples, double Sample::*member) {
      std::vector<double> values;
      for (const auto& sample : samples) values.push_back(sample.*member);
      return Median(values);
    };
    const auto line = [&](const char* who, const std::vector<Sample>& samples) {
      if (samples.empty()) return;
      std::printf("  %-8s %9.0f/s  %6.2f us of processor time each  p50 %6.0f us  p99 %6.0f us\n", who,
                  median(samples, &Sample::rate), median(samples, &Sample::cpu),
                  median(samples, &Sample::p50), median(samples, &Sample::p99));
    };
    std::printf("%s\n", row.what.c_str());
    line("alt_las", row.ours);
    line("raw", row.raw);
    line("nginx", row.nginx);
    std::printf("  ratio to raw: rate %.2f, processor time %.2f, p99 %.2f",
                median(row.ours, &Sample::rate) / median(row.raw, &Sample::rate),
                median(row.raw, &Sample::cpu) / median(row.ours, &Sample::cpu),
                median(row.ours, &Sample::p99) / median(row.raw, &Sample::p99));
    if (!row.nginx.empty())
      std::printf("; to nginx: rate %.2f, processor time %.2f",
                  median(row.ours, &Sample::rate) / median(row.nginx, &Sample::rate),
                  median(row.nginx, &Sample::cpu) / median(row.ours, &Sample::cpu));
    std::printf("\n");
  }

  const std::string build_;
  const Length length_;
};

}  // namespace
}  // namespace altlas::bench

int main(int argc, char** argv) {
  using namespace altlas::bench;
  Length length;
  if (argc > 2) length.rounds = std::atoi(argv[2]);
  if (argc > 3) length.seconds = std::atof(argv[3]);
  const std::string only = argc > 4 ? argv[4] : "";
  const auto wanted = [&](const char* row) { return only.empty() || only == row; };
  if (argc < 2 || length.rounds < 1 || !(length.seconds > 0)) {
    std::fprintf(stderr,
                 "usage: http_bench BUILD_FOLDER [ROUNDS [SECONDS [ROW]]]\n"
                 "a release build, on a quiet machine of two cores or more; 5 rounds of 1 second each\n"
                 "ROW: one of predict, get, open, durable, hop; all of them without\n");
    return 2;
  }
  ::setvbuf(stdout, nullptr, _IOLBF, 0);
  PinTo(1);
  Bench bench(argv[1], length);
  if (wanted("predict")) bench.Compare("predict, memory store, closed loop of 64", "POST", "memory", 0);
  if (wanted("get")) bench.Compare("GET of a task, closed loop of 64", "GET", "memory", 0);
  if (wanted("open")) bench.Compare("predict, memory store, open loop at 30,000/s", "POST", "memory", 30'000);
  if (wanted("durable")) bench.Durable();
  if (wanted("hop")) bench.Hop();
}
