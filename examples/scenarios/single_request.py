#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One request, its status until it is done, its text (document 2, sections 2.1 and 2.2)."""
from pool_client import Pool, arguments

options = arguments(__doc__, text="Once upon a time", max_length=48, temperature=0.7)
pool = Pool(options)
submitted = pool.predict(options.text, max_length=options.max_length, temperature=options.temperature,
                         gpu_options={"strategy": "least_loaded"})
print(f"task {submitted['task_id']} on {submitted['gpu_id']}: {submitted['status']}")
task = pool.wait(submitted["task_id"])
if task["status"] != "completed":
    raise SystemExit(f"{task['status']}: {task['error']['message']}")
print(f"{options.text}{task['result']['text']}")
print(f"took {task['result']['execution_time']:.3f} s")
