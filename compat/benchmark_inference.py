#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`python benchmark_inference.py --model bert-base --batch-size 32 --sequence-length 128`: `alt_las bench infer`."""
from alt_las import start

if __name__ == "__main__":
    start("bench", "infer", defaults={"--model": "bert-base"})
