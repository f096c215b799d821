"""Three objectives as a user would write them, without changes in ``scratchgpt/training``.

They are masked tokens, an embedding loss with a trained temperature, and an on-policy loss with
phases and state.
"""

from typing import NamedTuple

import numpy as np

from scratchgpt.accumulator import collect
from scratchgpt.backend import random_stream
from scratchgpt.generation import generate
from scratchgpt.layers import Embedding, Head, Layer, Linear, Parameter
from scratchgpt.layers.parameters import zeros
from scratchgpt.models import GPT, GPTConfig, TransformerConfig, TransformerEncoder
from scratchgpt.ops.cross_entropy import (
    IGNORE_INDEX,
    cross_entropy_backward,
    cross_entropy_forward,
)
from scratchgpt.text import TokenBatch
from scratchgpt.training import Objective, TrainConfig

VOCAB, TIME, MASK = 12, 8, 0
SEED = 5


# 1. Masked tokens (Devlin et al. 2018): predict the masked tokens.


class MaskedModel(Layer):
    """An encoder with a head that is tied to its embedding."""

    def __init__(self, dtype):
        config = TransformerConfig(
            n_encoder_layer=1,
            n_decoder_layer=1,
            n_head=2,
            n_embd=8,
            block_size=TIME,
            vocab_size=VOCAB,
            dropout=0.1,
        )
        self.encoder = TransformerEncoder(config)
        self.head = Head(self.encoder.embedding.wte.weight)
        self.initialize(0, dtype)


class MaskedTokens(Objective):
    def __init__(self, model):
        self.model = model

    def weight(self, batch):
        return np.count_nonzero(batch.targets != IGNORE_INDEX)

    def loss(self, batch, *, dropout_seed=None):
        x, encoder = self.model.encoder.forward(batch.tokens, dropout_seed=dropout_seed)
        logits, head = self.model.head.forward(x)  # (B, T, V)
        loss, cross_entropy = cross_entropy_forward(logits, batch.targets)
        return loss, (encoder, head, cross_entropy)

    def loss_backward(self, dloss, saved):
        encoder, head, cross_entropy = saved
        dlogits = cross_entropy_backward(
            dloss, cross_entropy, dlogits_out=cross_entropy.logits
        )  # overwrites saved arrays, which is allowed
        self.model.encoder.backward(self.model.head.backward(dlogits, head), encoder)

    def measures(self, saved):
        *_, (logits, _, targets, counted, *_) = saved
        return {"accuracy": float((logits.argmax(-1) == targets)[counted].mean())}


class MaskedBatches:
    """Rows that repeat one token, so that a masked token follows from its neighbors."""

    def _batch(self, *stream):
        rng = random_stream(SEED, *stream)
        tokens = np.repeat(rng.integers(1, VOCAB, (6, 1)), TIME, axis=1)  # none of them is MASK
        masked = rng.random(tokens.shape) < 0.3
        return TokenBatch(np.where(masked, MASK, tokens), np.where(masked, tokens, IGNORE_INDEX))

    def train_batch(self, index):
        return self._batch("train", index)

    def validation_batches(self):
        return (self._batch("validation", i) for i in range(2))


# 2. Embeddings (InfoNCE, van den Oord et al. 2018): each query finds its document in the batch.


class Pairs(NamedTuple):
    queries: np.ndarray  # (B, T)
    documents: np.ndarray  # (B, T)


class TwoTowers(Layer):
    """Map rows of tokens to the unit sphere, queries with one more layer; has a temperature."""

    def __init__(self, dtype):
        self.table = Embedding(VOCAB, 6, std=1.0)
        self.map = Linear(6, 6, std=0.5)
        self.log_scale = Parameter((1,), zeros)  # of 1 / temperature
        self.initialize(0, dtype)

    def embed(self, tokens, is_query):
        x, table = self.table.forward(tokens)  # (B, T, C)
        pooled = x.mean(axis=1)  # (B, C)
        mapped, of_map = self.map.forward(pooled) if is_query else (pooled, None)
        norm = np.sqrt((mapped * mapped).sum(axis=1, keepdims=True))  # (B, 1)
        return mapped / norm, (table, of_map, mapped / norm, norm, tokens.shape[1])

    def embed_backward(self, dy, saved):
        table, of_map, y, norm, n_time = saved
        dx = (dy - y * (y * dy).sum(axis=1, keepdims=True)) / norm  # (B, C)
        if of_map is not None:
            dx = self.map.backward(dx, of_map)
        self.table.backward(np.repeat(dx[:, None] / n_time, n_time, axis=1), table)


class Contrastive(Objective):
    splits = False  # the negatives are the other rows of the batch
    drops = False

    def __init__(self, model):
        self.model = model

    def weight(self, batch):
        return len(batch.queries)

    def loss(self, batch, *, dropout_seed=None):
        queries, of_queries = self.model.embed(batch.queries, is_query=True)  # (B, C)
        documents, of_documents = self.model.embed(batch.documents, is_query=False)
        scale = np.exp(self.model.log_scale.value)
        logits = scale * (queries @ documents.T)  # (B, B)
        loss, cross_entropy = cross_entropy_forward(logits, np.arange(len(queries)))
        saved = queries, documents, scale, logits, cross_entropy, of_queries, of_documents
        return loss, saved

    def loss_backward(self, dloss, saved):
        queries, documents, scale, logits, cross_entropy, of_queries, of_documents = saved
        dlogits = cross_entropy_backward(dloss, cross_entropy)
        collect(self.model.log_scale.accumulator, (dlogits * logits).sum(keepdims=True)[0])
        self.model.embed_backward(scale * (dlogits @ documents), of_queries)
        self.model.embed_backward(scale * (dlogits.T @ queries), of_documents)

    def measures(self, saved):
        scale, logits = saved[2], saved[3]
        found = logits.argmax(axis=1) == np.arange(len(logits))
        return {"accuracy": float(found.mean()), "temperature": 1 / float(scale[0])}


