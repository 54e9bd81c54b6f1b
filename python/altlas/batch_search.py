# SPDX-License-Identifier: Apache-2.0
"""The largest batch whose step stays within a given memory: the search of src/tune/batch_search.h, for PyTorch.

Memory against batch is close to a line, M0 + k * b, but for the rounding of allocators and for workspaces that appear at
some size. So: a line through small probes, an upper bound of its prediction, one real step at the answer, and corrections
from there. No size is proposed whose bound is above the limit, but for the second sample, without which nothing is known
of the growth, and for the last quarter, where the line decides; the limit must leave a margin to what the device has.
"""
import dataclasses
import math

MIB = 1 << 20
PROBE_SHARE = 0.5  # a line is known before anything comes near the limit
LEAST_PROBES = 4
FARTHEST = 2  # one step is at most so many times as large as the largest before it
ROUNDING = 4.0 * MIB  # what caching allocators and huge pages round to
LINEAR_SHARE = 0.02

# Student's t, one-sided 95 %, by degrees of freedom.
_STUDENT = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)


def student95(degrees):
    if degrees <= len(_STUDENT):
        return _STUDENT[max(1, degrees) - 1]
    # Cornish and Fisher's expansion around the normal quantile: right to three digits from 10 degrees on.
    z = 1.6448536
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


@dataclasses.dataclass
class LineFit:
    """y = intercept + slope * x by least squares."""

    intercept: float = 0.0
    slope: float = 0.0
    residual: float = 0.0
    worst: float = 0.0
    count: int = 0
    mean_x: float = 0.0
    spread_x: float = 0.0

    def at(self, x):
        return self.intercept + self.slope * x

    def upper_bound(self, x):
        """One-sided 95 % bound of a further measurement at x."""
        if self.count < 3 or self.spread_x <= 0:
            return self.at(x)
        far = (x - self.mean_x) ** 2 / self.spread_x
        return self.at(x) + student95(self.count - 2) * self.residual * math.sqrt(1 + 1 / self.count + far)


def fit_line(points):
    fit = LineFit(count=len(points))
    if not points:
        return fit
    fit.mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    fit.spread_x = sum((x - fit.mean_x) ** 2 for x, _ in points)
    if fit.spread_x > 0:
        fit.slope = sum((x - fit.mean_x) * (y - mean_y) for x, y in points) / fit.spread_x
    fit.intercept = mean_y - fit.slope * fit.mean_x
    off = [y - fit.at(x) for x, y in points]
    fit.worst = max(abs(o) for o in off)
    if len(points) > 2:
        fit.residual = math.sqrt(sum(o * o for o in off) / (len(points) - 2))
    return fit


def _on_the_line(fit, points):
    return fit.worst <= max(ROUNDING, LINEAR_SHARE * abs(points[-1][1] - points[0][1]))


@dataclasses.dataclass
class BatchAnswer:
    batch: int  # 0: not even the smallest batch fits
    bytes: float  # measured at `batch`
    predicted_bytes: float  # by the line, before `batch` was run
    fit: LineFit
    linear: bool
    runs: list  # (batch, bytes or None, fits) in the order they were run
    why: str


