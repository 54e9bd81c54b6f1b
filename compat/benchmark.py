#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`python benchmark.py`, as the monitoring document profiles it: inference of bert-base by `alt_las bench infer`."""
from alt_las import start

if __name__ == "__main__":
    start("bench", "infer", defaults={"--model": "bert-base"})
