"""Supervised fine-tuning: a GPT is trained on the answers of conversations."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scratchgpt.chat import (
    Conversation,
    ConversationBatches,
    EncodedConversations,
    Message,
    Renderer,
    answer,
    chat_tokenizer,
    encode_conversations,
    find_format,
    named_format,
    read_conversations,
    with_format,
)
from scratchgpt.chat.constraints import CONSTRAINTS, constraint_conversations
from scratchgpt.chat.messages import ASSISTANT, USER
from scratchgpt.chat.recognition import not_recognized
from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation import mean_loss
from scratchgpt.generation import SamplingConfig
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.recipes.config import PRESET, RunConfig
from scratchgpt.recipes.initial import changed_config, config_of_init, initial_gpt
from scratchgpt.recipes.limits import check_memory
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.text import (
    BPETokenizer,
    ProgressCallback,
    Tokenizer,
    choose_tokenizer,
    load_tokenizer,
    train_bpe,
)
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer
from scratchgpt.text.pairs.text_pairs import split_groups
from scratchgpt.training import NextToken

SAMPLING = SamplingConfig(temperature=0.8, top_p=0.95)
Conversations = list[list[Message]]


@dataclass(frozen=True)
class SFTData:
    """The conversations that a model is fine-tuned on.

    Attributes
    ----------
    tokenizer : BPETokenizer
        With the tokens of its chat format.
    config : GPTConfig
    train, val : EncodedConversations
    val_text : list of conversations
    """

    tokenizer: BPETokenizer
    config: GPTConfig
    train: EncodedConversations
    val: EncodedConversations
    val_text: Conversations

    @property
    def fingerprint(self) -> str:
        return f"{self.train.fingerprint} {self.val.fingerprint}"

    def new_model(self, run: RunConfig) -> GPT:
        return new_chat_gpt(run, self.config, self.tokenizer)

    def objective(self, run: RunConfig, model: GPT) -> NextToken:
        return NextToken.from_config(model, run.training)

    def batches(self, run: RunConfig, model: GPT) -> ConversationBatches:
        training = run.training
        return ConversationBatches(
            self.train,
            self.val,
            tokens_per_batch=training.tokens_per_batch,
            seed=training.seed,
            val_batches=training.eval_batches,
        )

    def describe(self, model: GPT) -> str:
        train = self.train
        return (
            f"{len(train):,} training and {counted(len(self.val), 'validation conversation')}; "
            f"{train.n_counted / train.n_tokens:.0%} of "
            f"{counted(train.n_tokens, 'training token')} count"
            f"{train.notes(model.config.block_size)}"
        )

    def sample(self, model: GPT, seed: int) -> str:
        """Return the last turn of a validation conversation, with the answer of the model."""
        messages = self.val_text[seed % len(self.val_text)]
        last = max(i for i, message in enumerate(messages) if message.role == ASSISTANT)
        return sample_answer(model, Renderer(self.tokenizer), messages[:last], seed)

    def evaluate(self, model: GPT) -> dict[str, float]:
        return {}  # the validation loss is the only score


def open_sft(run: RunConfig, progress: ProgressCallback | None = None) -> SFTData:
    """Read the conversations of a run, and train its tokenizer if it has none.

    Raises
    ------
    UserError
        If the conversations cannot be read or do not fit, or the tokenizer cannot have the
        tokens of the chat format.
    """
    train, val = split_conversations(run)
    texts = [message.content for messages in train for message in messages]
    tokenizer = chat_tokenizer(trained_tokenizer(run.tokenizer, texts), run.chat_format)
    config = chat_config(run, tokenizer.vocab_size)
    renderer = Renderer(tokenizer)
    encoded, encoded_val = (
        encode_conversations(part, renderer, config.block_size) for part in (train, val)
    )
    return SFTData(tokenizer, config, encoded, encoded_val, val)


def split_conversations(run: RunConfig) -> tuple[Conversations, Conversations]:
    """Read the conversations of a run, in a training and a validation part.

    Conversations with the same first message of the user are in the same part.
    """
    conversations = read_corpus(run.corpus)
    keys = [next((m.content for m in one if m.role == USER), "") for one in conversations]
    train, val = split_groups(keys, run.val_fraction)
    if not val:
        raise UserError(
            f"{' and '.join(run.corpus)} has only conversations with the same first message, so "
            "that none can be held out for validation; add others"
        )
    return [conversations[i] for i in train], [conversations[i] for i in val]


def read_corpus(words: Sequence[str]) -> Conversations:
    """Read the conversations that command-line words name: JSONL files, or ``constraints``."""
    return constraint_conversations() if is_constraints(words) else read_conversations(words)


def is_constraints(words: Sequence[str]) -> bool:
    """Whether the words name requests with constraints, and not a file."""
    return list(words) == [CONSTRAINTS] and not os.path.exists(CONSTRAINTS)


def trained_tokenizer(spec: str, texts: Sequence[str]) -> Tokenizer:
    """Return the tokenizer that ``spec`` names, trained on texts if it must be."""
    choice = choose_tokenizer(spec)
    if isinstance(choice, UntrainedTokenizer):
        if choice.bpe_size is None:
            raise UserError(
                f"tokenizer={spec!r}: conversations need a bpe tokenizer; choose bpe:4096"
            )
        return train_bpe(texts, choice.bpe_size)
    return choice


def load_chat_tokenizer(run: RunConfig) -> BPETokenizer:
    """Load the tokenizer of the chat model that a run starts from.

    Raises
    ------
    UserError
        If the format of its conversations is not known.
    """
    assert run.init is not None  # checked before
    own = load_tokenizer(find_model(Path(run.init)))
    tokenizer = named_format(with_format(own, run.chat_format))
    if find_format(tokenizer) is None or not isinstance(tokenizer, BPETokenizer):
        raise not_recognized(f"the model in {run.init}")
    return tokenizer


def chat_config(run: RunConfig, vocab_size: int | None = None) -> GPTConfig:
    """Return the configuration of the GPT that a run trains: that of ``init``, or of a preset."""
    of_tokenizer = {} if vocab_size is None else {"vocab_size": vocab_size}
    if run.init is None:
        return run.model_config(GPTConfig, **of_tokenizer)
    config = config_of_init(run, PRESET, "a chat model")
    if type(config) is not GPTConfig:
        raise UserError(f"the model in {run.init} {config.task}; a chat model starts from a GPT")
    return changed_config(run, GPTConfig, config.as_dict(), vocab_size)


def new_chat_gpt(run: RunConfig, config: GPTConfig, tokenizer: BPETokenizer) -> GPT:
    """Make the GPT of a run; its texts end with the end of an answer."""
    check_memory(config, 1, only_adapters=run.lora_rank > 0)
    model = GPT(config, seed=run.training.seed) if run.init is None else initial_gpt(run, config)
    model.special_ids = Renderer(tokenizer).special_ids(model.special_ids)
    return model


def sample_answer(model: GPT, renderer: Renderer, messages: Conversation, seed: int) -> str:
    """Return the last message of a conversation, with the answer of the model."""
    result = answer(model, renderer, messages, sampling=SAMPLING, seed=seed)
    question = messages[-1].content if messages else ""
    return f"user       {question}\nassistant  {result.text}{'' if result.is_complete else ' ...'}"


@dataclass(frozen=True)
class SFTEvaluation:
    """The loss of a model on the answers of conversations; ``str`` formats it as a table."""

    name: str
    loss: float
    n_tokens: int
    n_conversations: int
    notes: str

    @classmethod
    def of(
        cls, model: GPT, tokenizer: Tokenizer, conversations: Conversations, name: str, most: int
    ) -> "SFTEvaluation":
        """Evaluate a model in batches of at most ``most`` tokens."""
        block_size = model.config.block_size
        part = encode_conversations(conversations, Renderer(tokenizer), block_size)
        most = max(most, block_size)
        batches = ConversationBatches(part, part, tokens_per_batch=most, seed=0)
        loss, n_tokens = mean_loss(NextToken(model).losses(batches.validation_batches()))
        return cls(name, loss, n_tokens, len(part), part.notes(block_size))

    def as_dict(self) -> dict[str, object]:
        return {**vars(self), "perplexity": float(np.exp(self.loss))}

    def __str__(self) -> str:
        return (
            f"loss           {self.loss:.4f} nats per token of the answers\n"
            f"perplexity     {np.exp(self.loss):.3f}\n"
            f"tokens         {self.n_tokens:,} of the answers in "
            f"{counted(self.n_conversations, 'conversation')} of {self.name}{self.notes}"
        )
