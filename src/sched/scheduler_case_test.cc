// SPDX-License-Identifier: Apache-2.0
// Runs tests/sched/*.case, whose format tests/sched/README.md describes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "sched/scheduler.h"

namespace altlas::sched {
namespace {

using Options = std::map<std::string, std::string>;

struct Line {
  int number = 0;
  std::vector<std::string> words;  // without options
  Options options;                 // key=value
  std::string text;
};

Line Split(int number, const std::string& text) {
  Line line{number, {}, {}, text};
  std::istringstream in(text);
  for (std::string word; in >> word && word[0] != '#';) {
    const auto equals = word.find('=');
    if (equals != std::string::npos && equals > 0 && word != "=>") {
      line.options[word.substr(0, equals)] = word.substr(equals + 1);
    } else {
      line.words.push_back(word);
    }
  }
  return line;
}

std::vector<std::string> List(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) items.push_back(item);
  return items;
}

MappingAnswer AnswerNamed(std::string_view name) {
  for (const auto& [answer, spelling] : kMappingAnswers) {
    if (spelling == name) return answer;
  }
  throw std::runtime_error("no mapping answer of that name");
}

std::uint64_t Bytes(const std::string& text) {
  std::size_t used = 0;
  const double number = std::stod(text, &used);
  const std::map<std::string, double> units = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
  return static_cast<std::uint64_t>(number * units.at(text.substr(used)));
}

// "a1..a4" is a1, a2, a3, a4; "a,b" is a, b.
std::vector<std::string> Names(const std::string& text) {
  const auto dots = text.find("..");
  if (dots == std::string::npos) return List(text);
  const std::string first = text.substr(0, dots), last = text.substr(dots + 2);
  const auto digit = first.find_first_of("0123456789");
  std::vector<std::string> names;
  for (int i = std::stoi(first.substr(digit)); i <= std::stoi(last.substr(digit)); ++i) {
    names.push_back(first.substr(0, digit) + std::to_string(i));
  }
  return names;
}

class CaseRunner {
 public:
  void Run(const std::filesystem::path& path) {
    path_ = path.filename().string();
    std::ifstream file(path);
    ASSERT_TRUE(file.is_open()) << path;
    auto made = Scheduler::Create(config_, Random(1));
    ASSERT_TRUE(made.has_value());
    scheduler_ = std::move(*made);
    int number = 0;
    for (std::string text; std::getline(file, text);) {
      const Line line = Split(++number, text);
      if (line.words.empty()) continue;
      try {
        Do(line);
      } catch (const std::exception& e) {
        Complain(line, e.what());
      }
      if (failed_) return;
    }
    if (!due_.empty()) Complain({number, {}, {}, "(end)"}, "not listed: " + due_.front());
    EXPECT_GT(expectations_, 0) << path_ << " expects nothing";
  }

 private:
  void Complain(const Line& line, const std::string& what) {
    failed_ = true;
    ADD_FAILURE() << path_ << ":" << line.number << ": " << line.text << "\n  " << what;
  }
  void Expect(const Line& line, const std::string& what, const std::string& found,
              const std::string& wanted) {
    ++expectations_;
    if (found != wanted) Complain(line, what + " is \"" + found + "\", not \"" + wanted + "\"");
  }

  void Do(const Line& line) {
    if (line.words[0] == "->") return ExpectAction(line);
    if (!due_.empty()) return Complain(line, "before this line, not listed: " + due_.front());
    if (line.words[0] == "config") return Configure(line);
    const TimePoint at(FromSeconds(std::stod(line.words.at(0))));
    while (scheduler_->NextWake().has_value() && *scheduler_->NextWake() < at) {
      const TimePoint wake = std::max(*scheduler_->NextWake(), now_);
      now_ = wake;
      Collect(scheduler_->Poll(wake));
      if (scheduler_->NextWake() == wake) return Complain(line, "the scheduler asks to be woken without end");
    }
    now_ = at;
    Event(line);
    Collect(scheduler_->Poll(now_));
  }

  void Collect(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      std::string text = names_.at(action.task);
      if (action.kind == Action::Kind::kExpire) text = "expire " + text;
      if (action.kind == Action::Kind::kFail) text = "fail " + text;
      if (action.kind == Action::Kind::kDispatch) started_[text] = now_;
      if (action.kind == Action::Kind::kDispatch) text += " " + action.device;
      due_.push_back(text);
      actions_.push_back(action);
    }
  }

