#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the shipped model's tokenizer and turns the corpus into token ids.

usage: train_tokenizer.py CORPUS.jsonl MODEL_FOLDER TOKENS.bin
Writes tokenizer.json and tokenizer_config.json (byte-level BPE, any text has ids) and TOKENS.bin: little-endian 16-bit ids of
all documents, each as <|bos|> text <|eos|>. Needs PyPI's `tokenizers`.
"""
import array
import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

VOCABULARY = 4096
BOS, EOS = "<|bos|>", "<|eos|>"


def train(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[BOS, EOS], show_progress=False, min_frequency=30,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))])
    return tokenizer


def main():
    corpus, folder, output = map(pathlib.Path, sys.argv[1:4])
    texts = [json.loads(line) for line in corpus.open(encoding="utf-8")]
    tokenizer = train(texts)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": BOS, "eos_token": EOS, "model_max_length": 1024, "clean_up_tokenization_spaces": False,
              "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    end = tokenizer.token_to_id(EOS)
    ids = array.array("H")
    for encoded in tokenizer.encode_batch(texts):
        ids.extend(encoded.ids)
        ids.append(end)
    if sys.byteorder == "big":
        ids.byteswap()
    output.write_bytes(ids.tobytes())
    print(f"{len(texts)} documents, {len(ids)} tokens, vocabulary {tokenizer.get_vocab_size()}")


if __name__ == "__main__":
    main()
