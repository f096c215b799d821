"""Files of llm.c, written here in the way of its own exporter."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.llmc import read_llmc, write_llmc

SIZES = {"n_layer": 3, "n_head": 2, "n_embd": 8, "block_size": 5, "vocab_size": 130}


@pytest.fixture
def model(rng):
    model = GPT(GPTConfig(**SIZES))
    for parameter in model.store.named.values():
        parameter.value[...] = rng.standard_normal(parameter.shape)
    return model


def file_of(model, version, to_bytes=lambda x: np.asarray(x, "<f4").tobytes()):
    """Write a file like ``train_gpt2.py``: parameters for all layers together, outputs first."""
    c = model.config
    n_rows = c.vocab_size if version == 1 else 256
    header = np.zeros(256, "<i4")
    header[:7] = 20240326, version, c.block_size, c.vocab_size, c.n_layer, c.n_head, c.n_embd
    header[7] = 0 if version == 1 else n_rows
    t, h = model.transformer, model.transformer.h
    parts = [np.pad(t.wte.weight.value, ((0, n_rows - c.vocab_size), (0, 0))), t.wpe.weight.value]
    parts += [b.ln_1.weight.value for b in h] + [b.ln_1.bias.value for b in h]
    parts += [b.attn.c_attn.weight.value.T for b in h] + [b.attn.c_attn.bias.value for b in h]
    parts += [b.attn.c_proj.weight.value.T for b in h] + [b.attn.c_proj.bias.value for b in h]
    parts += [b.ln_2.weight.value for b in h] + [b.ln_2.bias.value for b in h]
    parts += [b.mlp.c_fc.weight.value.T for b in h] + [b.mlp.c_fc.bias.value for b in h]
    parts += [b.mlp.c_proj.weight.value.T for b in h] + [b.mlp.c_proj.bias.value for b in h]
    parts += [t.ln_f.weight.value, t.ln_f.bias.value]
    return header.tobytes() + b"".join(map(to_bytes, parts))


@pytest.mark.parametrize("version", [1, 3])
def test_a_file_of_llmc_is_read(model, tmp_path, version):
    (tmp_path / "a.bin").write_bytes(file_of(model, version))
    read = read_llmc(tmp_path / "a.bin")
    assert read.config == model.config
    np.testing.assert_array_equal(read.store.values, model.store.values)


def test_bfloat16_is_read(model, tmp_path):
    model.store.values.view(np.uint32)[...] &= 0xFFFF0000  # values that bfloat16 can represent

    def upper_half(x):
        return (np.ascontiguousarray(x).view(np.uint32) >> 16).astype("<u2").tobytes()

    (tmp_path / "a.bin").write_bytes(file_of(model, 5, upper_half))
    for dtype in (np.float32, np.float64):
        read = read_llmc(tmp_path / "a.bin", dtype=dtype)
        for name, parameter in model.store.named.items():
            np.testing.assert_array_equal(read.store.named[name].value, parameter.value)


def test_our_file_equals_that_of_their_exporter(model, tmp_path):
    write_llmc(model, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == file_of(model, 3)
    again = read_llmc(tmp_path / "a.bin", dropout=0.1)
    np.testing.assert_array_equal(again.store.values, model.store.values)
    assert again.config == model.config.replace(dropout=0.1)


def test_a_vocabulary_of_the_right_size_is_not_padded(tmp_path):
    model = GPT(GPTConfig(**{**SIZES, "vocab_size": 128}))
    write_llmc(model, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").stat().st_size == 4 * (256 + model.store.size)


def test_a_model_without_biases_is_written_with_zeros(tmp_path, rng, assert_close):
    model = GPT(GPTConfig(**SIZES, bias=False))
    model.store.values[...] = rng.standard_normal(model.store.values.shape)
    write_llmc(model, tmp_path / "a.bin")
    read = read_llmc(tmp_path / "a.bin")
    assert read.config == model.config.replace(bias=True)
    assert not read.transformer.ln_f.bias.value.any()
    tokens = np.arange(10).reshape(2, 5)
    assert_close(read.forward(tokens)[0], model.forward(tokens)[0], 1e-5)


def refused(path, *parts):
    with pytest.raises(UserError) as caught:
        read_llmc(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (path.name, *parts):
        assert part in message


@pytest.mark.parametrize("n_bytes", [0, 100, 1023, 1024, 5000, -1])
def test_a_truncated_file_is_refused(model, tmp_path, n_bytes):
    path = tmp_path / "a.bin"
    path.write_bytes(file_of(model, 3)[:n_bytes])
    refused(path, "damaged")


def test_a_file_with_extra_bytes_is_refused(model, tmp_path):
    (tmp_path / "a.bin").write_bytes(file_of(model, 3) + b"more")
    refused(tmp_path / "a.bin", "is damaged: it has")


def test_another_version_is_refused(model, tmp_path):
    (tmp_path / "a.bin").write_bytes(file_of(model, 2))
    refused(tmp_path / "a.bin", "has version 2; scratchgpt reads 1, 3, 5")


def test_invalid_sizes_are_refused(model, tmp_path):
    content = bytearray(file_of(model, 3))
    content[4 * 4 : 4 * 5] = (10**9).to_bytes(4, "little")  # layers
    (tmp_path / "a.bin").write_bytes(content)
    refused(tmp_path / "a.bin", "is damaged: it has")
    content[4 * 4 : 4 * 5] = bytes(4)
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(UserError, match="n_layer=0"):
        read_llmc(tmp_path / "a.bin")


def test_weights_that_are_not_finite_are_reported_by_name(model, tmp_path):
    model.transformer.h[1].mlp.c_fc.weight.value[2, 5] = np.nan
    model.transformer.ln_f.bias.value[3] = np.inf
    write_llmc(model, tmp_path / "a.bin")
    where = r"a\.bin: transformer\.h\.1\.mlp\.c_fc\.weight \(and 1 more\) has values that are not"
    with pytest.warns(UserWarning, match=where):
        read = read_llmc(tmp_path / "a.bin")
    np.testing.assert_array_equal(read.store.values, model.store.values)


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "a.bin", "is missing")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"activation": "gelu"}, "activation='gelu_tanh'"),
        ({"tied_head": False}, "tied_head=True"),
        ({"norm_position": "post"}, "norm_position='pre'"),
        ({"n_inner": 20}, "n_inner=32"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=False"),
    ],
)
def test_an_unsupported_model_is_not_written(tmp_path, form, field):
    with pytest.raises(UserError, match=f"llm.c supports only {field}"):
        write_llmc(GPT(GPTConfig(**{**SIZES, **form})), tmp_path / "a.bin")
    assert not (tmp_path / "a.bin").exists()


@pytest.mark.parametrize("n_rows", [384, 200])
def test_any_number_of_padding_rows_is_read(model, tmp_path, n_rows):
    """As in files of other programs, or of a vocabulary that was cut."""
    path = tmp_path / "a.bin"
    content = bytearray(file_of(model, 3))
    config = model.config
    rows_before = int.from_bytes(content[4 * 7 : 4 * 8], "little")
    table, row = 4 * config.vocab_size * config.n_embd, 4 * config.n_embd
    padding = bytes((n_rows - config.vocab_size) * row)
    content[4 * 7 : 4 * 8] = n_rows.to_bytes(4, "little")
    content[1024 + table : 1024 + rows_before * row] = padding
    path.write_bytes(content)
    np.testing.assert_array_equal(read_llmc(path).store.values, model.store.values)
    content[1024 + table] = 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=f"to {n_rows} are not 0; they are not imported"):
        read_llmc(path)


def test_fewer_rows_than_tokens_are_refused(model, tmp_path):
    content = bytearray(file_of(model, 3))
    content[4 * 7 : 4 * 8] = (3).to_bytes(4, "little")
    (tmp_path / "a.bin").write_bytes(content)
    refused(tmp_path / "a.bin", f"is damaged: it has 3 rows for {model.config.vocab_size} tokens")
