"""The GPT of scratchgpt in idiomatic PyTorch: the peer of the benchmarks."""

import torch
import torch.nn.functional as F
from torch import nn

from scratchgpt.models import GPT
from scratchgpt.models.families import their_arrays
from scratchgpt.models.pretrained import config_to_json


class Block(nn.Module):
    def __init__(self, n_embd: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)
        self.c_fc = nn.Linear(n_embd, 4 * n_embd)
        self.mlp_proj = nn.Linear(4 * n_embd, n_embd)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n_batch, n_time, n_embd = x.shape
        heads = self.c_attn(self.ln_1(x)).view(n_batch, n_time, 3, self.n_head, -1)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).reshape(n_batch, n_time, n_embd))
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class TorchGPT(nn.Module):
    """A GPT with the configuration and weights of one of our models."""

    def __init__(self, ours: GPT) -> None:
        super().__init__()
        c = ours.config
        self.wte, self.wpe = (
            nn.Embedding(c.vocab_size, c.n_embd),
            nn.Embedding(c.block_size, c.n_embd),
        )
        self.h = nn.ModuleList(Block(c.n_embd, c.n_head) for _ in range(c.n_layer))
        self.ln_f = nn.LayerNorm(c.n_embd)
        with torch.no_grad():
            mine = dict(self.named_parameters())
            for name, parameter in ours.store.named.items():
                target, value = mine[_name(name)], torch.from_numpy(parameter.value)
                is_linear = value.ndim > 1 and ".c_" in name
                target.copy_(value.T if is_linear else value)

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        logits = self.ln_f(x) @ self.wte.weight.T
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


class TorchLlama(nn.Module):
    """The model of transformers with the configuration and weights of one of ours."""

    def __init__(self, ours: GPT) -> None:
        from transformers import LlamaConfig, LlamaForCausalLM

        super().__init__()
        values = config_to_json(ours.config)
        self.model = LlamaForCausalLM(LlamaConfig(**{**values, "use_cache": False}))
        mine = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, value in their_arrays(ours.arrays(), ours.config, "llama").items():
                mine.pop(name).copy_(torch.from_numpy(value.copy()))
        if mine:
            raise SystemExit(f"no weights for {', '.join(mine)}")

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = self.model(tokens).logits
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


def _name(ours: str) -> str:
    """Return the PyTorch name of one of our parameters."""
    name = ours.removeprefix("transformer.").replace("mlp.c_proj", "mlp_proj")
    return name.replace("attn.c_", "c_").replace("mlp.c_", "c_")
