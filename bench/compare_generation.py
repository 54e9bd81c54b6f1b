#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens per second of alt_las_worker beside Hugging Face's transformers in eager mode: same weights, float32, same threads, one run.

Needs a Python with torch and transformers (no part of the set-up): python bench/compare_generation.py --worker build/release/apps/alt_las_worker/alt_las_worker
"""
import argparse
import json
import subprocess
import time


def transformers_rate(model, ids, streams, tokens):
    import torch

    batch = torch.tensor([ids] * streams)
    with torch.inference_mode():
        begin = time.perf_counter()
        model.generate(batch, attention_mask=torch.ones_like(batch), do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens)
        return streams * tokens / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True, help="the program alt_las_worker")
    parser.add_argument("--model", default="models/alt-las-tiny", help="a Hugging Face folder (default: the shipped model)")
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    import torch
    import transformers

    torch.set_num_threads(options.threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    ids = tokenizer("Once upon a time")["input_ids"]
    ours = {1: [], 8: []}
    theirs = {1: [], 8: []}
    for _ in range(options.rounds):
        out = subprocess.run([options.worker, "--bench", options.model, "--dtype", "float32", "--threads", str(options.threads),
                              "--max-length", str(options.tokens), "--temperature", "0"], check=True, capture_output=True, text=True)
        for run in json.loads(out.stdout)["runs"]:
            ours[run["streams"]].append(run["tokens_per_second"])
        for streams in theirs:
            theirs[streams].append(transformers_rate(model, ids, streams, options.tokens))
    print(f"{options.model}, float32, {options.threads} threads, {options.tokens} tokens, medians of {options.rounds}; "
          f"torch {torch.__version__}, transformers {transformers.__version__}")
    for streams in theirs:
        mine, other = sorted(ours[streams])[options.rounds // 2], sorted(theirs[streams])[options.rounds // 2]
        print(f"  {streams} streams: alt_las_worker {mine:8.0f} tokens/s, transformers {other:8.0f} tokens/s, ratio {mine / other:.2f}")


if __name__ == "__main__":
    main()
