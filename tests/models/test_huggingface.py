"""GPT-1 and GPT-2 of transformers with random weights: reading, computing and writing."""

import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.models import GPT, GPTConfig

SIZES = {"n_layer": 3, "n_head": 3, "n_embd": 24, "n_positions": 56, "vocab_size": 61}
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
]
each_form = pytest.mark.parametrize(
    ("family", "form"), FORMS, ids=[f"{family} {' '.join(form)}" for family, form in FORMS]
)
GREEDY = SamplingConfig(temperature=0)


def tokens_for(config, shape=(2, 9)):
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
    # Their own loss is computed in float32.
    assert_close(loss, peer(torch.tensor(tokens), labels=torch.tensor(tokens)).loss.item(), 1e-5)
    theirs = {name: parameter.grad.numpy() for name, parameter in peer.named_parameters()}
    for name, gradient in in_our_names(theirs, model, family).items():
        assert_close(model.store.named[name].grad, gradient, 1e-9, name)

    prompt = tokens[0, :3].tolist()
    [ours] = generate(model, [prompt], max_new_tokens=50, sampling=GREEDY)
    assert ours.tokens.tolist() == greedy(torch, peer, prompt, 50)


@each_form
def test_float32_logits_equal_theirs_too(torch, make_peer, family, form, assert_close):
    peer, path = make_peer(family, form, "float32")
    model = GPT.from_pretrained(path)
    assert model.dtype == np.float32
    tokens = tokens_for(model.config)
    expected = peer(torch.tensor(tokens)).logits.detach().numpy()
    assert_close(model.forward(tokens)[0], expected, 1e-5)
    cache = model.new_cache(2)
    assert_close(model.extend(tokens, cache), expected[:, -1], 1e-5)


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
    assert type(again).__name__ == again.config.architectures[0]
    tokens = tokens_for(model.config)
    expected = again.eval()(torch.tensor(tokens)).logits.detach().numpy()
    assert_close(model.forward(tokens)[0], expected, 1e-10)
    for name in ("attn_pdrop", "embd_pdrop", "resid_pdrop"):
        assert getattr(again.config, name) == model.config.dropout


@pytest.mark.parametrize("family", ["gpt2", "openai-gpt"])
def test_a_round_trip_is_bit_for_bit(make_peer, tmp_path, family):
    from safetensors.numpy import load_file

    _, path = make_peer(family, {})
    GPT.from_pretrained(path, dtype=np.float64).save_pretrained(tmp_path / "ours")
    theirs, ours = (load_file(p / "model.safetensors") for p in (path, tmp_path / "ours"))
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_read(make_peer, dtype):
    peer, path = make_peer("gpt2", {}, dtype)
    model = GPT.from_pretrained(path)
    for name, parameter in peer.named_parameters():
        expected = parameter.detach().float().numpy()
        np.testing.assert_array_equal(model.store.named[name].value, expected)


@pytest.mark.parametrize("family", ["gpt2", "openai-gpt"])
def test_files_like_the_published_ones_are_read(torch, make_peer, in_our_names, family):
    """The files lack ``transformer.``, and contain the masks of old attention and the head."""
    from safetensors.torch import save_file

    peer, path = make_peer(family, {})
    tensors = {
        name.removeprefix("transformer."): tensor.clone()
        for name, tensor in peer.state_dict().items()
    }
    for i in range(3):
        tensors[f"h.{i}.attn.bias"] = torch.ones(1, 1, 56, 56).tril()
        tensors[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, path / "model.safetensors")
    model = GPT.from_pretrained(path, dtype=np.float64)
    theirs = {name: parameter.detach().numpy() for name, parameter in peer.named_parameters()}
    for name, expected in in_our_names(theirs, model, family).items():
        np.testing.assert_array_equal(model.store.named[name].value, expected)

    tensors["lm_head.weight"][3, 4] += 1
    save_file(tensors, path / "model.safetensors")
    with pytest.raises(UserError, match=r"lm_head.weight differs from .*embeddings\": false"):
        GPT.from_pretrained(path)


def test_their_other_models_are_refused(transformers, make_peer, tmp_path):
    config = transformers.GPT2Config(**SIZES, num_labels=3)
    transformers.GPT2ForSequenceClassification(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"'GPT2ForSequenceClassification', which has other parts"):
        GPT.from_pretrained(tmp_path)


@pytest.fixture
def rewrite(tmp_path):
    """``rewrite(**changes)`` saves a model, changes its config.json and returns its folder."""

    def change(**changes):
        sizes = {"n_layer": 1, "n_head": 2, "n_embd": 4, "block_size": 5, "vocab_size": 7}
        GPT(GPTConfig(**sizes)).save_pretrained(tmp_path)
        values = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**values, **changes}))
        return tmp_path

    return change


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"model_type": "bert"}, ["model_type='bert'", "gpt2, openai-gpt, llama"]),
        ({"model_type": "gpt"}, ["did you mean 'gpt2'?"]),
        (
            {"architectures": ["GPT2DoubleHeadsModel"]},
            ["'GPT2DoubleHeadsModel'", "GPT2LMHeadModel"],
        ),
        ({"add_cross_attention": True}, ["add_cross_attention=True"]),
        ({"is_encoder_decoder": True}, ["is_encoder_decoder=True"]),
        ({"pruned_heads": {"0": [1]}}, ["pruned_heads="]),
        ({"quantization_config": {"bits": 4}}, ["quantization_config="]),
        ({"activation_function": "mish"}, ["activation_function='mish'", "gelu_new"]),
        ({"attn_pdrop": 0.1}, ["attn_pdrop=0.1, embd_pdrop=0.0", "differ", "dropout="]),
        ({"tie_word_embeddings": "yes"}, ["tied_head='yes' must be true or false"]),
        ({"scale_attn_weights": 2}, ["scale_attn_weights=2 must be true or false"]),
        ({"tie_word_embeddings": False}, ["has no array 'lm_head.weight'"]),
    ],
)
def test_unsupported_fields_are_refused_by_name(rewrite, changes, parts):
    with pytest.raises(UserError) as caught:
        GPT.from_pretrained(rewrite(**changes))
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_dropout_overrides_all_three_fields(rewrite):
    assert GPT.from_pretrained(rewrite(attn_pdrop=0.1), dropout=0.3).config.dropout == 0.3


def test_other_names_of_sizes_are_understood(rewrite):
    path = rewrite()
    values = json.loads((path / "config.json").read_text())
    for theirs, ours in (("hidden_size", "n_embd"), ("max_position_embeddings", "n_positions")):
        values[theirs] = values.pop(ours)
    (path / "config.json").write_text(json.dumps(values))
    assert GPT.from_pretrained(path).config.n_embd == 4


def test_a_model_of_another_kind_is_refused(tmp_path):
    from scratchgpt.models import Transformer, TransformerConfig, save_pretrained

    config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, n_embd=8, vocab_size=11)
    save_pretrained(Transformer(config), tmp_path)
    with pytest.raises(UserError, match="is not a GPT; read it with load_pretrained"):
        GPT.from_pretrained(tmp_path)
