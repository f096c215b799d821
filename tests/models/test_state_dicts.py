"""minGPT and nanoGPT as small PyTorch modules, and reading and writing of their files."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.state_dicts import read_state_dict, write_state_dict
from scratchgpt.models.tensor_file import TensorFile, save_tensors

N_LAYER, N_HEAD, N_EMBD, BLOCK, VOCAB = 2, 3, 12, 7, 13


def build(torch, *, activation, bias=True, tied=False, names="gpt2"):
    """Create a module with their names, and a function that computes its logits."""
    nn, f = torch.nn, torch.nn.functional
    old = names == "2020"

    def attention():
        if old:
            maps = {name: nn.Linear(N_EMBD, N_EMBD) for name in ("key", "query", "value", "proj")}
        else:
            maps = {
                "c_attn": nn.Linear(N_EMBD, 3 * N_EMBD, bias=bias),
                "c_proj": nn.Linear(N_EMBD, N_EMBD, bias=bias),
            }
        module = nn.ModuleDict(maps)
        mask = torch.ones(BLOCK, BLOCK).tril().view(1, 1, BLOCK, BLOCK)
        module.register_buffer("mask" if old else "bias", mask)
        return module

    def norm():
        return nn.LayerNorm(N_EMBD, bias=bias)

    def block():
        widen = nn.Linear(N_EMBD, 4 * N_EMBD, bias=bias)
        narrow = nn.Linear(4 * N_EMBD, N_EMBD, bias=bias)
        if old:
            mlp = nn.Sequential(widen, nn.GELU(), narrow, nn.Dropout(0.0))
            return nn.ModuleDict({"ln1": norm(), "ln2": norm(), "attn": attention(), "mlp": mlp})
        mlp = nn.ModuleDict({"c_fc": widen, "c_proj": narrow})
        return nn.ModuleDict({"ln_1": norm(), "attn": attention(), "ln_2": norm(), "mlp": mlp})

    blocks = [block() for _ in range(N_LAYER)]
    wte, head = nn.Embedding(VOCAB, N_EMBD), nn.Linear(N_EMBD, VOCAB, bias=False)
    if tied:
        head.weight = wte.weight
    model = nn.Module()
    if old:
        model.tok_emb, model.ln_f, model.head = wte, norm(), head
        model.pos_emb = nn.Parameter(torch.zeros(1, BLOCK, N_EMBD))
        model.blocks = nn.Sequential(*blocks)
    else:
        wpe = nn.Embedding(BLOCK, N_EMBD)
        parts = {"wte": wte, "wpe": wpe, "h": nn.ModuleList(blocks), "ln_f": norm()}
        model.transformer, model.lm_head = nn.ModuleDict(parts), head
    model.double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.5 * noise)

    def logits(tokens):
        body = model if old else model.transformer
        table = model.pos_emb[0] if old else body.wpe.weight
        x = wte(tokens) + table[: tokens.shape[1]]
        for b in blocks:
            n = b["ln1" if old else "ln_1"](x)
            attn = b["attn"]
            if old:
                q, k, v = (attn[name](n) for name in ("query", "key", "value"))
            else:
                q, k, v = attn["c_attn"](n).split(N_EMBD, dim=-1)
            q, k, v = (y.unflatten(-1, (N_HEAD, -1)).transpose(1, 2) for y in (q, k, v))
            y = f.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + attn["proj" if old else "c_proj"](y.transpose(1, 2).flatten(-2))
            n, mlp = b["ln2" if old else "ln_2"](x), b["mlp"]
            widen, narrow = (mlp[0], mlp[2]) if old else (mlp["c_fc"], mlp["c_proj"])
            approximate = "tanh" if activation == "gelu_tanh" else "none"
            x = x + narrow(f.gelu(widen(n), approximate=approximate))
        return head((model.ln_f if old else body.ln_f)(x))

    return model, logits


KINDS = {
    "nanogpt": ("nanogpt", {"activation": "gelu", "tied": True}),
    "nanogpt without biases": ("nanogpt", {"activation": "gelu", "tied": True, "bias": False}),
    "mingpt": ("mingpt", {"activation": "gelu_tanh"}),
    "mingpt of 2020": ("mingpt", {"activation": "gelu", "names": "2020"}),
}
TOKENS = np.random.default_rng(1).integers(0, VOCAB, (2, 6))


def save(model, path, drop=(), prefix=""):
    arrays = {
        prefix + name: tensor.numpy()
        for name, tensor in model.state_dict().items()
        if name not in drop
    }
    save_tensors(path, arrays)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_theirs(torch, tmp_path, kind, assert_close):
    source, form = KINDS[kind]
    theirs, logits = build(torch, **form)
    save(theirs, tmp_path / "model.safetensors")
    model = read_state_dict(tmp_path / "model.safetensors", source, n_head=N_HEAD, dtype=np.float64)
    assert model.config.tied_head == form.get("tied", False)
    assert model.config.bias == form.get("bias", True)
    expected = logits(torch.tensor(TOKENS)).detach().numpy()
    assert_close(model.forward(TOKENS)[0], expected, 1e-10)


@pytest.mark.parametrize("drop", ["lm_head.weight", "transformer.wte.weight"])
@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module._orig_mod."])
def test_a_tied_matrix_is_found_under_either_name(torch, tmp_path, drop, prefix):
    """safetensors stores one of two tensors that share memory, and compiling adds a prefix."""
    theirs, _ = build(torch, activation="gelu", tied=True)
    save(theirs, tmp_path / "a", drop={drop}, prefix=prefix)
    model = read_state_dict(tmp_path / "a", "nanogpt", n_head=N_HEAD, dtype=np.float64)
    assert model.config.tied_head
    expected = theirs.lm_head.weight.detach().numpy()
    np.testing.assert_array_equal(model.transformer.wte.weight.value, expected)


@pytest.mark.parametrize("kind", ["nanogpt", "nanogpt without biases", "mingpt"])
def test_they_load_our_files(torch, tmp_path, kind):
    source, form = KINDS[kind]
    theirs, _ = build(torch, **form)
    save(theirs, tmp_path / "a")
    model = read_state_dict(tmp_path / "a", source, n_head=N_HEAD, dtype=np.float64)
    write_state_dict(model, tmp_path / "b", source)
    file = TensorFile(tmp_path / "b")
    expected = {k: v for k, v in theirs.state_dict().items() if not k.endswith(".attn.bias")}
    assert set(file.tensors) == set(expected)
    for name, tensor in expected.items():
        out = np.empty(tuple(tensor.shape))
        file.read(name, out)
        np.testing.assert_array_equal(out, tensor.numpy())
    again = read_state_dict(tmp_path / "b", source, dtype=np.float64)  # it stores the heads
    assert again.config == model.config
    np.testing.assert_array_equal(again.store.values, model.store.values)


def test_minggpt_gets_zeros_for_biases_that_the_model_does_not_have(torch, tmp_path, assert_close):
    sizes = {"n_layer": 2, "n_head": N_HEAD, "n_embd": N_EMBD, "block_size": 7, "vocab_size": VOCAB}
    model = GPT(GPTConfig(**sizes, bias=False), dtype=np.float64)
    write_state_dict(model, tmp_path / "a", "mingpt")
    theirs, logits = build(torch, activation="gelu_tanh")
    file = TensorFile(tmp_path / "a")
    arrays = {name: np.empty(file.tensors[name].shape) for name in file.tensors}
    for name, out in arrays.items():
        file.read(name, out)
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith(".attn.bias") for name in missing)  # the masks
    expected = logits(torch.tensor(TOKENS)).detach().numpy()
    assert_close(model.forward(TOKENS)[0], expected, 1e-10)


def test_another_activation_may_be_chosen(torch, tmp_path):
    theirs, _ = build(torch, activation="gelu")
    save(theirs, tmp_path / "a")
    read = read_state_dict(tmp_path / "a", "nanogpt", n_head=N_HEAD, activation="relu")
    assert read.config.activation == "relu"


def test_the_number_of_heads_is_required(torch, tmp_path):
    theirs, _ = build(torch, activation="gelu")
    save(theirs, tmp_path / "a")
    with pytest.raises(UserError, match="does not say how many heads a block has; give n_head"):
        read_state_dict(tmp_path / "a", "nanogpt")
    with pytest.raises(UserError, match="n_embd=12 is not divisible by n_head=5"):
        read_state_dict(tmp_path / "a", "nanogpt", n_head=5)


def test_a_file_without_such_a_model_is_refused(tmp_path):
    save_tensors(tmp_path / "a", {"x": np.zeros(3)})
    for source in ("nanogpt", "mingpt"):
        with pytest.raises(UserError, match=f"is not a state dictionary of {source}"):
            read_state_dict(tmp_path / "a", source, n_head=1)


def test_a_missing_and_an_unexpected_array_are_named(torch, tmp_path):
    theirs, _ = build(torch, activation="gelu", tied=True)
    save(theirs, tmp_path / "a", drop={"transformer.h.1.mlp.c_fc.bias"})
    with pytest.raises(UserError, match=r"has no array 'transformer.h.1.mlp.c_fc.bias'"):
        read_state_dict(tmp_path / "a", "nanogpt", n_head=N_HEAD)
    theirs.transformer.register_buffer("extra", torch.zeros(2))
    save(theirs, tmp_path / "a")
    with pytest.raises(UserError, match=r"unexpected array 'transformer.extra'"):
        read_state_dict(tmp_path / "a", "nanogpt", n_head=N_HEAD)


@pytest.mark.parametrize(
    ("source", "form", "field"),
    [
        ("nanogpt", {}, "activation='gelu'"),
        ("nanogpt", {"activation": "gelu", "tied_head": False}, "tied_head=True"),
        ("nanogpt", {"activation": "gelu", "n_inner": 20}, "n_inner=32"),
        ("nanogpt", {"activation": "gelu", "layer_norm_epsilon": 1e-3}, "layer_norm_epsilon="),
        ("mingpt", {"norm_position": "post"}, "norm_position='pre'"),
        ("mingpt", {"scale_attn_weights": False}, "scale_attn_weights=True"),
    ],
)
def test_an_unsupported_model_is_not_written(tmp_path, source, form, field):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 5, "vocab_size": 7}
    with pytest.raises(UserError, match=f"{source} supports only {field}"):
        write_state_dict(GPT(GPTConfig(**{**sizes, **form})), tmp_path / "a", source)
    assert not (tmp_path / "a").exists()
