// SPDX-License-Identifier: Apache-2.0
#include "tune/batch_search.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace altlas::tune {
namespace {

// Probes go up to this share of the limit: a line is known before anything comes near it.
constexpr double kProbeShare = 0.5;
constexpr std::size_t kLeastProbes = 4;
// One step is at most so many times as large as the largest before it.
constexpr std::uint64_t kFarthest = 2;
// What caching allocators and huge pages round to; a point so near to the line is on it.
constexpr double kRounding = 4.0 * (1 << 20);
constexpr double kLinearShare = 0.02;

bool OnTheLine(const LineFit& fit, std::span<const Measured> points) {
  const double span = points.empty() ? 0 : points.back().y - points.front().y;
  return fit.worst <= std::max(kRounding, kLinearShare * std::abs(span));
}

}  // namespace

Result<BatchSearch> BatchSearch::Create(const BatchLimits& limits) {
  if (!(limits.memory_bytes > 0) || !std::isfinite(limits.memory_bytes))
    return Fail(ErrorCode::kInvalidArgument, "there is no memory to fill: the limit is {} bytes",
                limits.memory_bytes);
  if (limits.base_bytes >= limits.memory_bytes)
    return Fail(
        ErrorCode::kTooLarge,
        "the model alone takes {:.0f} bytes and the limit is {:.0f}: take a smaller model or dtype, or "
        "allow more memory",
        limits.base_bytes, limits.memory_bytes);
  if (limits.least == 0 || limits.most < limits.least)
    return Fail(ErrorCode::kInvalidArgument,
                "there is nothing between the smallest batch, {}, and the largest, {}", limits.least,
                limits.most);
  return BatchSearch(limits);
}

std::optional<std::uint64_t> BatchSearch::Next() {
  if (!done_ && !next_) next_ = Choose();
  return next_;
}

std::optional<std::uint64_t> BatchSearch::Done(std::string why) {
  done_ = true;
  why_ = std::move(why);
  return std::nullopt;
}

std::optional<std::uint64_t> BatchSearch::Choose() {
  if (runs_.empty()) return limits_.least;
  if (best_ == 0) return Done("not even the smallest batch fits");
  if (best_ >= limits_.most) return Done(fmt::format("{} is the most that was asked for", limits_.most));
  if (runs_.size() >= static_cast<std::size_t>(limits_.most_runs))
    return Done(fmt::format("{} steps were run", runs_.size()));
  if (too_large_ != 0) return ChooseBetween();
  if (auto probe = ChooseProbe()) return probe;
  return ChooseLarger();
}

// Doubles, as long as the prediction for the double stays in the lower half.
std::optional<std::uint64_t> BatchSearch::ChooseProbe() {
  const auto twice = std::min(2 * best_, limits_.most);
  // What grows with the batch shows from the second sample on; without it there is nothing to go by.
  if (points_.size() == 1) return twice;
  if (best_bytes_ > kProbeShare * limits_.memory_bytes) return std::nullopt;
  if (Predict(twice) <= kProbeShare * limits_.memory_bytes) return twice;
  // Too few for a line: the sizes between, which cost less than what was run already.
  if (points_.size() < kLeastProbes) {
    for (auto size = best_; size-- > limits_.least;) {
      const bool known = std::any_of(points_.begin(), points_.end(),
                                     [&](const auto& p) { return p.x == static_cast<double>(size); });
      if (!known) return size;
    }
  }
  return std::nullopt;
}

