# SPDX-License-Identifier: Apache-2.0
"""The input pipeline's scenario: settings, the choice, the file it writes. What needs torch runs where torch is."""
import contextlib
import io
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "altlas" / "pipeline_bench.py"
SPEC = importlib.util.spec_from_file_location("pipeline_bench", SCRIPT)
bench = importlib.util.module_from_spec(SPEC)
sys.modules["pipeline_bench"] = bench
SPEC.loader.exec_module(bench)
Setting = bench.Setting


def has_torch():
    try:
        bench.import_torch()
    except bench.Problem:
        return False
    return True


def start(*words):
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=600, check=False)


class Settings(unittest.TestCase):
    def test_lists_are_numbers_and_ranges(self):
        self.assertEqual(bench.parse_list("4,0..2,2", "--workers", 0), [0, 1, 2, 4])
        for wrong in ("", "x", "1,,2", "-1", "3..1", "2000", "0..", "1.5"):
            with self.assertRaises(bench.Problem) as raised:
                bench.parse_list(wrong, "--workers", 0)
            self.assertEqual(raised.exception.code, 2)
            self.assertIn("--workers", str(raised.exception))
        with self.assertRaises(bench.Problem):
            bench.parse_list("0", "--prefetch", 1)

    def test_without_workers_there_is_one_setting(self):
        settings = bench.grid([0, 2], [False], [False, True], [2, 4])
        self.assertEqual([setting for setting in settings if setting.workers == 0], [Setting(0)])
        self.assertEqual(len(settings), 1 + 4)
        self.assertEqual(Setting(0, True).arguments, {"num_workers": 0, "pin_memory": True})
        self.assertEqual(Setting(2, False, True, 4).arguments,
                         {"num_workers": 2, "pin_memory": False, "persistent_workers": True, "prefetch_factor": 4})

    def test_default_workers_stay_within_the_cores(self):
        for cores in (1, 2, 3, 8, 64):
            workers = bench.default_workers(cores)
            self.assertEqual(workers[0], 0)
            self.assertLessEqual(max(workers), cores)


class Choice(unittest.TestCase):
    def test_the_fastest_wins_when_it_is_clear(self):
        rates = {Setting(0): [100, 101, 99], Setting(2, prefetch=2): [190, 200, 195], Setting(4, prefetch=2): [300, 301, 299]}
        self.assertEqual(bench.choose_best(rates), Setting(4, prefetch=2))

    def test_within_the_noise_the_cheaper_wins(self):
        rates = {Setting(0): [100, 100, 100], Setting(2, prefetch=2): [200, 196, 204], Setting(4, prefetch=2): [203, 199, 207]}
        self.assertEqual(bench.choose_best(rates), Setting(2, prefetch=2))

    def test_workers_that_persist_win_a_tie(self):
        rates = {Setting(2, prefetch=2): [200, 201, 199], Setting(2, persistent=True, prefetch=2): [200, 200, 200]}
        self.assertTrue(bench.choose_best(rates).persistent)

    def test_noise_of_the_runs_widens_the_tie(self):
        rates = {Setting(2, prefetch=2): [150, 180, 210], Setting(4, prefetch=2): [205, 205, 205]}
        self.assertEqual(bench.choose_best(rates), Setting(2, prefetch=2))
        rates[Setting(2, prefetch=2)] = [179, 180, 181]
        self.assertEqual(bench.choose_best(rates), Setting(4, prefetch=2))

    def test_the_summary_names_the_best_in_figures_and_words(self):
        results = {Setting(0): {"rate": [100.0], "first": [5.0], "wait": [99.0]},
                   Setting(2, prefetch=2): {"rate": [250.0], "first": [50.0], "wait": [80.0]}}
        options = bench.parse_arguments([])
        summary = bench.summarize(results, options, "1.2.3", ["careful"], "cpu")
        self.assertEqual(summary["scenario"]["parameters"]["best"], "workers=2,pinned=off,persistent=off,prefetch=2")
        self.assertEqual(summary["findings"][0]["figures"]["workers"], 2)
        self.assertIn("2.50 times", summary["findings"][0]["sentence"])
        self.assertEqual(summary["warnings"][0]["text"], "careful")
        self.assertEqual({entry["better"] for entry in summary["metrics"]}, {"higher", "lower"})


class Program(unittest.TestCase):
    def test_wrong_usage_is_told(self):
        for words in (["--batch-size", "0"], ["--workers", "many"], ["--prefetch", "0"], ["--pinned", "perhaps"],
                      ["--step-ms", "-1"], ["--step-ms", "nan"], ["--runs", "x"]):
            done = start(*words)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words[0], done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def test_a_folder_that_is_not_there_or_empty_is_told(self):
        done = start("--data", "/nowhere/at/all")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nowhere/at/all", done.stderr)
        with tempfile.TemporaryDirectory() as folder:
            done = start("--data", folder)
            self.assertEqual(done.returncode, 3)
            self.assertIn("holds no files", done.stderr)

    def test_a_python_without_torch_is_told(self):
        # Isolated, and with a torch that cannot be imported in front.
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "torch.py").write_text("raise ImportError('not this one')\n")
            done = subprocess.run([sys.executable, str(SCRIPT), "--runs", "1"], capture_output=True, text=True, check=False,
                                  env={"PYTHONPATH": folder, "PATH": "/usr/bin:/bin"}, timeout=600)
        self.assertEqual(done.returncode, 3)
        self.assertIn("not this one", done.stderr)
        self.assertIn("--python", done.stderr)
        self.assertEqual(done.stdout, "")

    @unittest.skipUnless(has_torch(), "this Python has no torch")
    def test_a_folder_of_samples_is_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(6):
                pathlib.Path(folder, f"{number}.bin").write_bytes(bytes([number]) * (10_000 * number))
            done = start("--data", folder, "--workers", "0,1", "--persistent", "on", "--batch-size", "2", "--runs", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        rates = [entry for entry in summary["metrics"] if entry["name"].startswith("samples_per_second[")]
        self.assertEqual(len(rates), 2)
        for entry in rates:
            self.assertEqual(len(entry["samples"]), 2)
            self.assertGreater(entry["value"], 0)

    @unittest.skipUnless(has_torch(), "this Python has no torch")
    def test_a_file_that_is_no_image_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a.png").write_bytes(b"no image")
            done = start("--data", folder, "--workers", "0", "--batch-size", "1", "--runs", "1")
        has_pillow = importlib.util.find_spec("PIL") is not None
        self.assertEqual(done.returncode, 1 if has_pillow else 3)
        self.assertIn("a.png", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    @unittest.skipUnless(has_torch(), "this Python has no torch")
    def test_a_busy_consumer_waits_less(self):
        torch = bench.import_torch()
        synthetic, _ = bench.make_datasets(torch)
        loader = torch.utils.data.DataLoader(synthetic(8), batch_size=2)
        with contextlib.redirect_stderr(io.StringIO()):
            seconds, first, waited, samples = bench.Consumer(torch, 0.05).epoch(loader)
        self.assertEqual(samples, 8)
        self.assertGreaterEqual(seconds, 4 * 0.05)
        self.assertLessEqual(first, seconds)
        self.assertLessEqual(waited, seconds - 4 * 0.05 + 0.001)


if __name__ == "__main__":
    unittest.main()
