#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the settings of PyTorch's DataLoader on one's own data and finds the best: `alt_las bench pipeline`.

Writes a profile_summary.json to standard output (docs/formats/profile_summary.md), a bar to standard error where that
is a terminal. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such folder or no torch, 130 stopped by Ctrl-C.

Each setting loads two epochs a run; the second is what counts (it starts the workers again unless they persist), the
first gives the time to the first batch. Runs of all settings take turns, so that a slow minute of the machine hits
all of them. The consumer copies each batch to the GPU where there is one, and may be busy for --step-ms a batch as a
training step would be.
"""
import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import statistics
import sys
import time
import warnings as python_warnings

IMAGE_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
SIDE = 224  # of a sample, pixels
# Settings this close to the fastest count as equally fast; then the cheaper wins.
LEAST_DIFFERENCE = 0.02


class Problem(Exception):
    """What the user has to mend; `code` is the exit code."""

    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Setting:
    workers: int
    pinned: bool = False
    persistent: bool = False
    prefetch: int | None = None

    @property
    def name(self):
        words = [f"workers={self.workers}", f"pinned={'on' if self.pinned else 'off'}"]
        if self.workers > 0:
            words += [f"persistent={'on' if self.persistent else 'off'}", f"prefetch={self.prefetch}"]
        return ",".join(words)

    @property
    def arguments(self):
        """As DataLoader takes them."""
        given = {"num_workers": self.workers, "pin_memory": self.pinned}
        if self.workers > 0:  # DataLoader refuses both without workers
            given.update(persistent_workers=self.persistent, prefetch_factor=self.prefetch)
        return given

    @property
    def cost(self):
        """Of two that are equally fast the lower one is better: processes, pinned memory, batches held ready, starts."""
        return (self.workers, self.pinned, self.workers * (self.prefetch or 0), not self.persistent)


def parse_list(text, option, least):
    """"0,2,4" or "0..4"."""
    numbers = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        try:
            low = int(first)
            high = int(last) if dots else low
        except ValueError:
            raise Problem(f'{option} "{text}": give whole numbers with commas between, or a range such as 0..4', 2) from None
        if low < least or high < low or high > 1024:
            raise Problem(f'{option} "{text}": allowed are {least} to 1024, a range from low to high', 2)
        numbers += range(low, high + 1)
    return sorted(set(numbers))


def default_workers(cores):
    return sorted({0, *range(1, min(cores, 4) + 1), *(n for n in (6, 8, 12, 16) if n <= cores)})


def parse_switch(text):
    return {"on": [True], "off": [False], "both": [False, True]}[text]


def grid(workers, pinned, persistent, prefetch):
    """Every setting that DataLoader accepts, each once."""
    settings = []
    for setting in itertools.starmap(Setting, itertools.product(workers, pinned, persistent, prefetch)):
        if setting.workers == 0:
            setting = dataclasses.replace(setting, persistent=False, prefetch=None)
        if setting not in settings:
            settings.append(setting)
    return settings


def spread(values):
    middle = statistics.median(values)
    return statistics.median(abs(value - middle) for value in values)


def choose_best(rates):
    """The cheapest of the settings that are as fast as the fastest, within the noise; rates: {setting: [samples/s]}."""
    medians = {setting: statistics.median(values) for setting, values in rates.items()}
    fastest = max(medians, key=medians.get)

    def as_fast(setting):
        noise = max(spread(rates[setting]), spread(rates[fastest]), LEAST_DIFFERENCE * medians[fastest])
        return medians[setting] >= medians[fastest] - noise

    return min((setting for setting in rates if as_fast(setting)), key=lambda setting: setting.cost)


def import_torch():
    try:
        import torch
        import torch.utils.data
    except Exception as error:  # a broken installation raises what it likes
        raise Problem(
            f"{sys.executable} cannot import torch ({type(error).__name__}: {error}): install torch into it, or name a "
            "Python that has it by --python", 3) from None
    return torch


def find_files(folder):
    path = pathlib.Path(folder)
    try:
        files = sorted(str(file) for file in path.rglob("*") if file.is_file())
        if not path.is_dir():
            raise Problem(f"there is no folder {folder}: give the folder of the samples, or synthetic", 3)
        os.listdir(path)
    except PermissionError:
        raise Problem(f"the folder {folder} cannot be read: permission denied", 1) from None
    if not files:
        raise Problem(f"the folder {folder} holds no files: each file is a sample", 3)
    return files


def make_datasets(torch):
    class Synthetic(torch.utils.data.Dataset):
        """Images of noise, flipped and normalised: the work of a small augmentation, no disk."""

        def __init__(self, count):
            self.count = count

        def __len__(self):
            return self.count

        def __getitem__(self, index):
            generator = torch.Generator().manual_seed(index)
            image = torch.randint(0, 256, (3, SIDE, SIDE), generator=generator, dtype=torch.uint8).float()
            if index % 2:
                image = image.flip(-1)
            return (image / 255 - 0.5) / 0.25

    class Folder(torch.utils.data.Dataset):
        """Files: images decoded and scaled where Pillow is there, else their bytes, cut or filled to one length."""

        def __init__(self, files):
            self.files = files

        def __len__(self):
            return len(self.files)

        def __getitem__(self, index):
            path = self.files[index]
            try:
                if pathlib.Path(path).suffix.lower() in IMAGE_ENDINGS:
                    return self.decode(path)
                with open(path, "rb") as file:
                    content = file.read(3 * SIDE * SIDE)
            except ImportError:
                raise Problem(f"decoding {path} needs Pillow: pip install pillow", 3) from None
            except OSError as error:
                raise Problem(f"the sample {path} cannot be read: {error}", 1) from None
            sample = torch.zeros(3 * SIDE * SIDE, dtype=torch.uint8)
            if content:
                sample[:len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            return sample.view(3, SIDE, SIDE).float() / 255

        @staticmethod
        def decode(path):
            from PIL import Image

            with Image.open(path) as image:
                pixels = image.convert("RGB").resize((SIDE, SIDE)).tobytes()
            return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(SIDE, SIDE, 3).permute(2, 0, 1).float() / 255

    return Synthetic, Folder


class Consumer:
    """Takes batches as a training loop does, and counts how long it waited for them."""

    def __init__(self, torch, step_seconds):
        self.torch = torch
        self.step_seconds = step_seconds
        self.device = torch.device("cuda") if torch.cuda.is_available() else None

    def epoch(self, loader):
        """(seconds, seconds until the first batch, seconds of waiting, samples)"""
        begin = time.perf_counter()
        first = None
        waited = 0.0
        samples = 0
        batches = iter(loader)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            now = time.perf_counter()
            waited += now - asked
            if batch is None:
                break
            first = now - begin if first is None else first
            samples += len(batch)
            if self.device is not None:
                batch = batch.to(self.device, non_blocking=True)
                self.torch.cuda.synchronize()
            if self.step_seconds:
                time.sleep(self.step_seconds)
        return time.perf_counter() - begin, first, waited, samples


class Bar:
    def __init__(self, steps):
        self.steps, self.done = steps, 0
        self.shows = sys.stderr.isatty()

    def show(self, what):
        if self.shows:
            filled = 20 * self.done // self.steps
            sys.stderr.write(f"\r\033[K{'█' * filled}{'░' * (20 - filled)} {self.done}/{self.steps} {what}")
            sys.stderr.flush()

    def step(self):
        self.done += 1

    def clear(self):
        if self.shows:
            sys.stderr.write("\r\033[K")


def measure(torch, dataset, settings, options):
    """{setting: {"rate": [...], "first": [...], "wait": [...]}}, one value a run."""
    results = {setting: {"rate": [], "first": [], "wait": []} for setting in settings}
    consumer = Consumer(torch, options.step_ms / 1000)
    bar = Bar(len(settings) * options.runs)
    for run in range(options.runs):
        # There and back: no setting always follows the same other one.
        for setting in settings if run % 2 == 0 else reversed(settings):
            bar.show(setting.name)
            loader = torch.utils.data.DataLoader(dataset, batch_size=options.batch_size, shuffle=True, **setting.arguments)
            _, first, _, _ = consumer.epoch(loader)
            seconds, _, waited, samples = consumer.epoch(loader)
            del loader  # ends the workers that persist
            results[setting]["rate"].append(samples / seconds)
            results[setting]["first"].append(1000 * first)
            results[setting]["wait"].append(100 * waited / seconds)
            bar.step()
    bar.clear()
    return results


def metric(name, unit, samples, better):
    return {"name": name, "unit": unit, "value": statistics.median(samples), "better": better, "samples": samples}


def sentence(best, results):
    rates = {setting: values["rate"] for setting, values in results.items()}
    rate = statistics.median(rates[best])
    text = f"Best: DataLoader({', '.join(f'{key}={value}' for key, value in best.arguments.items())}) with {rate:.0f} samples/s"
    without = next((setting for setting in rates if setting.workers == 0), None)
    if without is not None and without != best:
        base = statistics.median(rates[without])
        text += f", {rate / base:.2f} times as many as without workers ({base:.0f})"
    fastest = max(rates, key=lambda setting: statistics.median(rates[setting]))
    if fastest != best:
        text += f"; {fastest.name} is not faster beyond the noise ({statistics.median(rates[fastest]):.0f})"
    return text


def summarize(results, options, torch_version, warnings, device):
    """The profile_summary.json as a dictionary."""
    best = choose_best({setting: values["rate"] for setting, values in results.items()})
    metrics = []
    for setting, values in results.items():
        metrics.append(metric(f"samples_per_second[{setting.name}]", "1/s", values["rate"], "higher"))
        metrics.append(metric(f"first_batch[{setting.name}]", "ms", values["first"], "lower"))
        metrics.append(metric(f"wait[{setting.name}]", "%", values["wait"], "lower"))
    metrics.append(metric("best_samples_per_second", "1/s", results[best]["rate"], "higher"))
    figures = {"workers": best.workers, "pinned": int(best.pinned), "persistent": int(best.persistent),
               "samples_per_second": statistics.median(results[best]["rate"])}
    if best.prefetch is not None:
        figures["prefetch"] = best.prefetch
    return {
        "schema": "altlas.profile_summary",
        "schema_version": 1,
        "sources": [{"path": "alt_las bench pipeline", "format": "bench", "tool": f"torch {torch_version}"}],
        "environment": {"torch": torch_version, "python": sys.version.split()[0]},
        "warnings": [{"severity": "warning", "text": text, "source": 0} for text in warnings],
        "scenario": {"name": "pipeline",
                     "parameters": {"data": options.data, "batch_size": str(options.batch_size),
                                    "batches": str(options.batches), "runs": str(options.runs),
                                    "step_ms": f"{options.step_ms:g}", "device": device, "best": best.name}},
        "metrics": metrics,
        "findings": [{"id": "best-loader", "severity": "info", "sentence": sentence(best, results), "figures": figures}],
    }


def parse_arguments(words):
    parser = argparse.ArgumentParser(prog="pipeline_bench.py", description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="synthetic", metavar="FOLDER|synthetic")
    parser.add_argument("--workers", default="", metavar="LIST", help="num_workers to try: 0,2,4 or 0..4")
    parser.add_argument("--pinned", choices=["on", "off", "both", "auto"], default="auto")
    parser.add_argument("--persistent", choices=["on", "off", "both"], default="both")
    parser.add_argument("--prefetch", default="2", metavar="LIST", help="prefetch_factor to try")
    parser.add_argument("--batch-size", type=int, default=112)
    parser.add_argument("--batches", type=int, default=50, help="of an epoch, at most")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--step-ms", type=float, default=0, help="the consumer is busy for so long a batch")
    options = parser.parse_args(words)
    for name in ("batch_size", "batches", "runs"):
        if getattr(options, name) < 1:
            raise Problem(f"--{name.replace('_', '-')} is {getattr(options, name)}; allowed is 1 and more", 2)
    if not 0 <= options.step_ms <= 60_000:
        raise Problem(f"--step-ms is {options.step_ms}; allowed is 0 to 60000", 2)
    return options


def run(words):
    options = parse_arguments(words)
    cores = len(os.sched_getaffinity(0))
    workers = parse_list(options.workers, "--workers", 0) if options.workers else default_workers(cores)
    prefetch = parse_list(options.prefetch, "--prefetch", 1)
    files = None if options.data == "synthetic" else find_files(options.data)
    torch = import_torch()
    python_warnings.filterwarnings("ignore", "This DataLoader will create")  # said below, once
    warnings = []
    has_gpu = torch.cuda.is_available()
    pinned = options.pinned if options.pinned != "auto" else "both" if has_gpu else "off"
    if not has_gpu and pinned != "off":
        warnings.append("pin_memory does nothing without a GPU, and there is none here: measured without it")
        pinned = "off"
    if max(workers) > cores:
        warnings.append(f"{max(workers)} workers are more than the {cores} cores of this machine")
    synthetic, folder = make_datasets(torch)
    most = options.batch_size * options.batches
    dataset = synthetic(most) if files is None else folder(files[:most])
    dataset[0]  # a sample that cannot be read is told here, in one sentence
    settings = grid(workers, parse_switch(pinned), parse_switch(options.persistent), prefetch)
    results = measure(torch, dataset, settings, options)
    device = torch.cuda.get_device_name() if has_gpu else "cpu"
    json.dump(summarize(results, options, torch.__version__, warnings, device), sys.stdout)
    sys.stdout.write("\n")


def main():
    try:
        run(sys.argv[1:])
        return 0
    except Problem as problem:
        print(f"pipeline_bench: {problem}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"pipeline_bench: {str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
