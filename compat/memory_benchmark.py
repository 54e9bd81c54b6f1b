#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`python memory_benchmark.py --model bert-base --iterations 100`: `alt_las bench memory`."""
from alt_las import start

if __name__ == "__main__":
    start("bench", "memory", defaults={"--model": "bert-base"})
