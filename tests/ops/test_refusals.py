"""Kernels and references accept the same inputs, and refuse the others with the same message."""

import re
from inspect import Parameter, signature

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.verify.examples import EXAMPLES

each_op = pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda example: example.name)


def outcome(example, inputs, settings, change_dy=lambda dy: dy):
    """The results of both passes, or the error."""
    try:
        y, saved = example.forward(**inputs, **settings)
        rng = np.random.default_rng(0)
        parts = y if isinstance(y, tuple) else (y,)
        dys = [rng.standard_normal(p.shape).astype(p.dtype) for p in map(np.asarray, parts)]
        dys[0] = change_dy(dys[0])
        gradients = example.backward(tuple(dys) if isinstance(y, tuple) else dys[0], saved)
    except Exception as error:
        return error
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return [np.asarray(x) for x in (*parts, *gradients) if x is not None]


def assert_kernel_and_reference_agree(example, *arguments):
    with_kernels = outcome(example, *arguments)
    with kernels.disabled():
        reference = outcome(example, *arguments)
    if not isinstance(reference, Exception):
        for x, y in zip(with_kernels, reference, strict=True):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            tolerance = 1e-5 if x.dtype == np.float32 else 1e-9
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)
        return reference
    assert type(with_kernels) is type(reference)
    assert str(with_kernels) == str(reference)
    assert isinstance(reference, TypeError | ValueError)
    assert re.match(rf"{example.name}: |token id|targets: ", str(reference)), reference
    return reference


def all_settings(example, case):
    """The inputs and settings of a case, with the defaults of all other arguments."""
    inputs, settings = case.build()
    names = signature(example.forward).parameters.values()
    defaults = {
        p.name: p.default
        for p in names
        if p.kind is not Parameter.KEYWORD_ONLY and p.default is not Parameter.empty
    }
    return inputs, {name: x for name, x in {**defaults, **settings}.items() if name not in inputs}


def other_arrays(x):
    for dtype in ("f2", "f4", "g", ">f8", "c16", "i8", "u1", "?", "O", "U3", "M8[D]"):
        yield x.astype("i8").astype(dtype) if dtype == "M8[D]" else x.astype(dtype)
    yield from (x.tolist(), None, x[None], np.concatenate([x, x], -1) if x.ndim else x)
    for axis in range(x.ndim):
        yield from (np.take(x, 0, axis), np.take(x, [], axis), np.delete(x, 0, axis))
    if x.dtype.kind in "iu":
        yield from (x - 1000, x + 1000, x + 0.5)


def other_numbers(x):
    yield from (np.float32(x), np.float64(x), np.longdouble(x), np.array(x), -x)
    yield from (np.int64(x), np.uint8(abs(x) % 256), np.nan, "a", None, 2.5, 3j, True)


@each_op
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
def test_changed_inputs_have_the_same_outcome(example):
    refused = 0
    for case in (example.cases[0], example.cases[1], example.cases[-1]):
        inputs, settings = all_settings(example, case)
        for name, x in {**inputs, **settings}.items():
            if isinstance(x, np.ndarray):
                others = other_arrays(x)
            elif isinstance(x, int | float) and not isinstance(x, bool):
                others = other_numbers(x)
            else:
                continue
            for other in others:
                changed = {name: other}
                result = assert_kernel_and_reference_agree(
                    example,
                    {**inputs, **changed} if name in inputs else inputs,
                    {**settings, **changed} if name in settings else settings,
                )
                refused += isinstance(result, Exception)
    assert refused


# The saved of these does not contain the shape of the output.
SHAPELESS = {"broadcast", "contrastive", "cross_entropy", "dropout", "residual", "rotary"}


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - SHAPELESS))
def test_an_upstream_gradient_that_does_not_fit_is_refused(name):
    example = EXAMPLES[name]
    inputs, settings = example.cases[0].build()
    for change in (
        lambda dy: dy.astype("i8"),
        lambda dy: dy > 0,
        lambda dy: dy.astype(object),
        lambda dy: dy.tolist(),
        lambda dy: None,
        lambda dy: dy[..., :-1],
        lambda dy: dy[:1],
        lambda dy: dy[0],
        lambda dy: dy[None],
        lambda dy: np.concatenate([dy, dy], -1),
    ):
        result = assert_kernel_and_reference_agree(example, inputs, settings, change)
        assert isinstance(result, TypeError | ValueError)
    for other in ("f2", "f4", "g"):
        assert_kernel_and_reference_agree(
            example, inputs, settings, lambda dy, dtype=other: dy.astype(dtype)
        )


