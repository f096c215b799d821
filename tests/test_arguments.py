import json
import math
from dataclasses import asdict, fields, is_dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.arguments import check_whole, plain, real_number, whole_number
from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.layers import Linear
from scratchgpt.models import GPT, GPTConfig, TransformerConfig
from scratchgpt.optim import warmup_constant, warmup_cosine, warmup_inverse_sqrt
from scratchgpt.recipes import RunConfig
from scratchgpt.text import TokenBatches, TokenStream
from scratchgpt.text.tasks.tasks import AdditionTask, SortTask
from scratchgpt.training import TrainConfig

INTEGERS = [np.dtype(code).type for code in np.typecodes["AllInteger"]]
FLOATS = [np.float16, np.float32, np.float64, np.longdouble, np.dtype(">f8").type]
CONFIGS = [
    GPTConfig(n_layer=2, n_head=2, n_embd=8, n_inner=16, dropout=0.5, vocab_size=100),
    TransformerConfig(n_inner=16, padding_id=3, source_vocab_size=37000),
    TrainConfig(min_lr=0.0, warmup_steps=10, eval_batches=3),
    SamplingConfig(temperature=0.5, top_k=5, top_p=0.5, min_p=0.25, repetition_penalty=2.0),
    RunConfig(val_fraction=0.5, model={"n_layer": 2, "dropout": 0.5, "bias": False}),
    AdditionTask(2),
    SortTask(6, 3),
]


def in_numpy(value):
    """The value as a scalar of NumPy and as an array without axes, if NumPy has it exactly."""
    if isinstance(value, dict):
        return [
            dict(zip(value, v, strict=True))
            for v in zip(*map(in_numpy, value.values()), strict=True)
        ]
    return [np.asarray(value)[()], np.asarray(value)]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: type(c).__name__)
def test_configs_store_numbers_of_numpy_as_numbers_of_python(config):
    tested = 0
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value) or not isinstance(value, int | float | str | dict):
            continue
        for same in in_numpy(value):
            changed = replace(config, **{field.name: same})
            assert repr(changed) == repr(config)
            assert json.dumps(asdict(changed)) == json.dumps(asdict(config))
            assert hash(str(changed)) == hash(str(config))
            tested += 1
    assert tested


@pytest.mark.parametrize("dtype", INTEGERS)
@given(st.integers(0, 127))
def test_every_integer_of_numpy_is_a_whole_number(dtype, n):
    for same in (dtype(n), np.array(n, dtype), np.array(n, np.dtype(dtype).newbyteorder())):
        assert type(whole_number(same)) is int
        assert whole_number(same) == real_number(same) == check_whole("n", same, least=0) == n


@pytest.mark.parametrize("dtype", FLOATS)
@given(st.floats(width=16))
def test_every_float_of_numpy_is_a_real_number_and_not_a_whole_one(dtype, x):
    for same in (dtype(x), np.array(x, dtype)):
        assert type(real_number(same)) is float
        np.testing.assert_equal(real_number(same), x)
        assert whole_number(same) is None


@pytest.mark.parametrize(
    "value",
    [
        *(True, np.True_, np.array(True)),
        *("3", np.str_("3"), np.array("3"), b"3"),
        *(None, [3], (3,), np.array([3]), np.array(None)),
        *(3j, np.complex64(3), Decimal(3), np.datetime64(3, "D")),
        np.timedelta64(3, "D"),
    ],
    ids=repr,
)
def test_booleans_strings_and_sequences_are_not_numbers(value):
    assert whole_number(value) is None
    assert real_number(value) is None
    with pytest.raises(UserError, match=r"n=.* must be a whole number, 1 or more"):
        check_whole("n", value, least=1)


def test_numbers_beyond_the_range_of_floats_are_infinite():
    assert real_number(10**400) == real_number(Fraction(10**400, 3)) == math.inf
    assert real_number(-(10**400)) == real_number(Fraction(-(10**400), 3)) == -math.inf
    assert whole_number(10**400) == 10**400
    for refused in ({"lr": 10**400}, {"weight_decay": Fraction(10**400)}):
        with pytest.raises(UserError, match="must be finite"):
            TrainConfig(**refused)


def test_plain_leaves_other_objects_alone():
    for value in (None, [np.int64(3)], np.arange(3), Decimal(3), 3j):
        assert plain(value) is value


def small_numbers(**numbers):
    """The numbers in Python, and in the smallest dtypes of NumPy that hold them."""
    return [numbers] + [
        {name: (np.float32 if isinstance(x, float) else dtype)(x) for name, x in numbers.items()}
        for dtype in (np.uint8, np.int64)
    ]


def test_functions_compute_with_numbers_of_python():
    """Small integers of NumPy would overflow, and small floats would round the result."""
    model = GPT(GPTConfig(n_layer=1, n_head=2, n_embd=8, block_size=8, vocab_size=300))
    text = TokenStream([np.arange(900) % 300])
    results = [
        {
            "a constant": warmup_constant(n["last"], lr=n["half"], warmup_steps=n["last"]),
            "a cosine": warmup_cosine(
                n["more"], lr=n["half"], min_lr=n["less"], warmup_steps=n["last"], decay_steps=254
            ),
            "a root": warmup_inverse_sqrt(n["last"], lr=n["half"], warmup_steps=n["more"]),
            "a description": model.describe(n_batch=n["last"]),
            "a batch": TokenBatches(
                text, text, block_size=n["more"], batch_size=n["last"], seed=n["more"]
            ).train_batch(n["last"]),
            "validation": list(
                TokenBatches(
                    text,
                    text,
                    block_size=n["last"],
                    batch_size=n["two"],
                    seed=0,
                    val_batches=n["two"],
                ).validation_batches()
            ),
            "a layer": Linear(n["last"], n["more"], std=n["half"]).initialize(n["two"]).store.size,
            "problems": SortTask().batches(n["last"], n["more"], n["two"]).train_batch(n["last"]),
            "samples": [
                r.tokens.tolist()
                for r in generate(
                    model, [[1, 2]], max_new_tokens=n["two"], num_samples=n["two"], seed=n["last"]
                )
            ],
            "a loss": model.loss(
                text.read(0, 8)[None], text.read(1, 8)[None], label_smoothing=n["half"]
            )[0],
        }
        for n in small_numbers(two=2, more=251, last=255 - 2, half=0.5, less=0.25)
    ]
    for result in results[1:]:
        assert repr(result) == repr(results[0])
