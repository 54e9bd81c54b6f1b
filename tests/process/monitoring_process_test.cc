// SPDX-License-Identifier: Apache-2.0
// What the switches of gpu.monitoring change in the metrics and in the log (CFG-7), and the documents' start
// of the server (CFG-1).
#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <set>

#include "raw_socket.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

const std::map<std::string, std::vector<std::string>> kMetricsOf = {
    {"task_metrics",
     {"altlas_tasks_accepted_total{", "altlas_tasks_total{", "altlas_task_execution_seconds_count{",
      "altlas_generated_tokens_total{"}},
    {"queue_metrics",
     {"altlas_task_queue_seconds_count{", "altlas_queue_depth{", "altlas_queue_oldest_wait_seconds{",
      "altlas_queue_refused_total{"}},
    {"detailed_gpu_metrics",
     {"altlas_device_utilization_ratio{", "altlas_device_memory_used_bytes{", "altlas_device_healthy{",
      "altlas_device_tasks_running{", "altlas_worker_restarts{"}}};

class Monitoring : public testing::Test {
 protected:
  void SetUp() override { config_ = ReadFile(server_.config_file(), 1 << 16).value(); }
  void Configure(const std::string& monitoring) {
    server_.WriteConfig(config_ + "\ngpu:\n  multi_gpu: {max_queue_size: 3}\n  monitoring: {" + monitoring +
                        "}\n");
  }
  // Has the running server read its file again.
  void Reconfigure(const std::string& monitoring) {
    Configure(monitoring);
    const auto done = Count("config reloaded");
    ::kill(server_.pid(), SIGHUP);
    ASSERT_TRUE(Eventually([&] { return Count("config reloaded") > done; })) << server_.Log();
  }
  int Count(const std::string& line) const {
    const auto log = server_.Log();
    int count = 0;
    for (auto at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++count;
    return count;
  }
  // One of everything that is counted: a task done and a submission refused.
  void Work() {
    EXPECT_EQ(server_.Await(server_.Predict("some words"))["status"], "completed");
    EXPECT_EQ(server_
                  .Call("POST", "/api/v1/batch_predict",
                        R"({"batch":[{"text":"a"},{"text":"b"},{"text":"c"},{"text":"d"}]})")
                  .status,
              413);
  }
  std::string Metrics(const std::string& path = "/metrics") { return server_.Call("GET", path).reply.body; }
  void ExpectOnly(const std::set<std::string>& groups) {
    const auto shown = Metrics();
    for (const auto& [group, names] : kMetricsOf) {
      for (const auto& name : names)
        EXPECT_EQ(shown.find(name) != std::string::npos, groups.contains(group)) << name << "\n" << shown;
    }
  }
  ServerProcess server_;
  std::string config_;
};

TEST_F(Monitoring, EachSwitchHidesItsMetricsFromTheStart) {
  for (const auto& [off, names] : kMetricsOf) {
    Configure(off + ": false");
    server_.Start();
    Work();
    std::set<std::string> groups;
    for (const auto& [group, more] : kMetricsOf) groups.insert(group);
    groups.erase(off);
    ExpectOnly(groups);
    EXPECT_EQ(server_.Terminate(), 0);
  }
}

TEST_F(Monitoring, EachSwitchWorksWhileTheServerRuns) {
  Configure("");
  server_.Start();
  Work();
  const std::set<std::string> all = {"task_metrics", "queue_metrics", "detailed_gpu_metrics"};
  ExpectOnly(all);
  for (const auto& off : all) {
    Reconfigure(off + ": false");
    auto rest = all;
    rest.erase(off);
    Work();
    ExpectOnly(rest);
  }
  Reconfigure("enabled: false");
  EXPECT_EQ(server_.Call("GET", "/metrics").status, 404);
  Work();
  Reconfigure("");
  EXPECT_EQ(Metrics().find("altlas_tasks_total{"), std::string::npos) << "counted while it was off";
  Work();
  ExpectOnly(all);
}

TEST_F(Monitoring, TheMetricsAreServedAtTheirPathOrNotAtAll) {
  Configure("prometheus_endpoint: /internal/figures");
  server_.Start();
  EXPECT_EQ(server_.Call("GET", "/metrics").status, 404);
  EXPECT_NE(Metrics("/internal/figures").find("altlas_device_healthy{"), std::string::npos);
  EXPECT_EQ(server_.CallWithKey("", "GET", "/internal/figures").status, 401);
  // Nothing that runs can move it: the reload says so, and it stays.
  Reconfigure("prometheus_metrics: false");
  EXPECT_NE(server_.Log().find("needs a restart key=gpu.monitoring.prometheus_metrics"), std::string::npos)
      << server_.Log();
  EXPECT_EQ(server_.Call("GET", "/internal/figures").status, 200);
  EXPECT_EQ(server_.Terminate(), 0);
  server_.Start();
  EXPECT_EQ(server_.Call("GET", "/internal/figures").status, 404);
  EXPECT_EQ(server_.Call("GET", "/metrics").status, 404);
}

TEST_F(Monitoring, HttpIsCountedByListener) {
  server_.AddToConfig("server: {limits: {idle_time: 600}}");
  server_.Start();
  const auto number = [&](const std::string& name, const std::string& listener) {
    const auto text = Metrics();
    const auto key = "\naltlas_http_" + name + "{listener=\"" + listener + "\"} ";
    const auto at = text.find(key);
    EXPECT_NE(at, std::string::npos) << key << text;
    return at == std::string::npos ? -1 : std::stod(text.substr(at + key.size()));
  };
  const auto requests = number("requests_total", "public");
  EXPECT_EQ(number("requests_total", "public"), requests + 1) << "the reading itself";
  EXPECT_EQ(number("active_requests", "public"), 1);
  EXPECT_EQ(number("refused_requests_total", "public"), 0);
  RawSocket idle(server_.Client().address);
  idle.Send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(idle.ReadAnswer()), 200);
  {
    RawSocket broken(server_.Client().address);
    broken.Send("not http\r\n\r\n");
    EXPECT_EQ(StatusOf(broken.ReadToEnd()), 400);
  }
  EXPECT_EQ(number("refused_requests_total", "public"), 1);
  EXPECT_TRUE(Eventually([&] { return number("connections", "public") == 2; })) << "idle and the reader";
  EXPECT_EQ(number("slow_clients_total", "public"), 0);
  const auto admin = number("requests_total", "admin");
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "key", "list", "--state", server_.state().string()}).code, 0);
  EXPECT_GT(number("requests_total", "admin"), admin);
}

