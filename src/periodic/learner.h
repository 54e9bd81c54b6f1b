// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "periodic/normal.h"
#include "store/profile_store.h"

namespace altlas::periodic {

// What a sample changed about one figure.
struct Change {
  enum class Kind {
    kBegan,    // an anomaly begins
    kEnded,    // back within the normal
    kAdopted,  // what was an anomaly is the normal now
  };
  Kind kind = Kind::kBegan;
  std::string why;  // a sentence
};

// The normals of all figures, each of one model on one device: they do not mix. Pure; not thread-safe. Memory
// is bounded: of more than kMostFigures figures the later ones are not learned.
class Learner {
 public:
  static constexpr std::size_t kMostFigures = 16'384;
  explicit Learner(NormalRules rules) : rules_(rules) {}
  void SetRules(NormalRules rules) { rules_ = rules; }

  // Judges the row's measures and learns from them: fills normal, spread, samples and anomaly of each,
  // anomaly and why of the row. Given the rows of a history in their order it comes to the state it had.
  std::vector<Change> Take(store::ProfileRow& row);

 private:
  using Figure = std::tuple<std::string, std::string, std::string>;  // model, device, measure
  NormalRules rules_;
  std::map<Figure, Normal> normals_;
};

// "decode/4 took 0.61 ms; normal for tiny on gpu_0 is 0.43 ms (spread 0.01 ms, 42 samples): 42 % slower, ..."
std::string Sentence(const store::ProfileRow& row, const store::ProfileMeasure& measure,
                     const Judgement& judgement);

}  // namespace altlas::periodic
