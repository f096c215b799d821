import numpy as np
import pytest

from scratchgpt.chat import ConversationBatches, Message, Renderer, encode_conversations
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.training import NextToken


def conversation(n):
    return [Message("user", "q" * n), Message("assistant", "a" * n)]


def encoded(tokenizer, lengths, block_size=64):
    return encode_conversations([conversation(n) for n in lengths], Renderer(tokenizer), block_size)


def test_targets_are_the_counted_next_tokens(tokenizer):
    part = encoded(tokenizer, [1, 3, 2])
    batches = ConversationBatches(part, part, tokens_per_batch=100, seed=0)
    [(tokens, targets)] = batches.validation_batches()
    assert tokens.shape == targets.shape == (3, 10)
    for line, row in enumerate([0, 2, 1]):
        ids, mask = part.tokens[row], part.counted[row]
        n = len(ids) - 1
        assert tokens[line, :n].tolist() == ids[:-1].tolist()
        assert targets[line, :n][mask[1:]].tolist() == ids[1:][mask[1:]].tolist()
        assert (targets[line, :n][~mask[1:]] == -100).all()
        assert (targets[line, n:] == -100).all()
        assert targets[line, n - 1] == Renderer(tokenizer).end


def test_an_epoch_has_each_conversation_once(tokenizer):
    part = encoded(tokenizer, range(1, 20))
    batches = ConversationBatches(part, part, tokens_per_batch=90, seed=3)
    n = batches.batches_per_epoch
    for epoch in range(2):
        rows = [batches.train_batch(epoch * n + i) for i in range(n)]
        assert all(tokens.size <= 90 for tokens, _ in rows)
        counted = sum(int((targets != -100).sum()) for _, targets in rows)
        assert counted == part.n_counted == sum(range(1, 20)) + 19
    again = ConversationBatches(part, part, tokens_per_batch=90, seed=3)
    assert np.array_equal(again.train_batch(n)[0], batches.train_batch(n)[0])
    assert len(list(batches.some_validation_batches(2))) == 2


def test_long_conversations_lose_turns_or_are_left_out_and_counted(tokenizer):
    texts = [conversation(2), conversation(9) + conversation(2), conversation(9)]
    part = encode_conversations(texts, Renderer(tokenizer), 12)
    assert len(part) == 2
    assert (part.n_shortened, part.n_too_long) == (1, 1)
    assert part.tokens[0].tolist() == part.tokens[1].tolist()
    assert part.notes(12) == (
        "; left out to fit block_size=12: the oldest turns of 1 conversation and 1 whole "
        "conversation"
    )
    assert encode_conversations(texts[:1], Renderer(tokenizer), 12).notes(12) == ""


def test_a_row_may_be_one_token_longer_than_the_model(tokenizer):
    n = len(Renderer(tokenizer).render(conversation(3)).tokens)
    assert len(encoded(tokenizer, [3], n - 1)) == 1
    with pytest.raises(UserError, match=f"none of 1 conversation fits block_size={n - 2}"):
        encoded(tokenizer, [3], n - 2)


def test_a_batch_must_hold_the_longest_conversation(tokenizer):
    part = encoded(tokenizer, [3])
    with pytest.raises(UserError, match=r"tokens_per_batch=9 is too small .* choose at least 10"):
        ConversationBatches(part, part, tokens_per_batch=9, seed=0)


def test_the_fingerprint_depends_on_the_mask(tokenizer):
    part = encoded(tokenizer, [3])
    other = type(part)(part.tokens, [~mask for mask in part.counted])
    assert part.fingerprint != other.fingerprint


def test_the_loss_is_that_of_trl(tokenizer, torch, assert_close):
    """Two micro-batches of one update, as lines 1611 to 1618 of trl/trainer/sft_trainer.py.

    TRL 1.16.0: the sum over the tokens of the answers, divided by their number in the update.
    """
    part = encoded(tokenizer, [1, 5, 2, 9])
    batches = ConversationBatches(part, part, tokens_per_batch=50, seed=0)
    config = GPTConfig(
        n_layer=1, n_head=2, n_embd=8, block_size=64, vocab_size=tokenizer.vocab_size, dropout=0
    )
    objective = NextToken(GPT(config, dtype=np.float64))
    micro_batches = [batches.train_batch(i) for i in range(2)]
    weights = [objective.weight(batch) for batch in micro_batches]
    assert weights[0] != weights[1]
    loss, sums = 0.0, []
    for batch, weight in zip(micro_batches, weights, strict=True):
        own, _ = objective.loss(batch)
        loss += own * weight / sum(weights)
        logits, _ = objective.model.forward(batch.tokens)
        log_probs = torch.tensor(logits).log_softmax(-1)
        labels = torch.tensor(batch.targets)
        chosen = log_probs.gather(2, labels.clamp(min=0)[..., None])[..., 0]
        sums.append(-(chosen * (labels != -100)).sum().item())
    n_tokens = sum(int((batch.targets != -100).sum()) for batch in micro_batches)
    assert_close(loss, sum(sums) / n_tokens, 1e-12)