  void ExpectAction(const Line& line) {
    std::string wanted;
    for (std::size_t i = 1; i < line.words.size(); ++i) wanted += (i > 1 ? " " : "") + line.words[i];
    if (due_.empty()) return Complain(line, "nothing happened");
    Expect(line, "what happened", due_.front(), wanted);
    const Action action = actions_.front();
    due_.erase(due_.begin());
    actions_.erase(actions_.begin());
    for (const auto& [key, value] : line.options) {
      if (key == "strategy") Expect(line, key, std::string(StrategyName(action.strategy)), value);
      if (key == "reason") Expect(line, key, std::string(ReasonName(action.reason)), value);
      if (key == "score")
        Expect(line, key, fmt::format("{:.2f}", action.score), fmt::format("{:.2f}", std::stod(value)));
      if (key == "says" && action.message.find(value) == std::string::npos)
        Complain(line, "message: " + action.message);
    }
  }

  void Configure(const Line& line) {
    for (const auto& [key, value] : line.options) {
      if (key == "multi_gpu")
        config_.multi_gpu_enabled = value == "yes";
      else if (key == "default_strategy")
        config_.default_strategy = ParseStrategy(value).value();
      else if (key == "strategies")
        SetStrategies(value);
      else if (key == "levels")
        SetLevels(value);
      else if (key == "default_priority")
        config_.default_priority = value;
      else if (key == "aging")
        config_.aging = FromSeconds(std::stod(value));
      else if (key == "max_queue_size")
        config_.max_queue_size = std::stoul(value);
      else if (key == "queue_timeout")
        config_.queue_timeout = FromSeconds(std::stod(value));
      else if (key == "slots")
        config_.max_concurrent_tasks_per_gpu = std::stoi(value);
      else if (key == "mapping_answer")
        config_.mapping_answer = AnswerNamed(value);
      else if (key == "batch_split")
        config_.batch_split = value == "yes";
      else if (key == "min_batch_size_per_gpu")
        config_.min_batch_size_per_gpu = std::stoi(value);
      else if (key == "memory_threshold")
        config_.limits.memory_threshold = std::stod(value);
      else if (key == "utilization_threshold")
        config_.limits.utilization_threshold = std::stod(value);
      else if (key == "max_temperature")
        config_.limits.max_temperature_celsius = std::stod(value);
      else if (key == "min_compute_capability")
        config_.limits.min_compute_capability = std::stod(value);
      else if (key == "map")
        SetMappings(value);
      else
        return Complain(line, "unknown option " + key);
    }
    const Status status = scheduler_->Configure(now_, config_);
    if (!status.has_value()) return Complain(line, status.error().message);
    Collect(scheduler_->Poll(now_));
  }
  void SetStrategies(const std::string& value) {
    config_.strategies.clear();
    for (const auto& name : List(value)) config_.strategies.push_back(ParseStrategy(name).value());
  }
  void SetLevels(const std::string& value) {
    config_.priority_levels.clear();
    for (const auto& item : List(value)) {
      const auto colon = item.find(':');
      config_.priority_levels.push_back({item.substr(0, colon), std::stoi(item.substr(colon + 1))});
    }
  }
  void SetMappings(const std::string& value) {
    config_.task_specific_mappings.clear();
    for (const auto& item : List(value)) {
      const auto colon = item.find(':');
      config_.task_specific_mappings[item.substr(0, colon)] = item.substr(colon + 1);
    }
  }

  void Event(const Line& line) {
    const std::string& event = line.words.at(1);
    if (event == "poll") return;
    if (event == "queued")
      return Expect(line, "queued", std::to_string(scheduler_->queued()), line.words.at(2));
    if (event == "running")
      return Expect(line, "running", std::to_string(scheduler_->running()), line.words.at(2));
    if (event == "retry_after")
      return Expect(line, event, fmt::format("{:.0f}", Seconds(scheduler_->RetryAfter())), line.words.at(2));
    const std::string& name = line.words.at(2);
    if (event == "device") return SetDevice(line, name);
    if (event == "remove") return scheduler_->RemoveDevice(now_, name);
    if (event == "submit") return Submit(line, name);
    if (event == "batch") return Batch(line, name);
    if (event == "adopt") return Adopt(line, name);
    if (event == "view") return View(line, name);
    if (event == "where") return Where(line, name);
    if (event == "refused") return Refused(line, name);
    bool known = false;
    if (event == "cancel")
      known = scheduler_->Cancel(now_, ids_.at(name));
    else if (event == "finish")
      known = Finish(line, name);
    else if (event == "requeue")
      known = Requeue(line, name);
    else
      return Complain(line, "unknown event " + event);
    if (!known) Complain(line, "the scheduler does not know the task in that state");
  }

