#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes statistics_golden.txt by scipy, the second opinion of statistics_test.cc.

usage: python3 -m venv v && v/bin/pip install numpy scipy && v/bin/python make_statistics_golden.py > statistics_golden.txt

A line is: what, numbers of it, each sample as its length and its values.
"""
import numpy as np
import scipy
from scipy import stats


def sample(values):
    return f"{len(values)} " + " ".join(repr(float(v)) for v in values)


def main():
    rng = np.random.default_rng(4)
    print(f"# numpy {np.__version__}, scipy {scipy.__version__}")
    for n, m in [(3, 3), (4, 7), (5, 5), (8, 8), (12, 12), (10, 3), (25, 25), (1, 9)]:
        x, y = rng.normal(0.4, 1, n), rng.lognormal(0, 0.5, m)
        for side in ("greater", "less", "two-sided"):
            r = stats.mannwhitneyu(x, y, alternative=side, method="exact")
            print("mwu", side, repr(float(r.statistic)), repr(float(r.pvalue)), sample(x), sample(y))
    for n, m in [(30, 30), (40, 26), (26, 25)]:  # beyond 50 values, with many ties and with none
        for round_to in (0, 1, 9):
            x, y = np.round(rng.normal(0.3, 2, n), round_to), np.round(rng.normal(0, 2, m), round_to)
            for side in ("greater", "less", "two-sided"):
                r = stats.mannwhitneyu(x, y, alternative=side, method="asymptotic", use_continuity=True)
                print("mwu", side, repr(float(r.statistic)), repr(float(r.pvalue)), sample(x), sample(y))
    for n in (1, 2, 5, 10, 33):
        x = rng.gamma(2, 3, n)
        for q in (0, 0.025, 0.25, 0.5, 0.9, 0.975, 1):
            print("quantile", q, repr(float(np.quantile(x, q))), sample(x))
        if n > 1:
            print("mad", repr(float(stats.median_abs_deviation(x, scale="normal"))), sample(x))
    for m in (1, 4, 20):
        p = rng.uniform(0, 1, m) ** 3
        print("bh", sample(p), sample(stats.false_discovery_control(p, method="bh")))
    for p in (1e-12, 1e-4, 0.005, 0.025, 0.3, 0.5, 0.975, 0.99999):
        print("ppf", repr(p), repr(float(stats.norm.ppf(p))))
    for n in (5, 9, 24):
        for drift in (0, 0.3):
            x = rng.normal(0, 1, n) + drift * np.arange(n)
            r = stats.kendalltau(np.arange(n), x, method="exact")
            print("kendall", repr(float(r.statistic)), repr(float(r.pvalue)), sample(x))


if __name__ == "__main__":
    main()
