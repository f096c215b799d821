"""Every model refuses the same tokens with the same messages."""

import numpy as np
import pytest

from scratchgpt.generation import generate
from scratchgpt.layers import Embedding, Linear
from scratchgpt.models import GPT, GPTConfig, QuantizedGPT, Transformer, TransformerConfig

V = 11
SIZES = {"n_head": 2, "n_embd": 8, "block_size": 6, "vocab_size": V}
GPT_MODEL = GPT(GPTConfig(n_layer=1, **SIZES))
QUANTIZED = QuantizedGPT(GPT_MODEL)
TRANSFORMER = Transformer(
    TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, padding_id=0, **SIZES)
)
GOOD = np.arange(1, 7).reshape(2, 3)


def memory():
    return TRANSFORMER.encode(GOOD)


ENTRIES = {
    "GPT.forward": ("tokens", lambda x: GPT_MODEL.forward(x)),
    "GPT.loss": ("tokens", lambda x: GPT_MODEL.loss(x, GOOD)),
    "GPT.extend": ("tokens", lambda x: GPT_MODEL.extend(x, GPT_MODEL.new_cache(2))),
    "QuantizedGPT.extend": ("tokens", lambda x: QUANTIZED.extend(x, QUANTIZED.new_cache(2))),
    "Transformer.forward, src": ("src", lambda x: TRANSFORMER.forward(x, GOOD)),
    "Transformer.forward, tgt": ("tgt", lambda x: TRANSFORMER.forward(GOOD, x)),
    "Transformer.loss, src": ("src", lambda x: TRANSFORMER.loss(x, GOOD, GOOD)),
    "Transformer.loss, tgt": ("tgt", lambda x: TRANSFORMER.loss(GOOD, x, GOOD)),
    "Transformer.encode": ("src", lambda x: TRANSFORMER.encode(x)),
    "Transformer.extend": (
        "tokens",
        lambda x: TRANSFORMER.extend(x, TRANSFORMER.new_cache(memory())),
    ),
    "encoder": ("tokens", lambda x: TRANSFORMER.encoder.forward(x)),
    "decoder": ("tokens", lambda x: TRANSFORMER.decoder.forward(x, memory())),
}
REFUSED = [
    (GOOD[0], r"{name} is \(3,\); it must be \(B, T\); for one text, pass {name}\[None\]"),
    (GOOD[None], r"{name} is \(1, 2, 3\); it must be \(B, T\)"),
    (np.array(3), r"{name} is \(\); it must be \(B, T\)"),
    (GOOD.tolist(), r"{name} is a list; pass an integer array \(B, T\), np.array\({name}\)"),
    (None, "{name} is a NoneType; pass an integer array"),
    ("text", "{name} is a str; pass an integer array"),
    (GOOD[:0], r"{name} is \(0, 3\) and has no tokens"),
    (GOOD[:, :0], r"{name} is \(2, 0\) and has no tokens"),
    (GOOD.astype(float), "{name}: token ids must be integers, got float64"),
    (GOOD > 2, "{name}: token ids must be integers, got bool"),
    (GOOD.astype(object), "{name}: token ids must be integers, got object"),
    (GOOD - 2, r"token id -1 at position \(0, 0\) is outside the vocabulary \(0 to 10\)"),
    (GOOD + 6, r"token id 11 at position \(1, 1\) is outside the vocabulary \(0 to 10\)"),
]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(("tokens", "message"), REFUSED)
def test_tokens_that_are_not_a_batch_are_refused(entry, tokens, message):
    name, run = ENTRIES[entry]
    with pytest.raises((TypeError, ValueError), match=message.format(name=name)):
        run(tokens)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", np.typecodes["AllInteger"])
def test_every_integer_dtype_is_accepted(entry, dtype):
    def logits(x):
        result = ENTRIES[entry][1](x)
        return result[0] if isinstance(result, tuple) else result

    np.testing.assert_array_equal(logits(GOOD.astype(dtype)), logits(GOOD))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            np.where(GOOD == 5, -1, GOOD),
            r"targets: token id -1 at position \(1, 1\) is outside the vocabulary \(0 to 10\); "
            "positions to ignore are -100",
        ),
        (GOOD + 6, r"targets: token id 11 at position \(1, 1\)"),
        (GOOD.astype(float), "targets: token ids must be integers, got float64"),
        (GOOD.tolist(), "targets: token ids must be an integer array, got a list"),
        (None, "targets: token ids must be an integer array, got a NoneType"),
        (GOOD[0], r"logits are \(2, 3, 11\) but targets \(3,\)"),
        (GOOD[:, :2], r"logits are \(2, 3, 11\) but targets \(2, 2\)"),
    ],
)
def test_targets_are_checked(targets, message):
    for loss in (
        lambda: GPT_MODEL.loss(GOOD, targets),
        lambda: TRANSFORMER.loss(GOOD, GOOD, targets),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            loss()
    assert GPT_MODEL.loss(GOOD, np.where(GOOD == 5, -100, GOOD))[0] > 0


def test_prompts_are_checked():
    for prompts, message in [
        ([1, 2, 3], r"prompt 0 must be a list of token ids, got int64 \(\)"),
        ([[1.0, 2.0]], "prompt 0 must be a list of token ids, got float64"),
        ([[]], "prompt 0 is empty"),
        ([[1], [-1]], "prompt 1 has token id -1 at position 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            generate(GPT_MODEL, prompts, max_new_tokens=1)
    for name in ("max_new_tokens", "num_samples", "seed", "vocab_size"):
        for value in (2.5, True, "1", [1]):
            with pytest.raises(ValueError, match=f"{name}=.* must be a whole number"):
                generate(GPT_MODEL, [[1]], **{name: value})
    whole = {"max_new_tokens": 2, "num_samples": 2, "seed": 3, "vocab_size": V}
    numbers = {name: np.uint8(n) for name, n in whole.items()}
    first, again = (generate(GPT_MODEL, [[1]], **options) for options in (whole, numbers))
    assert [list(r.tokens) for r in first] == [list(r.tokens) for r in again]


def test_a_layer_that_is_not_initialized_says_so():
    for layer, x in ((Linear(3, 2), np.ones((4, 3))), (Embedding(7, 3), GOOD)):
        with pytest.raises(
            AttributeError, match=r"Parameter has no value yet; call initialize\(\)"
        ):
            layer.forward(x)
        with pytest.raises(AttributeError, match="has no grad yet"):
            layer.weight.grad  # noqa: B018
        with pytest.raises(AttributeError, match="has no store yet"):
            layer.store  # noqa: B018
        with pytest.raises(AttributeError, match="object has no attribute 'other'"):
            layer.other  # noqa: B018
        layer.initialize()
        layer.forward(x.astype(np.float32) if x.dtype == float else x)