TEST_F(Monitoring, TheLevelOfTheLogIsSpelledAsInTheConfiguration) {
  Configure("log_level: warn");
  server_.Start();
  EXPECT_EQ(Count("Z info "), 0) << server_.Log();
  server_.WriteConfig("gpu: 5\n");
  ::kill(server_.pid(), SIGHUP);
  EXPECT_TRUE(Eventually([&] { return Count("Z error config not reloaded") == 1; })) << server_.Log();
  Configure("log_level: debug");
  server_.AddToConfig("server: {drain_timeout: 7}");
  ::kill(server_.pid(), SIGHUP);
  EXPECT_TRUE(Eventually([&] {
    return Count("Z warn  config needs a restart key=server.drain_timeout") == 1;
  })) << server_.Log();
  EXPECT_TRUE(Eventually([&] { return Count("Z info  config reloaded") == 1; })) << server_.Log();
}

// `python alt_las.py --config F`, as document 1 starts it: the same process becomes the server.
TEST(Compat, TheDocumentsCommandStartsTheServer) {
  ServerProcess server;
  const auto root = server.folder() / "installed";
  std::filesystem::create_directories(root / "bin");
  std::filesystem::create_directories(root / "compat");
  std::filesystem::create_symlink(ALTLAS_PROGRAM, root / "bin" / "alt_las");
  std::filesystem::copy_file(std::filesystem::path(ALTLAS_SOURCE_DIR) / "compat" / "alt_las.py",
                             root / "compat" / "alt_las.py");
  // Without the word serve, which the document does not know.
  server.RunThrough("shift; exec python3 '" + (root / "compat" / "alt_las.py").string() + "' \"$@\"");
  server.Start();
  const auto task = server.Await(server.Predict("by the documents"));
  EXPECT_EQ(task["result"]["text"], "by the documents");
  EXPECT_EQ(server.Terminate(), 0);
}

}  // namespace
}  // namespace altlas::testing_process
