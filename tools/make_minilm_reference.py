#!/usr/bin/env python3
"""Makes tests/cases/minilm/embeddings.safetensors: what PyTorch gives for sentences.txt beside it.

usage: make_minilm_reference.py <folder with model.safetensors and tokenizer.json>

Mean of the last hidden states over the attention mask, scaled to length 1, one sentence at a time in f32
(made with torch 2.15.0 and transformers 5.23.0). Needs: torch, transformers, safetensors.
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

CASES = pathlib.Path(__file__).resolve().parent.parent / "tests" / "cases" / "minilm"


def embed(tokenizer, model, sentence):
    """The vector [384] of one sentence."""
    inputs = tokenizer(sentence, return_tensors="pt")
    hidden = model(**inputs).last_hidden_state[0]
    mask = inputs["attention_mask"][0].unsqueeze(-1).to(hidden.dtype)
    return torch.nn.functional.normalize((hidden * mask).sum(0) / mask.sum(0), dim=0)


def main():
    folder = sys.argv[1]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    sentences = (CASES / "sentences.txt").read_text(encoding="utf-8").splitlines()
    with torch.no_grad():
        vectors = torch.stack([embed(tokenizer, model, s) for s in sentences])
    save_file({"embeddings": vectors.contiguous()}, CASES / "embeddings.safetensors")
    print(f"{vectors.shape[0]} vectors of {vectors.shape[1]}")


if __name__ == "__main__":
    main()
