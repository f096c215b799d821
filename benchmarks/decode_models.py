"""The models of ``decode.py``: ours with random weights, and the same in transformers."""

from typing import Any

import numpy as np

from scratchgpt.models import GPT, GPTConfig

GAIN = 3  # factor for the weights of the blocks, so that more than the last token matters
CONFIGS = {
    "gpt2": GPTConfig.from_preset("gpt2"),
    "smollm2": GPTConfig(
        n_layer=30,
        n_head=9,
        n_kv_head=3,
        n_embd=576,
        n_inner=1536,
        vocab_size=49152,
        block_size=2048,
        norm="rms",
        positions="rotary",
        rope_theta=100_000.0,
        gated_mlp=True,
        activation="silu",
        bias=False,
    ),
}


def our_model(name: str) -> GPT:
    model = GPT(CONFIGS[name], seed=1)
    for parameter_name, parameter in model.store.named.items():
        if ".h." in parameter_name and parameter.value.ndim > 1:
            parameter.value *= GAIN
    # Rows of different norms, so that the best token does not depend on rounding.
    table = model.transformer.wte.weight.value
    table *= np.random.default_rng(5).uniform(0.5, 2.0, (len(table), 1)).astype(np.float32)
    return model


def model_of_transformers(name: str) -> Any:
    """Return the model of transformers that computes the same as :func:`our_model`."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    reference, c = our_model(name), CONFIGS[name]
    if name == "gpt2":
        model, weights = GPT2LMHeadModel(GPT2Config()), reference.arrays()
    else:
        config = LlamaConfig(
            vocab_size=c.vocab_size,
            hidden_size=c.n_embd,
            intermediate_size=c.inner_size,
            num_hidden_layers=c.n_layer,
            num_attention_heads=c.n_head,
            num_key_value_heads=c.kv_heads,
            max_position_embeddings=c.block_size,
            rms_norm_eps=c.layer_norm_epsilon,
            rope_parameters={"rope_type": "default", "rope_theta": c.rope_theta},
            tie_word_embeddings=True,
            eos_token_id=None,
        )
        model, weights = LlamaForCausalLM(config), llama_weights(reference)
    theirs = dict(model.named_parameters())
    with torch.no_grad():
        for parameter_name, value in weights.items():
            theirs.pop(parameter_name).copy_(torch.from_numpy(np.ascontiguousarray(value)))
    if theirs:
        raise SystemExit(f"no weights for {', '.join(theirs)}")
    return model.eval()


def llama_weights(model: GPT) -> dict[str, np.ndarray]:
    """Return the arrays of ``LlamaForCausalLM`` by name; linear maps are (n_out, n_in).

    Parameters
    ----------
    model : GPT
        With RMS norms, rotary positions of halves, a gated feed-forward network with silu, no
        biases and a tied head.
    """
    config, arrays = model.config, model.arrays()
    form = (config.norm, config.positions, config.rope_pairing, config.qk_norm, config.activation)
    switches = (config.gated_mlp, config.bias, config.tied_head)
    if (*form, *switches) != ("rms", "rotary", "halves", "none", "silu", True, False, True):
        raise ValueError(f"LlamaForCausalLM does not support {config}")
    n_queries, n_keys = (n * config.head_size for n in (config.n_head, config.kv_heads))
    theirs = {
        "model.embed_tokens.weight": arrays["transformer.wte.weight"],
        "model.norm.weight": arrays["transformer.ln_f.weight"],
    }
    for i in range(config.n_layer):
        ours, layer = f"transformer.h.{i}.", f"model.layers.{i}."
        qkv = arrays[f"{ours}attn.c_attn.weight"].T
        q, k, v = np.split(qkv, [n_queries, n_queries + n_keys])
        gate, up = np.split(arrays[f"{ours}mlp.c_fc.weight"].T, 2)
        theirs |= {
            f"{layer}input_layernorm.weight": arrays[f"{ours}ln_1.weight"],
            f"{layer}self_attn.q_proj.weight": q,
            f"{layer}self_attn.k_proj.weight": k,
            f"{layer}self_attn.v_proj.weight": v,
            f"{layer}self_attn.o_proj.weight": arrays[f"{ours}attn.c_proj.weight"].T,
            f"{layer}post_attention_layernorm.weight": arrays[f"{ours}ln_2.weight"],
            f"{layer}mlp.gate_proj.weight": gate,
            f"{layer}mlp.up_proj.weight": up,
            f"{layer}mlp.down_proj.weight": arrays[f"{ours}mlp.c_proj.weight"].T,
        }
    return theirs
