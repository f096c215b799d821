"""The steps of each operation: a formula, and the lines of code that compute it.

The formulas are written in TeX. ``data/formulas.json`` has them as MathML, which browsers display
without a script; ``docs/_ext/write_formulas.py`` writes that file.
"""

import inspect
from functools import cache
from pathlib import Path
from typing import NamedTuple

import scratchgpt.ops as ops
from scratchgpt.explore.cards import Card
from scratchgpt.structured import read_json


class Formula(NamedTuple):
    """One step of an operation.

    Attributes
    ----------
    label : str
        The number of the step in the code: ``"4"``, or ``"undoes 4"``; "" if it has none.
    tex : str
    lines : tuple of str
        The beginnings of the lines of code, without indentation.
    """

    label: str
    tex: str
    lines: tuple[str, ...]


_F = Formula

FORWARD: dict[str, tuple[Formula, ...]] = {
    "attention": (
        _F("1", r"S_{ts} = \sum_d q_{td} \, k_{sd}", ("np.matmul(_groups(q, k)",)),
        _F("2", r"S \leftarrow \lambda S \qquad \lambda = 1 / \sqrt D", ("weights *= scale",)),
        _F(
            "3",
            r"S \leftarrow c \tanh(S / c)",
            ("capped, _ = soft_cap_forward(", "weights[...] = capped"),
        ),
        _F("4", r"S \leftarrow S + M", ("add_masks(weights",)),
        _F("5", r"P_{ts} = \frac{e^{S_{ts}}}{\sum_{r} e^{S_{tr}}}", ("softmax_into(weights",)),
        _F("6", r"\tilde P = \frac{m}{1 - p} \, P", ("dropped = _drop(",)),
        _F("7", r"y_{te} = \sum_s \tilde P_{ts} \, v_{se}", ("np.matmul(_groups(dropped, k)",)),
    ),
    "cross_entropy": (
        _F("", r"\ell_t = \log \sum_v e^{z_{tv}} - z_{t,\text{target}}", ("losses = log_total",)),
        _F("", r"L = \frac{1}{n} \sum_t \ell_t", ("total = losses.sum()", "return (total /")),
    ),
    "dropout": (_F("", r"y = \frac{m}{1 - p} \, x", ("dropout_into(x, p, seed",)),),
    "embedding": (_F("", r"y_t = W_{\text{token}_t}", ("weight.take(tokens",)),),
    "gated_product": (
        _F("1", r"a = \mathrm{act}(g) \qquad x = [\, g \mid u \,]", ("_activate(gate",)),
        _F("2", r"y = a \, u", ("y *= up",)),
    ),
    "gelu": (
        _F("", r"u = \sqrt{2/\pi} \, (x + 0.044715 \, x^3)", ("_tanh_u(x, out=y)",)),
        _F("", r"y = \frac{x}{2} \left( 1 + \tanh u \right)", ("y += 1", "y *= x", "y *= 0.5")),
    ),
    "layer_norm": (
        _F("1", r"\mu = \frac{1}{C} \sum_c x_c", ("np.mean(x",)),
        _F("2", r"z_c = x_c - \mu", ("np.subtract(x, mean",)),
        _F(
            "3",
            r"r = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \qquad \sigma^2 = \frac{1}{C} \sum_c z_c^2",
            (
                "rstd[..., 0] = np.einsum(",
                "rstd /= n_channels",
                "rstd += eps",
                "np.sqrt(rstd",
                "np.divide(1.0, rstd",
            ),
        ),
        _F("4", r"\hat x_c = z_c \, r", ("y *= rstd",)),
        _F("5", r"y_c = \gamma_c \, \hat x_c", ("y *= weight",)),
        _F("6", r"y_c \leftarrow y_c + \beta_c", ("y += bias",)),
    ),
    "linear": (
        _F("", r"y_{to} = \sum_i x_{ti} \, W_{io}", ("multiply(x_factor, weight_factor",)),
        _F("", r"y_{to} \leftarrow y_{to} + b_o", ("y += bias",)),
    ),
    "relu": (_F("", r"y = \max(x, 0)", ("y[...] = 0", "np.copyto(y, x")),),
    "relu_squared": (_F("", r"y = \max(x, 0)^2", ("relu_forward(x", "y *= y")),),
    "residual": (_F("", r"y = x + f", ("np.add(x, branch",)),),
    "rms_norm": (
        _F("1", r"s = \frac{1}{C} \sum_c x_c^2", ("rstd[..., 0] = np.einsum(", "rstd /= x")),
        _F(
            "2",
            r"r = \frac{1}{\sqrt{s + \epsilon}}",
            ("rstd += eps", "np.sqrt(rstd", "np.divide(1.0, rstd"),
        ),
        _F("3", r"\hat x_c = x_c \, r", ("np.multiply(x, rstd, out=y)",)),
        _F("4", r"y_c = \gamma_c \, \hat x_c", ("y *= weight",)),
    ),
    "rotary": (
        _F(
            "",
            r"y_1 = x_1 \cos\theta - x_2 \sin\theta \qquad y_2 = x_2 \cos\theta + x_1 \sin\theta",
            ("_rotate(x, cos, sin",),
        ),
    ),
    "silu": (_F("", r"y = x \, \sigma(x)", ("_sigmoid(x, out=y)", "y *= x")),),
    "soft_cap": (
        _F("1", r"z = x / c", ("np.multiply(x, 1 / cap",)),
        _F("2", r"z \leftarrow \tanh z", ("np.tanh(y",)),
        _F("3", r"y = c \, z", ("y *= cap",)),
    ),
}

