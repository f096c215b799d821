"""Files of llm.c: ``gpt2_124M.bin`` and the checkpoints of its trainer.

A file begins with a header of 256 numbers (int32), which contains the version and the sizes of the
model. Then follow the parameters, each for all layers together; weights of linear maps are
(n_out, n_in). Since version 3, the vocabulary is padded with zero rows to a multiple of 128.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from scratchgpt.backend import Array, to_host
from scratchgpt.errors import UserError, counted
from scratchgpt.files import replacing
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.gpt import GPT
from scratchgpt.models.kinds import describe
from scratchgpt.models.limits import check_layers
from scratchgpt.models.pickles import refuse_pickle
from scratchgpt.models.state_dicts import check_expressible
from scratchgpt.models.tensor_file import PIECE_BYTES, widen_bfloat16
from scratchgpt.models.weight_files import warn_not_finite

MAGIC = 20240326
HEADER = 256
PADDED_TO = 128
# For each version, the dtype of the file, and whether the vocabulary is padded.
VERSIONS = {1: ("<f4", False), 3: ("<f4", True), 5: ("<u2", True)}
WRITTEN = 3

_OF_BLOCKS = tuple(
    f"{layer}.{kind}"
    for layer in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
    for kind in ("weight", "bias")
)
_TABLES = ("transformer.wte.weight", "transformer.wpe.weight")
_LAST_NORM = ("transformer.ln_f.weight", "transformer.ln_f.bias")


def read_llmc(path: Path, *, dropout: float = 0.0, dtype: Any = np.float32) -> GPT:
    """Read a model of llm.c, in float32 (version 1 or 3) or bfloat16 (version 5).

    A warning lists weights that are not finite.

    Raises
    ------
    UserError
        If the file is missing or damaged, or its version is not supported.
    """
    refuse_pickle(path)
    try:
        with open(path, "rb") as file:
            header = np.fromfile(file, "<i4", HEADER)  # on the host
            if len(header) < HEADER or header[0] != MAGIC:
                raise UserError(f"{path} is not a model of llm.c, or is damaged")
            version = int(header[1])
            if version not in VERSIONS:
                known = ", ".join(map(str, VERSIONS))
                raise UserError(f"{path} has version {version}; scratchgpt reads {known}")
            stored, is_padded = VERSIONS[version]
            config = _config(header, dropout)
            n_rows = int(header[7]) if is_padded else config.vocab_size
            if n_rows < config.vocab_size:
                raise UserError(
                    f"{path} is damaged: it has {counted(n_rows, 'row')} for "
                    f"{counted(config.vocab_size, 'token')}"
                )
            n_padding = (n_rows - config.vocab_size) * config.n_embd
            n_numbers = describe(config).n_parameters + n_padding
            n_bytes = file.seek(0, 2)
            expected = 4 * HEADER + np.dtype(stored).itemsize * n_numbers
            if n_bytes != expected:
                raise UserError(
                    f"{path} is damaged: it has {n_bytes} bytes but its header says {expected}"
                )
            check_layers(config, path)
            model = GPT(config, seed=None, dtype=dtype)
            file.seek(4 * HEADER)
            bad = []
            for i, (name, view) in enumerate(_views(model)):
                array = np.fromfile(file, stored, view.size)  # on the host
                view[...] = (widen_bfloat16(array) if version == 5 else array).reshape(view.shape)
                if not np.isfinite(view).all():
                    bad.append(name)
                if i == 0 and not _are_zeros(file, n_padding * np.dtype(stored).itemsize):
                    warnings.warn(
                        f"{path}: the rows that pad {counted(config.vocab_size, 'token')} to "
                        f"{n_rows} are not 0; they are not imported",
                        stacklevel=2,
                    )
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    warn_not_finite(bad, path)
    return model


def _are_zeros(file: BinaryIO, n_bytes: int) -> bool:
    """Read the next bytes of a file, and return whether all are 0."""
    zeros = True
    for start in range(0, n_bytes, PIECE_BYTES):
        zeros = not any(file.read(min(PIECE_BYTES, n_bytes - start))) and zeros
    return zeros


def write_llmc(model: GPT, path: Path) -> None:
    """Write a GPT-2 for llm.c, in float32. Biases that the model does not have are written as 0.

    Raises
    ------
    UserError
        If llm.c does not support this model, or the file cannot be written.
    """
    model = model.with_biases()
    config = model.config
    check_expressible(config, {"activation": "gelu_tanh"}, "llm.c")
    n_padding = -config.vocab_size % PADDED_TO
    header = np.zeros(HEADER, "<i4")  # on the host
    header[:8] = (
        MAGIC,
        WRITTEN,
        config.block_size,
        config.vocab_size,
        config.n_layer,
        config.n_head,
        config.n_embd,
        config.vocab_size + n_padding,
    )
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(header.tobytes())
        for i, (_, view) in enumerate(_views(model)):
            file.write(np.ascontiguousarray(to_host(view), "<f4").data)  # on the host
            if i == 0:
                file.write(bytes(4 * n_padding * config.n_embd))


def _config(header: Array, dropout: float) -> GPTConfig:
    block_size, vocab_size, n_layer, n_head, n_embd = header[2:7].tolist()
    return GPTConfig(
        n_layer=n_layer,
        n_head=n_head,
        n_embd=n_embd,
        block_size=block_size,
        vocab_size=vocab_size,
        dropout=dropout,
    )


def _views(model: GPT) -> Iterator[tuple[str, Array]]:
    """Yield our parameters in the order and in the shapes of the file, with our names."""
    named = model.store.named
    of_blocks = [
        f"transformer.h.{i}.{name}" for name in _OF_BLOCKS for i in range(model.config.n_layer)
    ]
    for name in (*_TABLES, *of_blocks, *_LAST_NORM):
        value = named[name].value
        yield name, value.T if value.ndim == 2 and name not in _TABLES else value