  bool Finish(const Line& line, const std::string& name) {
    const auto service = line.options.find("service");
    const Duration took =
        service == line.options.end() ? now_ - started_.at(name) : FromSeconds(std::stod(service->second));
    return scheduler_->Finish(now_, ids_.at(name),
                              line.options.contains("failed") ? Outcome::kFailed : Outcome::kDone, took);
  }
  bool Requeue(const Line& line, const std::string& name) {
    const auto exclude = line.options.find("exclude");
    const auto alone = line.options.find("alone");
    return scheduler_->Requeue(now_, ids_.at(name), exclude == line.options.end() ? "" : exclude->second,
                               alone != line.options.end() && alone->second == "yes");
  }

  void SetDevice(const Line& line, const std::string& id) {
    auto [at, added] = devices_.try_emplace(id);
    DeviceState& state = at->second;
    state.id = id;
    if (added) {
      state.types = {"text_generation"};
      state.models = {{"m"}};
    }
    if (line.options.contains("models")) SetModels(state, line.options.at("models"));
    for (const auto& [key, value] : line.options) {
      if (key == "speed")
        state.speed = std::stod(value);
      else if (key == "slots")
        state.slots = std::stoi(value);
      else if (key == "memory")
        state.memory_total = Bytes(value);
      else if (key == "at_rest")
        state.memory_at_rest = Bytes(value);
      else if (key == "others")
        state.memory_used_by_others = Bytes(value);
      else if (key == "util")
        state.utilization_by_others = std::stod(value);
      else if (key == "temp")
        state.temperature_celsius = std::stod(value);
      else if (key == "cc")
        state.compute_capability = std::stod(value);
      else if (key == "types")
        state.types = List(value);
      else if (key == "models")
        continue;
      else if (key == "loading")
        ModelOf(state, value).ready = false;
      else if (key == "need")
        ModelOf(state, List(value).at(0)).memory_per_task = Bytes(List(value).at(1));
      else if (key == "present")
        state.present = value == "yes";
      else if (key == "ready")
        state.ready = value == "yes";
      else
        return Complain(line, "unknown option " + key);
    }
    scheduler_->UpdateDevice(now_, state);
  }
  static void SetModels(DeviceState& state, const std::string& value) {
    state.models.clear();
    for (const auto& model : List(value)) state.models.push_back({model});
  }
  static ServedModel& ModelOf(DeviceState& state, const std::string& name) {
    for (auto& model : state.models) {
      if (model.name == name) return model;
    }
    throw std::runtime_error("the device has no model " + name);
  }

