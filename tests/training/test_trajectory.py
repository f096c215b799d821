"""Ten training steps equal those of the same model in PyTorch."""

import itertools
import math

import numpy as np
import pytest

from scratchgpt.training import NextToken, Trainer

STEPS = 10


def forward(torch, config, p, tokens):
    """A GPT from torch.nn.functional; p has its parameters by checkpoint name."""
    F = torch.nn.functional

    def norm(name, x):
        return F.layer_norm(
            x, x.shape[-1:], p[f"{name}.weight"], p.get(f"{name}.bias"), config.layer_norm_epsilon
        )

    def linear(name, x):
        y = x @ p[f"{name}.weight"]
        return y + p[f"{name}.bias"] if f"{name}.bias" in p else y

    def attention(name, x):
        heads = [
            y.unflatten(-1, (config.n_head, -1)).transpose(1, 2)
            for y in linear(f"{name}.c_attn", x).chunk(3, dim=-1)
        ]
        y = F.scaled_dot_product_attention(*heads, is_causal=True)
        return linear(f"{name}.c_proj", y.transpose(1, 2).flatten(2))

    def mlp(name, x):
        return linear(f"{name}.c_proj", F.gelu(linear(f"{name}.c_fc", x), approximate="tanh"))

    wte = p["transformer.wte.weight"]
    x = wte[tokens] + p["transformer.wpe.weight"][: tokens.shape[1]]
    for i in range(config.n_layer):
        h = f"transformer.h.{i}"
        if config.norm_position == "pre":
            x = x + attention(f"{h}.attn", norm(f"{h}.ln_1", x))
            x = x + mlp(f"{h}.mlp", norm(f"{h}.ln_2", x))
        else:
            x = norm(f"{h}.ln_1", x + attention(f"{h}.attn", x))
            x = norm(f"{h}.ln_2", x + mlp(f"{h}.mlp", x))
    if config.norm_position == "pre":
        x = norm("transformer.ln_f", x)
    return x @ p.get("lm_head.weight", wte).T


def learning_rate(config, step):
    if step < config.warmup_steps:
        return config.lr * (step + 1) / (config.warmup_steps + 1)
    ratio = (step - config.warmup_steps) / (config.steps - config.warmup_steps)
    return config.min_lr + 0.5 * (1 + math.cos(math.pi * ratio)) * (config.lr - config.min_lr)


def torch_losses(torch, model, batches, config):
    parameters = {
        name: torch.nn.Parameter(torch.tensor(p.value.copy()))
        for name, p in model.store.named.items()
    }
    groups = [
        {"params": [p for p in parameters.values() if p.ndim > 1]},
        {"params": [p for p in parameters.values() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        weight_decay=config.weight_decay,
    )
    losses, norms = [], []
    for step in range(STEPS):
        # The big batch at once, which accumulated micro-batches must equal.
        first = step * config.grad_accum
        parts = [batches.train_batch(first + i) for i in range(config.grad_accum)]
        tokens, targets = (
            torch.tensor(np.concatenate(arrays)) for arrays in zip(*parts, strict=True)
        )
        logits = forward(torch, model.config, parameters, tokens)
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=-100
        )
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), config.grad_clip)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step)
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm.item())
    return losses, norms


@pytest.mark.parametrize(
    ("norm_position", "tied_head", "bias"),
    [
        *itertools.product(("pre", "post"), (True, False), (True,)),
        ("pre", True, False),
    ],
)
def test_losses_of_ten_steps_equal_pytorch(
    torch, make_model, make_config, batches, norm_position, tied_head, bias
):
    form = {"norm_position": norm_position, "tied_head": tied_head, "bias": bias}
    model = make_model(np.float64, **form)
    model.store.values[...] *= 5  # large enough for attention and activations to be nonlinear
    config = make_config(
        steps=STEPS, grad_accum=3, min_lr=1e-3, grad_clip=0.3, weight_decay=0.3, eval_interval=0
    )
    expected_losses, expected_norms = torch_losses(torch, model, batches, config)
    assert min(expected_norms) > config.grad_clip  # clipping is active in every step

    records = []
    trainer = Trainer(NextToken(model), batches, config)
    trainer.on("step", lambda trainer, record: records.append(record))
    trainer.train()
    losses = [record.loss for record in records]
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-9)
    np.testing.assert_allclose([r.grad_norm for r in records], expected_norms, rtol=1e-8)
    assert losses[-1] < 0.9 * losses[0]