BACKWARD: dict[str, tuple[Formula, ...]] = {
    "attention": (
        _F(
            "undoes 7",
            r"dv_{se} = \sum_t \tilde P_{ts} \, dy_{te}",
            ("dropped = _drop(", "_sum_groups(_groups(dropped, k)"),
        ),
        _F("undoes 7", r"d\tilde P_{ts} = \sum_e dy_{te} \, v_{se}", ("np.matmul(_groups(dy, k)",)),
        _F("undoes 6", r"dP = \frac{m}{1 - p} \, d\tilde P", ("dscores = _drop(dscores",)),
        _F(
            "undoes 5",
            r"dS_{ts} = P_{ts} \left( dP_{ts} - \sum_r dP_{tr} \, P_{tr} \right)",
            ("softmax_backward_into(dscores",),
        ),
        _F("undoes 3", r"dS \leftarrow (1 - (S / c)^2) \, dS", ("soft_cap_backward(dscores",)),
        _F("undoes 2", r"dS \leftarrow \lambda \, dS", ("dscores *= scale",)),
        _F("undoes 1", r"dq_{td} = \sum_s dS_{ts} \, k_{sd}", ("np.matmul(_groups(dscores, k)",)),
        _F("", r"dk_{sd} = \sum_t dS_{ts} \, q_{td}", ("_sum_groups(_groups(dscores, k)",)),
    ),
    "cross_entropy": (
        _F(
            "",
            r"p_{tv} = e^{z_{tv}} / \sum_u e^{z_{tu}}",
            ("np.subtract(logits, log_total", "np.exp(dlogits, out=dlogits)"),
        ),
        _F("", r"dz = p - q", ("rows[array_module(rows)",)),
        _F("", r"dz \leftarrow \frac{dL}{n} \, dz", ("dlogits *= weights",)),
    ),
    "dropout": (_F("", r"dx = \frac{m}{1 - p} \, dy", ("dropout_into(dy, saved.p",)),),
    "embedding": (
        _F("", r"dW_v = \sum_{t \, : \, \text{token}_t = v} dy_t", ("np.add.at(dweight",)),
    ),
    "gated_product": (
        _F("undoes 2", r"da = dy \, u", ("np.multiply(dy, up",)),
        _F("", r"du = dy \, a", ("np.multiply(dy, activated",)),
        _F("undoes 1", r"dg = da \, \mathrm{act}'(g)", ("dgate[...] = _activate_backward",)),
    ),
    "gelu": (
        _F(
            "",
            r"\text{slope} = \frac{1}{2} \left( 1 + \tanh u + x \, (1 - \tanh^2 u) \, u' \right)",
            ("_tanh_u(x, out=slope)", "np.subtract(1, rest", "rest *= u_prime"),
        ),
        _F("", r"u' = \sqrt{2/\pi} \, (1 + 3 \cdot 0.044715 \, x^2)", ("np.multiply(x, x, out=u",)),
        _F("", r"dx = dy \cdot \text{slope}", ("np.multiply(dy, slope",)),
    ),
    "layer_norm": (
        _F("undoes 6", r"d\beta_c = \sum_t dy_{tc}", ("dbias = as_rows(dy).sum",)),
        _F(
            "undoes 5",
            r"d\gamma_c = \sum_t dy_{tc} \, \hat x_{tc}",
            ("np.multiply(dy, x_hat", "dweight = as_rows(dx).sum"),
        ),
        _F("", r"d\hat x_c = \gamma_c \, dy_c", ("np.multiply(dy, weight",)),
        _F(
            "",
            r"\overline{d\hat x \, \hat x} = \frac{1}{C} \sum_c d\hat x_c \, \hat x_c",
            ("projection = np.einsum",),
        ),
        _F("undoes 1", r"dx = d\hat x - \overline{d\hat x}", ("dx -= dx.mean",)),
        _F(
            "undoes 3",
            r"dx \leftarrow dx - \hat x \; \overline{d\hat x \, \hat x}",
            ("x_hat *= projection", "dx -= x_hat"),
        ),
        _F("undoes 4", r"dx \leftarrow r \, dx", ("dx *= rstd",)),
        _F("", r"dx \leftarrow dx + d\text{past}", ("dx += residual_gradient",)),
    ),
    "linear": (
        _F("", r"dW_{io} = \sum_t x_{ti} \, dy_{to}", ("multiply(x_factor.T, dy_factor, out=dw",)),
        _F("", r"dx_{ti} = \sum_o dy_{to} \, W_{io}", ("multiply(dy_factor, weight_factor.T",)),
        _F("", r"db_o = \sum_t dy_{to}", ("dbias += dy_rows.sum",)),
    ),
    "relu": (_F("", r"dx = dy \; [x > 0]", ("np.copyto(dx, dy)", "np.copyto(dx, 0")),),
    "relu_squared": (
        _F(
            "",
            r"dx = 2 \, dy \, \max(x, 0)",
            ("relu_forward(saved.x", "np.multiply(dy, p", "dx *= 2"),
        ),
    ),
    "residual": (_F("", r"dx = dy \qquad df = dy", ("return dy, dy",)),),
    "rms_norm": (
        _F("undoes 4", r"d\gamma_c = \sum_t dy_{tc} \, \hat x_{tc}", ("dweight = np.einsum",)),
        _F("", r"d\hat x_c = \gamma_c \, dy_c", ("np.multiply(dy, weight",)),
        _F(
            "",
            r"\overline{d\hat x \, \hat x} = \frac{1}{C} \sum_c d\hat x_c \, \hat x_c",
            ("projection = np.einsum",),
        ),
        _F(
            "undoes 1 and 2",
            r"dx = d\hat x - \hat x \; \overline{d\hat x \, \hat x}",
            ("x_hat *= projection", "dx -= x_hat"),
        ),
        _F("undoes 3", r"dx \leftarrow r \, dx", ("dx *= rstd",)),
        _F("", r"dx \leftarrow dx + d\text{past}", ("dx += residual_gradient",)),
    ),
    "rotary": (
        _F(
            "",
            r"dx_1 = dy_1 \cos\theta + dy_2 \sin\theta \qquad "
            r"dx_2 = dy_2 \cos\theta - dy_1 \sin\theta",
            ("_rotate(dy, cos, -sin",),
        ),
    ),
    "silu": (
        _F(
            "",
            r"\text{slope} = \sigma(x) \left( 1 + x \, (1 - \sigma(x)) \right)",
            ("np.subtract(1, sigmoid", "slope *= x", "slope += 1", "slope *= sigmoid"),
        ),
        _F("", r"dx = dy \cdot \text{slope}", ("np.multiply(dy, slope",)),
    ),
    "soft_cap": (
        _F(
            "",
            r"\text{slope} = 1 - (y / c)^2",
            ("np.multiply(y, 1 / cap", "slope *= slope", "np.subtract(1, slope"),
        ),
        _F("", r"dx = dy \cdot \text{slope}", ("np.multiply(dy, slope",)),
    ),
}

