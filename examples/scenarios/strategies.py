#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each strategy by itself (document 2, section 4)."""
from pool_client import Pool, arguments, show_gpus

pool = Pool(arguments(__doc__))

print("round_robin:")
for number in range(5):
    task = pool.predict(f"Sentence {number + 1}", max_length=16, gpu_options={"strategy": "round_robin"})
    print(f"  task {number + 1} on {task['gpu_id']}")

show_gpus(pool, "before least_loaded")
print(f"least_loaded chose {pool.predict('A short text', max_length=16, gpu_options={'strategy': 'least_loaded'})['gpu_id']}")
show_gpus(pool, "after")

largest = max(gpu["memory_total"] for gpu in pool.gpus())
task = pool.predict("A text that needs room", max_length=16, estimated_memory=largest // 4, gpu_options={"strategy": "memory_optimized"})
print(f"memory_optimized chose {task['gpu_id']} for {largest / 2**32:.1f} GiB")

for kind in ("image_segmentation", "text_generation", "object_detection"):
    task = pool.predict(f"Input for {kind}", type=kind, max_length=16, gpu_options={"strategy": "task_specific"})
    final = pool.wait(task["task_id"])
    print(f"task_specific, {kind}: {task['gpu_id']}, {final['status']}" +
          (f" ({final['error']['message']})" if final["status"] == "failed" else ""))
