"""Open the prompts and the rewards of a run that learns from rewards of sampled answers."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat import (
    Message,
    Renderer,
    RewardRule,
    find_format,
)
from scratchgpt.chat.answering import MOST_NEW_TOKENS
from scratchgpt.chat.chat_prompts import ChatPrompts, ModelReward, TextReward
from scratchgpt.chat.constraints import ALL_CONSTRAINTS, CONSTRAINTS, constraints_held_out
from scratchgpt.chat.messages import ASSISTANT, USER
from scratchgpt.chat.task_prompts import TaskPrompts, TaskReward
from scratchgpt.errors import UserError, counted
from scratchgpt.models import GPTConfig, GPTReward, load_pretrained
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.methods import RolloutConfig
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.rewarded_prompts import RewardedPrompts
from scratchgpt.recipes.sft import (
    Conversations,
    chat_config,
    is_constraints,
    load_chat_tokenizer,
    split_conversations,
)
from scratchgpt.text import TASKS, Tokenizer, load_tokenizer, task_from_spec


def check_prompts(run: RunConfig, method: RolloutConfig) -> None:
    """Check that the words of a run name prompts, and that its settings fit them.

    Raises
    ------
    UserError
    """
    names = f"a task ({', '.join(TASKS)}), {CONSTRAINTS}, or .jsonl files of conversations"
    if not run.corpus:
        raise UserError(f"there are no prompts to answer; name {names}")
    if run.init is None:
        raise UserError(
            "learning from rewards starts from a model that sometimes answers well; name it with "
            "init (--init)"
        )
    if run.training.best.startswith("val_"):
        raise UserError(
            f"best={run.training.best!r} is not measured, because there are no validation batches; "
            f"choose best={score_name(run.corpus)}"
        )
    is_file = not (is_task(run.corpus) or is_constraints(run.corpus))
    if is_file and method.reward_model is None:
        raise UserError(
            f"the answers to the prompts of {' and '.join(run.corpus)} have no reward; name a "
            "reward model with reward_model (--reward-model), a run of `scratchgpt reward`; or "
            f"name {names}"
        )
    if not is_file and method.reward_model is not None:
        raise UserError(
            f"reward_model={method.reward_model!r} has no effect: the rewards of {run.corpus[0]} "
            "are exact; leave it out"
        )
    if not is_task(run.corpus) and method.reward != RolloutConfig.reward:
        raise UserError(f"reward={method.reward!r} is for tasks only; leave it out")
    if is_task(run.corpus):
        task_from_spec(run.corpus[0])
        if method.max_new_tokens is not None:
            raise UserError(
                f"max_new_tokens={method.max_new_tokens} has no effect: the right answers of "
                f"{run.corpus[0]} have one length; leave it out"
            )
    if run.model.get("dropout"):
        raise UserError(
            f"dropout={run.model['dropout']} would change the ratio of new to old probabilities; "
            "leave it out"
        )
    chat_config(run)


def is_task(words: Sequence[str]) -> bool:
    """Whether the words of a run name a generated task, and not a file."""
    return len(words) == 1 and words[0].split(":")[0] in TASKS and not os.path.exists(words[0])


def score_name(words: Sequence[str]) -> str:
    """Return the name of the score of a run: rewards of 0 and 1 are an exact match."""
    return "exact_match" if is_task(words) or is_constraints(words) else "mean_reward"


def open_prompts(run: RunConfig, method: RolloutConfig) -> RewardedPrompts:
    """Open the prompts and the rewards of a run.

    Raises
    ------
    UserError
        If they do not fit the model that the run starts from.
    """
    assert run.init is not None  # checked before
    if is_task(run.corpus):
        return _open_task(run, method, load_tokenizer(find_model(Path(run.init))))
    tokenizer = load_chat_tokenizer(run)
    config = chat_config(run, tokenizer.vocab_size)
    if is_constraints(run.corpus):
        return _open_constraints(config, method, tokenizer)
    return _open_conversations(run, config, method, tokenizer)


def _open_task(run: RunConfig, method: RolloutConfig, tokenizer: Tokenizer) -> RewardedPrompts:
    task = task_from_spec(run.corpus[0])
    config = chat_config(run, task.vocab_size)
    if tokenizer.fingerprint != task.tokenizer.fingerprint:
        raise UserError(
            f"the model in {run.init} has not the symbols of {task.spec}; start from a run of "
            f"`scratchgpt train --task {task.spec}`"
        )
    if config.block_size < task.block_size:
        raise UserError(
            f"block_size={config.block_size} is too short for the task {task.spec}, whose problems "
            f"have {task.block_size} tokens; start from another model"
        )
    kind = "" if method.reward == "exact" else f" {method.reward}"
    return RewardedPrompts(
        f"problems of {task.spec}",
        TaskPrompts(task),
        TaskReward(task, method.reward),
        task.tokenizer,
        config,
        task.spec + kind,
        "exact_match" if method.reward == "exact" else "mean_reward",
        f"the task {task.spec}",
        lambda number: task.tokenizer.decode(task.encode(np.array([number]))[0][0]),
    )


def _open_constraints(
    config: GPTConfig, method: RolloutConfig, tokenizer: Tokenizer
) -> RewardedPrompts:
    renderer = Renderer(tokenizer)
    requests = [[Message(USER, str(one))] for one in ALL_CONSTRAINTS]
    source = _chat_prompts(requests, constraints_held_out(), renderer, config, method)
    rule = TextReward(renderer, lambda number, text: ALL_CONSTRAINTS[number].is_obeyed(text))
    return _chat(CONSTRAINTS, requests, source, rule, tokenizer, config, "exact_match")


def _open_conversations(
    run: RunConfig, config: GPTConfig, method: RolloutConfig, tokenizer: Tokenizer
) -> RewardedPrompts:
    assert method.reward_model is not None  # checked before
    directory = find_model(Path(method.reward_model))
    model = load_pretrained(directory)
    if not isinstance(model, GPTReward):
        raise UserError(
            f"reward_model: the model in {directory} {model.config.task}; name a run of "
            "`scratchgpt reward`"
        )
    theirs = load_tokenizer(directory)
    if theirs.fingerprint != tokenizer.fingerprint:
        raise UserError(
            f"the reward model in {method.reward_model} has another tokenizer than the model in "
            f"{run.init}; train it with `scratchgpt reward --init {run.init}`"
        )
    formats = [one.name if one else "none" for one in map(find_format, (theirs, tokenizer))]
    if formats[0] != formats[1]:
        raise UserError(
            f"the reward model in {method.reward_model} has the chat format {formats[0]}, and the "
            f"model in {run.init} {formats[1]}; train it with --chat-format {formats[1]}"
        )
    parts = split_conversations(run)
    prompts = [_up_to_answer(one) for part in parts for one in part]
    is_held_out = np.arange(len(prompts)) >= len(parts[0])
    # The reward model reads all tokens of an answer, and the policy all but the last.
    readable = min(config.block_size, model.config.block_size - 1)
    source = _chat_prompts(
        prompts, is_held_out, Renderer(tokenizer), config.replace(block_size=readable), method
    )
    rule = ModelReward(model, method.unended_penalty)
    name = " and ".join(run.corpus)
    return _chat(name, prompts, source, rule, tokenizer, config, "mean_reward")


def _up_to_answer(messages: list[Message]) -> list[Message]:
    """Return a conversation without its last answer and what follows."""
    last = max(i for i, message in enumerate(messages) if message.role == ASSISTANT)
    return messages[:last]


def _chat_prompts(
    prompts: Conversations,
    is_held_out: Array,
    renderer: Renderer,
    config: GPTConfig,
    method: RolloutConfig,
) -> ChatPrompts:
    default = min(MOST_NEW_TOKENS, max(1, config.block_size // 4))
    source = ChatPrompts(
        prompts,
        is_held_out,
        renderer,
        block_size=config.block_size,
        max_new_tokens=method.max_new_tokens or default,
    )
    if not len(source.held_out()):
        raise UserError(
            f"no held-out prompt fits in block_size={config.block_size} with answers of "
            f"{counted(source.max_new_tokens, 'token')}; choose a smaller max_new_tokens"
        )
    return source


def _chat(
    name: str,
    prompts: Conversations,
    source: ChatPrompts,
    rule: RewardRule,
    tokenizer: Tokenizer,
    config: GPTConfig,
    score: str,
) -> RewardedPrompts:
    left_out = f"; {counted(source.n_too_long, 'prompt')} left out, too long" * bool(
        source.n_too_long
    )
    described = (
        f"{counted(source.n_training, 'training prompt')}, {len(source.held_out()):,} held out"
        f"{left_out}"
    )
    return RewardedPrompts(
        f"prompts of {name}",
        source,
        rule,
        tokenizer,
        config,
        source.fingerprint,
        score,
        described,
        lambda number: f"user       {prompts[number][-1].content}\nassistant  ",
    )
