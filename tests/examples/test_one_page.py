"""examples/one_page.py computes what scratchgpt computes, its comments are true, and it learns."""

import ast
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.optim import AdamW, clip_scale, global_norm

PATH = Path(__file__).parents[2] / "examples" / "one_page.py"
SOURCE = PATH.read_text(encoding="utf-8")
V, B, T = 29, 5, 7  # no two sizes are equal


def load(**settings):
    spec = importlib.util.spec_from_file_location("one_page", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in settings.items():
        assert hasattr(module, name)
        setattr(module, name, value)
    return module


@pytest.fixture
def page():
    return load(N_LAYER=2, N_HEAD=3, N_EMBD=12, BLOCK_SIZE=8, BATCH_SIZE=B)


@pytest.fixture
def parameters(page, rng):
    """Parameters in float64 that are far from their initial values."""
    p = page.new_parameters(V, rng, np.float64)
    for array in (array for arrays in p.values() for array in arrays):
        array += 0.3 * rng.standard_normal(array.shape)
    return p


def as_in_a_checkpoint(arrays):
    """Name each array as in the product, which has the names of the published checkpoints."""
    return {
        f"transformer.{name}.{kind}": array
        for name, pair in arrays.items()
        for kind, array in zip(("weight", "bias"), pair, strict=False)
    }


def product(page, parameters):
    """The same model in the product."""
    config = GPTConfig(
        n_layer=page.N_LAYER,
        n_head=page.N_HEAD,
        n_embd=page.N_EMBD,
        block_size=page.BLOCK_SIZE,
        vocab_size=V,
    )
    model = GPT(config, dtype=np.float64)
    named = as_in_a_checkpoint(parameters)
    assert set(named) == set(model.store.named)
    for name, value in named.items():
        model.store.named[name].value[...] = value
    return model


def batches(rng, n):
    return (rng.integers(V, size=(2, B, T)) for _ in range(n))


def zeros_like(p):
    return {name: [np.zeros_like(w) for w in arrays] for name, arrays in p.items()}


def gradients(page, p, tokens, targets):
    logits, saved = page.gpt(tokens, p)
    loss, loss_saved = page.cross_entropy(logits, targets)
    return loss, page.gpt_backward(page.cross_entropy_backward(loss_saved), saved, p)


def test_it_is_one_page_that_fits_a_screen():
    lines = SOURCE.splitlines()
    assert len(lines) <= 200
    assert max(map(len, lines)) <= 88


def test_it_needs_numpy_alone():
    imported = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported == {"math", "numpy", "pathlib", "sys"}


def test_loss_gradients_and_ten_updates_equal_those_of_the_product(
    page, parameters, rng, assert_close
):
    model = product(page, parameters)
    optimizer = AdamW(model.store, betas=(0.9, 0.99), weight_decay=0.1)
    m, v = zeros_like(parameters), zeros_like(parameters)
    for step, (tokens, targets) in enumerate(batches(rng, 10), start=1):
        loss, g = gradients(page, parameters, tokens, targets)
        page.adamw(parameters, g, m, v, step, lr=0.01, max_norm=0.5)

        model.store.zero_grad()
        with kernels.disabled():
            expected, saved = model.loss(tokens, targets)
            model.loss_backward(1.0, saved)
            norm = global_norm(model.store.grads)
            optimizer.step(0.01, clip_scale(norm, 0.5))

        assert norm > 0.5  # so it is clipped
        assert_close(loss, expected, 1e-12, f"loss of step {step}")
        for name, gradient in as_in_a_checkpoint(g).items():
            assert_close(gradient, model.store.named[name].grad, 1e-12, name)
        for name, value in as_in_a_checkpoint(parameters).items():
            # The gradient of a key's bias is 0, because a softmax does not change if all scores of
            # a row do. Both compute a rounding error, and Adam divides it by itself.
            trained = np.ones(value.shape, bool)
            if name.endswith("c_attn.bias"):
                trained.reshape(3, -1)[1] = False
            assert_close(value[trained], model.store.named[name].value[trained], 1e-12, name)


def test_a_text_that_is_shorter_than_the_context_gets_no_gradient_for_later_positions(
    page, parameters, rng
):
    [(tokens, targets)] = batches(rng, 1)
    _, g = gradients(page, parameters, tokens, targets)
    assert g["wpe"][0][:T].all()
    assert not g["wpe"][0][T:].any()


SHAPE = re.compile(r"\(([^()]*,[^()]*|\.\.\.)\)")
COMMENT = re.compile(r"^ *(?P<code>.*\S)  +# (?P<comment>.*)$")


class Shapes:
    """A tracer that compares the shapes in the comments with those of the arrays of a run."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.lines = SOURCE.splitlines()
        self.compared = set()

    def said(self, line):
        """The code of a line, and the shapes in its comment."""
        match = COMMENT.match(self.lines[line - 1])
        return (match["code"], SHAPE.findall(match["comment"])) if match else ("", [])

    def __call__(self, frame, event, argument):
        """Check the arguments of a function of the page; its lines are traced by ``local``."""
        code, names = frame.f_code, frame.f_locals
        if code.co_filename != str(PATH) or code.co_name.startswith("<"):
            return None
        if code.co_name.startswith("linear"):
            weight = names["weight"] if "weight" in names else names["saved"][1]
            self.sizes["I"], self.sizes["O"] = weight.shape
        for name, shape in zip(code.co_varnames, self.said(code.co_firstlineno)[1], strict=False):
            self.compare(code.co_firstlineno, names[name], shape)
        last = code.co_firstlineno

        def local(frame, event, argument):
            nonlocal last
            self.check(last, frame.f_locals, argument if event == "return" else None)
            last = frame.f_lineno
            return local

        return local

    def check(self, line, names, result):
        """Check the line that was just executed."""
        code, shapes = self.said(line)
        if code.startswith("return ") and result is not None:
            arrays = result if isinstance(result, tuple) else (result,)
        elif " = " in code:
            targets = re.findall(r"^\w+|(?<=, )\w+", code.partition(" = ")[0])
            arrays = [names[name] for name in targets if name in names]
        else:
            return
        arrays = [array["wte"][0] if isinstance(array, dict) else array for array in arrays]
        if shapes:
            each = "each" in self.lines[line - 1]
            for array in arrays if each else arrays[:1]:
                self.compare(line, array, shapes[0])

    def compare(self, line, array, shape):
        sizes = re.sub(r"(\d)([A-Z])", r"\1 * \2", shape)  # "3C" is 3 * C
        expected = eval(f"({sizes.rstrip(',')},)", {"N": np.shape(array)[-1]}, self.sizes)
        if expected[0] is ...:
            expected = (*np.shape(array)[: 1 - len(expected)], *expected[1:])
        assert np.shape(array) == expected, f"line {line}: {np.shape(array)} is not ({shape})"
        self.compared.add(line)


def test_the_shapes_in_the_comments_are_true(page, rng):
    page.BLOCK_SIZE, page.N_STEPS, page.WARMUP = T, 1, 1
    shapes = Shapes({"B": B, "T": T, "C": 12, "H": 3, "D": 4, "F": 48, "V": V})
    data = rng.integers(V, size=100)
    before = sys.gettrace()
    sys.settrace(shapes)
    try:
        p = page.new_parameters(V, rng)
        page.train(p, data, data, rng)
        shapes.sizes["B"] = 1
        page.sample(p, list(data[:T]), 1, rng)
    finally:
        sys.settrace(before)
    said = {line for line in range(1, len(shapes.lines) + 1) if shapes.said(line)[1]}
    assert len(said) > 80
    # A line that changes an array in place has no new one to compare.
    assert {shapes.said(line)[0].partition("(")[0] for line in said - shapes.compared} == {
        "np.add.at"
    }


def words(text):
    return re.findall(r"[a-z]+", text.lower())


@pytest.fixture(scope="module")
def english():
    """The words of Python's language reference in small letters, as numbers from 0 to 26."""
    from pydoc_data.topics import topics

    text = " ".join(" ".join(words(topics[name])) for name in sorted(topics))
    return np.searchsorted(sorted(set(text)), list(text))


def loss_of_pairs(data, held_out):
    """The loss of the best model that sees only one letter: it counts pairs of letters."""
    counts = np.ones((27, 27))
    np.add.at(counts, (data[:-1], data[1:]), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(shares[held_out[:-1], held_out[1:]]).mean()


def test_it_learns_more_than_which_letter_follows_which(english, capsys):
    page = load(N_LAYER=2, N_HEAD=4, N_EMBD=48, BLOCK_SIZE=16, BATCH_SIZE=32)
    page.N_STEPS, page.MAX_LR, page.WARMUP = 300, 1e-2, 30
    rng = np.random.default_rng(0)
    n = len(english) * 9 // 10
    p = page.new_parameters(27, rng)
    assert page.loss_on(p, english[n:]) == pytest.approx(np.log(27), abs=0.1)
    page.train(p, english[:n], english[n:], rng)
    assert p["wte"][0].dtype == np.float32
    last = float(capsys.readouterr().out.split()[-1])
    assert last == pytest.approx(page.loss_on(p, english[n:]), abs=1e-3)
    assert last < loss_of_pairs(english[:n], english[n:]) - 0.2


def test_it_runs_on_a_text_file(tmp_path, monkeypatch, capsys):
    text = "to be or not to be that is the question " * 30
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    small = re.sub(r"(?<=\nN_LAYER, N_HEAD, N_EMBD, BLOCK_SIZE = ).*", "1, 2, 8, 16", SOURCE)
    small = re.sub(r"(?<=\nBATCH_SIZE, N_STEPS, MAX_LR, WARMUP = ).*", "4, 100, 1e-2, 10", small)
    monkeypatch.setattr(sys, "argv", ["one_page.py", str(tmp_path / "text.txt")])
    exec(compile(small, str(PATH), "exec"), {"__name__": "__main__"})
    progress, sampled = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"  100: \d\.\d{3}, on held-out text \d\.\d{3}", progress)
    assert len(sampled) == 501
    assert set(sampled) <= set(text)
