"""Contrastive training: an encoder of texts is trained on pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchgpt.embeddings import (
    Contrastive,
    ContrastiveBatches,
    EncodedPairs,
    TextEncoder,
    add_roles,
)
from scratchgpt.embeddings.roles import DOCUMENT, QUERY, add_delimiters, find_roles
from scratchgpt.errors import counted
from scratchgpt.evaluation.ranking import ranking_scores
from scratchgpt.models import GPTEncoder, GPTEncoderConfig
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.encoders import encoder_config, new_encoder
from scratchgpt.text import BPETokenizer, ProgressCallback, TokenRows, choose_tokenizer, train_bpe
from scratchgpt.text.code.python_code import PYTHON_CODE, mask_names, python_code
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer
from scratchgpt.text.pairs.text_pairs import TextPairs, training_text_pairs

PRESET = "search"
MOST_VALIDATION = 1000  # pairs that the ranking is measured on during training


@dataclass(frozen=True)
class ContrastiveData:
    """The pairs that an encoder is trained on.

    Attributes
    ----------
    tokenizer : BPETokenizer
        With the start tokens of queries and documents.
    name : str
        Name of the pairs in messages.
    config : GPTEncoderConfig
    train, val : EncodedPairs
    val_text : TextPairs
    n_cut : int
        Number of training texts that are longer than the model, whose rest is not read.
    notes : str
        What was read and what was left out.
    """

    tokenizer: BPETokenizer
    name: str
    config: GPTEncoderConfig
    train: EncodedPairs
    val: EncodedPairs
    val_text: TextPairs
    n_cut: int
    notes: str

    @property
    def fingerprint(self) -> str:
        return f"{self.train.fingerprint} {self.val.fingerprint}"

    def new_model(self, run: RunConfig) -> GPTEncoder:
        model = new_encoder(run, self.config)
        end = self.tokenizer.end_of_text
        if end is not None and end not in model.special_ids.ends:
            model.special_ids = model.special_ids.with_end(end)
        return model

    def objective(self, run: RunConfig, model: GPTEncoder) -> Contrastive:
        training = run.training
        return Contrastive(
            model, tokens_per_batch=training.tokens_per_batch, recompute=training.recompute
        )

    def batches(self, run: RunConfig, model: GPTEncoder) -> ContrastiveBatches:
        training = run.training
        return ContrastiveBatches(
            self.train,
            self.val,
            batch_size=training.batch_size,
            seed=training.seed,
            val_batches=training.eval_batches,
            token_dropout=training.token_dropout,
            mixed_pairs=training.mixed_pairs,
        )

    def describe(self, model: GPTEncoder) -> str:
        text = (
            f"{len(self.train):,} training and {counted(len(self.val), 'validation pair')} of "
            f"{self.name} ({counted(self.tokenizer.vocab_size, 'different token')})"
        )
        if self.n_cut:
            text += (
                f"; {counted(self.n_cut, 'training text')} longer than "
                f"block_size={self.config.block_size}, whose rest is not read"
            )
        return text + self.notes

    def sample(self, model: GPTEncoder, seed: int) -> str:
        """Return a validation query, and the beginning of the document that the model finds."""
        pairs = self.val_text
        row = seed % len(pairs)
        cosines = self._cosines(model, pairs, [row])
        best = int(cosines[0].argmax())
        rank = 1 + int((cosines[0] > cosines[0, row]).sum())
        found = "\n".join(pairs.documents[best].splitlines()[:4])
        return f"query  {pairs.queries[row]}\nfound  {found}\nrank of its own document: {rank}"

    def evaluate(self, model: GPTEncoder) -> dict[str, float]:
        """Rank the validation documents for each validation query."""
        pairs = self.val_text.take(range(min(MOST_VALIDATION, len(self.val_text))))
        cosines = self._cosines(model, pairs, range(len(pairs)))
        scores = ranking_scores([cosines], [{i} for i in range(len(pairs))])
        return {"mrr@10": scores.means["mrr@10"]}

    def _cosines(self, model: GPTEncoder, pairs: TextPairs, rows: Sequence[int]) -> np.ndarray:
        encoder = TextEncoder(model, self.tokenizer)
        encoder.n_truncated = self.n_cut  # already told
        queries = encoder.encode_query([pairs.queries[row] for row in rows])
        return encoder.similarity(queries, encoder.encode_document(pairs.documents))


def open_contrastive(run: RunConfig, progress: ProgressCallback | None = None) -> ContrastiveData:
    """Read the pairs of a run, and train its tokenizer.

    Raises
    ------
    UserError
        If the pairs cannot be read, or the tokenizer cannot have the start tokens.
    """
    name, notes = " and ".join(run.corpus), ""
    masked = None
    if len(run.corpus) == 1 and run.corpus[0] in PYTHON_CODE:
        code = python_code(run.corpus[0])
        train, val, notes = code.train, code.validation, f"; {code.counts}"
        masked = mask_names(train, code.train_names)
    else:
        train, val = training_text_pairs(run.corpus, run.val_fraction)
    tokenizer = add_roles(_tokenizer(run.tokenizer, train))
    config = encoder_config(run, PRESET, tokenizer.vocab_size)
    encode = _Encoding(tokenizer, config.block_size)
    documents = [encode(train.documents, DOCUMENT)]
    if masked is not None:  # half of the time, so that the name does not say everything
        documents.append(encode(masked.documents, DOCUMENT))
    encoded = encode.pairs(train, documents)
    n_cut = encode.n_cut
    validation = encode.pairs(val, [encode(val.documents, DOCUMENT)])
    return ContrastiveData(tokenizer, name, config, encoded, validation, val, n_cut, notes)


class _Encoding:
    """Encodes texts with the start token of their role, and counts those that are cut."""

    def __init__(self, tokenizer: BPETokenizer, most: int) -> None:
        self.tokenizer = tokenizer
        roles = find_roles(tokenizer)
        assert roles is not None  # add_roles has added them
        self.roles = roles
        self.most = most
        self.n_cut = 0

    def __call__(self, texts: Sequence[str], role: str) -> TokenRows:
        start = [self.roles.starts[role]]
        rows, n_cut = add_delimiters(
            self.tokenizer.encode_all(texts), start, self.roles.end, self.most
        )
        self.n_cut += n_cut
        return TokenRows.of(rows, self.tokenizer.vocab_size)

    def pairs(self, pairs: TextPairs, documents: Sequence[TokenRows]) -> EncodedPairs:
        queries = self(pairs.queries, QUERY)
        if pairs.negatives is None:
            return EncodedPairs(queries, documents)
        negatives = [text for each in pairs.negatives for text in each]
        counts = np.array([len(each) for each in pairs.negatives], np.int64)
        return EncodedPairs(queries, documents, self(negatives, DOCUMENT), counts)


def _tokenizer(spec: str, pairs: TextPairs) -> BPETokenizer:
    choice = choose_tokenizer(spec)
    if isinstance(choice, UntrainedTokenizer) and choice.bpe_size is not None:
        return train_bpe([*pairs.queries, *pairs.documents], choice.bpe_size)
    return choice  # type: ignore[return-value] # add_roles refuses other kinds
