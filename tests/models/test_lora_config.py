import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import LoRAConfig


def test_the_scale_is_alpha_over_rank_or_its_root():
    assert LoRAConfig().scale == 2
    assert LoRAConfig(rank=4, alpha=6).scale == 1.5
    assert LoRAConfig(rank=4, alpha=6, rslora=True).scale == 3


def test_targets_are_names():
    assert LoRAConfig().names == ("all-linear",)
    assert LoRAConfig(targets=" q_proj, v_proj ").names == ("q_proj", "v_proj")
    assert LoRAConfig(targets=["c_attn"]).names == ("c_attn",)
    assert LoRAConfig(rank=np.int64(3)).rank == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank": 0}, "rank=0 must be a whole number, 1 or more"),
        ({"rank": 2.5}, "rank=2.5 must be a whole number"),
        ({"alpha": 0}, "alpha=0 must be positive and finite"),
        ({"alpha": float("inf")}, "alpha=inf must be positive and finite"),
        ({"alpha": "x"}, "alpha='x' must be positive and finite"),
        ({"dropout": 1.0}, "dropout=1.0 must be less than 1"),
        ({"dropout": -0.1}, "dropout=-0.1 must be a number, 0 or more"),
        ({"rslora": 1}, "rslora=1 must be true or false"),
        ({"targets": ""}, "targets='' names no linear map"),
        ({"targets": 3}, "targets=3 must be names"),
    ],
    ids=range(10),
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        LoRAConfig(**changes)


@pytest.mark.parametrize("rank", [1, 8, 64])
@pytest.mark.parametrize("rslora", [False, True])
def test_the_default_scale_does_not_depend_on_the_rank(rank, rslora):
    assert LoRAConfig(rank=rank, rslora=rslora).scale == pytest.approx(2, rel=1e-15)
