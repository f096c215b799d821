"""Adapters in PEFT's files, and compared with PEFT itself."""

import json

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig, LoRAConfig, add_lora, load_lora, merge_lora, save_lora
from scratchgpt.models.families import FAMILIES, form_of
from scratchgpt.models.lora import adapters
from scratchgpt.models.lora_files import ADAPTER_CONFIG, ADAPTER_FILE
from scratchgpt.models.tensor_file import TensorFile, save_tensors

SIZES = {"n_layer": 2, "n_head": 4, "n_embd": 12, "block_size": 7, "vocab_size": 13}
FORMS = {"gpt2": {}, "llama": form_of("llama"), "nanochat": form_of("nanochat")}
LORA = LoRAConfig(rank=3, alpha=5)
# What has an adapter in the comparison with PEFT: parts of fused maps, and not all of them.
TARGETS = {
    **{name: ["c_attn", "mlp.c_proj"] for name in ("gpt2", "openai-gpt")},
    "nanochat": ["q_proj", "v_proj", "fc1", "o_proj"],
}
OF_LLAMA = ["q_proj", "v_proj", "up_proj", "o_proj"]


def randomize(model):
    for name, parameter in model.store.named.items():
        parameter.value[...] = 0.5 * random_stream(3, name).standard_normal(parameter.shape)
    return model


def plain(form):
    sizes = {**SIZES, "n_kv_head": 2, "head_dim": 6, "n_inner": 10} if form != "gpt2" else SIZES
    return randomize(GPT(GPTConfig(**{**FORMS[form], **sizes}), dtype=np.float64))


def adapted(form, config=LORA):
    return randomize(add_lora(plain(form), config))


def tokens():
    return random_stream(5, "tokens").integers(0, SIZES["vocab_size"], (2, 2, 5))


def loss_and_gradients(peer, torch):
    inputs, targets = (torch.tensor(x) for x in tokens())
    logits = peer(input_ids=inputs).logits
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    grads = {name: p.grad for name, p in peer.named_parameters() if p.grad is not None}
    return logits.detach().numpy(), grads


# PEFT uses an old name of transformers.
OLD_NAME = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")


@OLD_NAME
@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_of_peft_gives_the_same_logits_and_gradients(
    family, torch, peft, make_peer, tmp_path, assert_close
):
    peer, path = make_peer(family, {})
    model = GPT.from_pretrained(path, dtype=np.float64)
    settings = peft.LoraConfig(
        **{"r": 3, "lora_alpha": 5, "target_modules": TARGETS.get(family, OF_LLAMA)},
        **{"lora_dropout": 0.1, "use_rslora": True, "task_type": "CAUSAL_LM"},
        fan_in_fan_out=family in ("gpt2", "openai-gpt"),
    )
    peer = peft.get_peft_model(peer, settings).double().eval()
    rng = np.random.default_rng(2)
    for name, parameter in peer.named_parameters():
        if "lora_" in name:
            parameter.data[...] = torch.tensor(0.5 * rng.standard_normal(parameter.shape))
    peer.save_pretrained(tmp_path / "adapter")
    assert load_lora(model, tmp_path / "adapter") is model
    assert model.lora.config == LoRAConfig(3, 5, 0.1, model.lora.config.targets, rslora=True)

    logits, grads = loss_and_gradients(peer, torch)
    inputs, targets = tokens()
    assert_close(model.forward(inputs)[0], logits, 1e-10)
    _, saved = model.loss(inputs, targets)
    model.loss_backward(1.0, saved)
    ours = {
        f"base_model.model.{one.name}.{matrix}.default.weight": getattr(adapter, matrix).grad.T
        for one, adapter in adapters(model, model.lora.config)
        for matrix in ("lora_A", "lora_B")
    }
    assert ours.keys() == grads.keys()
    for name, grad in grads.items():
        assert_close(ours[name], grad.numpy(), 1e-10, name)
    assert_close(merge_lora(model).forward(inputs)[0], logits, 1e-10)


