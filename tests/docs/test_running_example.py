"""The arrays and pictures of the running example, and the code beside the formulas."""

import importlib
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.explore import demo_steps

DOCS = Path(__file__).parents[2] / "docs"
EXTENSIONS = [path.stem for path in (DOCS / "_ext").glob("*.py")]
OPS = sorted(path.stem for path in (DOCS / "ops").glob("*.md") if path.stem != "index")


@pytest.fixture(scope="module")
def load():
    """Import a module of ``docs/_ext`` by its name, as the build does."""
    pytest.importorskip("sphinx")
    known = dict(sys.modules)
    sys.path.insert(0, str(DOCS / "_ext"))
    yield importlib.import_module
    sys.path.remove(str(DOCS / "_ext"))
    for name in EXTENSIONS:
        sys.modules.pop(name, None)
        if name in known:
            sys.modules[name] = known[name]


@pytest.fixture(scope="module")
def recorded(load):
    """The running example, trained for fewer steps."""
    module = load("recorded_step")
    short = demo_steps(steps=8)
    module.steps.cache_clear()
    module.demo_steps = lambda: short
    return module


@pytest.fixture(scope="module")
def examples(load, recorded):
    return load("running_example")


@pytest.mark.parametrize("op", OPS)
def test_every_operation_has_arrays_in_three_columns(examples, load, op):
    found = examples.example(op)
    sides = {row.side for row in found.rows}
    assert sides >= {"forward", "backward"}
    assert ("saved" in sides) != (op in load("arrays").INSTEAD)
    for role in ("input", "output"):
        assert any(row.role == role for row in found.rows if row.side == "forward")
        assert any(row.role == role for row in found.rows if row.side == "backward")
    for row in found.rows:
        n_axes = len(row.axes.split())
        assert np.ndim(row.array) == n_axes
    page = (DOCS / "ops" / f"{op}.md").read_text(encoding="utf-8")
    for directive in ("strip", "arrays"):
        assert f"```{{{directive}}} {op}\n```" in page
    assert f"{{steps}} {op} " in page or f"{{lines}} {op}\n" in page


def test_operations_outside_of_the_model_agree_with_those_in_it(examples, recorded, assert_close):
    """The gradient of a log-softmax is that of the loss, and a norm with a sum is the norm."""
    rows = {op: examples.example(op).rows for op in OPS}
    get = recorded.array_of
    dlogits = get(rows["cross_entropy"], "backward", "dlogits")
    assert_close(get(rows["log_softmax"], "backward", "dx"), dlogits, 1e-5, "dlogits")
    attention = recorded.card("h.0.attn.attention")
    assert_close(get(rows["softmax"], "forward", "y"), attention["forward", "P"], 1e-6, "P")
    assert_close(get(rows["softmax"], "backward", "dx"), attention["backward", "dS"], 1e-5, "dS")
    norm = recorded.card("h.0.mlp.norm")
    fused = get(rows["residual_layer_norm"], "backward", "dx")
    assert_close(fused, norm["backward", "dx"], 1e-5, "dx")
    dbias = recorded.card("h.0.attn.c_attn")["backward", "dbias"]
    assert_close(get(rows["broadcast"], "backward", "dx"), dbias, 1e-5, "dbias")


def test_a_letter_with_two_sizes_is_refused(examples, recorded):
    rows = [recorded.Row("forward", "input", name, "T C", np.ones((2, n))) for name, n in
            (("x", 3), ("y", 4))]  # fmt: skip
    with pytest.raises(ValueError, match="C of y is 4, and 3 before"):
        examples._check_letters("op", rows)


def test_a_heatmap_shows_sign_and_size(load):
    heatmap = load("heatmap")
    rgba = heatmap.colors(np.array([[4.0, -1.0], [0.0, -np.inf]]))
    assert tuple(rgba[0, 0]) == (*heatmap.ABOVE, 255)
    assert tuple(rgba[0, 1]) == (*heatmap.BELOW, 128)  # the root of a quarter
    assert rgba[1, 0, 3] == 0
    assert tuple(rgba[1, 1]) == heatmap.NOT_FINITE
    image = heatmap.png(rgba)
    data = image[image.index(b"IDAT") + 4 : image.index(b"IEND") - 8]
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(2, 1 + 2 * 4)
    assert np.array_equal(rows[:, 1:].reshape(2, 2, 4), rgba)
    assert heatmap.matrix_of(np.ones((3, 2, 4))).shape == (2, 3 * 4 + 2)


def test_every_plot_is_drawn(load, recorded):
    plots = load("plots").PLOTS
    used = [
        name
        for path in DOCS.rglob("*.md")
        for name in plots
        if f"```{{plot}} {name}\n" in path.read_text(encoding="utf-8")
    ]
    assert sorted(used) == sorted(plots)
    for draw in plots.values():
        assert "nan" not in draw()


def test_the_rest_of_a_layer_norm_has_nothing_in_two_directions(load, recorded):
    words = load("plots").directions()
    assert words.count("sum 0<") == 2  # of the part along x_hat, and of what is left
    assert "product with x̂ 0<" in words


def test_lines_are_named_by_their_beginnings(load):
    steps = load("steps")
    from scratchgpt.ops import softmax

    lines = steps.between(softmax.softmax_into, "np.exp(", "out /=")
    assert lines.text[0] == "np.exp(out, out=out)"
    assert lines.text[-1] == "out /= total"
    source = Path(softmax.__file__).read_text(encoding="utf-8").splitlines()
    assert [source[n - 1].strip() for n in lines.numbers] == [t.strip() for t in lines.text]
    with pytest.raises(ValueError, match="0 lines begin"):
        steps.between(softmax.softmax_into, "np.log(")
    with pytest.raises(ValueError, match="2 lines begin"):
        steps.between(softmax.softmax_into, "total")
