#!/usr/bin/env python3
"""Tokens a second of fine-tuning in PyTorch: the same work as `medlar bench train`.

  bench_train.py MODEL --threads 2 [--sequences 16 --tokens 64 --steps 10]
"""
import argparse
import statistics
import time

import torch
from transformers import AutoModelForTokenClassification

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--sequences", type=int, default=16)
parser.add_argument("--tokens", type=int, default=64)
parser.add_argument("--steps", type=int, default=10)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(1)
model = AutoModelForTokenClassification.from_pretrained(args.model, num_labels=5).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
shape = (args.sequences, args.tokens)
ids = torch.randint(0, model.config.vocab_size, shape)
labels = torch.randint(0, 5, shape)
seconds = []
for _ in range(args.steps + 1):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    seconds.append(time.perf_counter() - start)
seconds = seconds[1:]
count = args.sequences * args.tokens
print(f"{count / statistics.median(seconds):.0f} tokens/s (median of {args.steps} steps of "
      f"{args.sequences} x {args.tokens} tokens), fastest {count / min(seconds):.0f}: "
      f"PyTorch {torch.__version__}, {args.threads} threads")
