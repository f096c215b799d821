r"""Labels by embedding: the label whose sentence has the vector nearest to that of the text.

With the unit vectors :math:`t` of a text and :math:`\ell_y` of the label's sentence, the logit is

.. math::

    z_y = s\,(t \cdot \ell_y - b_y),

with the scale :math:`s` that the encoder was trained with [1]_. The scores are the softmax over the
labels. Several templates make several sentences for each label; their unit vectors are averaged.
Calibration sets :math:`b_y` to the mean similarity of the label with texts that say nothing, such
as "N/A"; otherwise it is 0. If each label is judged alone, its logit is compared with that of the
template without any label.

Every label and every text is encoded once.

References
----------
.. [1] Neelakantan et al., "Text and code embeddings by contrastive pre-training", 2022,
   arXiv:2201.10005, section 3.1.2.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from scratchgpt.arguments import check_real
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.zero_shot.labels import PLACE, Label


class Encoder(Protocol):
    """What is needed of an encoder; :class:`scratchgpt.embeddings.TextEncoder` has it."""

    @property
    def scale(self) -> float:
        """The factor of the similarities in the softmax that the encoder was trained with."""

    def encode_query(self, texts: Any) -> Array:
        """texts -> unit vectors (N, d) of short texts, such as titles"""

    def encode_document(self, texts: Any) -> Array:
        """texts -> unit vectors (N, d) of whole texts"""


class ByEmbedding:
    """Scores labels by the similarity of embeddings.

    Parameters
    ----------
    encoder : TextEncoder
    labels : sequence of Label
        A description is a part of the sentence.
    templates : sequence of str
        Each has ``{}`` in place of the label.
    scale : float, optional
        By default, that of the encoder.
    calibrate : bool
        Whether to subtract the mean similarity with ``content_free``.
    content_free : sequence of str
    """

    def __init__(
        self,
        encoder: Encoder,
        labels: Sequence[Label],
        templates: Sequence[str],
        *,
        scale: float | None,
        calibrate: bool,
        content_free: Sequence[str],
    ) -> None:
        self._encoder = encoder
        self._scale = check_real("scale", encoder.scale if scale is None else scale)
        if not 0 < self._scale < np.inf:
            raise UserError(f"scale={scale} must be a finite number above 0")
        # The last sentence has no label: labels that are judged alone are compared with it.
        fillings = [*map(str, labels), ""]
        sentences = [template.replace(PLACE, text) for text in fillings for template in templates]
        vectors = _unit(encoder.encode_query(sentences))
        means = vectors.reshape(len(fillings), len(templates), -1).mean(axis=1)
        self._labels = _unit(means)  # (L + 1, d)
        self._offsets: Array = np.zeros(len(fillings))
        if calibrate:
            self._offsets = self._similarities(content_free).mean(axis=0)

    def logits(self, texts: Sequence[str], *, alone: bool) -> Array:
        """Return the logit of each label, (N, L) in float64.

        Parameters
        ----------
        texts : sequence of str
        alone : bool
            Whether the logits are for the sigmoid of each label, instead of a softmax over all.
        """
        z = self._scale * (self._similarities(texts) - self._offsets)  # (N, L + 1)
        return z[:, :-1] - z[:, -1:] if alone else z[:, :-1]

    def _similarities(self, texts: Sequence[str]) -> Array:
        """Return the cosine of each text with each label and with the sentence without one."""
        vectors = _unit(self._encoder.encode_document(list(texts)))
        # One product per label: a matrix product rounds a row differently in another batch.
        return np.stack([(vectors * label).sum(axis=1) for label in self._labels], axis=1)


def _unit(vectors: Array) -> Array:
    """Return vectors (N, d) in float64 with length 1; a vector of zeros is unchanged."""
    vectors = np.asarray(vectors, np.float64)
    if not np.isfinite(vectors).all():
        raise UserError(
            "the encoder's vectors are NaN or infinite: its weights are damaged, or its training "
            "diverged; use an earlier checkpoint"
        )
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return vectors / np.where(lengths > 0, lengths, 1)
