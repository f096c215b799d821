"""The ends of a text in every file that may name them, in every spelling."""

import json
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.special_ids import (
    ID_FILES,
    NAME_FILES,
    SpecialIds,
    all_ids,
    read_special_ids,
    token_name,
    write_names,
)

N_TOKENS = 9
VOCAB = {f"<{i}>": i for i in range(N_TOKENS)}
IDS = st.none() | st.integers(0, 12) | st.lists(st.integers(0, 12), max_size=3)
NAMES = st.none() | st.sampled_from([*VOCAB, "<unknown>"])


def write(folder, file, **content):
    (folder / file).write_text(json.dumps(content))


def tokenizer(folder):
    write(folder, "tokenizer.json", added_tokens=[], model={"vocab": VOCAB})


def ids_in(value):
    values = [] if value is None else [value] if isinstance(value, int) else value
    return tuple(i for i in values if i < N_TOKENS)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(ID_FILES, IDS)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(NAME_FILES, NAMES)),
    st.booleans(),
)
def test_the_first_file_that_names_an_end_decides_and_differences_are_said(ids, names, as_object):
    with TemporaryDirectory() as path, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        folder = Path(path)
        tokenizer(folder)
        for file, value in ids.items():
            write(folder, file, eos_token_id=value, bos_token_id=None)
        for file, name in names.items():
            write(folder, file, eos_token={"content": name} if as_object else name)
        read = read_special_ids(folder, N_TOKENS)
    said = [(ids[file], ids_in(ids[file])) for file in ID_FILES if file in ids]
    said += [(VOCAB.get(names[f]), ids_in(VOCAB.get(names[f]))) for f in NAME_FILES if f in names]
    said = [(value, values) for value, values in said if values]
    value, expected = said[0] if said else (None, ())
    assert read.ends == expected
    assert isinstance(read.eos, tuple) == isinstance(value, list)
    differ = any(not set(values) <= set(expected) for _, values in said)
    assert len(caught) == differ
    assert not differ or "eos_token_id is" in str(caught[0].message)


def test_the_start_and_the_end_of_a_document_are_found(tmp_path):
    tokenizer(tmp_path)
    write(tmp_path, "config.json", bos_token_id=1, eos_token_id=[5, 2])
    assert read_special_ids(tmp_path, N_TOKENS).document_end == 5
    write(tmp_path, "tokenizer_config.json", bos_token="<1>", eos_token="<2>")
    read = read_special_ids(tmp_path, N_TOKENS)
    assert read == SpecialIds(bos=1, eos=(5, 2), named=2)
    assert read.document_end == 2
    assert read.to_json() == {"bos_token_id": 1, "eos_token_id": [5, 2]}


def test_names_are_found_in_vocab_json_and_added_tokens(tmp_path):
    write(tmp_path, "vocab.json", **VOCAB)
    write(tmp_path, "added_tokens.json", **{"<end>": 8})
    write(tmp_path, "special_tokens_map.json", eos_token="<end>", bos_token={"content": "<3>"})
    assert read_special_ids(tmp_path, N_TOKENS) == SpecialIds(3, 8, 8)
    assert read_special_ids(tmp_path / "vocab.json", N_TOKENS) == SpecialIds()


def test_a_difference_is_said_once_for_all_callers(tmp_path, recwarn):
    write(tmp_path, "generation_config.json", eos_token_id=2)
    write(tmp_path, "config.json", eos_token_id=5)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for _ in range(2):
            read_special_ids(tmp_path, N_TOKENS)
        read_special_ids(tmp_path, N_TOKENS)
    [warning] = recwarn
    files = "2 in generation_config.json, 5 in config.json; the first is used"
    assert str(warning.message) == f"{tmp_path}: eos_token_id is {files}"


@pytest.mark.parametrize("value", ["</s>", 2.0, True, -1, [1, "2"], {"a": 1}])
def test_what_is_not_an_id_is_refused_with_its_file(tmp_path, value):
    write(tmp_path, "config.json", eos_token_id=value)
    with pytest.raises(UserError, match=r"config.json: eos_token_id=.* is not a token id") as error:
        read_special_ids(tmp_path, N_TOKENS)
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "generation_config.json").write_text("{")
    with pytest.raises(UserError, match=r"generation_config\.json is not valid JSON"):
        read_special_ids(tmp_path, N_TOKENS)


def test_a_damaged_tokenizer_names_nothing(tmp_path):
    write(tmp_path, "tokenizer.json", model={"vocab": [["a", -1.5]]})
    write(tmp_path, "tokenizer_config.json", eos_token="a")
    assert read_special_ids(tmp_path, N_TOKENS) == SpecialIds()
    assert token_name({"added_tokens": [{"id": 3, "content": "x"}]}, 3) == "x"
    assert token_name({}, 3) is None


@pytest.mark.parametrize("ids", [4, np.int64(4), np.array(4), [4], (np.int32(4),), np.array([4])])
def test_numbers_of_numpy_are_ids(ids):
    assert all_ids(ids) == (4,)
    json.dumps(SpecialIds().with_end(ids).to_json())
    assert SpecialIds().with_end(ids).bos == 4


def test_another_end_keeps_the_start():
    assert SpecialIds(1, 2).with_end(5) == SpecialIds(1, 5)
    assert SpecialIds(None, 2).with_end((5, 6)) == SpecialIds(None, (5, 6))
    assert SpecialIds(1, 2).with_end(()) == SpecialIds(1, None)


def test_the_name_of_an_end_is_written_beside_other_settings(tmp_path):
    write(tmp_path, "tokenizer_config.json", model_max_length=7, eos_token="old")
    write_names(tmp_path, {"eos_token": "</s>"})
    content = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert content == {"model_max_length": 7, "eos_token": "</s>"}
