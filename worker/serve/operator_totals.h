// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "worker/serve/periodic_sampler.h"

namespace altlas::serve {

// Counts and times libtorch's operators (ATen's and this worker's own) of the thread that switches it on, one
// in `1 / sampling` of them drawn by libtorch. Inclusive: an operator's time holds that of those it calls.
class OperatorTotals final : public OperatorWatch {
 public:
  explicit OperatorTotals(double sampling);
  ~OperatorTotals() override;
  void Switch(bool on) override;
  double sampling() const override;
  std::vector<wire::ProfileReport::Operator> Take(std::size_t most) override;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace altlas::serve
