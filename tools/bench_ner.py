#!/usr/bin/env python3
"""Tokens a second of a token classifier in ONNX Runtime: the same work as `medlar bench ner`.

  bench_ner.py MODEL --threads 2 [--sequences 16 --tokens 128 --repeats 10]

MODEL is a folder with safetensors that holds the very values of the shipped weights, as of
`medlar convert models/medlar-ner/medlar-ner.gguf --type F32 --out FOLDER`. f32, and ONNX Runtime's own dynamic int8.
"""
import argparse
import pathlib
import statistics
import tempfile
import time

import numpy
import onnxruntime
import torch
from onnxruntime.quantization import quantize_dynamic
from transformers import AutoModelForTokenClassification

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--sequences", type=int, default=16)
parser.add_argument("--tokens", type=int, default=128)
parser.add_argument("--repeats", type=int, default=10)
args = parser.parse_args()

model = AutoModelForTokenClassification.from_pretrained(args.model, torch_dtype=torch.float32).eval()
generator = numpy.random.default_rng(1)
ids = generator.integers(0, model.config.vocab_size, (args.sequences, args.tokens))
inputs = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}


def tokens_per_second(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    fed = {i.name: inputs[i.name] for i in session.get_inputs()}
    seconds = []
    for _ in range(args.repeats + 1):
        start = time.perf_counter()
        session.run(None, fed)
        seconds.append(time.perf_counter() - start)
    return ids.size / statistics.median(seconds[1:])


with tempfile.TemporaryDirectory() as folder:
    whole = pathlib.Path(folder) / "whole.onnx"
    names = list(inputs)
    torch.onnx.export(model, tuple(torch.from_numpy(inputs[n]) for n in names), str(whole), input_names=names,
                      output_names=["logits"], dynamo=False, opset_version=17)
    small = pathlib.Path(folder) / "int8.onnx"
    quantize_dynamic(str(whole), str(small))
    for name, path in (("f32", whole), ("int8", small)):
        print(f"encoder  {tokens_per_second(path):.0f} tokens/s ({args.sequences} x {args.tokens} tokens): "
              f"ONNX Runtime {onnxruntime.__version__} {name}, {args.threads} threads")
