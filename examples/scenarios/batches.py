#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A batch split over the devices, and one kept on a single device (document 2, section 3)."""
from pool_client import Pool, arguments

pool = Pool(arguments(__doc__))
items = [{"text": "The weather today", "max_length": 24, "temperature": 0.7},
         {"text": "The old machine", "max_length": 40, "temperature": 0.5},
         {"text": "In the kitchen", "max_length": 24, "temperature": 0.8}]

split = pool.batch(items, strategy="round_robin", batch_split=True)
print(f"split: {split['status']}, {len(split['tasks'])} tasks")
for task in split["tasks"]:
    print(f"  {task['task_id']} on {task['gpu_id']}: {pool.wait(task['task_id'])['status']}")

whole = pool.batch(items, strategy="least_loaded", batch_split=False)
print(f"not split: {whole['status']}, {len(whole['task_ids'])} tasks on {whole['gpu_id']}")
devices = {pool.wait(task_id)["gpu_id"] for task_id in whole["task_ids"]}
print(f"  ran on {', '.join(sorted(devices))}")
if len(devices) != 1:
    raise SystemExit("a batch that is not split has to stay on one device")