EMPTY = {
    "attention": [
        {"q": (0, 3, 4, 5), "k": (0, 3, 6, 5), "v": (0, 3, 6, 7)},
        {"q": (2, 0, 4, 5), "k": (2, 0, 6, 5), "v": (2, 0, 6, 7)},
        {"q": (2, 3, 0, 5), "k": (2, 3, 6, 5), "v": (2, 3, 6, 7)},
        {"q": (2, 3, 4, 5), "k": (2, 3, 0, 5), "v": (2, 3, 0, 7)},
        {"q": (2, 3, 4, 5), "k": (2, 3, 6, 5), "v": (2, 3, 6, 0)},
    ],
    "broadcast": [{"x": (0,)}, {"x": (3, 0)}],
    "contrastive": [{"queries": (3, 0), "documents": (5, 0), "log_scale": (1,)}],
    "cross_entropy": [{"logits": (0, 5)}, {"logits": (2, 0, 5)}],
    "embedding": [{"weight": (5, 3)}, {"weight": (5, 0)}, {"weight": (0, 3)}],
    "gated_product": [{"x": (3, 0)}, {"x": (0, 4)}, {"x": (2, 0, 6)}],
    "last_pool": [{"x": (0, 4, 3)}, {"x": (2, 4, 0)}],
    "layer_norm": [{"x": (0, 5), "weight": (5,), "bias": (5,)}],
    "linear": [
        {"x": (0, 5), "weight": (5, 3), "bias": (3,)},
        {"x": (2, 0, 5), "weight": (5, 3), "bias": (3,)},
        {"x": (3, 0), "weight": (0, 2), "bias": (2,)},
        {"x": (3, 4), "weight": (4, 0), "bias": (0,)},
    ],
    "mean_pool": [{"x": (0, 4, 3)}, {"x": (2, 4, 0)}],
    "residual": [{"x": (3, 0), "branch": (3, 0)}],
    "residual_rms_norm": [{"x": (0, 5), "branch": (0, 5), "weight": (5,)}],
    "rms_norm": [{"x": (0, 5), "weight": (5,)}, {"x": (2, 0, 5)}],
    "rotary": [{"x": (0, 3, 4)}, {"x": (2, 0, 4)}, {"x": (2, 0, 3, 4)}],
    "residual_layer_norm": [{"x": (0, 5), "branch": (0, 5), "weight": (5,), "bias": (5,)}],
}
ELEMENTWISE = [{"x": (3, 0)}, {"x": (0, 3)}, {"x": (2, 0, 3)}]


@each_op
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_without_elements_have_a_result(example, dtype):
    for shapes in EMPTY.get(example.name, ELEMENTWISE):
        inputs = {name: np.ones(shape, dtype) for name, shape in shapes.items()}
        settings = {}
        if example.name == "broadcast":
            settings["shape"] = (4, *inputs["x"].shape)
        elif example.name == "soft_cap":
            settings["cap"] = 2.0
        elif example.name == "rotary":
            settings = dict.fromkeys(("cos", "sin"), np.ones((inputs["x"].shape[-2], 2), dtype))
        elif example.name == "dropout":
            settings = {"p": 0.5, "seed": 0}
        elif example.name == "cross_entropy":
            inputs["targets"] = np.zeros(inputs["logits"].shape[:-1], np.int64)
        elif example.name in ("mean_pool", "last_pool"):
            inputs["lengths"] = np.full(len(inputs["x"]), 3)
        elif example.name == "embedding":
            inputs["tokens"] = np.zeros((2, 3) if inputs["weight"].size == 0 else (2, 0), np.int64)
            if len(inputs["weight"]) == 0:
                inputs["tokens"] = inputs["tokens"][:, :0]
        result = assert_kernel_and_reference_agree(example, inputs, settings)
        assert not isinstance(result, Exception), result
        for x in result:
            assert x.dtype == dtype
            assert not np.isnan(x).any()
        if example.name == "attention" and inputs["k"].size == 0:
            assert (result[0] == 0).all()


