"""Log-probabilities of continuations equal those of whole forward passes."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.zero_shot import continuations
from scratchgpt.zero_shot.continuations import log_probabilities

PROMPT = np.array([5, 200, 3, 77, 5])
ENDINGS = [np.array(tokens) for tokens in ([9], [1, 2, 3, 4], [250, 250], [9, 1], [4])]


@pytest.mark.parametrize("compiled", [False, True])
def test_log_probabilities_are_those_of_whole_forward_passes(
    make_gpt, whole_pass, assert_close, compiled
):
    model = make_gpt()
    with kernels.disabled() if not compiled else kernels.disabled(np.float32):
        found = log_probabilities(model, PROMPT, ENDINGS)
        for log_p, ending in zip(found, ENDINGS, strict=True):
            assert_close(log_p, whole_pass(model, PROMPT, ending), 1e-12)


def test_labels_of_one_token_need_only_the_prompt(make_gpt, whole_pass, assert_close):
    model = make_gpt()
    found = log_probabilities(model, PROMPT[:1], [np.array([7]), np.array([8])])
    assert_close(found[1], whole_pass(model, PROMPT[:1], np.array([8])), 1e-12)


def test_few_logits_at_a_time_change_nothing(make_gpt, monkeypatch, assert_close):
    model = make_gpt()
    expected = np.concatenate(log_probabilities(model, PROMPT, ENDINGS))
    monkeypatch.setattr(continuations, "MOST_LOGITS", 600)
    assert_close(np.concatenate(log_probabilities(model, PROMPT, ENDINGS)), expected, 1e-13)


def test_the_last_token_needs_no_position(make_gpt):
    model = make_gpt(block_size=8)
    [log_p] = log_probabilities(model, PROMPT, [np.arange(4)])
    assert log_p.shape == (4,)
    with pytest.raises(ValueError, match="9"):
        log_probabilities(model, PROMPT, [np.arange(5)])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_in_the_weights_is_refused(make_gpt):
    model = make_gpt()
    model.transformer.wpe.weight.value[2] = np.nan
    with pytest.raises(UserError, match="NaN or infinite"):
        log_probabilities(model, PROMPT, ENDINGS)


def test_log_likelihoods_are_those_of_transformers(torch, transformers, tmp_path, assert_close):
    """A random GPT-2 is made by transformers, and loaded here from its files."""
    from scratchgpt.models import GPT

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        n_layer=2, n_head=2, n_embd=16, n_positions=16, vocab_size=256, initializer_range=0.5
    )
    peer = transformers.GPT2LMHeadModel(config).eval().double()
    peer.save_pretrained(tmp_path / "gpt2")
    model = GPT.from_pretrained(tmp_path / "gpt2", dtype=np.float64)
    found = log_probabilities(model, PROMPT, ENDINGS)
    for log_p, ending in zip(found, ENDINGS, strict=True):
        tokens = torch.tensor(np.concatenate([PROMPT, ending]))
        with torch.no_grad():
            theirs = peer(tokens[None]).logits[0].log_softmax(-1)
        expected = theirs[len(PROMPT) - 1 : -1].gather(1, tokens[len(PROMPT) :, None])[:, 0]
        assert_close(log_p, expected.numpy(), 1e-10)
