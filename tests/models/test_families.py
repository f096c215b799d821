"""The families as transformers computes them, with random weights: reading, computing, writing."""

import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.models import (
    GPT,
    load_pretrained,
)
from scratchgpt.models.families import FAMILIES

GREEDY = SamplingConfig(temperature=0)
LLAMA3 = {
    **{"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    **{"original_max_position_embeddings": 20, "rope_theta": 500.0},
}
YARN = {"rope_type": "yarn", "factor": 2.5, "original_max_position_embeddings": 22}
SLIDING = {"use_sliding_window": True, "sliding_window": 4}
FORMS = [
    ("gpt2", {}),
    ("gpt2", {"n_inner": 22, "activation_function": "relu", "layer_norm_epsilon": 1e-3}),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True}),
    ("gpt2", {"scale_attn_weights": False, "activation_function": "gelu"}),
    ("gpt2", {"tie_word_embeddings": False, "vocab_size": 67, "n_head": 1}),
    ("gpt2", {"activation_function": "gelu_pytorch_tanh", "n_layer": 1, "n_head": 24}),
    ("openai-gpt", {}),
    ("openai-gpt", {"afn": "relu", "layer_norm_epsilon": 1e-3, "n_head": 4}),
    ("openai-gpt", {"tie_word_embeddings": False, "vocab_size": 67}),
    ("llama", {}),
    ("llama", {"rope_parameters": LLAMA3, "tie_word_embeddings": True, "hidden_act": "gelu"}),
    ("llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 10, "vocab_size": 67}),
    ("llama", {"rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 77.0}}),
    ("llama", {"num_key_value_heads": 6, "rms_norm_eps": 1e-3}),
    ("qwen2", {"tie_word_embeddings": True}),
    ("qwen2", {**SLIDING, "max_window_layers": 1}),
    ("qwen2", {"rope_parameters": {**YARN, "beta_fast": 8.0, "truncate": False}}),
    ("qwen3", {"head_dim": 10, "tie_word_embeddings": True}),
    ("qwen3", {"head_dim": 4, "attention_bias": True, "num_key_value_heads": 1}),
    ("qwen3", {**SLIDING, "layer_types": ["sliding_attention", *["full_attention"] * 2]}),
    ("mistral", {"sliding_window": 5}),
    ("mistral", {"sliding_window": 9, "head_dim": 4, "rope_parameters": {"rope_theta": 1e6}}),
    ("nanochat", {}),
    ("nanochat", {"attention_bias": True, "final_logit_softcapping": None, "vocab_size": 67}),
    ("nanochat", {"hidden_act": "silu", "final_logit_softcapping": 0.7, "num_key_value_heads": 3}),
]
each_form = pytest.mark.parametrize(
    ("family", "form"), FORMS, ids=[f"{family} {' '.join(form)}" for family, form in FORMS]
)
NEW = [name for name, row in FAMILIES.items() if row.settings.get("positions") == "rotary"]
each_family = pytest.mark.parametrize("family", NEW)


def test_every_family_is_compared():
    assert {family for family, _ in FORMS} == set(FAMILIES)


def tokens_for(config, shape=(2, 17)):
    return np.random.default_rng(7).integers(0, config.vocab_size, shape)


def greedy(torch, peer, prompt, n_new):
    """Generate the tokens with the highest logits."""
    tokens = torch.tensor([prompt])
    with torch.no_grad():
        for _ in range(n_new):
            best = peer(tokens).logits[:, -1].argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, best], dim=1)
    return tokens[0, len(prompt) :].tolist()


