# SPDX-License-Identifier: Apache-2.0
"""The search for the batch (TUN-3) on simulated memories; needs no torch."""
import importlib.util
import math
import pathlib
import random
import unittest

# By its file: the package's own __init__ needs nothing, and neither must this test.
_spec = importlib.util.spec_from_file_location(
    "batch_search", pathlib.Path(__file__).resolve().parents[1] / "altlas" / "batch_search.py"
)
batch_search = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(batch_search)
BatchSearch, fit_line, student95 = batch_search.BatchSearch, batch_search.fit_line, batch_search.student95
MIB, GIB = 1 << 20, 1 << 30


def bisect(memory, limit, most=1 << 20):
    """Independent of the search: the largest batch within the limit, of a memory that only grows."""
    fits, over = 0, most + 1
    while over - fits > 1:
        middle = (fits + over) // 2
        fits, over = (middle, over) if memory(middle) <= limit else (fits, middle)
    return fits


def run(memory, limit, capacity=math.inf, **options):
    search = BatchSearch(limit, **options)
    highest = 0
    while (size := search.next()) is not None:
        used = memory(size)
        highest = max(highest, used)
        search.measured(size, used) if used <= capacity else search.failed(size)
    return search.answer(), highest


class Search(unittest.TestCase):
    def test_on_lines_steps_and_curves_the_answer_is_within_five_percent(self):
        for seed in range(2000):
            rng = random.Random(seed)
            m0, k = rng.uniform(10, 4000) * MIB, rng.uniform(0.01, 300) * MIB
            grain = rng.choice((1, 512, 2 * MIB))
            capacity = m0 + k * rng.uniform(2, 3000) + 4 * MIB
            step, step_at = rng.choice((0, 0.05 * capacity)), rng.randint(2, 2000)
            bend = 0 if step else rng.choice((0, k / 5000))

            def memory(b):
                raw = m0 + k * b + bend * b * b + (step if b >= step_at else 0)
                return math.ceil(raw / grain) * grain

            limit = 0.9 * capacity
            answer, highest = run(memory, limit, capacity)
            right = bisect(memory, limit)
            with self.subTest(seed=seed):
                self.assertLessEqual(answer.batch, right)
                self.assertGreaterEqual(answer.batch, math.floor(0.95 * right))
                if memory(2) <= capacity:
                    self.assertLessEqual(highest, capacity, "it ran out of memory")

    def test_a_sample_that_does_not_fit_is_said(self):
        answer, _ = run(lambda b: 3 * GIB, 2 * GIB)
        self.assertEqual((answer.batch, answer.why), (0, "not even the smallest batch fits"))
        self.assertEqual(run(lambda b: 3 * GIB, 2 * GIB, capacity=GIB)[0].batch, 0)

    def test_a_failure_is_an_upper_end(self):
        search = BatchSearch(8 * GIB)
        while (size := search.next()) is not None:
            search.failed(size) if size > 300 else search.measured(size, GIB + 10 * MIB * size)
        self.assertTrue(285 <= search.answer().batch <= 300)

    def test_the_most_bounds_it(self):
        self.assertEqual(run(lambda b: b, GIB, most=100)[0].batch, 100)
        self.assertEqual(run(lambda b: 100 * MIB, GIB, most=4096)[0].batch, 4096)

    def test_nothing_below_the_smallest_is_run(self):
        answer, _ = run(lambda b: 100 * MIB * b, GIB, least=2)
        self.assertEqual(answer.batch, 10)
        self.assertTrue(all(size >= 2 for size, _, _ in answer.runs))

    def test_limits_that_leave_nothing_are_refused(self):
        for wrong in (0, -1, math.nan, math.inf):
            self.assertRaises(ValueError, BatchSearch, wrong)
        self.assertRaises(ValueError, BatchSearch, GIB, GIB)
        self.assertRaises(ValueError, BatchSearch, GIB, 0, 0)


class Line(unittest.TestCase):
    # numpy.polyfit([1, 2, 4, 8, 16], [12, 15, 18, 33, 59], 1)
    def test_is_that_of_the_reference(self):
        fit = fit_line([(1, 12), (2, 15), (4, 18), (8, 33), (16, 59)])
        self.assertAlmostEqual(fit.slope, 3.176075268817)
        self.assertAlmostEqual(fit.intercept, 7.708333333333)
        self.assertAlmostEqual(fit.residual, 1.651951165238)
        self.assertAlmostEqual(student95(4), 2.132)
        self.assertAlmostEqual(student95(11), 1.796, delta=0.002)
        self.assertAlmostEqual(student95(20), 1.725, delta=0.001)
        self.assertAlmostEqual(student95(100), 1.660, 3)


if __name__ == "__main__":
    unittest.main()
