"""Weights in one file and in several files, written atomically."""

import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig, load_pretrained, save_pretrained
from scratchgpt.models.tensor_file import TensorFile, save_tensors
from scratchgpt.models.weight_files import INDEX_FILE, load_tensors, open_weights, save_weights

SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 6, "vocab_size": 11}
N_BYTES = 1200  # size of a shard; the model needs several


@pytest.fixture
def model():
    return GPT(GPTConfig(**SIZES), seed=4)


@pytest.fixture
def sharded(model, tmp_path):
    save_pretrained(model, tmp_path, shard_bytes=N_BYTES)
    return tmp_path


def shards(path):
    return sorted(path.glob("model-*.safetensors"))


def refused(path, *parts):
    with pytest.raises(UserError) as caught:
        load_pretrained(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_model_in_several_files_comes_back(model, sharded):
    assert len(shards(sharded)) > 3
    assert not (sharded / "model.safetensors").exists()
    np.testing.assert_array_equal(load_pretrained(sharded).store.values, model.store.values)


def test_no_file_is_larger_than_requested_unless_one_array_is(sharded):
    for path in shards(sharded):
        tensors = TensorFile(path).tensors
        n_bytes = 4 * sum(np.prod(tensor.shape) for tensor in tensors.values())
        assert n_bytes <= N_BYTES or len(tensors) == 1


def test_the_index_is_that_of_others(model, sharded):
    index = json.loads((sharded / INDEX_FILE).read_text())
    assert index["metadata"]["total_size"] == 4 * model.store.size
    assert set(index["weight_map"]) == set(model.store.named)
    assert set(index["weight_map"].values()) == {path.name for path in shards(sharded)}
    assert shards(sharded)[0].name == f"model-00001-of-{len(shards(sharded)):05}.safetensors"


def test_saving_in_another_number_of_files_leaves_none_of_the_old(model, sharded):
    before = len(shards(sharded))
    save_pretrained(model, sharded, shard_bytes=2 * N_BYTES)
    assert 1 < len(shards(sharded)) < before
    save_pretrained(model, sharded)
    assert {path.name for path in sharded.iterdir()} == {"config.json", "model.safetensors"}
    save_pretrained(model, sharded, shard_bytes=N_BYTES)
    assert not (sharded / "model.safetensors").exists()
    assert len(shards(sharded)) == before


def test_what_is_not_listed_is_not_removed(model, tmp_path):
    (tmp_path / "model-of-mine.safetensors").write_text("precious")
    (tmp_path / INDEX_FILE).write_text('{"weight_map": {"a": "../precious"}}')
    save_pretrained(model, tmp_path)
    assert (tmp_path / "model-of-mine.safetensors").exists()


def test_a_missing_shard_is_named(sharded):
    shards(sharded)[1].unlink()
    refused(sharded, "model-00002-of-", "is missing", INDEX_FILE)


def test_a_truncated_shard_is_refused(sharded):
    path = shards(sharded)[2]
    path.write_bytes(path.read_bytes()[:-4])
    refused(sharded, path.name, "is damaged")


def test_a_shard_without_what_the_index_says_is_refused(sharded):
    index = json.loads((sharded / INDEX_FILE).read_text())
    index["weight_map"]["transformer.h.1.ln_2.bias"] = shards(sharded)[0].name
    (sharded / INDEX_FILE).write_text(json.dumps(index))
    refused(sharded, "has no array 'transformer.h.1.ln_2.bias'", "names")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"weight_map": 3}',
        '{"weight_map": {"a": 3}}',
        '{"weight_map": {"a": "../a"}}',
    ],
)
def test_a_damaged_index_is_refused(sharded, text):
    (sharded / INDEX_FILE).write_text(text)
    refused(sharded, INDEX_FILE, "is damaged")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_pickles_are_refused_with_the_way_to_convert_them(sharded, name):
    for path in (*shards(sharded), sharded / INDEX_FILE):
        path.unlink()
    (sharded / name).write_bytes(b"")
    refused(sharded, name, "can run any code", "save_pretrained", "python -c")


@pytest.fixture
def arrays(model, tmp_path):
    """The arrays of a model, for a test to change and write back."""
    save_pretrained(model, tmp_path)
    return {name: parameter.value for name, parameter in model.store.named.items()}


def test_an_array_of_another_dtype_is_refused(arrays, tmp_path):
    name = "transformer.h.1.mlp.c_fc.bias"
    arrays[name] = arrays[name].astype(np.int32)
    save_weights(tmp_path, arrays)
    refused(tmp_path, name, "is stored as I32", "F16")


def test_an_array_of_another_shape_is_refused(arrays, tmp_path):
    name = "transformer.h.1.mlp.c_fc.weight"
    arrays[name] = arrays[name].T
    save_weights(tmp_path, arrays)
    refused(tmp_path, name, "is (32, 8) but the configuration needs (8, 32)")


def test_an_array_under_two_names_is_refused(arrays, tmp_path):
    save_weights(tmp_path, {**arrays, "wpe.weight": arrays["transformer.wpe.weight"]})
    refused(tmp_path, "'transformer.wpe.weight' twice", "'wpe.weight'")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_warned_of(arrays, tmp_path, value):
    arrays["transformer.h.1.mlp.c_fc.weight"][3, 5] = value
    save_weights(tmp_path, arrays)
    with pytest.warns(UserWarning, match=r"transformer.h.1.mlp.c_fc.weight has values that are"):
        model = load_pretrained(tmp_path)
    np.testing.assert_equal(model.transformer.h[1].mlp.c_fc.weight.value[3, 5], value)
    arrays["transformer.ln_f.bias"][0] = value
    save_weights(tmp_path, arrays)
    with pytest.warns(UserWarning, match=r"\(and 1 more\) has values"):
        load_pretrained(tmp_path)


def test_nothing_is_loaded_unless_all_arrays_fit(tmp_path):
    save_tensors(tmp_path / "a", {"x": np.ones(3), "y": np.ones(4)})
    values = {"x": np.zeros(3), "y": np.zeros(5)}
    with pytest.raises(UserError, match=r"y is \(4,\) but the configuration needs \(5,\)"):
        load_tensors(tmp_path / "a", values)
    assert not values["x"].any()


def test_an_empty_folder_has_no_weights(tmp_path):
    with pytest.raises(UserError, match=r"model.safetensors is missing"):
        open_weights(tmp_path)