class BatchSearch:
    """Ask next(), run a step of that batch, tell measured() or failed(), until next() is None."""

    def __init__(self, memory_bytes, base_bytes=0.0, most=1 << 20, least=1, close_enough=0.02, most_runs=32):
        if not (memory_bytes > 0 and math.isfinite(memory_bytes)):
            raise ValueError(f"there is no memory to fill: the limit is {memory_bytes} bytes")
        if base_bytes >= memory_bytes:
            raise ValueError(
                f"the model alone takes {base_bytes:.0f} bytes and the limit is {memory_bytes:.0f}: "
                "take a smaller model or precision, or allow more memory"
            )
        if least < 1 or most < least:
            raise ValueError(f"there is nothing between the smallest batch, {least}, and the largest, {most}")
        self._limit, self._most, self._least = float(memory_bytes), int(most), int(least)
        self._close_enough, self._most_runs = close_enough, most_runs
        self._runs, self._points, self._fit, self._left_out = [], [], LineFit(), 0
        self._best, self._best_bytes, self._predicted = 0, 0.0, 0.0
        self._too_large, self._too_large_bytes = 0, 0.0
        self._why = ""

    def next(self):
        if not self._runs:
            return self._least
        if self._best == 0:
            return self._done("not even the smallest batch fits")
        if self._best >= self._most:
            return self._done(f"{self._most} is the most that was asked for")
        if len(self._runs) >= self._most_runs:
            return self._done(f"{len(self._runs)} steps were run")
        if self._too_large:
            return self._between()
        return self._probe() or self._larger()

    def measured(self, batch, used):
        fits = used <= self._limit
        predicted = self._fit.at(batch) if len(self._points) >= 2 else 0.0
        self._runs.append((batch, used, fits))
        self._points = sorted([p for p in self._points if p[0] != batch] + [(batch, float(used))])
        self._fit_points()
        if fits and batch > self._best:
            self._best, self._best_bytes, self._predicted = batch, float(used), predicted
        if not fits and (not self._too_large or batch < self._too_large):
            self._too_large, self._too_large_bytes = batch, float(used)

    def failed(self, batch):
        self._runs.append((batch, None, False))
        if not self._too_large or batch < self._too_large:
            self._too_large, self._too_large_bytes = batch, 0.0

    def answer(self):
        kept = self._points[self._left_out :]
        linear = len(kept) >= 3 and _on_the_line(self._fit, kept)
        return BatchAnswer(self._best, self._best_bytes, self._predicted, self._fit, linear, list(self._runs), self._why)

    def _done(self, why):
        self._why = why
        return None

    def _enough(self):
        return math.ceil(self._close_enough * self._best) - 1

    def _probe(self):
        twice = min(2 * self._best, self._most)
        # What grows with the batch shows from the second sample on; without it there is nothing to go by.
        if len(self._points) == 1:
            return twice
        if self._best_bytes > PROBE_SHARE * self._limit:
            return None
        if self._predict(twice) <= PROBE_SHARE * self._limit:
            return twice
        if len(self._points) < LEAST_PROBES:
            known = {x for x, _ in self._points}
            return next((size for size in range(self._best - 1, self._least - 1, -1) if size not in known), None)
        return None

    def _largest_by(self, predict, most):
        low, high = self._best, max(self._best, min(self._most, most))
        while low < high:
            middle = low + (high - low + 1) // 2
            if predict(middle) <= self._limit:
                low = middle
            else:
                high = middle - 1
        return low

    def _larger(self):
        low = self._largest_by(self._predict, FARTHEST * self._best)
        if low == self._best:
            low = self._largest_by(self._fit.at, self._best + max(1, self._best // 4))
        if low > self._best + self._enough():
            return low
        # The line may be wrong at this end. What a sample took on the way up says what the room left is worth; where that
        # is more than a few samples, a slightly larger step is seen not to fit before the search ends.
        rise = self._best_bytes - self._points[0][1]
        worth = (self._limit - self._best_bytes) * (self._best - self._points[0][0]) / rise if rise > 0 else math.inf
        if worth >= 1 and worth > 0.75 * self._close_enough * self._best:
            return min(self._most, self._best + max(1, self._enough()))
        return self._done(f"the room that is left is worth less than {worth:.1f} samples")

    def _between(self):
        gap = self._too_large - self._best
        if gap <= max(1, self._enough()):
            return self._done(f"{self._best} fits and {self._too_large} does not")
        at = 0.5
        halve = len(self._runs) >= 2 and self._runs[-1][2] == self._runs[-2][2]
        if self._too_large_bytes > self._best_bytes and not halve:
            at = (self._limit - self._best_bytes) / (self._too_large_bytes - self._best_bytes)
        return self._best + min(max(int(at * gap), 1), gap - 1)

    def _predict(self, batch):
        return max(self._fit.upper_bound(batch), self._best_bytes)

    def _fit_points(self):
        self._left_out = 0
        self._fit = fit_line(self._points)
        # Three points at one end of the scale make no line, however straight.
        while (
            len(self._points) - self._left_out > 3
            and self._points[-1][0] >= 2 * self._points[self._left_out + 1][0]
            and not _on_the_line(self._fit, self._points[self._left_out :])
        ):
            self._left_out += 1
            self._fit = fit_line(self._points[self._left_out :])
