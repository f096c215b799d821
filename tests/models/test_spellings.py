"""GPT-1 and GPT-2 of transformers in all spellings of their files, and where generation stops."""

import json

import numpy as np
import pytest

from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.models import GPT, QuantizedGPT, load_quantized, save_pretrained

N_NEW = 15
NEW = {"max_new_tokens": N_NEW, "sampling": SamplingConfig(temperature=0)}


def changed(path, file="config.json", *, drop=(), **changes):
    """Change fields of a JSON file in a folder."""
    values = json.loads((path / file).read_text()) if (path / file).exists() else {}
    kept = {name: value for name, value in values.items() if name not in drop}
    (path / file).write_text(json.dumps({**kept, **changes}))


def as_saved_by_save_model(peer, path):
    """A tied matrix is under one of its names, the first in the alphabet."""
    from safetensors.torch import save_model

    save_model(peer, str(path / "model.safetensors"))


def in_shards(peer, path):
    (path / "model.safetensors").unlink()
    peer.save_pretrained(path, max_shard_size="5KB")
    assert (path / "model.safetensors.index.json").exists()


SPELLINGS = {
    "one name of a tied matrix": ({}, as_saved_by_save_model),
    "architectures is a string": (
        {},
        lambda peer, path: changed(path, architectures=type(peer).__name__),
    ),
    "no architectures": ({}, lambda peer, path: changed(path, architectures=None)),
    "the width is null": ({}, lambda peer, path: changed(path, n_inner=None)),
    "old name of the dtype": (
        {},
        lambda peer, path: changed(path, drop=["dtype"], torch_dtype="float64"),
    ),
    "defaults are missing": (
        {},
        lambda peer, path: changed(
            path, drop=["activation_function", "afn", "layer_norm_epsilon", "tie_word_embeddings"]
        ),
    ),
    "several shards": ({}, in_shards),
    **{
        name: ({"activation_function": name}, lambda peer, path: None)
        for name in ("gelu_fast", "gelu_accurate", "gelu_python_tanh", "gelu_python")
    },
}


@pytest.mark.parametrize(
    ("family", "spelling"),
    [("gpt2", name) for name in SPELLINGS]
    + [("openai-gpt", name) for name, (form, _) in SPELLINGS.items() if not form],
)
def test_every_legal_spelling_of_a_model_is_read(torch, make_peer, spelling, family, assert_close):
    form, change = SPELLINGS[spelling]
    peer, path = make_peer(family, form)
    change(peer, path)
    model = GPT.from_pretrained(path, dtype=np.float64, dropout=0.0)
    tokens = np.random.default_rng(7).integers(0, 61, (2, 9))
    expected = peer(torch.tensor(tokens)).logits.detach().numpy()
    assert_close(model.forward(tokens)[0], expected, 1e-10)


def test_activations_are_supported_exactly_if_they_are_one_of_ours(torch):
    from transformers.activations import ACT2FN

    from scratchgpt.layers.mlp import ACTIVATIONS
    from scratchgpt.models.families import FAMILIES
    from scratchgpt.models.families.fields import Activation
    from scratchgpt.ops.gated_product import GATES

    x = np.linspace(-20, 20, 997)  # beyond the limit of gelu_10
    ours = {name: forward(x)[0] for name, (forward, _) in ACTIVATIONS.items()}
    of_family = {
        family: next(field.names for field in row.fields if isinstance(field, Activation))
        for family, row in FAMILIES.items()
    }
    known = of_family["gpt2"]
    for name in ACT2FN:
        if name in ("prelu", "xielu"):  # have parameters
            assert name not in known
            continue
        theirs = ACT2FN[name](torch.tensor(x)).numpy()
        same = [key for key, value in ours.items() if np.allclose(value, theirs, 1e-10, 1e-10)]
        assert same == ([known[name]] if name in known else []), name
    for family, names in of_family.items():
        gates = FAMILIES[family].settings.get("gated_mlp", False)
        supported = {k: v for k, v in known.items() if v in GATES or not gates}
        assert names == supported or family == "openai-gpt", family


# What generation_config.json and config.json say, and whether generation stops.
ENDS = {
    "a number": ({}, {"eos_token_id": "A"}, True),
    "a list": ({}, {"eos_token_id": ["unused", "B", "A"]}, True),
    "a list of one": ({}, {"eos_token_id": ["B"]}, True),
    "generation_config first": ({"eos_token_id": ["A", "unused"]}, {"eos_token_id": "B"}, True),
    "outside the vocabulary": ({}, {"eos_token_id": 50256}, False),
    "none": ({}, {"eos_token_id": None}, False),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("family", ["gpt2", "openai-gpt"])
@pytest.mark.filterwarnings("ignore:.*the first is used")
def test_generation_stops_where_theirs_does_and_the_ends_are_written_again(
    torch, transformers, make_peer, tmp_path, family, name
):
    """The model generates B, and later A."""
    path = make_peer(family, {"tie_word_embeddings": False})[1]
    prompts = np.random.default_rng(1).integers(0, 61, (16, 3)).tolist()
    texts = generate(GPT.from_pretrained(path, dtype=np.float64), prompts, **NEW)
    free, prompt = next(
        (text.tokens.tolist(), prompts[text.prompt_index])
        for text in texts
        if len(set(text.tokens.tolist())) > 2
    )
    _, b, a = [i for i, token in enumerate(free) if token not in free[:i]][:3]
    unused = next(i for i in range(61) if i not in free)
    ids = {"unused": unused, "A": free[a], "B": free[b]}

    def with_ids(fields):
        def one(value):
            return ids.get(value, value)

        return {
            field: [one(v) for v in value] if isinstance(value, list) else one(value)
            for field, value in fields.items()
        }

    of_generation, of_config, stops = ENDS[name]
    (path / "generation_config.json").unlink(missing_ok=True)
    changed(path, bos_token_id=unused, **with_ids(of_config))
    if of_generation:
        changed(path, "generation_config.json", **with_ids(of_generation))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float64)
    expected = theirs.generate(
        torch.tensor([prompt]), max_new_tokens=N_NEW, do_sample=False, pad_token_id=0
    )[0, 3:].tolist()
    assert (len(expected) < N_NEW) == stops

    model = GPT.from_pretrained(path, dtype=np.float64)
    for folder, one in (("ours", model), ("int8", QuantizedGPT(model))):
        save_pretrained(one, tmp_path / folder)
    for one in (model, GPT.from_pretrained(tmp_path / "ours", dtype=np.float64)):
        [ours] = generate(one, [prompt], **NEW)
        assert ours.tokens.tolist() == expected
        assert ours.finish_reason == ("end_of_text" if stops else "length")
    eos = with_ids({**of_config, **of_generation})["eos_token_id"]
    eos = None if eos == 50256 else eos
    for folder in ("ours", "int8"):
        for file in ("config.json", "generation_config.json"):
            values = json.loads((tmp_path / folder / file).read_text())
            assert (values["bos_token_id"], values["eos_token_id"]) == (unused, eos)
    small = load_quantized(tmp_path / "int8")
    assert small.special_ids == small.dequantize().special_ids == model.special_ids
    copies = (model.astype(np.float32), model.crop(9), model.with_biases())
    assert {copy.special_ids for copy in copies} == {model.special_ids}
