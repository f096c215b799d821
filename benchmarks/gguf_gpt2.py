"""Export of our GPT-2 to a GGUF file for llama.cpp, in float32 or its 8-bit format Q8_0.

llama.cpp stores the weight of a linear layer transposed, (n_out, n_in), and uses the token
embedding as the head if the file has no head. Q8_0 has a float16 scale per 32 weights of a row. As
in llama.cpp's quantizer, all matrices except the position embedding are in Q8_0.
Needs the package ``gguf``.
"""

from pathlib import Path

import numpy as np

from scratchgpt.models import GPT
from scratchgpt.text.tokenizers.byte_level import BYTE_TO_CHARACTER

# Parts of our parameter names, and the names in llama.cpp.
NAMES = {
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


def write_gguf(model: GPT, path: Path, *, q8_0: bool = False) -> None:
    """Write the model with a vocabulary for ids only: bytes, then placeholders.

    Parameters
    ----------
    model : GPT
        In the form of GPT-2: pre-norm, with biases, gelu_tanh and a tied head.
    path : Path
    q8_0 : bool
        Quantize the matrices.
    """
    import gguf

    config = model.config
    form = (config.norm_position, config.bias, config.activation, config.tied_head)
    if form != ("pre", True, "gelu_tanh", True):
        raise ValueError(f"llama.cpp's gpt2 architecture does not support {config}")
    kinds = gguf.GGMLQuantizationType
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_name("random GPT-2")
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.block_size)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.inner_size)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    file_types = gguf.LlamaFileType
    writer.add_file_type(file_types.MOSTLY_Q8_0 if q8_0 else file_types.ALL_F32)
    _add_vocabulary(writer, config.vocab_size)
    for name, parameter in model.store.named.items():
        theirs = llama_name(name)
        value = parameter.value
        if value.ndim > 1 and ".c_" in name:
            value = value.T
        value = np.ascontiguousarray(value)
        if q8_0 and value.ndim > 1 and theirs != "position_embd.weight":
            quantized = gguf.quants.quantize(value, kinds.Q8_0)
            writer.add_tensor(theirs, quantized, raw_dtype=kinds.Q8_0)
        else:
            writer.add_tensor(theirs, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama_name(name: str) -> str:
    """Return llama.cpp's name for one of our parameters, such as ``transformer.h.3.ln_1.bias``."""
    for ours, theirs in NAMES.items():
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
