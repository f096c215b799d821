"""Classify texts with labels that no example was given for."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchgpt.embeddings import TextEncoder
from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.models.hub import find_folder
from scratchgpt.models.pretrained import read_config
from scratchgpt.zero_shot.by_embedding import ByEmbedding, Encoder
from scratchgpt.zero_shot.by_likelihood import TEXT, ByLikelihood
from scratchgpt.zero_shot.classification import Classification, classification, sigmoid, softmax
from scratchgpt.zero_shot.labels import parse_labels, parse_templates
from scratchgpt.zero_shot.language_model import LanguageModel

WAYS = ("embedding", "likelihood")
TEMPLATE = "This example is {}."
CONTENT_FREE = ("N/A", "", "[MASK]")  # as in Zhao et al. 2021


class Classifier:
    """Classifies texts with fixed labels; :func:`classify` explains the parameters.

    Labels are encoded once, when the classifier is created.

    Examples
    --------
    >>> from scratchgpt.models import GPT, GPTConfig
    >>> from scratchgpt.text import ByteTokenizer
    >>> from scratchgpt.zero_shot import Classifier, LanguageModel
    >>> gpt = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=8, block_size=64, vocab_size=257))
    >>> model = LanguageModel(gpt, ByteTokenizer())
    >>> classify = Classifier(["sports", "business"], model=model, by="likelihood")
    >>> [result] = classify(["The match ended with a goal."])
    >>> sorted(result["labels"]), round(sum(result["scores"]), 6)
    (['business', 'sports'], 1.0)
    """

    def __init__(
        self,
        candidate_labels: Sequence[str],
        *,
        model: Encoder | LanguageModel | Path | str,
        hypothesis_template: str | Sequence[str] = TEMPLATE,
        multi_label: bool = False,
        by: str = "embedding",
        norm: str | None = None,
        calibrate: bool = False,
        content_free: Sequence[str] = CONTENT_FREE,
        scale: float | None = None,
    ) -> None:
        if by not in WAYS:
            raise UserError(f"by={by!r} must be one of {', '.join(WAYS)}{did_you_mean(by, WAYS)}")
        given = parse_labels(candidate_labels)
        templates = parse_templates(hypothesis_template)
        if calibrate and (isinstance(content_free, str) or not len(content_free)):
            raise UserError("content_free must be a list of at least one text, such as 'N/A'")
        # Everything is computed in an order that does not depend on that of the user, so no score
        # depends on it, not even in its last bit.
        labels = sorted(given)
        self._columns = [labels.index(label) for label in given]
        self._names = [label.name for label in given]
        self._alone = multi_label or len(labels) == 1
        shared: dict[str, Any] = {"calibrate": calibrate, "content_free": content_free}
        self._way: ByEmbedding | ByLikelihood
        if by == "embedding":
            if norm is not None:
                raise UserError(f"norm={norm!r} is only for by='likelihood'; leave it out")
            for template in templates:
                if TEXT in template:
                    raise UserError(
                        f"the template {template!r} has {TEXT}, which is only for by='likelihood'"
                    )
            encoder = _encoder(model)
            self._way = ByEmbedding(encoder, labels, templates, scale=scale, **shared)
        else:
            if scale is not None:
                raise UserError(f"scale={scale} is only for by='embedding'; leave it out")
            if len(templates) > 1:
                raise UserError("by='likelihood' takes one template; give only one")
            if n := sum(bool(label.description) for label in labels):
                warnings.warn(
                    f"{counted(n, 'description')} of labels not used: the likelihood is that of "
                    "the names",
                    stacklevel=2,
                )
            norm = "pmi" if norm is None else norm
            language_model = _language_model(model)
            self._way = ByLikelihood(language_model, labels, templates[0], norm=norm, **shared)

    @property
    def n_truncated(self) -> int:
        """How many texts so far were longer than the language model's context."""
        return self._way.n_truncated if isinstance(self._way, ByLikelihood) else 0

    def __call__(self, texts: Sequence[str]) -> list[Classification]:
        """Classify each text; the results are in the order of the texts.

        Raises
        ------
        UserError
            If a text is empty, or the model's numbers are not finite.
        """
        texts = list(texts)
        for number, text in enumerate(texts, start=1):
            if not isinstance(text, str):
                raise UserError(f"text {number} is {text!r}, not a string")
            if not text.strip():
                raise UserError(f"text {number} is empty; there is nothing to classify")
        if not texts:
            return []
        logits = self._way.logits(texts, alone=self._alone)  # (N, L)
        scores = sigmoid(logits) if self._alone else softmax(logits)
        logits, scores = logits[:, self._columns], scores[:, self._columns]
        return [
            classification(text, self._names, *row)
            for text, *row in zip(texts, logits, scores, strict=True)
        ]


