"""Conversations as prompts, and rewards of the answers of a chat model."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.messages import Conversation
from scratchgpt.chat.rendering import Renderer
from scratchgpt.chat.rollouts import Rollouts
from scratchgpt.errors import UserError, counted
from scratchgpt.memory import Arena
from scratchgpt.models import GPTReward

AT_ONCE = 8192  # positions of a batch of a reward model


class ChatPrompts:
    """Conversations that the assistant continues; each has a number, its index.

    The oldest turns of a longer conversation are left out. A conversation whose last turn does not
    fit is left out.

    Parameters
    ----------
    conversations : sequence of conversations
        Up to the answer.
    is_held_out : bool array (N,)
        Which of them are held out.
    renderer : Renderer
    block_size : int
        The context of the policy.
    max_new_tokens : int
        Maximum number of tokens of an answer, with its end.

    Attributes
    ----------
    n_too_long : int
        Number of conversations that are left out.

    Raises
    ------
    UserError
        If there is none to train on.
    """

    def __init__(
        self,
        conversations: Sequence[Conversation],
        is_held_out: Array,
        renderer: Renderer,
        *,
        block_size: int,
        max_new_tokens: int,
    ) -> None:
        room = block_size + 1 - max_new_tokens  # the last token is not read
        rendered = [renderer.prompt(one, room).tokens for one in conversations]
        fits = np.array([len(tokens) <= room for tokens in rendered], bool)
        self._prompts = rendered
        self._train = np.flatnonzero(fits & ~is_held_out)
        self._held_out = np.flatnonzero(fits & is_held_out)
        self.n_too_long = int((~fits).sum())
        self.ends: tuple[int, ...] = renderer.special_ids().ends
        self.max_new_tokens = max_new_tokens
        self.vocab_size = renderer.tokenizer.vocab_size
        if not len(self._train):
            raise UserError(
                f"no prompt fits in block_size={block_size} with answers of "
                f"{counted(max_new_tokens, 'token')}; choose a smaller max_new_tokens, or shorter "
                "prompts"
            )

    @property
    def n_training(self) -> int:
        return len(self._train)

    @property
    def fingerprint(self) -> str:
        """A hash of the tokens of all prompts, and which are held out."""
        digest = hashlib.sha256()
        for part in (self._train, self._held_out):
            for row in self.prompts(part):
                digest.update(len(row).to_bytes(8, "little") + row.astype("<u4").tobytes())
            digest.update(b"-")
        return digest.hexdigest()

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw without replacement as long as there are prompts that were not drawn."""
        repeats = -(-n // len(self._train))
        orders = [rng.permutation(self._train) for _ in range(repeats)]
        return np.concatenate(orders)[:n]

    def held_out(self) -> Array:
        return self._held_out

    def prompts(self, numbers: Array) -> list[Array]:
        return [self._prompts[i] for i in numbers]


class TextReward:
    """A reward that is computed from the text of an answer; 0 if the answer is cut.

    Parameters
    ----------
    renderer : Renderer
    reward : callable
        (number of the prompt, text of the answer) -> float
    """

    def __init__(self, renderer: Renderer, reward: Callable[[int, str], float]) -> None:
        self._tokenizer = renderer.tokenizer
        self._reward = reward

    def __call__(self, numbers: Array, rollouts: Rollouts) -> Array:
        rewards = np.zeros(len(numbers))
        for i in np.flatnonzero(rollouts.ended):
            tokens = rollouts.tokens[i, rollouts.counted[i]][:-1]
            rewards[i] = self._reward(int(numbers[i]), self._tokenizer.decode(tokens))
        return rewards


class ModelReward:
    """The score of a reward model, minus a penalty for answers that are cut.

    Parameters
    ----------
    model : GPTReward
        With the tokenizer of the policy.
    unended_penalty : float
        Subtracted from the score of an answer without an end, as ``missing_eos_penalty`` in TRL.
    """

    def __init__(self, model: GPTReward, unended_penalty: float = 0.0) -> None:
        self.model = model
        self._penalty = unended_penalty

    def __call__(self, numbers: Array, rollouts: Rollouts) -> Array:
        n_rows, n_tokens = rollouts.tokens.shape
        lengths = n_tokens - rollouts.counted[:, ::-1].argmax(axis=1)  # of prompt and answer
        scores = np.zeros(n_rows)
        at_once = max(1, AT_ONCE // n_tokens)
        arena = Arena()
        for start in range(0, n_rows, at_once):
            rows = slice(start, start + at_once)
            width = int(lengths[rows].max())
            with arena:
                scores[rows] = self.model.forward(rollouts.tokens[rows, :width], lengths[rows])[0]
        return scores - self._penalty * ~rollouts.ended