  TaskSpec Spec(const Line& line, const std::string& name) {
    if (!ids_.contains(name)) {
      ids_[name] = {1, ids_.size() + 1};
      names_[ids_[name]] = name;
    }
    TaskSpec spec;
    spec.id = ids_[name];
    spec.type = "text_generation";
    spec.model = "m";
    for (const auto& [key, value] : line.options) {
      if (key == "type")
        spec.type = value;
      else if (key == "model")
        spec.model = value == "any" ? "" : value;
      else if (key == "strategy")
        spec.strategy = ParseStrategy(value).value();
      else if (key == "priority")
        spec.priority = value;
      else if (key == "memory")
        spec.estimated_memory = Bytes(value);
      else if (key == "size")
        spec.size_hint = std::stod(value);
      else if (key == "timeout")
        spec.timeout = FromSeconds(std::stod(value));
      else if (key == "recovered")
        spec.recovered = value == "yes";
      else if (key == "waited")
        spec.waited = FromSeconds(std::stod(value));
      else if (key != "split")
        throw std::runtime_error("unknown option " + key);
    }
    return spec;
  }
  // The word after "=>", empty where there is none.
  static std::string Wanted(const Line& line) {
    const auto at = std::find(line.words.begin(), line.words.end(), "=>");
    return at == line.words.end() ? "" : *(at + 1);
  }
  void Submit(const Line& line, const std::string& name) {
    const auto accepted = scheduler_->Submit(now_, Spec(line, name));
    std::string found;
    if (!accepted.has_value())
      found = ErrorCodeName(accepted.error().code);
    else if (accepted->cannot_run.has_value())
      found = "cannot_run";
    else
      found = accepted->device;
    if (const std::string wanted = Wanted(line); !wanted.empty())
      return Expect(line, "the answer", found, wanted);
    if (found.find("gpu_") != 0) Complain(line, "the answer is " + found);
  }
  void Batch(const Line& line, const std::string& name) {
    std::vector<TaskSpec> specs;
    for (const auto& item : Names(name)) specs.push_back(Spec(line, item));
    std::optional<bool> split;
    if (line.options.contains("split")) split = line.options.at("split") == "yes";
    const auto accepted = scheduler_->SubmitBatch(now_, specs, split);
    std::string found;
    if (!accepted.has_value()) found = ErrorCodeName(accepted.error().code);
    std::map<std::string, int> shares;
    if (accepted.has_value()) {
      for (const Accepted& task : accepted->tasks)
        ++shares[task.cannot_run.has_value() ? "cannot_run" : task.device];
    }
    for (const auto& [device, count] : shares)
      found += (found.empty() ? "" : ",") + fmt::format("{}:{}", device, count);
    if (const std::string wanted = Wanted(line); !wanted.empty())
      return Expect(line, "the answer", found, wanted);
    if (!accepted.has_value()) Complain(line, found);
  }
  void Adopt(const Line& line, const std::string& name) {
    const Status adopted = scheduler_->AdoptRunning(now_, Spec(line, name), line.words.at(3));
    if (adopted.has_value()) started_[name] = now_;
    const std::string found(adopted.has_value() ? "" : ErrorCodeName(adopted.error().code));
    if (found != Wanted(line)) Expect(line, "the answer", found, Wanted(line));
  }
  void View(const Line& line, const std::string& id) {
    const auto view = scheduler_->Device(now_, id);
    if (!view.has_value()) return Complain(line, "no such device");
    const std::map<std::string, std::string> facts = {{"health", std::string(DeviceHealthName(view->health))},
                                                      {"running", std::to_string(view->running)},
                                                      {"waiting", std::to_string(view->waiting)},
                                                      {"tasks", std::to_string(view->task_count)},
                                                      {"slots", std::to_string(view->slots)},
                                                      {"reserved", std::to_string(view->memory_reserved)}};
    for (const auto& [key, value] : line.options) {
      if (key == "why") {
        ++expectations_;
        if (view->why.find(value) == std::string::npos) Complain(line, "why: " + view->why);
      } else {
        Expect(line, key, facts.at(key), key == "reserved" ? std::to_string(Bytes(value)) : value);
      }
    }
  }
  void Where(const Line& line, const std::string& name) {
    const auto where = scheduler_->Where(ids_.at(name));
    const std::string found =
        where.has_value() ? where->device + (where->running ? " running" : " waiting") : "unknown";
    std::string wanted = line.words.at(3);
    if (line.words.size() > 4) wanted += " " + line.words[4];
    Expect(line, "the place", found, wanted);
  }
  void Refused(const Line& line, const std::string& name) {
    const auto explanation = scheduler_->Explain(now_, ids_.at(name));
    if (!explanation.has_value()) return Complain(line, "unknown task");
    std::string why = "no such candidate";
    for (const auto& candidate : explanation->candidates) {
      if (candidate.device == line.words.at(3)) why = candidate.why;
    }
    std::string wanted;
    for (std::size_t i = 4; i < line.words.size(); ++i) wanted += (i > 4 ? " " : "") + line.words[i];
    ++expectations_;
    if (why.find(wanted) == std::string::npos || wanted.empty())
      Complain(line, "it was refused because: " + why);
  }

  std::string path_;
  SchedConfig config_;
  std::unique_ptr<Scheduler> scheduler_;
  TimePoint now_;
  std::map<std::string, TaskId> ids_;
  std::map<TaskId, std::string> names_;
  std::map<std::string, TimePoint> started_;
  std::map<std::string, DeviceState> devices_;
  std::vector<std::string> due_;
  std::vector<Action> actions_;
  int expectations_ = 0;
  bool failed_ = false;
};

std::vector<std::string> CaseFiles() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(ALTLAS_SOURCE_DIR "/tests/sched")) {
    if (entry.path().extension() == ".case") files.push_back(entry.path().stem().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class SchedulerCase : public testing::TestWithParam<std::string> {};

TEST_P(SchedulerCase, DecidesAsWritten) {
  CaseRunner().Run(std::string(ALTLAS_SOURCE_DIR "/tests/sched/") + GetParam() + ".case");
}

INSTANTIATE_TEST_SUITE_P(Text, SchedulerCase, testing::ValuesIn(CaseFiles()),
                         [](const auto& info) { return info.param; });

TEST(SchedulerCaseFolder, HasTheCases) { EXPECT_GE(CaseFiles().size(), 25u); }

}  // namespace
}  // namespace altlas::sched
