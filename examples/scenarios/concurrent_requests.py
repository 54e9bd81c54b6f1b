#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, and how the pool deals them out (document 2, section 5.1)."""
import concurrent.futures
import time

from pool_client import Pool, arguments, show_gpus, show_shares, show_times

options = arguments(__doc__, clients=20, max_length=32)


def one(number):
    pool = Pool(options)
    start = time.monotonic()
    submitted = pool.predict(f"Client {number} says", max_length=options.max_length, gpu_options={"strategy": "least_loaded"})
    answered = time.monotonic() - start
    task = pool.wait(submitted["task_id"])
    return task["gpu_id"], task["status"], answered, time.monotonic() - start


pool = Pool(options)
show_gpus(pool, "before")
with concurrent.futures.ThreadPoolExecutor(max_workers=options.clients) as executor:
    results = list(executor.map(one, range(options.clients)))
show_shares("devices", [result[0] for result in results])
show_times("accepted after", [result[2] for result in results])
show_times("done after", [result[3] for result in results])
show_gpus(pool, "after")
missing = [result for result in results if result[1] != "completed"]
if missing:
    raise SystemExit(f"{len(missing)} of {len(results)} tasks did not complete: {missing[:3]}")
