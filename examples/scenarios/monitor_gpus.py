#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Watches the devices and draws use, memory and tasks over time (document 2, section 7.1)."""
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from pool_client import Pool, arguments  # noqa: E402

options = arguments(__doc__, duration=300.0, interval=10.0, output="gpu_metrics.png")
pool = Pool(options)
start = time.monotonic()
series = {}
while True:
    now = time.monotonic() - start
    for gpu in pool.gpus():
        series.setdefault(gpu["id"], []).append((now, gpu["utilization"], gpu["memory_used"] / 2**30, gpu["task_count"]))
    print(f"{now:6.1f} s  " + "  ".join(f"{name}: {values[-1][1]:.0f} %, {values[-1][2]:.2f} GiB, {values[-1][3]} tasks"
                                        for name, values in series.items()))
    if now + options.interval > options.duration:
        break
    time.sleep(options.interval)

figure, axes = plt.subplots(3, 1, figsize=(12, 9), sharex=True)
for axis, column, label in zip(axes, (1, 2, 3), ("busy (%)", "memory used (GiB)", "tasks")):
    for name, values in series.items():
        axis.plot([value[0] for value in values], [value[column] for value in values], marker="o", label=name)
    axis.set_ylabel(label)
    axis.grid(True)
    axis.legend()
axes[-1].set_xlabel("seconds")
figure.tight_layout()
figure.savefig(options.output)
print(f"drawn: {options.output}")
