"""The reference checkpoints of models that take pictures; run by make_golden.py."""

import json

import torch
from safetensors.torch import save_file
from transformers import (
    CLIPVisionConfig, CLIPVisionModel, Glm4vConfig, Glm4vForConditionalGeneration, Glm4vMoeConfig,
    Glm4vMoeForConditionalGeneration, LlavaConfig, LlavaForConditionalGeneration)

import make_golden as base

IMAGE, VIDEO, IMAGE_START, IMAGE_END, VIDEO_START, VIDEO_END = 100, 101, 102, 103, 104, 105
GLM_TEXT = dict(vocab_size=base.VOCAB, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5, attention_bias=True,
                rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5,
                                 "mrope_section": [1, 1, 2]})
GLM_VISION = dict(depth=2, hidden_size=32, num_heads=2, image_size=16, patch_size=4, temporal_patch_size=2,
                  spatial_merge_size=2, out_hidden_size=32, intermediate_size=24, rms_norm_eps=1e-5, hidden_act="silu")
CLIP = dict(hidden_size=16, intermediate_size=28, num_hidden_layers=3, num_attention_heads=2, image_size=16, patch_size=4,
            hidden_act="quick_gelu", layer_norm_eps=1e-5)


def text_ids(generator, count):
    return torch.randint(3, IMAGE, (count,), generator=generator)


def prompt_with(generator, token_counts):
    """Text around pictures of so many placeholder tokens each."""
    parts = [text_ids(generator, 5)]
    for count in token_counts:
        parts += [torch.tensor([IMAGE_START] + [IMAGE] * count + [IMAGE_END]), text_ids(generator, 4)]
    return torch.cat(parts)


def greedy(model, ids, arguments, count=8):
    with torch.no_grad():
        out = model.generate(input_ids=ids[None], attention_mask=torch.ones(1, len(ids), dtype=torch.long), **arguments,
                             do_sample=False, max_new_tokens=count, min_new_tokens=count)
    return out[0, len(ids):]


def add_answers(tensors, i, out):
    tensors[f"logits_{i}"] = out.logits[0]
    for layer, hidden in enumerate(out.hidden_states):
        tensors[f"hidden_{i}_{layer}"] = hidden[0]


