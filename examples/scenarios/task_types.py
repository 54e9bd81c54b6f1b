#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Five tasks of each type, and where they went (document 2, section 6; see examples/config/task_specific.yaml)."""
from pool_client import Pool, arguments, show_shares

options = arguments(__doc__, tasks=5)
pool = Pool(options)
for kind in ("image_segmentation", "text_generation", "object_detection"):
    submitted = [pool.predict(f"Input {number + 1} for {kind}", type=kind, max_length=16, gpu_options={"strategy": "task_specific"})
                 for number in range(options.tasks)]
    show_shares(kind, [task["gpu_id"] for task in submitted])
