# SPDX-License-Identifier: Apache-2.0
"""What the scenarios share: where the server is, and the few calls they make.

Address and key come from --url and --key, or from ALTLAS_URL and ALTLAS_KEY.
"""
import argparse
import os
import time

import requests

FINAL = ("completed", "failed", "canceled")


def arguments(description, **more):
    """The parsed command line; `more` gives further options with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", default=os.environ.get("ALTLAS_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--key", default=os.environ.get("ALTLAS_KEY", ""))
    for name, default in more.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    return parser.parse_args()


class Pool:
    """The server's interface. Not shared between threads: each thread makes its own."""

    def __init__(self, options):
        self.api = options.url.rstrip("/") + "/api/v1"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {options.key}"

    def call(self, method, path, **more):
        answer = self.session.request(method, self.api + path, timeout=120, **more)
        if not answer.ok:
            error = answer.json().get("error", {})
            raise SystemExit(f"{method} {path}: {answer.status_code} {error.get('code')}: {error.get('message')}")
        return answer.json()

    def predict(self, text, **more):
        return self.call("POST", "/predict", json={"text": text, **more})

    def batch(self, items, **options):
        return self.call("POST", "/batch_predict", json={"batch": items, "gpu_options": options})

    def task(self, task_id):
        return self.call("GET", f"/task/{task_id}")

    def gpus(self):
        return self.call("GET", "/gpus")["gpus"]

    def wait(self, task_id):
        """Polls until the task is final, as a client without long polls would."""
        while True:
            task = self.task(task_id)
            if task["status"] in FINAL:
                return task
            time.sleep(0.05)


def show_gpus(pool, title):
    print(title)
    for gpu in pool.gpus():
        used, total = gpu["memory_used"] / 2**30, gpu["memory_total"] / 2**30
        print(f"  {gpu['id']} ({gpu['name']}): {gpu['utilization']:.0f} % busy, {used:.2f} of {total:.2f} GiB, {gpu['task_count']} tasks")


def show_shares(name, gpu_ids):
    counts = {}
    for gpu_id in gpu_ids:
        counts[gpu_id] = counts.get(gpu_id, 0) + 1
    print(f"{name}:")
    for gpu_id in sorted(counts, key=str):
        print(f"  {gpu_id}: {counts[gpu_id]} tasks ({100 * counts[gpu_id] / len(gpu_ids):.1f} %)")
    return counts


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def show_times(name, seconds):
    mean = sum(seconds) / len(seconds)
    print(f"{name}: mean {mean:.4f} s, median {percentile(seconds, 0.5):.4f} s, p95 {percentile(seconds, 0.95):.4f} s, "
          f"p99 {percentile(seconds, 0.99):.4f} s, least {min(seconds):.4f} s, most {max(seconds):.4f} s")