class PairBatches:
    """A document has the tokens of its query, each plus one."""

    def _batch(self, *stream):
        queries = random_stream(SEED, *stream).integers(0, VOCAB, (8, TIME))
        return Pairs(queries, (queries + 1) % VOCAB)

    def train_batch(self, index):
        return self._batch("train", index)

    def validation_batches(self):
        yield self._batch("validation")


def mean_reciprocal_rank(objective):
    """Mean reciprocal rank of the right document in one large set."""
    batch = PairBatches()._batch("held out")
    _, saved = objective.loss(batch)
    logits = saved[3]
    rank = 1 + (logits > np.diag(logits)[:, None]).sum(axis=1)
    return {"mrr": float((1 / rank).mean())}


# 3. On-policy (REINFORCE, Williams 1992): sample texts, and make the better ones more probable.

PROMPT, LIKED = 1, 3


class Rollouts(NamedTuple):
    tokens: np.ndarray  # (B, T)
    targets: np.ndarray  # (B, T), sampled by the model
    advantages: np.ndarray  # (B,)
    rewards: np.ndarray  # (B,)


class Reinforce(Objective):
    """REINFORCE with state: a moving baseline of the reward, and the last rewards."""

    def __init__(self, model):
        self.model = model
        self.baseline = 0.0
        self.rewards = np.zeros(3, np.float32)  # rewards of the last updates

    def weight(self, batch):
        return batch.targets.size

    def loss(self, batch, *, dropout_seed=None):
        logits, of_model = self.model.forward(batch.tokens, dropout_seed=dropout_seed)
        losses, of_losses = cross_entropy_forward(logits, batch.targets, reduction="none")
        share = batch.advantages[:, None] / losses.size  # (B, 1)
        return (share * losses).sum(), (of_model, of_losses, share, batch.rewards)

    def loss_backward(self, dloss, saved):
        of_model, of_losses, share, _ = saved
        dlosses = np.broadcast_to(dloss * share, of_losses.targets.shape)
        self.model.backward(cross_entropy_backward(dlosses, of_losses), of_model)

    def measures(self, saved):
        return {"reward": float(saved[-1].mean())}

    def updated(self, measures):
        self.rewards = np.append(self.rewards[1:], np.float32(measures["reward"]))

    def state(self):
        return {"baseline": self.baseline, "rewards": self.rewards}

    def load_state(self, state):
        self.baseline, self.rewards = state["baseline"], state["rewards"]


def write_texts(model, seed):
    """Sample a text for each of 16 seeds, (16, TIME); the reward counts the preferred token."""
    written = generate(model, [[PROMPT]], max_new_tokens=TIME, num_samples=16, seed=seed)
    texts = np.array([one.tokens for one in written])
    return texts, (texts == LIKED).mean(axis=1)


class RolloutBatches:
    """Phases of four steps with two micro-batches each, on texts sampled at the phase's start."""

    phase_steps = 4

    def begin_phase(self, phase, objective):
        texts, rewards = write_texts(objective.model, SEED + phase)
        tokens = np.concatenate([np.full((len(texts), 1), PROMPT), texts[:, :-1]], axis=1)
        advantages = rewards - objective.baseline
        objective.baseline += 0.3 * float(rewards.mean() - objective.baseline)
        self.rollouts = Rollouts(tokens, texts, advantages, rewards)

    def train_batch(self, index):
        rows = np.arange(8) + 8 * (index % 2)
        return Rollouts(*(array[rows] for array in self.rollouts))

    def validation_batches(self):
        return iter(())


class Case(NamedTuple):
    objective: Objective
    batches: object
    config: TrainConfig
    evaluate: object


def make(name, dtype=np.float32, **settings):
    """Make the parts of a run."""
    shared = {"lr": 0.02, "warmup_steps": 2, "schedule": "constant", "log_interval": 1}
    shared |= {"weight_decay": 0.0}
    if name == "masked":
        objective, evaluate = MaskedTokens(MaskedModel(dtype)), None
        batches = MaskedBatches()
        own = {"grad_accum": 2, "best": "val_accuracy", "best_mode": "max"}
    elif name == "contrastive":
        objective = Contrastive(TwoTowers(dtype))
        batches = PairBatches()
        evaluate = lambda: mean_reciprocal_rank(objective)  # noqa: E731
        own = {"best": "mrr", "best_mode": "max"}
    else:
        model = GPT(
            GPTConfig(n_layer=1, n_head=2, n_embd=8, block_size=TIME, vocab_size=VOCAB, dropout=0),
            dtype=dtype,
        )
        objective = Reinforce(model)
        batches = RolloutBatches()
        evaluate = lambda: {"test_reward": float(write_texts(model, 0)[1].mean())}  # noqa: E731
        own = {"grad_accum": 2, "best": "test_reward", "best_mode": "max"}
    config = TrainConfig(**{**shared, **own, **settings})
    return Case(objective, batches, config, evaluate)
