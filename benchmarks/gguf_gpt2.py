"""A GPT-2 of ours as a GGUF file, which llama.cpp reads: in float32, or in its 8-bit format Q8_0.

llama.cpp keeps the weight of a linear map transposed, (n_out, n_in), and takes the embedding's
table for the head where the file has none. Q8_0 has a scale in float16 for each 32 weights of a
row; as llama.cpp's own quantiser has it, all matrices are in it but the table of positions.
Needs the package ``gguf``.
"""

from pathlib import Path

import numpy as np

from scratchgpt.models import GPT
from scratchgpt.text.tokenizers.byte_level import BYTE_TO_CHARACTER

# Our names of the parameters, in pieces, and those of llama.cpp.
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
    """Write the model with a vocabulary that serves for nothing but ids: bytes, then placeholders.

    Parameters
    ----------
    model : GPT
        In the form of GPT-2: pre-norm, with biases, gelu_tanh and a tied head.
    path : Path
    q8_0 : bool
        Quantise the matrices.
    """
    import gguf

    config = model.config
    form = (config.norm_position, config.bias, config.activation, config.tied_head)
    if form != ("pre", True, "gelu_tanh", True):
        raise ValueError(f"llama.cpp's gpt2 is another model than {config}")
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
            quantised = gguf.quants.quantize(value, kinds.Q8_0)
            writer.add_tensor(theirs, quantised, raw_dtype=kinds.Q8_0)
        else:
            writer.add_tensor(theirs, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama_name(name: str) -> str:
    """What llama.cpp calls one of our parameters: ``transformer.h.3.ln_1.bias`` and the like."""
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


def _add_vocabulary(writer, vocab_size: int) -> None:
    """The least that llama.cpp takes for a byte-level tokenizer; its last token ends a text."""
    tokens = [*BYTE_TO_CHARACTER.values()]
    tokens += [f"[{i}]" for i in range(len(tokens), vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_merges([f"{tokens[0]} {tokens[1]}"])
    writer.add_bos_token_id(vocab_size - 1)
    writer.add_eos_token_id(vocab_size - 1)
