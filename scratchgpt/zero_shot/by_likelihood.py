r"""Labels by likelihood: the label that a language model would write after the text.

The prompt :math:`x` has the text and the beginning of the template; :math:`y` is the label, with
what follows it in the template. The score of a label is, with ``norm``

.. math::

    \text{none:}\ \log p(y \mid x), \qquad
    \text{tokens, bytes:}\ \frac{\log p(y \mid x)}{n_y}, \qquad
    \text{pmi:}\ \log p(y \mid x) - \log p(y \mid d),

where :math:`n_y` is the length of :math:`y`, and :math:`d` is the beginning of the template without
the text. The last is the domain conditional pointwise mutual information [1]_: a label that is
frequent in any text gains nothing from it.

Contextual calibration [2]_ divides the probability of each label by its mean probability after
texts that say nothing. That is the paper's diagonal matrix W; the scores are scaled to sum to 1.

A label that is judged alone is compared with itself: its score after the text, minus its score
after :math:`d`, or after the texts that say nothing.

References
----------
.. [1] Holtzman et al., "Surface form competition: why the highest probability answer isn't always
   right", 2021, arXiv:2104.08315, equation 2.
.. [2] Zhao et al., "Calibrate before use: improving few-shot performance of language models", 2021,
   arXiv:2102.09690, section 5.
"""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.generation import start_tokens
from scratchgpt.zero_shot.continuations import log_probabilities
from scratchgpt.zero_shot.labels import PLACE, Label
from scratchgpt.zero_shot.language_model import LanguageModel

NORMS = ("none", "tokens", "bytes", "pmi")
TEXT = "{text}"  # the place of the text in a template


class ByLikelihood:
    """Scores labels by their probability after the text.

    Parameters
    ----------
    language_model : LanguageModel
    labels : sequence of Label
        Only their names are scored.
    template : str
        Has ``{}`` in place of the label, and may have ``{text}`` before it. Without ``{text}``, the
        template follows the text on a new line.
    norm : {"none", "tokens", "bytes", "pmi"}
    calibrate : bool
        Whether to divide by the probabilities after ``content_free``.
    content_free : sequence of str

    Attributes
    ----------
    n_truncated : int
        How many texts were too long, so that their beginnings were cut off.

    Raises
    ------
    UserError
        If the norm is unknown, the template is longer than the model, or the tokens of a label
        depend on what is before it.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        labels: Sequence[Label],
        template: str,
        *,
        norm: str,
        calibrate: bool,
        content_free: Sequence[str],
    ) -> None:
        if norm not in NORMS:
            raise UserError(
                f"norm={norm!r} must be one of {', '.join(NORMS)}{did_you_mean(norm, NORMS)}"
            )
        self._model, self._tokenizer = language_model.model, language_model.tokenizer
        before, after = template.split(PLACE)
        if before.count(TEXT) > 1 or TEXT in after:
            raise UserError(f"the template {template!r} must have {TEXT} once, and before {{}}")
        self._before, _, self._middle = before.rpartition(TEXT)
        if TEXT not in before:
            self._middle = "\n" + self._middle
        # Tokenizers join a space with the word that follows it.
        stripped = self._middle.rstrip(" ")
        space, self._middle = self._middle[len(stripped) :], stripped
        self._endings = [f"{space}{label.name}{after}" for label in labels]
        self._tokens = [self._encode_label(ending) for ending in self._endings]
        self._lengths = np.array([self._length(tokens, norm) for tokens in self._tokens])
        self._n_prompt = self._model.config.block_size + 1 - max(map(len, self._tokens))
        self._check_template(template)
        self.n_truncated = 0

        domain = self._raw(self._middle.lstrip("\n"))
        self._domain = domain if norm == "pmi" else np.zeros(len(labels))
        self._reference = (domain - self._domain) / self._lengths
        self._bias: Array = np.zeros(len(labels))
        if calibrate:
            z = np.stack([self._score(text) for text in content_free])
            log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
            self._bias = np.logaddexp.reduce(log_p, axis=0) - np.log(len(z))
            self._reference = z.mean(axis=0)
            self.n_truncated = 0

    def logits(self, texts: Sequence[str], *, alone: bool) -> Array:
        """Return the logit of each label, (N, L) in float64; see :meth:`ByEmbedding.logits`."""
        z = np.array([self._score(text) for text in texts]).reshape(len(texts), -1)
        return z - (self._reference if alone else self._bias)

    def log_likelihoods(self, texts: Sequence[str]) -> Array:
        """Return the log-probability of each label after each text, without ``norm``, (N, L)."""
        return np.array([self._raw(self._prompt(text)) for text in texts])

    def _prompt(self, text: str) -> str:
        return f"{self._before}{text}{self._middle}"

    def _score(self, text: str) -> Array:
        return (self._raw(self._prompt(text)) - self._domain) / self._lengths

    def _raw(self, prompt: str) -> Array:
        """Return the log-probability of each label after a prompt, (L,)."""
        try:
            tokens = self._tokenizer.encode_prompt(prompt)
        except UserError as error:
            raise UserError(f"{prompt[:40]!r}: {error}") from None
        self._check_boundaries(prompt, tokens)
        if not len(tokens):
            tokens = start_tokens(self._tokenizer)
        if len(tokens) > self._n_prompt:
            tokens = tokens[-self._n_prompt :]
            self.n_truncated += 1
        log_p = log_probabilities(self._model, tokens, self._tokens)
        return np.array([each.sum() for each in log_p])

    def _encode_label(self, ending: str) -> Array:
        tokens = self._tokenizer.encode_next(ending)
        if not len(tokens):
            raise UserError(f"the label {ending.strip()!r} has no tokens; choose another name")
        return tokens

    def _length(self, tokens: Array, norm: str) -> int:
        if norm == "bytes":
            return self._tokenizer.n_bytes(tokens)
        return len(tokens) if norm == "tokens" else 1

    def _check_template(self, template: str) -> None:
        """Check that the label and the words before it fit into the model."""
        n_fixed = max(1, len(self._tokenizer.encode_next(self._middle)))
        if n_fixed >= self._n_prompt:
            longest = max(map(len, self._tokens))
            raise UserError(
                f"the template {template!r} with the longest label has "
                f"{counted(n_fixed + longest, 'token')}, which leaves no room for the text: the "
                f"model's context has {self._model.config.block_size}; shorten both"
            )

    def _check_boundaries(self, prompt: str, tokens: Array) -> None:
        """Check that the tokens of prompt and label are those of the two together."""
        wholes = [self._tokenizer.encode_prompt(prompt + ending) for ending in self._endings]
        for ending, own, whole in zip(self._endings, self._tokens, wholes, strict=True):
            if not np.array_equal(whole, np.concatenate([tokens, own])):
                raise UserError(
                    f"the tokens of {ending!r} change after {prompt[-20:]!r}, so its probability "
                    "is not that of its tokens; put a space or a line break before {} in the "
                    "template"
                )
