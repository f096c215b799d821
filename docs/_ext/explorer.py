"""Build two explorer pages with the docs, and link into them from the pages.

``explorer.html``, beside ``index.html``, is of the small GPT that ``scratchgpt explore`` trains.
``explorer-translator.html`` is of a small Transformer with dropout and a ReLU. Each page of an
operation that one of the models has gets a link to the first card of that operation, under its
title. The pages of the other operations link to an operation whose gradient is of the same kind.
"""

import tempfile
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

GPT, TRANSLATOR = "explorer.html", "explorer-translator.html"
LLAMA = "explorer-llama.html"
# The form of the model of that page; a cap of the logits is not Llama's, but belongs on some page.
LLAMA_FORM: dict[str, Any] = {
    "norm": "rms",
    "positions": "rotary",
    "n_kv_head": 1,
    "gated_mlp": True,
    "activation": "silu",
    "n_inner": 64,
    "bias": False,
    "logit_soft_cap": 15.0,
}
HERE = "See it in a real step"
# Pages, the explorer page and the place on it, and the words of the link.
PLACES = {
    "index": (GPT, "", "See one real training step, forward and backward, with every number"),
    "ops/attention": (GPT, "h.0.attn.attention", HERE),
    "ops/broadcast": (GPT, "h.0.attn.c_attn/backward/dbias", "See such a sum in a real step"),
    "ops/contrastive": (
        GPT,
        "cross_entropy/backward/dlogits",
        "See a gradient of the same kind in a real step: probabilities minus what is right",
    ),
    "ops/cross_entropy": (GPT, "cross_entropy", HERE),
    "ops/dropout": (TRANSLATOR, "encoder.h.0.attn.drop", HERE),
    "ops/embedding": (GPT, "wte", HERE),
    "ops/gated_product": (LLAMA, "h.0.mlp.product", HERE),
    "ops/gelu": (GPT, "h.0.mlp.act", HERE),
    "ops/last_pool": (
        GPT,
        "wte/backward/dweight",
        "See another selection of rows in a real step: the others get no gradient",
    ),
    "ops/layer_norm": (GPT, "h.0.attn.norm", HERE),
    "ops/linear": (GPT, "h.0.attn.c_attn", HERE),
    "ops/log_softmax": (GPT, "cross_entropy/forward/log_total", "See its sum in a real step"),
    "ops/mean_pool": (
        GPT,
        "cross_entropy/forward/loss",
        "See another mean in a real step: each of its terms gets an equal share of the gradient",
    ),
    "ops/relu": (TRANSLATOR, "encoder.h.0.mlp.act", HERE),
    "ops/relu_squared": (
        TRANSLATOR,
        "encoder.h.0.mlp.act",
        "See a ReLU in a real step; this operation squares its output",
    ),
    "ops/residual": (GPT, "h.0.attn.residual", HERE),
    "ops/residual_layer_norm": (GPT, "h.0.mlp.norm", HERE),
    "ops/residual_rms_norm": (LLAMA, "h.0.mlp.norm", HERE),
    "ops/rms_norm": (LLAMA, "h.0.attn.norm", HERE),
    "ops/rotary": (LLAMA, "h.0.attn.q.rotary", HERE),
    "ops/silu": (LLAMA, "h.0.mlp.product", "See it in a real step, as the activation of a gate"),
    "ops/soft_cap": (LLAMA, "lm_head.soft_cap", HERE),
    "ops/softmax": (GPT, "h.0.attn.attention/forward/P", HERE),
    "ops/unit": (
        GPT,
        "h.0.attn.norm/backward/projection",
        "See in a real step how a layer norm removes the same part of its gradient",
    ),
    "guides/from_gpt2_to_llama": (LLAMA, "step", "See a real step of a Llama, with every number"),
    "guides/reader": (GPT, "step", "See this walk as one page, with every number"),
    "saved": (GPT, "bytes", "See what a real step saves, and for how long"),
}


def add_link(app: Sphinx, pagename: str, templatename: str, context: Any, doctree: Any) -> None:
    """Add the link under the title of a page."""
    if app.builder.name == "html" and pagename in PLACES and "body" in context:
        file, place, words = PLACES[pagename]
        address = "../" * pagename.count("/") + file + (f"#{place}" if place else "")
        link = f'</h1>\n<p class="explorer-link"><a href="{address}">{words}</a></p>'
        context["body"] = context["body"].replace("</h1>", link, 1)


def translator_step(steps: int = 200) -> Any:
    """Train a small Transformer to rewrite dates, with dropout, and return its next step."""
    from scratchgpt.recipes import configure, train
    from scratchgpt.recipes.next_step import step_to_explore

    run = configure(
        task="translation",
        corpus=("dates",),
        model={
            "n_encoder_layer": 1,
            "n_decoder_layer": 1,
            "n_head": 3,
            "n_embd": 24,
            "dropout": 0.1,
        },
        training={
            "steps": steps,
            "tokens_per_batch": 2000,
            "eval_interval": 0,
            "average": 0,
            "seed": 1,
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        train(run, Path(folder) / "dates")
        return step_to_explore(Path(folder) / "dates", most_tokens=12)


def write_explorer(app: Sphinx, error: Exception | None) -> None:
    """Train the small models and write their pages."""
    if error is not None or app.builder.name != "html":
        return
    from recorded_step import steps

    from scratchgpt.explore import demo_steps, make_page, write_page

    trained, start = steps()
    pages = {
        GPT: make_page(trained, start=start, docs="./"),
        TRANSLATOR: make_page(translator_step(), docs="./", landscape=False),
        LLAMA: make_page(demo_steps(**LLAMA_FORM)[0], docs="./", landscape=False),
    }
    for file, page in pages.items():
        path = Path(app.outdir) / file
        path.unlink(missing_ok=True)
        write_page(page, path)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_link)
    app.connect("build-finished", write_explorer)
    return {"parallel_read_safe": True}
