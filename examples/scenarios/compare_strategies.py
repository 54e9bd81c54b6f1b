#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The strategies side by side: response times, times to the end, shares, and a picture (document 2, section 7.2)."""
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from pool_client import Pool, arguments, show_shares, show_times  # noqa: E402

options = arguments(__doc__, tasks=50, pause=0.1, max_length=32, output="strategy_comparison.png")
pool = Pool(options)
names = ["round_robin", "least_loaded", "memory_optimized", "task_specific", "random"]
means, shares = [], []
for name in names:
    answered, submitted = [], []
    for number in range(options.tasks):
        start = time.monotonic()
        submitted.append(pool.predict(f"Sample {number + 1}", max_length=options.max_length, temperature=0.7, gpu_options={"strategy": name}))
        answered.append(time.monotonic() - start)
        time.sleep(options.pause)
    done = [pool.wait(task["task_id"]) for task in submitted]
    to_end = [task.get("queue_time", 0) + task["result"]["execution_time"] for task in done if task["status"] == "completed"]
    print(f"\n{name}")
    shares.append(show_shares("devices", [task["gpu_id"] for task in done]))
    show_times("response", answered)
    show_times("to the end", to_end)
    means.append(sum(to_end) / len(to_end))

figure, (left, right) = plt.subplots(2, 1, figsize=(12, 8))
left.bar(names, means)
left.set_ylabel("mean time to the end (s)")
left.grid(True)
devices = sorted({gpu for counts in shares for gpu in counts}, key=str)
for index, device in enumerate(devices):
    right.bar([x + 0.15 * index for x in range(len(names))], [100 * counts.get(device, 0) / options.tasks for counts in shares], 0.15, label=device)
right.set_xticks([x + 0.15 * (len(devices) - 1) / 2 for x in range(len(names))], names)
right.set_ylabel("share of the tasks (%)")
right.legend()
figure.tight_layout()
figure.savefig(options.output)
print(f"\ndrawn: {options.output}")
