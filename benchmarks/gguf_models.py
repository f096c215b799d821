"""Export of a GPT-2 or Llama of ours to a GGUF file for llama.cpp, in float32 or 8 bits (Q8_0).

llama.cpp stores the weight of a linear layer transposed, (n_out, n_in), and uses the token
embedding as the head if the file has no head. Q8_0 has a float16 scale per 32 weights of a row. As
in llama.cpp's quantizer, all matrices except the position embedding are in Q8_0. Its Llama rotates
neighboring channels, so the rows of queries and keys are in another order.
Needs the package ``gguf``.
"""

from pathlib import Path

import numpy as np
from decode_models import llama_weights

from scratchgpt.models import GPT
from scratchgpt.text.tokenizers.byte_level import BYTE_TO_CHARACTER

# Parts of the parameter names of GPT-2, and the names in llama.cpp.
GPT2_NAMES = {
    "transformer.": "",
    "wte.": "token_embd.",
    "wpe.": "position_embd.",
    "ln_f.": "output_norm.",
    "h.": "blk.",
    "ln_1.": "attn_norm.",
    "ln_2.": "ffn_norm.",
    "attn.c_attn.": "attn_qkv.",
    "attn.c_proj.": "attn_output.",
    "mlp.c_fc.": "ffn_up.",
    "mlp.c_proj.": "ffn_down.",
}
# The same for the names of Llama in transformers.
LLAMA_NAMES = {
    "model.": "",
    "embed_tokens.": "token_embd.",
    "layers.": "blk.",
    "input_layernorm.": "attn_norm.",
    "post_attention_layernorm.": "ffn_norm.",
    "self_attn.q_proj.": "attn_q.",
    "self_attn.k_proj.": "attn_k.",
    "self_attn.v_proj.": "attn_v.",
    "self_attn.o_proj.": "attn_output.",
    "mlp.gate_proj.": "ffn_gate.",
    "mlp.up_proj.": "ffn_up.",
    "mlp.down_proj.": "ffn_down.",
}


def write_gguf(model: GPT, path: Path, *, q8_0: bool = False) -> None:
    """Write the model with a vocabulary for ids only: bytes, then placeholders.

    Parameters
    ----------
    model : GPT
        In the form of GPT-2 or of Llama, with a tied head.
    path : Path
    q8_0 : bool
        Quantize the matrices.
    """
    import gguf

    config = model.config
    is_llama = config.positions == "rotary"
    writer = gguf.GGUFWriter(path, "llama" if is_llama else "gpt2")
    writer.add_name("random weights")
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.block_size)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.inner_size)
    writer.add_head_count(config.n_head)
    file_types = gguf.LlamaFileType
    writer.add_file_type(file_types.MOSTLY_Q8_0 if q8_0 else file_types.ALL_F32)
    if is_llama:
        writer.add_vocab_size(config.vocab_size)
        writer.add_head_count_kv(config.kv_heads)
        writer.add_layer_norm_rms_eps(config.layer_norm_epsilon)
        writer.add_rope_dimension_count(config.head_size)
        writer.add_rope_freq_base(config.rope_theta)
    else:
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    _add_vocabulary(writer, config.vocab_size)
    for name, value in (_llama_tensors(model) if is_llama else _gpt2_tensors(model)).items():
        value = np.ascontiguousarray(value)
        if q8_0 and value.ndim > 1 and name != "position_embd.weight":
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(value, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _gpt2_tensors(model: GPT) -> dict[str, np.ndarray]:
    config = model.config
    form = (config.norm_position, config.bias, config.activation, config.tied_head)
    if form != ("pre", True, "gelu_tanh", True):
        raise ValueError(f"llama.cpp's gpt2 architecture does not support {config}")
    return {
        renamed(name, GPT2_NAMES): value.T if value.ndim > 1 and ".c_" in name else value
        for name, value in model.arrays().items()
    }


def _llama_tensors(model: GPT) -> dict[str, np.ndarray]:
    config, tensors = model.config, {}
    n_heads = {"q_proj": config.n_head, "k_proj": config.kv_heads}
    for name, value in llama_weights(model).items():
        for part, n in n_heads.items():
            if part in name:  # channel i and its partner i + D/2 become neighbors
                pairs = value.reshape(n, 2, config.head_size // 2, config.n_embd)
                value = pairs.swapaxes(1, 2).reshape(value.shape)
        name = "output_norm.weight" if name == "model.norm.weight" else renamed(name, LLAMA_NAMES)
        tensors[name] = value
    return tensors


def renamed(name: str, names: dict[str, str]) -> str:
    """Return llama.cpp's name for a parameter, such as ``transformer.h.3.ln_1.bias``."""
    for ours, theirs in names.items():
        name = name.replace(ours, theirs)
    return name


def _add_vocabulary(writer, vocab_size: int) -> None:
    """Write the smallest byte-level tokenizer for llama.cpp; its last token ends a text."""
    tokens = [*BYTE_TO_CHARACTER.values()]
    tokens += [f"[{i}]" for i in range(len(tokens), vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_merges([f"{tokens[0]} {tokens[1]}"])
    writer.add_bos_token_id(vocab_size - 1)
    writer.add_eos_token_id(vocab_size - 1)
