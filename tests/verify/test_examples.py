import numpy as np
import pytest

from scratchgpt.verify.examples import EXAMPLES, LAYOUTS, arrange

CASES = [
    pytest.param(example, case, id=f"{example.name}: {case.note}")
    for example in EXAMPLES.values()
    for case in example.cases
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 3, 4)])
def test_an_arrangement_changes_the_memory_and_not_the_values(layout, shape):
    x = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    other = arrange(x, layout)
    np.testing.assert_array_equal(other, x)
    assert other.dtype == x.dtype
    assert not np.shares_memory(other, x)
    if x.ndim > 1 and layout != "C":
        assert not other.flags.c_contiguous


@pytest.mark.parametrize(("example", "case"), CASES)
def test_a_case_builds_new_arrays_in_the_requested_dtype(example, case):
    inputs, settings = case.build(np.float32)
    again, _ = case.build(np.float32)
    for name, x in inputs.items():
        if isinstance(x, np.ndarray):
            assert x.dtype.kind in "iu" or x.dtype == np.float32
            assert not np.shares_memory(x, again[name])
    for x in settings.values():
        assert not isinstance(x, np.ndarray) or x.dtype.kind in "iub" or x.dtype == np.float32


def test_the_edge_cases_are_included():
    notes = {name: " ".join(c.note for c in example.cases) for name, example in EXAMPLES.items()}
    for name in (
        "attention",
        "layer_norm",
        "softmax",
        "cross_entropy",
        "linear",
        "embedding",
        "contrastive",
    ):
        layouts = {case.layout for case in EXAMPLES[name].cases}
        assert {"C", "fortran", "strided"} <= layouts
    assert "repeated tokens" in notes["embedding"]
    assert "all ignored but one" in notes["cross_entropy"]
    assert "tiny variance" in notes["layer_norm"]
    assert "large logits" in notes["softmax"]
    assert "a row of padding alone" in notes["attention"]
    assert "all lengths" in notes["mean_pool"]
    assert "all lengths" in notes["last_pool"]
    for case in ("hard negatives", "equal documents", "one pair", "all left out but the own"):
        assert case in notes["contrastive"]
    for mask in ("no", "boolean", "additive"):
        for rest in ("", ", key padding", ", causal", ", key padding, causal"):
            assert f"{mask} mask{rest}" in notes["attention"]