# The exact form of GELU.
GELU_EXACT = (
    (_F("", r"y = x \, \Phi(x)", ("_erf(x, out=y)", "y += 1", "y *= x", "y *= 0.5")),),
    (
        _F(
            "",
            r"\text{slope} = \Phi(x) + x \, \varphi(x)",
            ("_erf(x, out=slope)", "slope *= 0.5  #", "np.exp(rest", "rest *= 1 / math.sqrt("),
        ),
        _F("", r"dx = dy \cdot \text{slope}", ("np.multiply(dy, slope",)),
    ),
)


class CodeLine(NamedTuple):
    """A line of the source of an operation."""

    number: int
    text: str


@cache
def source_lines(op: str, way: str) -> list[CodeLine]:
    """Return the lines of an operation with their numbers in its file, without indentation."""
    function = inspect.unwrap(getattr(ops, f"{op}_{way}"))
    lines, first = inspect.getsourcelines(function)
    return [CodeLine(first + i, line.strip()) for i, line in enumerate(lines)]


def lines_of(formula: Formula, op: str, way: str) -> list[CodeLine]:
    """Return the lines of code that compute a formula, one for each beginning it names."""
    lines = source_lines(op, way)
    return [next(line for line in lines if line.text.startswith(b)) for b in formula.lines]


