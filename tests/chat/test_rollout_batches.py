import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat.enumerable_world import BLOCK_SIZE, VOCAB_SIZE, World
from scratchgpt.chat.grpo import GRPO
from scratchgpt.chat.rollout_batches import RolloutBatches
from scratchgpt.chat.task_prompts import TaskPrompts
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import task_from_spec

REWARDS = random_stream(0, "rewards").standard_normal(40)


@pytest.fixture
def grpo():
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": BLOCK_SIZE}
    return GRPO(GPT(GPTConfig(**sizes, vocab_size=VOCAB_SIZE)), n_samples=5, max_length=3)


def batches(**changes):
    world = World(REWARDS)
    return RolloutBatches(world, world, **{"n_prompts": 2, "n_samples": 5, "seed": 0, **changes})


def test_each_epoch_has_each_answer_once(grpo):
    source = batches(inner_epochs=2, minibatches=3, grad_accum=2)
    assert source.phase_steps == 6
    source.begin_phase(1, grpo)
    first = 1 * source.phase_steps * 2
    epochs = []
    for epoch in range(2):
        parts = [source.train_batch(first + 6 * epoch + i) for i in range(6)]
        epochs.append(np.concatenate([part.advantages[:, 0] for part in parts]))
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert len(epochs[0]) == 10
    assert epochs[0].tolist() != epochs[1].tolist()


def test_a_phase_is_a_function_of_the_parameters_and_its_number(grpo):
    results = []
    for phase in (3, 3, 4):
        source = batches()
        source.begin_phase(phase, grpo)
        results.append(source.train_batch(phase).tokens.tolist())
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_rewards_are_those_of_the_prompt_that_was_answered():
    task = task_from_spec("sort:3:6")
    source = TaskPrompts(task)
    seen = []

    def rule(numbers, rollouts):
        seen.append((numbers, rollouts.tokens))
        return numbers.astype(np.float64)

    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": task.block_size}
    model = GPT(GPTConfig(**sizes, vocab_size=task.vocab_size))
    grpo = GRPO(model, n_samples=3, max_length=source.max_new_tokens)
    phases = RolloutBatches(source, rule, n_prompts=4, n_samples=3, seed=0)
    phases.begin_phase(0, grpo)
    [(numbers, tokens)] = seen
    assert len(set(numbers.tolist())) > 1
    np.testing.assert_array_equal(tokens[:, : task.prompt_length], task.encode(numbers)[0])
    assert phases.train_batch(0).rewards.tolist() == numbers.tolist()


def test_there_is_nothing_to_validate(grpo):
    assert list(batches().validation_batches()) == []


def test_a_batch_of_another_phase_is_refused(grpo):
    source = batches(inner_epochs=2)
    with pytest.raises(ValueError, match="begin its phase"):
        source.train_batch(0)
    source.begin_phase(0, grpo)
    source.train_batch(1)
    with pytest.raises(ValueError, match="update 2 is not in phase 0"):
        source.train_batch(2)


def test_bad_sizes_are_refused():
    with pytest.raises(UserError, match="n_prompts=0"):
        batches(n_prompts=0)
    with pytest.raises(UserError, match="are more than 100,000 answers per phase"):
        batches(n_prompts=10**9)
    with pytest.raises(UserError, match="more than the 10 answers"):
        batches(minibatches=4, grad_accum=3)