@each_form
def test_logits_loss_gradients_and_greedy_tokens_equal_theirs(
    torch, make_peer, in_our_names, family, form, assert_close
):
    peer, path = make_peer(family, form)
    model = GPT.from_pretrained(path, dtype=np.float64)
    tokens = tokens_for(model.config)
    inputs, targets = tokens[:, :-1], tokens[:, 1:]

    expected = peer(torch.tensor(inputs)).logits
    expected_loss = torch.nn.functional.cross_entropy(
        expected.flatten(0, 1), torch.tensor(targets).flatten()
    )
    expected_loss.backward()
    logits, _ = model.forward(inputs)
    loss, saved = model.loss(inputs, targets)
    model.loss_backward(1.0, saved)

    assert_close(logits, expected.detach().numpy(), 1e-10, "logits")
    assert_close(loss, expected_loss.item(), 1e-10, "loss")
    if family not in NEW:  # their own loss is computed in float32
        own = peer(torch.tensor(tokens), labels=torch.tensor(tokens)).loss.item()
        assert_close(loss, own, 1e-5)
    theirs = {name: parameter.grad.numpy() for name, parameter in peer.named_parameters()}
    for name, gradient in in_our_names(theirs, model, family).items():
        assert_close(model.store.named[name].grad, gradient, 1e-9, name)

    prompt = tokens[0, :3].tolist()
    [ours] = generate(model, [prompt], max_new_tokens=50, sampling=GREEDY)
    assert ours.tokens.tolist() == greedy(torch, peer, prompt, 50)


@each_form
def test_float32_logits_equal_theirs_too(torch, make_peer, family, form, assert_close):
    """Here, transformers is not changed."""
    peer, path = make_peer(family, form, "float32")
    model = GPT.from_pretrained(path)
    assert model.dtype == np.float32
    tokens = tokens_for(model.config)
    expected = peer(torch.tensor(tokens)).logits.detach().numpy()
    tolerance = 2e-5 if family in NEW else 1e-5
    assert_close(model.forward(tokens)[0], expected, tolerance)
    cache = model.new_cache(2)
    assert_close(model.extend(tokens, cache), expected[:, -1], tolerance)


@pytest.mark.parametrize("n_sliding", [0, 1, 3])
def test_layer_types_of_a_mistral_are_followed(
    torch, transformers, make_peer, assert_close, n_sliding
):
    """transformers reads a file with them as a Ministral."""
    _, path = make_peer("mistral", {"sliding_window": 4}, "float32")
    types = ["sliding_attention"] * n_sliding + ["full_attention"] * (3 - n_sliding)
    values = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**values, "layer_types": types}))
    peer = transformers.AutoModelForCausalLM.from_pretrained(path).eval()
    model = GPT.from_pretrained(path)
    tokens = tokens_for(model.config)
    expected = peer(torch.tensor(tokens)).logits.detach().numpy()
    assert_close(model.forward(tokens)[0], expected, 2e-5)


@pytest.mark.parametrize("shard_bytes", [None, 5000])
@each_form
def test_transformers_reads_our_files(
    torch, transformers, make_peer, tmp_path, family, form, shard_bytes, assert_close
):
    _, path = make_peer(family, form)
    model = GPT.from_pretrained(path, dtype=np.float64)
    model.store.values[...] *= 0.9  # like after some training
    model.save_pretrained(tmp_path / "ours", shard_bytes=shard_bytes)
    again, info = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "ours", dtype=torch.float64, output_loading_info=True
    )
    assert not any(info.values()), info
    assert again.config.model_type == family
    assert type(again).__name__ == again.config.architectures[0]
    tokens = tokens_for(model.config)
    expected = again.eval()(torch.tensor(tokens)).logits.detach().numpy()
    assert_close(model.forward(tokens)[0], expected, 1e-10)
    ours = load_pretrained(tmp_path / "ours", dtype=np.float64)
    assert ours.config.effective() == model.config.effective()
    np.testing.assert_array_equal(ours.store.values, model.store.values)
    for name in ("attn_pdrop", "embd_pdrop", "resid_pdrop") if family not in NEW else ():
        assert getattr(again.config, name) == model.config.dropout


@each_family
def test_a_round_trip_is_bit_for_bit(make_peer, tmp_path, family):
    from safetensors.numpy import load_file

    form = {"sliding_window": 5} if family == "mistral" else {}
    _, path = make_peer(family, form)
    GPT.from_pretrained(path, dtype=np.float64).save_pretrained(tmp_path / "ours")
    theirs, ours = (load_file(p / "model.safetensors") for p in (path, tmp_path / "ours"))
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@each_family
def test_half_precision_is_read(make_peer, in_our_names, family, dtype):
    peer, path = make_peer(family, {}, dtype)
    model = GPT.from_pretrained(path)
    theirs = {name: x.detach().float().numpy() for name, x in peer.named_parameters()}
    for name, expected in in_our_names(theirs, model, family).items():
        np.testing.assert_array_equal(model.store.named[name].value, expected)


