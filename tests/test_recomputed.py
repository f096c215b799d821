"""An array that was not saved cannot be used, and the error says which pass recomputes it."""

import numpy as np
import pytest

from scratchgpt.layers import MLP
from scratchgpt.memory import walk
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.backbone import gpt_block
from scratchgpt.ops import linear_backward, linear_forward
from scratchgpt.recomputed import NotKeptError, Recomputed, kept

X = np.random.default_rng(0).standard_normal((2, 3, 4))
NOT_KEPT = (
    "linear_backward: saved.x (the output of the norm before it) was not kept, because "
    "Sublayer.backward recomputes it; call Sublayer.backward instead, or replace saved.x by the "
    "array"
)


def test_a_saved_array_is_returned():
    assert kept(X, "x", "linear_backward") is X


def test_the_error_names_the_missing_array_and_how_to_get_it():
    _, saved = linear_forward(X, np.eye(4))
    without = saved._replace(x=Recomputed("the input", "my_backward"))
    message = r"linear_backward: saved.x \(the input\) was not kept, because my_backward recomputes"
    with pytest.raises(NotKeptError, match=message):
        linear_backward(X, without)
    linear_backward(X, without._replace(x=X))


@pytest.mark.parametrize("kernels", ["reference", "kernels"])
def test_the_branch_of_a_pre_norm_sublayer_does_not_go_backward_by_itself(kernels):
    config = GPTConfig(n_layer=2, n_head=2, n_embd=4, block_size=3, vocab_size=5)
    model = GPT(config, dtype=np.float64 if kernels == "kernels" else np.complex128)
    _, saved = model.forward(np.array([[1, 2, 3]]))
    dy = np.ones((1, 3, 4), model.dtype)
    block, block_saved = model.transformer.h[1], saved.transformer.stack.h[1]
    for layer, branch in (
        (block.mlp, block_saved.mlp.branch),
        (block.attn, block_saved.attn.branch),
    ):
        with pytest.raises(NotKeptError) as caught:
            layer.backward(dy, branch)
        assert str(caught.value) == NOT_KEPT
        assert isinstance(caught.value, ValueError)
    block.backward(dy, block_saved)


def test_with_its_input_restored_the_branch_goes_backward():
    config = GPTConfig(n_layer=1, n_head=2, n_embd=4, n_inner=6, activation="relu")
    block = gpt_block(config, 0).initialize(dtype=np.float64)
    _, saved = block.forward(X)
    n, _ = block.ln_2.forward(saved.mlp.norm.x)
    y, whole = block.mlp.forward(n)
    again = block.mlp.backward(y, saved.mlp.branch.with_input(n))
    np.testing.assert_array_equal(again, block.mlp.backward(y, whole))


def test_the_second_map_of_an_mlp_does_not_go_backward_by_itself():
    mlp = MLP(4, 6, activation="relu", bias=True, proj_std=0.1).initialize(dtype=np.float64)
    y, saved = mlp.forward(X)
    with pytest.raises(NotKeptError, match=r"the output of the activation\) .* MLP\.backward"):
        mlp.c_proj.backward(y, saved.c_proj)
    assert [path for path, _ in walk(saved)] == [
        *("c_fc.x", "c_fc.weight", "act.x", "c_proj.weight"),
    ]