@OLD_NAME
@pytest.mark.parametrize("family", FAMILIES)
def test_peft_loads_our_adapter(family, torch, peft, make_peer, tmp_path, assert_close):
    peer, path = make_peer(family, {})
    model = randomize(add_lora(GPT.from_pretrained(path, dtype=np.float64), LORA))
    save_lora(model, tmp_path / "adapter")
    found = peft.PeftModel.from_pretrained(peer, tmp_path / "adapter").double().eval()
    inputs, _ = tokens()
    logits = found(input_ids=torch.tensor(inputs)).logits.detach().numpy()
    assert_close(model.forward(inputs)[0], logits, 1e-10)
    merged = found.merge_and_unload()(input_ids=torch.tensor(inputs)).logits.detach().numpy()
    assert_close(merge_lora(model).forward(inputs)[0], merged, 1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_a_saved_adapter_is_read_back_bit_for_bit(form, tmp_path):
    config = LoRAConfig(rank=3, alpha=2.5, dropout=0.25, rslora=True)
    model = adapted(form, config)
    save_lora(model, tmp_path)
    again = load_lora(plain(form), tmp_path)
    assert (again.lora.config.scale, again.lora.config.dropout) == (config.scale, 0.25)
    np.testing.assert_array_equal(again.store.values, model.store.values)
    again.store.values[...] = 0
    load_lora(again, tmp_path)  # its values are replaced
    np.testing.assert_array_equal(again.store.values, model.store.values)


@pytest.fixture
def saved(tmp_path):
    save_lora(adapted("gpt2"), tmp_path)
    return tmp_path


def change(folder, **values):
    path = folder / ADAPTER_CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"peft_type": "IA3"}, "peft_type='IA3' is not supported, only 'LORA'"),
        ({"bias": "all"}, "bias='all' is not supported, only 'none'"),
        ({"use_dora": True}, "use_dora=True is not supported"),
        ({"modules_to_save": ["lm_head"]}, r"modules_to_save=\['lm_head'\] is not supported"),
        ({"rank_pattern": {"c_attn": 2}}, "rank_pattern=.* is not supported"),
        ({"alpha_pattern": {"c_attn": 2}}, "alpha_pattern=.* is not supported"),
        ({"lora_bias": True}, "lora_bias=True is not supported"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices=.* is not supported"),
        ({"something_new": 3}, "something_new=3 is not supported"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights='pissa' also changes the weights of"),
        ({"r": 4}, r"lora_A.weight is \(3, 12\), but r=4 and the model need \(4, 12\)"),
        ({"r": 0}, "rank=0 must be a whole number"),
    ],
    ids=range(12),
)
def test_what_is_not_a_plain_adapter_is_refused_by_name(saved, values, message):
    change(saved, **values)
    model = plain("gpt2")
    with pytest.raises(UserError, match=message):
        load_lora(model, saved)
    assert model.lora is None, "on an error, the model does not change"


def test_settings_of_peft_that_change_nothing_are_read(saved):
    change(saved, megatron_core="megatron.core", loftq_config={}, use_dora=False, revision=None)
    change(saved, peft_version="0.21.2", init_lora_weights="gaussian", layers_to_transform=[0, 1])
    assert load_lora(plain("gpt2"), saved).lora.config.rank == 3


def test_files_that_do_not_fit_are_refused(saved):
    with pytest.raises(UserError, match="is not an adapter of a linear map"):
        load_lora(plain("llama"), saved)
    model = adapted("gpt2", LoRAConfig(rank=3, alpha=6))
    with pytest.raises(UserError, match=r"has adapters with .*, and the model some with"):
        load_lora(model, saved)
    file = TensorFile(saved / ADAPTER_FILE)
    arrays = {name: np.zeros(tensor.shape) for name, tensor in file.tensors.items()}
    arrays.popitem()
    save_tensors(saved / ADAPTER_FILE, arrays)
    with pytest.raises(UserError, match=r"has no array 'base_model\.model\.transformer.h"):
        load_lora(plain("gpt2"), saved)
    (saved / ADAPTER_FILE).unlink()
    with pytest.raises(UserError, match="is missing"):
        load_lora(plain("gpt2"), saved)
    (saved / ADAPTER_CONFIG).unlink()
    with pytest.raises(UserError, match="has no adapters"):
        load_lora(plain("gpt2"), saved)
    with pytest.raises(UserError, match="the model has no adapters; add some with add_lora"):
        save_lora(plain("gpt2"), saved)


@pytest.mark.parametrize("own", ["q_proj", "o_proj", "q_proj,o_proj"])
def test_adapters_of_other_maps_are_refused(own, tmp_path):
    save_lora(adapted("llama", LoRAConfig(rank=2, targets="q_proj,v_proj")), tmp_path)
    model = adapted("llama", LoRAConfig(rank=2, targets=own))
    before = model.store.values.copy()
    with pytest.raises(UserError, match="and the model some with"):
        load_lora(model, tmp_path)
    np.testing.assert_array_equal(model.store.values, before)


def test_the_same_maps_may_be_named_in_another_order(tmp_path):
    save_lora(adapted("llama", LoRAConfig(rank=2, targets="q_proj,v_proj")), tmp_path)
    load_lora(adapted("llama", LoRAConfig(rank=2, targets="v_proj,q_proj")), tmp_path)