@each_family
def test_a_model_without_a_head_gets_the_tied_one(torch, make_peer, family, assert_close):
    """Its files lack ``model.``; old ones also have the frequencies of the rotation."""
    from safetensors.torch import save_file

    peer, path = make_peer(family, {}, base=True)
    tensors = {name: x.clone() for name, x in peer.state_dict().items()}
    assert "embed_tokens.weight" in tensors
    for i in range(3):
        tensors[f"layers.{i}.self_attn.rotary_emb.inv_freq"] = torch.ones(3)
    save_file(tensors, path / "model.safetensors")
    model = GPT.from_pretrained(path, dtype=np.float64)
    assert model.config.tied_head
    tokens = tokens_for(model.config)
    x, _ = model.transformer.forward(tokens)
    expected = peer(torch.tensor(tokens)).last_hidden_state.detach().numpy()
    assert_close(x, expected, 1e-10)


def test_a_tied_head_in_the_file_must_be_the_embedding(torch, make_peer):
    from safetensors.torch import save_file

    peer, path = make_peer("llama", {"tie_word_embeddings": True})
    tensors = {name: x.clone() for name, x in peer.state_dict().items()}
    save_file(tensors, path / "model.safetensors")
    model = GPT.from_pretrained(path)
    del tensors["model.embed_tokens.weight"]
    save_file(tensors, path / "model.safetensors")
    np.testing.assert_array_equal(GPT.from_pretrained(path).store.values, model.store.values)
    tensors["model.embed_tokens.weight"] = tensors["lm_head.weight"] + 1
    save_file(tensors, path / "model.safetensors")
    with pytest.raises(UserError, match=r"lm_head.weight differs from model.embed_tokens.weight"):
        GPT.from_pretrained(path)


def changed(path, remove=(), **changes):
    file = path / "config.json"
    values = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({k: v for k, v in values.items() if k not in remove}))


@pytest.mark.parametrize(
    ("form", "remove", "older"),
    [
        ({"rope_parameters": {"rope_theta": 77.0}}, ["rope_parameters"], {"rope_theta": 77.0}),
        (
            {"rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 77.0}},
            ["rope_parameters"],
            {"rope_theta": 77, "rope_scaling": {"type": "linear", "factor": 3}},
        ),
        (
            {"rope_parameters": LLAMA3},
            ["rope_parameters"],
            {
                "rope_theta": 500.0,
                "rope_scaling": {k: v for k, v in LLAMA3.items() if k != "rope_theta"},
            },
        ),
        (
            {"rope_parameters": YARN},
            ["rope_parameters"],
            {"rope_scaling": YARN, "original_max_position_embeddings": 22, "rope_theta": 10000.0},
        ),
        ({}, ["rope_parameters", "head_dim"], {"rope_scaling": None}),
        ({}, ["head_dim", "attention_bias", "mlp_bias", "hidden_act", "pretraining_tp"], {}),
        ({"num_key_value_heads": 6}, ["num_key_value_heads"], {}),
        ({"num_key_value_heads": 6}, [], {"num_key_value_heads": None, "head_dim": None}),
        ({}, ["dtype"], {"torch_dtype": "bfloat16", "pretraining_tp": 1}),
    ],
)
def test_older_spellings_of_a_configuration_are_read(
    torch, transformers, make_peer, form, remove, older, assert_close
):
    _, path = make_peer("llama", form)
    expected = GPT.from_pretrained(path).config
    changed(path, remove, **older)
    model = GPT.from_pretrained(path, dtype=np.float64)
    assert model.config.effective() == expected.effective()
    theirs = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float64).eval()
    tokens = tokens_for(model.config)
    logits = theirs(torch.tensor(tokens)).logits.detach().numpy()
    assert_close(model.forward(tokens)[0], logits, 1e-10)


def test_the_newer_spelling_is_written(make_peer, tmp_path):
    _, path = make_peer("llama", {"rope_parameters": LLAMA3})
    changed(path, ["rope_parameters"], rope_theta=500.0, rope_scaling={**LLAMA3, "type": "llama3"})
    GPT.from_pretrained(path).save_pretrained(tmp_path / "ours")
    values = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert values["rope_parameters"] == LLAMA3
    assert not {"rope_theta", "rope_scaling"} & values.keys()
