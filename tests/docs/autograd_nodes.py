"""What PyTorch's autograd records for a block of GPT-2: nodes, saved tensors and their bytes.

``test_autograd.py`` compares the page "What autograd does" with the PyTorch that is installed.
"""

from types import ModuleType
from typing import Any

B, T, C, H = 1, 16, 32, 4


class TorchBlock:
    """The block of GPT-2, line by line, with the parameters that ``state_dict`` names."""

    def __init__(self, torch: ModuleType) -> None:
        self.torch = torch
        torch.manual_seed(0)
        nn = torch.nn
        self.layers = {
            "ln_1": nn.LayerNorm(C),
            "attn.c_attn": nn.Linear(C, 3 * C),
            "attn.c_proj": nn.Linear(C, C),
            "ln_2": nn.LayerNorm(C),
            "mlp.c_fc": nn.Linear(C, 4 * C),
            "mlp.c_proj": nn.Linear(4 * C, C),
        }
        self.x = torch.randn(B, T, C)

    def parameters(self) -> list[Any]:
        return [each for layer in self.layers.values() for each in layer.parameters()]

    def lines(self) -> list[tuple[str, str, Any]]:
        """Name, code and function of each line; a function maps a dict of arrays to new ones."""
        F = self.torch.nn.functional

        def layer(name: str, source: str, target: str) -> Any:
            return lambda a: {target: self.layers[name](a[source])}

        def split(a: dict[str, Any]) -> dict[str, Any]:
            parts = a["qkv"].split(C, dim=2)
            return {
                name: part.view(B, T, H, C // H).transpose(1, 2)
                for name, part in zip("qkv", parts, strict=True)
            }

        def attend(a: dict[str, Any]) -> dict[str, Any]:
            return {"y": F.scaled_dot_product_attention(a["q"], a["k"], a["v"], is_causal=True)}

        return [
            ("ln_1", "n = ln_1(x)", layer("ln_1", "x", "n")),
            ("attn.c_attn", "qkv = c_attn(n)", layer("attn.c_attn", "n", "qkv")),
            ("heads", "q, k, v = heads(qkv)", split),
            ("attention", "y = attention(q, k, v)", attend),
            ("merge", "y = merge(y)", lambda a: {"y": merged(a["y"])}),
            ("attn.c_proj", "a = c_proj(y)", layer("attn.c_proj", "y", "a")),
            ("residual_1", "x = x + a", lambda a: {"x": a["x"] + a["a"]}),
            ("ln_2", "n = ln_2(x)", layer("ln_2", "x", "n")),
            ("mlp.c_fc", "f = c_fc(n)", layer("mlp.c_fc", "n", "f")),
            ("gelu", "f = gelu(f)", lambda a: {"f": F.gelu(a["f"], approximate="tanh")}),
            ("mlp.c_proj", "m = c_proj(f)", layer("mlp.c_proj", "f", "m")),
            ("residual_2", "y = x + m", lambda a: {"y": a["x"] + a["m"]}),
        ]


def merged(y: Any) -> Any:
    return y.transpose(1, 2).contiguous().view(B, T, C)


def run(torch: ModuleType) -> tuple[TorchBlock, dict[str, list[Any]]]:
    """Run the block, and return it with the nodes that each line adds to the graph."""
    block = TorchBlock(torch)
    arrays = {"x": block.x.clone().requires_grad_()}
    leaf = torch.autograd.graph.get_gradient_edge(arrays["x"]).node
    seen, added = {leaf}, {}
    for name, _, line in block.lines():
        new = line(arrays)
        arrays |= new
        reached = graph([array.grad_fn for array in new.values()])
        added[name] = [node for node in reached if node not in seen]
        seen |= set(added[name])
    return block, added


def graph(nodes: list[Any]) -> list[Any]:
    """All nodes that the given nodes lead to, each once."""
    found: list[Any] = []
    while nodes:
        node = nodes.pop()
        if node is not None and node not in found:
            found.append(node)
            nodes += [following for following, _ in node.next_functions]
    return found


def saved(node: Any, torch: ModuleType) -> dict[str, Any]:
    """The tensors that a node has saved, by the names that PyTorch gives them."""
    values = {name: getattr(node, name) for name in dir(node) if name.startswith("_saved_")}
    return {
        name.removeprefix("_saved_"): value
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }


def short(node: Any) -> str:
    name = node.name().removeprefix("torch::autograd::").removesuffix("Backward0")
    return "ScaledDotProductAttention" if name.startswith("ScaledDotProduct") else name


def n_bytes(nodes: list[Any], parameters: list[Any], torch: ModuleType) -> int:
    """The bytes that nodes keep, each memory once, without parameters."""
    counted = {each.untyped_storage().data_ptr(): 0 for each in parameters}
    for node in nodes:
        for tensor in saved(node, torch).values():
            storage = tensor.untyped_storage()
            counted.setdefault(storage.data_ptr(), storage.nbytes())
    return sum(counted.values())