// The largest size up to `most` that `predict` puts within the limit; best_ where there is none.
std::uint64_t BatchSearch::LargestBy(const std::function<double(std::uint64_t)>& predict,
                                     std::uint64_t most) const {
  std::uint64_t low = best_;
  std::uint64_t high = std::max(best_, std::min(limits_.most, most));
  while (low < high) {
    const auto middle = low + (high - low + 1) / 2;
    if (predict(middle) <= limits_.memory_bytes) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

// The largest size that the upper bound allows; every further step that fits tightens the line. Where the
// bound allows no more, the line itself may, within a quarter: that much is what the limit's margin is for.
std::optional<std::uint64_t> BatchSearch::ChooseLarger() {
  auto low = LargestBy([this](std::uint64_t batch) { return Predict(batch); }, kFarthest * best_);
  if (low == best_) {
    const auto line = [this](std::uint64_t batch) { return fit_.At(static_cast<double>(batch)); };
    low = LargestBy(line, best_ + std::max<std::uint64_t>(1, best_ / 4));
  }
  if (low > best_ + Enough()) return low;
  // The line may be wrong at this end. What a sample took on the way up says what the room left is worth;
  // where that is more than a few samples, a slightly larger step is seen not to fit before the search ends.
  const double rise = best_bytes_ - points_.front().y;
  const double each = rise > 0 ? rise / (static_cast<double>(best_) - points_.front().x) : 0;
  const double worth = each > 0 ? (limits_.memory_bytes - best_bytes_) / each : INFINITY;
  if (worth >= 1 && worth > 0.75 * limits_.close_enough * static_cast<double>(best_))
    return std::min(limits_.most, best_ + std::max<std::uint64_t>(1, Enough()));
  return Done(fmt::format("the room that is left is worth less than {:.1f} samples", worth));
}

std::uint64_t BatchSearch::Enough() const {
  return static_cast<std::uint64_t>(std::ceil(limits_.close_enough * static_cast<double>(best_))) - 1;
}

// Between the largest that fits and the smallest that does not: along the straight line between their
// measurements, and by halves where that has no second measurement or has not closed in.
std::optional<std::uint64_t> BatchSearch::ChooseBetween() {
  const auto gap = too_large_ - best_;
  if (gap <= std::max<std::uint64_t>(1, Enough()))
    return Done(fmt::format("{} fits and {} does not", best_, too_large_));
  double at = 0.5;
  const bool halve = runs_.size() >= 2 && runs_.back().fits == runs_[runs_.size() - 2].fits;
  if (too_large_bytes_ > best_bytes_ && !halve)
    at = (limits_.memory_bytes - best_bytes_) / (too_large_bytes_ - best_bytes_);
  const auto by = static_cast<std::uint64_t>(at * static_cast<double>(gap));
  return best_ + std::clamp<std::uint64_t>(by, 1, gap - 1);
}

double BatchSearch::Predict(std::uint64_t batch) const {
  const auto x = static_cast<double>(batch);
  // A line that falls is noise: what was measured does not shrink with the batch.
  return std::max(fit_.UpperBound(x), best_bytes_);
}

void BatchSearch::Fit() {
  fit_ = FitLine(points_);
  left_out_ = 0;
  // Small sizes often take other kernels; the line that matters is that of the large ones. Three points at
  // one end of the scale make no line, however straight.
  while (points_.size() - left_out_ > 3 && points_.back().x >= 2 * points_[left_out_ + 1].x &&
         !OnTheLine(fit_, std::span(points_).subspan(left_out_))) {
    ++left_out_;
    fit_ = FitLine(std::span(points_).subspan(left_out_));
  }
}

void BatchSearch::OnMeasured(std::uint64_t batch, double bytes) {
  const bool fits = bytes <= limits_.memory_bytes;
  runs_.push_back({batch, bytes, fits});
  const double predicted = points_.size() >= 2 ? fit_.At(static_cast<double>(batch)) : 0;
  const Measured point{static_cast<double>(batch), bytes};
  const auto place = std::lower_bound(points_.begin(), points_.end(), point,
                                      [](const auto& a, const auto& b) { return a.x < b.x; });
  points_.insert(place, point);
  Fit();
  if (fits && batch > best_) {
    best_ = batch;
    best_bytes_ = bytes;
    predicted_of_best_ = predicted;
  }
  if (!fits && (too_large_ == 0 || batch < too_large_)) {
    too_large_ = batch;
    too_large_bytes_ = bytes;
  }
  next_.reset();
}

void BatchSearch::OnFailed(std::uint64_t batch) {
  runs_.push_back({batch, 0, false});
  if (too_large_ == 0 || batch < too_large_) {
    too_large_ = batch;
    too_large_bytes_ = 0;
  }
  next_.reset();
}

BatchAnswer BatchSearch::Answer() const {
  BatchAnswer answer;
  answer.batch = best_;
  answer.bytes = best_bytes_;
  answer.predicted_bytes = predicted_of_best_;
  answer.fit = fit_;
  answer.left_out = left_out_;
  answer.too_large = too_large_;
  answer.runs = runs_;
  answer.why = why_;
  const auto kept = std::span(points_).subspan(left_out_);
  answer.linear = kept.size() >= 3 && OnTheLine(fit_, kept);
  for (std::size_t i = 1; i < points_.size(); ++i) {
    const double rise = points_[i].y - points_[i - 1].y - fit_.slope * (points_[i].x - points_[i - 1].x);
    const double span = points_.back().y - points_.front().y;
    if (rise > std::max({kRounding, 0.1 * span, answer.step_bytes})) {
      answer.step_bytes = rise;
      answer.step_above = static_cast<std::uint64_t>(points_[i - 1].x);
    }
  }
  return answer;
}

}  // namespace altlas::tune
