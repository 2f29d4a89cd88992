#pragma once

#include "nn/weights.h"

namespace medlar::models {

/// Names of decoders in the form of Llama, of which Mistral is one. GGUF and llama2c files keep
/// the rows of q and k in pairs order, as Meta trained them.
inline constexpr nn::NameRule llama_names[] = {
    {formats::Container::gguf, "model.embed_tokens.*", "token_embd.*"},
    {formats::Container::gguf, "model.norm.*", "output_norm.*"},
    {formats::Container::gguf, "lm_head.*", "output.*"},
    {formats::Container::gguf, "model.layers.*.input_layernorm.*", "blk.*.attn_norm.*"},
    {formats::Container::gguf, "model.layers.*.self_attn.q_proj.*", "blk.*.attn_q.*",
     nn::Stored::rope_pairs},
    {formats::Container::gguf, "model.layers.*.self_attn.k_proj.*", "blk.*.attn_k.*",
     nn::Stored::rope_pairs},
    {formats::Container::gguf, "model.layers.*.self_attn.v_proj.*", "blk.*.attn_v.*"},
    {formats::Container::gguf, "model.layers.*.self_attn.o_proj.*", "blk.*.attn_output.*"},
    {formats::Container::gguf, "model.layers.*.post_attention_layernorm.*", "blk.*.ffn_norm.*"},
    {formats::Container::gguf, "model.layers.*.mlp.*_proj.*", "blk.*.ffn_*.*"},
    {formats::Container::llama2c, "model.embed_tokens.*", "token_embedding_table.*"},
    {formats::Container::llama2c, "model.norm.*", "norm.*"},
    {formats::Container::llama2c, "lm_head.*", "output.*"},
    {formats::Container::llama2c, "model.layers.*.input_layernorm.*", "layers.*.attention_norm.*"},
    {formats::Container::llama2c, "model.layers.*.self_attn.q_proj.*", "layers.*.wq.*",
     nn::Stored::rope_pairs},
    {formats::Container::llama2c, "model.layers.*.self_attn.k_proj.*", "layers.*.wk.*",
     nn::Stored::rope_pairs},
    {formats::Container::llama2c, "model.layers.*.self_attn.*_proj.*", "layers.*.w*.*"},
    {formats::Container::llama2c, "model.layers.*.post_attention_layernorm.*",
     "layers.*.ffn_norm.*"},
    {formats::Container::llama2c, "model.layers.*.mlp.gate_proj.*", "layers.*.w1.*"},
    {formats::Container::llama2c, "model.layers.*.mlp.down_proj.*", "layers.*.w2.*"},
    {formats::Container::llama2c, "model.layers.*.mlp.up_proj.*", "layers.*.w3.*"},
};

}  // namespace medlar::models