def classify(
    texts: str | Sequence[str],
    candidate_labels: Sequence[str],
    *,
    model: Encoder | LanguageModel | Path | str,
    hypothesis_template: str | Sequence[str] = TEMPLATE,
    multi_label: bool = False,
    by: str = "embedding",
    norm: str | None = None,
    calibrate: bool = False,
    content_free: Sequence[str] = CONTENT_FREE,
    scale: float | None = None,
) -> Classification | list[Classification]:
    r"""Sort texts into classes without examples, by an encoder of texts or a language model.

    The results have the form of Hugging Face's pipeline ``zero-shot-classification``. The order of
    the labels changes no score; labels with equal evidence are in the order given, and ``ties``
    lists them.

    Parameters
    ----------
    texts : str or sequence of str
    candidate_labels : sequence of str
        Names such as ``"sports"``, or with a description: ``"business: companies, stocks"``.
        Descriptions are used by embedding only. Names are not split at commas.
    model : TextEncoder, LanguageModel or path
        For ``by="embedding"`` an encoder of texts, for ``by="likelihood"`` a language model; or the
        folder of such a model or run.
    hypothesis_template : str or sequence of str
        Has ``{}`` in place of the label. By embedding, the vectors of several templates are
        averaged. By likelihood, the template follows the text on a new line, unless it has
        ``{text}`` in place of the text: ``"Review: {text}\nSentiment: {}"``.
    multi_label : bool
        False: the scores are a softmax over the labels and sum to 1. True: each label is judged
        alone, as is a single label.
    by : {"embedding", "likelihood"}
    norm : {"none", "tokens", "bytes", "pmi"}, optional
        By likelihood: divide the log-probability of a label by its tokens or bytes, or subtract its
        log-probability without the text (the default, ``"pmi"``).
    calibrate : bool
        Whether to correct the preference for some labels that the model has after texts without
        content.
    content_free : sequence of str
        These texts.
    scale : float, optional
        By embedding: the factor of the similarities in the softmax; by default the encoder's.

    Returns
    -------
    result : Classification, or list of Classification
        One for a string, and a list for a sequence.

    Raises
    ------
    UserError
        If an argument is not valid, a text is empty, or the model does not fit ``by``.

    Warns
    -----
    UserWarning
        If texts are longer than the language model's context: only their ends are read.
    """
    classifier = Classifier(
        candidate_labels,
        model=model,
        hypothesis_template=hypothesis_template,
        multi_label=multi_label,
        by=by,
        norm=norm,
        calibrate=calibrate,
        content_free=content_free,
        scale=scale,
    )
    results = classifier([texts] if isinstance(texts, str) else texts)
    if n := classifier.n_truncated:
        warnings.warn(truncation(n, len(results)), stacklevel=2)
    return results[0] if isinstance(texts, str) else results


def truncation(n: int, n_texts: int) -> str:
    """Return the message about texts that were too long."""
    return (
        f"{n:,} of {counted(n_texts, 'text')} too long for the model's context: only the end "
        "was read"
    )


def _language_model(model: Any) -> LanguageModel:
    if isinstance(model, LanguageModel):
        return model
    if isinstance(model, str | Path):
        return LanguageModel.from_pretrained(model)
    raise UserError(
        f"by='likelihood' needs a LanguageModel or the folder of one, not {type(model).__name__}"
    )


def _encoder(model: Any) -> Encoder:
    if isinstance(model, str | Path):
        return _load_encoder(model)
    if not hasattr(model, "encode_query"):
        raise UserError(
            f"by='embedding' needs a TextEncoder or the folder of one, not {type(model).__name__}; "
            "use by='likelihood' for a language model"
        )
    encoder: Encoder = model
    return encoder


def _load_encoder(path_or_name: Path | str) -> Encoder:
    folder = find_folder(path_or_name)
    if read_config(folder).verb == "generate":
        raise UserError(
            f"the model in {folder} is a language model, not an encoder of texts; use "
            "by='likelihood', or train an encoder from it with `scratchgpt contrastive --init`"
        )
    return TextEncoder.from_pretrained(folder)
