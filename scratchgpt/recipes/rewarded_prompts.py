"""Prompts with rewards of their answers, and the scores of a policy on those held out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat import (
    PromptSource,
    Renderer,
    RewardRule,
    RolloutBatches,
    Rollouts,
    find_format,
    sample_rollouts,
)
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.initial import initial_gpt
from scratchgpt.recipes.limits import check_memory
from scratchgpt.recipes.methods import RolloutConfig
from scratchgpt.text import Tokenizer
from scratchgpt.text.batches import evenly_spread

AT_ONCE = 8192  # positions of the answers that an evaluation samples together
MOST_PROMPTS = 2000  # of an evaluation


@dataclass(frozen=True)
class RewardedPrompts:
    """What a policy learns from: prompts, and rewards of its answers.

    Attributes
    ----------
    name : str
        Name of the prompts, for a person.
    source : PromptSource
    rule : RewardRule
    tokenizer : Tokenizer
    config : GPTConfig
        The configuration of the policy.
    fingerprint : str
        Identifies the prompts.
    score : str
        Name of the mean reward of held-out prompts: exact_match or mean_reward.
    described : str
        How many prompts there are.
    show : callable
        (number of a prompt) -> its text, for a person.
    """

    name: str
    source: PromptSource
    rule: RewardRule
    tokenizer: Tokenizer
    config: GPTConfig
    fingerprint: str
    score: str
    described: str
    show: Callable[[int], str]

    def new_policy(self, run: RunConfig) -> GPT:
        """Load the model that the run starts from; its answers end as those of the prompts."""
        check_memory(self.config, 1, only_adapters=run.lora_rank > 0)
        model = initial_gpt(run, self.config)
        if find_format(self.tokenizer) is not None:
            model.special_ids = Renderer(self.tokenizer).special_ids(model.special_ids)
        return model

    def batches(self, run: RunConfig, method: RolloutConfig) -> RolloutBatches[Any]:
        return RolloutBatches(
            self.source,
            self.rule,
            n_prompts=method.n_prompts,
            n_samples=method.n_samples,
            inner_epochs=method.inner_epochs,
            minibatches=method.minibatches,
            grad_accum=run.training.grad_accum,
            seed=run.training.seed,
        )

    def sample(self, model: GPT, seed: int) -> str:
        """Return a held-out prompt with the answer of the model and its reward."""
        numbers = self.source.held_out()
        numbers = numbers[[seed % len(numbers)]]
        rollouts = self._answers(model, numbers, 0.0, 0)
        [answer] = rollouts.answers()
        end = "" if rollouts.ended[0] else " ..."
        shown = self.tokenizer.decode(answer)
        reward = float(self.rule(numbers, rollouts)[0])
        return f"{self.show(int(numbers[0]))}{shown}{end}\nreward     {reward:g}"

    def scores(self, model: GPT) -> "PolicyScores":
        """Answer the held-out prompts, greedily and with one sample each."""
        held_out = self.source.held_out()
        numbers = held_out[evenly_spread(len(held_out), MOST_PROMPTS)]
        longest = max(map(len, self.source.prompts(numbers))) + self.source.max_new_tokens
        at_once = max(1, AT_ONCE // longest)
        rewards: tuple[list[Array], list[Array]] = ([], [])
        lengths, ended = [], []
        for start in range(0, len(numbers), at_once):
            some = numbers[start : start + at_once]
            for temperature, found in zip((0.0, 1.0), rewards, strict=True):
                rollouts = self._answers(model, some, temperature, start)
                found.append(self.rule(some, rollouts))
            lengths.append(rollouts.lengths)
            ended.append(rollouts.ended)
        greedy, sampled = (float(np.concatenate(found).mean()) for found in rewards)
        return PolicyScores(
            f"{self.name} not trained on",
            self.score,
            greedy,
            sampled,
            float(np.concatenate(lengths).mean()),
            float(np.concatenate(ended).mean()),
            len(numbers),
        )

    def _answers(self, model: GPT, numbers: Array, temperature: float, seed: int) -> Rollouts:
        return sample_rollouts(
            model,
            self.source.prompts(numbers),
            n_samples=1,
            max_new_tokens=self.source.max_new_tokens,
            ends=self.source.ends,
            temperature=temperature,
            seed=seed,
            vocab_size=self.source.vocab_size,
        )


@dataclass(frozen=True)
class PolicyScores:
    """The rewards of a policy on prompts that were held out; ``str`` formats them as a table.

    Attributes
    ----------
    name : str
        Name of the prompts.
    score : str
        Name of the mean reward.
    greedy, sampled : float
        Mean reward by greedy search, and of one sample per prompt.
    answer_length : float
        Mean number of tokens of the samples, with the token that ends them.
    ended : float
        Share of the samples that end by themselves.
    n_prompts : int
    """

    name: str
    score: str
    greedy: float
    sampled: float
    answer_length: float
    ended: float
    n_prompts: int

    def as_dict(self) -> dict[str, object]:
        return {
            "prompts": self.name,
            **self.as_scores(),
            "answer_length": self.answer_length,
            "ended": self.ended,
            "n_prompts": self.n_prompts,
        }

    def as_scores(self) -> dict[str, float]:
        """Return the scores of an evaluation during training."""
        return {self.score: self.greedy, f"sampled_{self.score}": self.sampled}

    def __str__(self) -> str:
        is_share = self.score == "exact_match"
        greedy, sampled = (
            f"{value:.2%}" if is_share else f"{value:.4f}" for value in (self.greedy, self.sampled)
        )
        return (
            f"{self.score.replace('_', ' '):14} {greedy} of {self.n_prompts:,} {self.name}, "
            "by greedy search\n"
            f"sampled        {sampled}, with one answer to each\n"
            f"answer length  {self.answer_length:.1f} (tokens); {self.ended:.1%} of the samples "
            "end by themselves"
        )
