"""What PyTorch's autograd records and saves for the operations of a block.

Run ``python tests/explore/autograd_table.py`` to write ``scratchgpt/explore/data/autograd.json``.
"""

import json
import math
from pathlib import Path

import scratchgpt

PATH = Path(scratchgpt.__file__).parent / "explore" / "data" / "autograd.json"
SIZES = {"T": 5, "C": 12, "3C": 36, "F": 48, "2F": 96, "V": 23, "H": 3, "D": 4, "P": 7}
LETTERS = {size: letter for letter, size in SIZES.items()}
GROUPS = {"T": 5, "H": 6, "K": 3, "D": 2}


def graph(node, stop=()):
    """Yield the nodes of a graph once each, in the order of the backward pass."""
    seen, queue = set(), [node]
    while queue:
        node = queue.pop(0)
        if node is None or node in seen or node in stop:
            continue
        seen.add(node)
        yield node
        queue += [below for below, _ in node.next_functions]


def saved_tensors(node):
    """Yield name and tensor of what a node saves."""
    for name in dir(node):
        if name.startswith("_saved_"):
            value = getattr(node, name)
            if hasattr(value, "untyped_storage") and value.numel():
                yield name.removeprefix("_saved_"), value


def described(y, x, parameters, letters=LETTERS):
    """Describe the graph between an output and an input: names of nodes, and what they save."""
    inputs = x if isinstance(x, tuple) else (x,)
    stop = {t.grad_fn for t in inputs if t.grad_fn is not None}
    own = {p.data_ptr() for p in parameters}
    nodes, saved, seen = [], [], set()
    for node in graph(y.grad_fn, stop):
        nodes.append(node.name())
        for name, tensor in saved_tensors(node):
            if tensor.data_ptr() in own:
                saved.append([node.name(), name, "parameter", 0])
                continue
            shape = [letters.get(n, str(n)) for n in tensor.shape if n != 1]
            key = tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape)
            n_bytes = 0 if key in seen else tensor.element_size()
            seen.add(key)
            saved.append([node.name(), name, " ".join(shape), n_bytes])
    return {"nodes": nodes, "saved": saved}


def table(torch):
    """Return the table as a dictionary."""
    F, nn = torch.nn.functional, torch.nn
    torch.manual_seed(0)

    def stream(*letters):
        return torch.randn(1, *(SIZES[name] for name in letters), requires_grad=True) * 1

    ops = {}
    x = stream("T", "C")
    linear = nn.Linear(SIZES["C"], SIZES["3C"])
    ops["linear"] = described(linear(x), x, linear.parameters())
    norm = nn.LayerNorm(SIZES["C"])
    ops["layer_norm"] = described(norm(x), x, norm.parameters())
    norm = nn.RMSNorm(SIZES["C"])
    x = stream("T", "C")
    ops["rms_norm"] = described(norm(x), x, norm.parameters())

    def squared(x):
        return F.relu(x).square()

    functions = (("gelu", F.gelu), ("relu", F.relu), ("relu_squared", squared), ("silu", F.silu))
    for name, function in functions:
        x = stream("T", "F")
        ops[name] = described(function(x), x, ())
    x = stream("T", "2F")
    gate, up = x.chunk(2, dim=-1)
    ops["gated_product"] = described(F.silu(gate) * up, x, ())
    x = stream("T", "V")
    ops["soft_cap"] = described(15 * torch.tanh(x / 15), x, ())
    x = stream("H", "T", "D")
    angles = torch.randn(SIZES["T"], SIZES["D"])
    ops["rotary"] = described(x * angles.cos() + half_turned(torch, x) * angles.sin(), x, ())
    x, branch = stream("T", "C"), stream("T", "C")
    ops["residual"] = ops["sum"] = described(x + branch, (x, branch), ())
    ops["dropout"] = described(F.dropout(x, 0.1), x, ())
    x = stream("T", "3C")
    ops["attention"] = described(attention(torch, x), x, ())
    y, qkv = grouped(torch)
    ops["attention with groups"] = described(y, qkv, (), {n: name for name, n in GROUPS.items()})
    ops["attention written out"] = described(written_out(torch, x), x, ())
    tokens = torch.arange(SIZES["T"])[None]
    embedding = nn.Embedding(SIZES["V"], SIZES["C"])
    ops["embedding"] = described(embedding(tokens), (), embedding.parameters())
    logits = stream("T", "V")
    loss = F.cross_entropy(logits.view(-1, SIZES["V"]), tokens.view(-1))
    ops["cross_entropy"] = described(loss, logits, ())
    return {"torch": torch.__version__.partition("+")[0], "ops": ops, "block": block(torch)}


def half_turned(torch, x):
    """Return the other channel of each pair, with the sign of the rotation."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def heads(qkv):
    """Split (1, T, 3C) into q, k and v, each (1, H, T, D)."""
    parts = qkv.split(SIZES["C"], dim=2)
    return [p.view(1, SIZES["T"], SIZES["H"], SIZES["D"]).transpose(1, 2) for p in parts]


def attention(torch, qkv):
    y = torch.nn.functional.scaled_dot_product_attention(*heads(qkv), is_causal=True)
    return y.transpose(1, 2).contiguous().view(1, SIZES["T"], SIZES["C"])


def grouped(torch):
    """Attention with groups of heads; returns y and the array of q, k and v."""
    t, h, k, d = GROUPS.values()
    qkv = torch.randn(1, t, (h + 2 * k) * d, requires_grad=True) * 1
    parts = qkv.split([h * d, k * d, k * d], dim=2)
    q, k, v = (p.view(1, t, -1, d).transpose(1, 2) for p in parts)
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    return y.transpose(1, 2).contiguous().view(1, t, h * d), qkv


def written_out(torch, qkv):
    q, k, v = heads(qkv)
    allowed = torch.ones(SIZES["T"], SIZES["T"], dtype=torch.bool).tril()
    scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(SIZES["D"]))
    weights = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)
    return (weights @ v).transpose(1, 2).contiguous().view(1, SIZES["T"], SIZES["C"])


def block(torch):
    """Count the nodes of one pre-norm block, and what they save."""
    F, nn = torch.nn.functional, torch.nn
    c, f = SIZES["C"], SIZES["F"]
    norms = [nn.LayerNorm(c) for _ in range(2)]
    maps = [nn.Linear(c, 3 * c), nn.Linear(c, c), nn.Linear(c, f), nn.Linear(f, c)]
    x = torch.randn(1, SIZES["T"], c, requires_grad=True) * 1
    y = x + maps[1](attention(torch, maps[0](norms[0](x))))
    y = y + maps[3](F.gelu(maps[2](norms[1](y))))
    own = {p.data_ptr() for layer in (*norms, *maps) for p in layer.parameters()}
    nodes = list(graph(y.grad_fn, {x.grad_fn}))
    kept = {}
    for node in nodes:
        for _, tensor in saved_tensors(node):
            if tensor.data_ptr() not in own:
                storage = tensor.untyped_storage()
                kept[storage.data_ptr()] = storage.nbytes()
    counts = {}
    for node in nodes:
        counts[node.name()] = counts.get(node.name(), 0) + 1
    return {"nodes": counts, "n_nodes": len(nodes), "bytes": sum(kept.values())}


def written(torch):
    """Return the content of the file."""
    return json.dumps(table(torch), indent=1) + "\n"


if __name__ == "__main__":
    import torch

    PATH.write_text(written(torch), encoding="utf-8")
