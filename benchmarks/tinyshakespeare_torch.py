"""The recipe of tinyshakespeare.py in PyTorch, to measure how much its loss varies by seed.

    python benchmarks/tinyshakespeare_torch.py [--seeds 3] [--steps 2000]

The model and the loop are independent, with PyTorch's attention, optimizer and random numbers. The
text comes from scratchgpt's corpora; nothing else is shared. Needs PyTorch.

With --out it makes a run like that of `scratchgpt train`, for recipe.py: it evaluates on 20 batches
every 250 steps, saves the best and the last state in that folder, and ends with one line of JSON.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from scratchgpt.text import prepare

N_LAYER, N_HEAD, C, T, B, V = 4, 4, 128, 64, 12, 65
LR, MIN_LR, WARMUP = 1e-3, 1e-4, 100
EVAL_INTERVAL, EVAL_BATCHES = 250, 20


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(C, bias=False), nn.LayerNorm(C, bias=False)
        self.qkv, self.attn_proj = nn.Linear(C, 3 * C, bias=False), nn.Linear(C, C, bias=False)
        self.fc, self.mlp_proj = nn.Linear(C, 4 * C, bias=False), nn.Linear(4 * C, C, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n_batch, n_time, _ = x.shape
        qkv = self.qkv(self.ln_1(x)).view(n_batch, n_time, 3, N_HEAD, -1).permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(*qkv, is_causal=True)  # (B, H, T, D)
        x = x + self.attn_proj(heads.transpose(1, 2).reshape(n_batch, n_time, C))
        return x + self.mlp_proj(functional.gelu(self.fc(self.ln_2(x))))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(V, C), nn.Embedding(T, C)
        self.h = nn.ModuleList(Block() for _ in range(N_LAYER))
        self.ln_f = nn.LayerNorm(C, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                std = 0.02 / math.sqrt(2 * N_LAYER) if "proj" in name else 0.02
                nn.init.normal_(parameter, std=std)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        logits = self.ln_f(x) @ self.wte.weight.T
        return functional.cross_entropy(logits.view(-1, V), targets.reshape(-1))


def batch(data: Tensor) -> tuple[Tensor, Tensor]:
    starts = torch.randint(len(data) - T, (B,)).tolist()
    rows = torch.stack([data[start : start + T + 1] for start in starts])
    return rows[:, :-1], rows[:, 1:]


def train(data: Tensor, steps: int, run: "Run | None" = None) -> Model:
    model = Model()
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=LR, betas=(0.9, 0.99), fused=True)
    for step in range(steps):
        if run and step % EVAL_INTERVAL == 0:
            run.evaluate(model, optimizer)
        progress = (step - WARMUP) / max(steps - WARMUP, 1)
        lr = MIN_LR + 0.5 * (1 + math.cos(math.pi * progress)) * (LR - MIN_LR)
        for group in optimizer.param_groups:
            group["lr"] = LR * (step + 1) / (WARMUP + 1) if step < WARMUP else lr
        optimizer.zero_grad()
        model(*batch(data)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    if run:
        run.evaluate(model, optimizer)
    return model


@torch.no_grad()
def estimate(model: Model, data: Tensor) -> float:
    """Estimate the loss on random batches, as nanoGPT does."""
    return sum(model(*batch(data)).item() for _ in range(EVAL_BATCHES)) / EVAL_BATCHES


class Run:
    """Evaluations and checkpoints every EVAL_INTERVAL steps, in one folder."""

    def __init__(self, folder: Path, data: Tensor) -> None:
        self.folder, self.data = folder, data
        self.losses: list[float] = []

    def evaluate(self, model: Model, optimizer: torch.optim.Optimizer) -> None:
        loss = estimate(model, self.data)
        if loss < min(self.losses, default=math.inf):
            torch.save(model.state_dict(), self.folder / "best.pt")
        self.losses.append(loss)
        both = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(both, self.folder / "last.pt")


@torch.no_grad()
def exact_loss(model: Model, data: Tensor) -> float:
    """Return the loss over all non-overlapping windows, as in `scratchgpt eval`."""
    n_windows = (len(data) - 1) // T
    tokens = data[: n_windows * T].view(n_windows, T)
    targets = data[1 : n_windows * T + 1].view(n_windows, T)
    return model(tokens, targets).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="number of runs")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, help="folder for one run with evaluations")
    arguments = parser.parse_args()
    corpus = prepare(["tinyshakespeare"], "characters")
    train_data = torch.from_numpy(corpus.train.read(0, len(corpus.train)))
    val_data = torch.from_numpy(corpus.val.read(0, len(corpus.val)))
    if arguments.out:
        torch.manual_seed(1337)
        run = Run(arguments.out, val_data)
        train(train_data, arguments.steps, run)
        print(json.dumps({"val_loss": run.losses[-1], "n_evaluations": len(run.losses)}))
        return
    print("seed   validation loss: 20 batches      all   training")
    for seed in range(1337, 1337 + arguments.seeds):
        torch.manual_seed(seed)
        began = time.perf_counter()
        model = train(train_data, arguments.steps)
        seconds = time.perf_counter() - began
        loss, exact = estimate(model, val_data), exact_loss(model, val_data)
        print(f"{seed:<6} {loss:>27.4f} {exact:>8.4f} {seconds:>8.0f} s", flush=True)


if __name__ == "__main__":
    main()
