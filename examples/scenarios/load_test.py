#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A steady load for some minutes with the devices watched beside it (document 2, section 5.2)."""
import threading
import time

from pool_client import Pool, arguments, show_shares, show_times

options = arguments(__doc__, duration=300.0, interval=1.0, monitor_interval=10.0, max_length=64)
stop = threading.Event()
samples = []


def watch():
    pool = Pool(options)
    while not stop.is_set():
        for gpu in pool.gpus():
            samples.append((time.time(), gpu["id"], gpu["utilization"], gpu["memory_used"], gpu["task_count"]))
        stop.wait(options.monitor_interval)


watcher = threading.Thread(target=watch)
watcher.start()
pool = Pool(options)
end = time.monotonic() + options.duration
ids, gpu_ids, times = [], [], []
print(f"load for {options.duration:.0f} s, a request every {options.interval:.2f} s")
while time.monotonic() < end:
    start = time.monotonic()
    task = pool.predict("Sample input text", max_length=options.max_length, temperature=0.7, gpu_options={"strategy": "least_loaded"})
    times.append(time.monotonic() - start)
    ids.append(task["task_id"])
    gpu_ids.append(task["gpu_id"])
    print(f"\r{len(ids)} requests, {max(0, end - time.monotonic()):.0f} s left ", end="", flush=True)
    time.sleep(options.interval)
stop.set()
watcher.join()
print()
outcomes = {}
for task_id in ids:
    status = pool.wait(task_id)["status"]
    outcomes[status] = outcomes.get(status, 0) + 1
show_shares("devices", gpu_ids)
show_times("response", times)
print(f"throughput: {len(ids) / options.duration:.2f} requests/s; outcomes: {outcomes}; {len(samples)} device samples")
if set(outcomes) != {"completed"}:
    raise SystemExit("some tasks did not complete")