def glm_answers(model, seed):
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for i, grids in enumerate(([[1, 4, 6]], [[1, 2, 4], [1, 6, 4]], [])):
        ids = prompt_with(generator, [h * w // 4 for _, h, w in grids])
        tensors[f"ids_{i}"] = ids
        arguments = {}
        if grids:
            grid = torch.tensor(grids)
            rows = torch.randn(int(grid.prod(-1).sum()), 3 * 2 * 4 * 4, generator=generator)
            kinds = (ids == IMAGE).int()[None]
            arguments = {"pixel_values": rows, "image_grid_thw": grid, "mm_token_type_ids": kinds}
            positions, delta = model.model.get_rope_index(ids[None], kinds, grid)
            with torch.no_grad():
                features = model.model.get_image_features(rows, grid).pooler_output
            tensors |= {f"pixel_rows_{i}": rows, f"grid_thw_{i}": grid, f"positions_{i}": positions[:, 0],
                        f"position_delta_{i}": delta[0], f"image_features_{i}": torch.cat(list(features))}
        with torch.no_grad():
            add_answers(tensors, i, model(input_ids=ids[None], output_hidden_states=True, **arguments))
        if i == 0:
            tensors["greedy_0"] = greedy(model, ids, arguments)
    return {name: value.contiguous().clone() for name, value in tensors.items()}


def make_glm(family, model, seed, notes):
    folder = base.fresh(family, "pictures")
    base.randomise(model, seed)
    base.write_golden(folder, glm_answers(model, seed), notes)
    model.save_pretrained(folder)
    write_words(folder)
    finish(folder, family)


def finish(folder, family):
    (folder / "generation_config.json").unlink(missing_ok=True)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    print(f"{family}/{folder.name}: {size // 1024} KiB")


def glm(config, model, text):
    marks = dict(image_token_id=IMAGE, video_token_id=VIDEO, image_start_token_id=IMAGE_START, image_end_token_id=IMAGE_END,
                 video_start_token_id=VIDEO_START, video_end_token_id=VIDEO_END)
    made = config(text_config={**GLM_TEXT, **text}, vision_config=GLM_VISION, **marks)
    made._attn_implementation = "eager"
    return model(made)


def llava_model():
    text = {**base.DECODER, "model_type": "mistral", "num_key_value_heads": 2, "sliding_window": None, "rms_norm_eps": 1e-5}
    text.pop("attn_implementation")
    config = LlavaConfig(vision_config={**CLIP, "model_type": "clip_vision_model"}, text_config=text, image_token_id=IMAGE,
                         image_seq_length=16, vision_feature_layer=-2, vision_feature_select_strategy="default")
    config._attn_implementation = "eager"
    return LlavaForConditionalGeneration(config)


def llava_answers(model, seed, suffix=""):
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for i in range(2):
        ids = prompt_with(generator, [16])
        pixels = torch.randn(1, 3, 16, 16, generator=generator)
        with torch.no_grad():
            features = model.model.get_image_features(pixels, vision_feature_layer=-2,
                                                      vision_feature_select_strategy="default").pooler_output
            out = model(input_ids=ids[None], pixel_values=pixels, output_hidden_states=True)
        tensors[f"image_features{suffix}_{i}"] = torch.cat(list(features)).reshape(-1, 32)
        if suffix:
            tensors[f"logits{suffix}_{i}"] = out.logits[0]
        else:
            add_answers(tensors, i, out)
            tensors |= {f"ids_{i}": ids, f"pixel_values_{i}": pixels[0]}
    return {name: value.contiguous().clone() for name, value in tensors.items()}


def original_name(name):
    """A tensor's name in the original release, whatever age the conversion is of."""
    name = name.removeprefix("model.")
    for ours, theirs in (("vision_tower.vision_model.", "model.vision_tower.vision_tower.vision_model."),
                         ("vision_tower.", "model.vision_tower.vision_tower.vision_model."),
                         ("multi_modal_projector.linear_1", "model.mm_projector.0"),
                         ("multi_modal_projector.linear_2", "model.mm_projector.2"), ("language_model.lm_head", "lm_head"),
                         ("language_model.model.", "model."), ("language_model.", "model.")):
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def make_llava_original(seed):
    """The names of the original release, with another tower beside it."""
    folder = base.fresh("llava", "original")
    model = base.randomise(llava_model(), seed)
    tensors = llava_answers(model, seed)
    save_file({original_name(k): v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors",
              metadata={"format": "pt"})
    text = {k: v for k, v in model.config.text_config.to_diff_dict().items() if k not in ("model_type", "architectures")}
    config = text | {"architectures": ["LlavaMistralForCausalLM"], "model_type": "llava_mistral", "sliding_window": None,
                     "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "mm_projector_type": "mlp2x_gelu",
                     "mm_hidden_size": CLIP["hidden_size"], "image_aspect_ratio": "pad", "image_token_in_golden": IMAGE}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    stock = base.randomise(CLIPVisionModel(CLIPVisionConfig(**CLIP)), seed + 100)
    stock.save_pretrained(folder / "clip")
    model.model.vision_tower.load_state_dict(stock.state_dict())
    base.write_golden(folder, tensors | llava_answers(model, seed, "_stock"),
                      "names of the original release; logits_stock_i with the tower of ./clip")
    finish(folder, "llava")


def write_words(folder):
    """A tokenizer of single printable characters, a chat template with places for pictures, a picture processor."""
    letters = [chr(c) for c in range(33, 127)] + ["\u0120", "\u010a"]
    vocab = {"<pad>": 0, "<s>": 1, "</s>": 2} | {letter: 3 + i for i, letter in enumerate(letters)}
    marks = {"<pad>": 0, "<s>": 1, "</s>": 2, "<|image|>": IMAGE, "<|video|>": VIDEO, "<|begin_of_image|>": IMAGE_START,
             "<|end_of_image|>": IMAGE_END, "<|begin_of_video|>": VIDEO_START, "<|end_of_video|>": VIDEO_END}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [dict(id=i, content=text, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
                         for text, i in marks.items()],
        "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": []}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer) + "\n")
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>{% for c in m.content %}{% if c.type == 'image' %}"
        "<|begin_of_image|><|image|><|end_of_image|>{% else %}{{ c.text }}{% endif %}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}")
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "Glm4vImageProcessor", "patch_size": 4, "temporal_patch_size": 2, "merge_size": 2,
        "size": {"shortest_edge": 256, "longest_edge": 1024}}) + "\n")


def main():
    torch.manual_seed(0)
    make_glm("glm4v", glm(Glm4vConfig, Glm4vForConditionalGeneration, {"head_dim": 16}), 60,
             "four norms a layer, fused gate and up, pairs rotary, one and two pictures, none")
    make_glm("glm4v_moe", glm(Glm4vMoeConfig, Glm4vMoeForConditionalGeneration, {
        "head_dim": 16, "moe_intermediate_size": 12, "n_routed_experts": 4, "num_experts_per_tok": 2,
        "first_k_dense_replace": 1}), 61, "mixture of experts, half rotary, one and two pictures, none")
    folder = base.fresh("llava", "conversion")
    model = base.randomise(llava_model(), 62)
    base.write_golden(folder, llava_answers(model, 62), "conversion layout, CLIP tower without its last block")
    model.save_pretrained(folder)
    finish(folder, "llava")
    make_llava_original(63)


if __name__ == "__main__":
    main()
