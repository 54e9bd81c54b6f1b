// SPDX-License-Identifier: Apache-2.0
// The scenarios of document 2 as a user runs them: Python scripts against a pool of two unequal devices
// (API-6), and the names that the documents call (CFG-1).
#include <gtest/gtest.h>

#include <cstdlib>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

class Scenario : public testing::TestWithParam<std::vector<std::string>> {
 protected:
  static void SetUpTestSuite() {
    server_ =
        new ServerProcess("devices:\n  cpu: [{threads: 1}, {threads: 1, quota: 0.34}]\n", {"--service-ms=3"});
    server_->Start();
  }
  static void TearDownTestSuite() { delete server_; }
  static inline ServerProcess* server_ = nullptr;
};

TEST_P(Scenario, RunsToItsEnd) {
  std::vector<std::string> arguments = {
      ALTLAS_PYTHON, std::string(ALTLAS_SOURCE_DIR) + "/examples/scenarios/" + GetParam()[0]};
  arguments.insert(arguments.end(), GetParam().begin() + 1, GetParam().end());
  if (GetParam()[0] == "load_test.py" && std::getenv("ALTLAS_LONG") != nullptr)
    arguments.resize(2);  // five minutes
  TemporaryFolder pictures;
  if (GetParam()[0] == "monitor_gpus.py" || GetParam()[0] == "compare_strategies.py") {
    arguments.push_back("--output");
    arguments.push_back((pictures.path() / "picture.png").string());
  }
  const auto finished = RunToEnd(arguments, {{"ALTLAS_URL", "http://" + server_->Client().address.ToString()},
                                             {"ALTLAS_KEY", server_->key()},
                                             {"MPLCONFIGDIR", pictures.path().string()}});
  EXPECT_EQ(finished.code, 0) << finished.output;
  EXPECT_NE(finished.output.find(GetParam()[0] == "gpu_status.py" ? "busy" : "gpu_"), std::string::npos)
      << finished.output;
  if (arguments.back().ends_with(".png")) {
    EXPECT_GT(std::filesystem::file_size(arguments.back()), 1000u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Document2, Scenario,
    testing::Values(std::vector<std::string>{"single_request.py"}, std::vector<std::string>{"gpu_status.py"},
                    std::vector<std::string>{"batches.py"}, std::vector<std::string>{"strategies.py"},
                    std::vector<std::string>{"concurrent_requests.py"},
                    std::vector<std::string>{"load_test.py", "--duration", "2", "--interval", "0.05",
                                             "--monitor-interval", "0.5"},
                    std::vector<std::string>{"task_types.py"},
                    std::vector<std::string>{"monitor_gpus.py", "--duration", "1", "--interval", "0.3"},
                    std::vector<std::string>{"compare_strategies.py", "--tasks", "5", "--pause", "0.01"}),
    [](const auto& info) { return info.param[0].substr(0, info.param[0].find('.')); });

// CFG-1
TEST(Compat, TheDocumentsCommandValidates) {
  const auto finished =
      RunToEnd({ALTLAS_PYTHON, std::string(ALTLAS_SOURCE_DIR) + "/compat/alt_las.py", "--validate-config",
                "--config", std::string(ALTLAS_SOURCE_DIR) + "/examples/config/basic.yaml"},
               {{"PATH", std::filesystem::path(ALTLAS_PROGRAM).parent_path().string() + ":/usr/bin:/bin"}});
  EXPECT_EQ(finished.code, 0) << finished.output;
}

}  // namespace
}  // namespace altlas::testing_process