def test_no_channels_and_no_classes_are_refused():
    for name, inputs in {
        "layer_norm": {"x": np.ones((3, 0)), "weight": np.ones(0)},
        "residual_layer_norm": {
            "x": np.ones((3, 0)),
            "branch": np.ones((3, 0)),
            "weight": np.ones(0),
        },
        "rms_norm": {"x": np.ones((3, 0))},
        "residual_rms_norm": {"x": np.ones((3, 0)), "branch": np.ones((3, 0))},
        "cross_entropy": {"logits": np.ones((3, 0)), "targets": np.zeros(3, int)},
        "attention": dict.fromkeys("qkv", np.ones((1, 2, 3, 0))),
    }.items():
        error = assert_kernel_and_reference_agree(EXAMPLES[name], inputs, {})
        assert re.search("no channels|no classes", str(error))


def test_a_padding_mask_of_another_dtype_is_refused():
    x = np.ones((2, 3, 5, 4))
    for dtype in ("f4", "f8", "i8", "u1", "O", "U1"):
        padding = np.zeros((2, 5), dtype)
        for settings in ({"key_padding_mask": padding}, {"mask": padding[0] == "1"}):
            error = assert_kernel_and_reference_agree(
                EXAMPLES["attention"],
                dict.fromkeys("qkv", x),
                {"key_padding_mask": padding, **settings},
            )
            assert str(error) == (
                f"attention: key_padding_mask is {padding.dtype}; use bool, True for padding"
            )


@each_op
def test_numbers_of_numpy_compute_what_numbers_of_python_compute(example):
    for case in example.cases:
        inputs, settings = all_settings(example, case)
        for name, x in settings.items():
            if isinstance(x, int | float) and not isinstance(x, bool):
                expected = outcome(example, inputs, settings)
                for same in (np.asarray(x)[()], np.asarray(x)):
                    result = outcome(example, inputs, {**settings, name: same})
                    for y, z in zip(result, expected, strict=True):
                        assert y.dtype == z.dtype
                        np.testing.assert_array_equal(y, z)


def test_the_upstream_gradient_of_a_loss_is_a_number_or_one_for_each_target():
    example = EXAMPLES["cross_entropy"]
    inputs, _ = example.cases[0].build()
    for reduction, accepted in {
        "mean": (2, 2.0, np.float32(2), np.ones(1)),
        "none": (2.0, np.ones((2, 5))),
    }.items():
        refused = [None, "a", 1j, np.ones(5), np.ones((2, 5, 1))]
        refused += [np.ones((2, 5))] if reduction == "mean" else [np.ones(1)]
        for dloss in accepted:
            result = assert_kernel_and_reference_agree(
                example, inputs, {"reduction": reduction}, lambda dy, dloss=dloss: dloss
            )
            assert not isinstance(result, Exception)
        for dloss in refused:
            result = assert_kernel_and_reference_agree(
                example, inputs, {"reduction": reduction}, lambda dy, dloss=dloss: dloss
            )
            assert "dloss is" in str(result)


def test_the_upstream_gradient_of_the_contrastive_loss_is_a_number():
    example = EXAMPLES["contrastive"]
    inputs, settings = example.cases[0].build()
    for dloss in (2, 2.0, np.float32(2), np.ones(1)):
        result = assert_kernel_and_reference_agree(
            example, inputs, settings, lambda dy, dloss=dloss: dloss
        )
        assert not isinstance(result, Exception)
    for dloss in (None, "a", 1j, np.ones(4), np.ones((1, 1))):
        error = assert_kernel_and_reference_agree(
            example, inputs, settings, lambda dy, dloss=dloss: dloss
        )
        assert re.match(r"contrastive: dloss is .*; it must be a real number$", str(error))