def source_file(op: str) -> str:
    """Return the path of the file of an operation in the repository."""
    return f"scratchgpt/ops/{op}.py"


def formulas_of(card: Card) -> tuple[tuple[Formula, ...], tuple[Formula, ...]]:
    """Return the steps of a card that apply to it, forward and backward."""
    op = card.op
    if op == "gelu" and card.facts.get("form") == "none":
        return GELU_EXACT
    forward, backward = FORWARD.get(op, ()), BACKWARD.get(op, ())
    if op == "attention":
        if not card.facts.get("soft_cap"):
            forward, backward = _without("3", forward), _without("3", backward)
        if not card.facts.get("p"):
            forward, backward = _without_dropout(forward), _without_dropout(backward)
    return forward, backward


def _without(number: str, steps: tuple[Formula, ...]) -> tuple[Formula, ...]:
    """Return the steps that neither are nor undo the step of a number."""
    return tuple(step for step in steps if not step.label.endswith(number))


def _without_dropout(steps: tuple[Formula, ...]) -> tuple[Formula, ...]:
    """Return the steps of attention if nothing is dropped: the dropped weights are the weights."""
    kept = _without("6", steps)
    return tuple(step._replace(tex=step.tex.replace(r"\tilde P", "P")) for step in kept)


def all_tex() -> list[str]:
    """Return every formula, each once, in order."""
    from scratchgpt.explore.words import TEX

    tables = [*FORWARD.values(), *BACKWARD.values(), *GELU_EXACT]
    tables += [_without_dropout(table["attention"]) for table in (FORWARD, BACKWARD)]
    found = [f.tex for steps in tables for f in steps]
    return list(dict.fromkeys([*found, *TEX]))


@cache
def mathml() -> dict[str, str]:
    """Return the MathML of each formula, by its TeX."""
    converted: dict[str, str] = read_json(Path(__file__).parent / "data" / "formulas.json")
    return converted
