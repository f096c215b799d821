"""The two runs of ``scratchgpt search --setup``: a GPT that is trained on code, and an encoder.

The encoder starts with the weights of the GPT, as in Neelakantan et al. 2022, arXiv:2201.10005.
Both are trained on the functions of this Python and of its packages.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scratchgpt.backend import kernels_available
from scratchgpt.checkpoints import LAST, existing_checkpoint, find_checkpoint
from scratchgpt.embeddings import TextEncoder
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.contrastive import PRESET
from scratchgpt.recipes.resolve import configure, read_run
from scratchgpt.recipes.run_file import CONFIG_FILE
from scratchgpt.training.checkpoint import read_state

CORPUS = "python-code"


class Stage(NamedTuple):
    """A run of the setup.

    Attributes
    ----------
    what : str
        What it trains, for messages.
    out : Path
        Its folder.
    configure : callable
        ``(seed, precision) -> RunConfig``; the encoder can be configured when the GPT is finished.
    """

    what: str
    out: Path
    configure: Callable[[int, str], RunConfig]

    @property
    def is_started(self) -> bool:
        """Whether there is a run to resume."""
        return (self.out / CONFIG_FILE).exists() and existing_checkpoint(self.out, LAST) is not None

    @property
    def is_finished(self) -> bool:
        """Whether the run has done all its steps."""
        if not self.is_started:
            return False
        return read_state(find_checkpoint(self.out, LAST)).step == read_run(self.out).training.steps


def fastest_precision() -> str:
    """Return bf16 if this processor multiplies it directly, else float32."""
    if not kernels_available():
        return "float32"
    from scratchgpt.kernels.compiler.cpu import HAS_BFLOAT16_DOT

    return "bf16" if HAS_BFLOAT16_DOT else "float32"


def setup_stages(folder: Path) -> list[Stage]:
    """Return the two runs, in their order; their folders are inside ``folder``."""
    gpt = folder / "gpt"

    def encoder(seed: int, precision: str) -> RunConfig:
        training = {"steps": 1200, "seed": seed, "precision": precision}
        model = {"pooling": "mean"}  # better than the last token after a GPT this small
        return configure(
            task="contrastive", corpus=[CORPUS], init=str(gpt), model=model, training=training
        )

    return [
        Stage("a GPT on code, to start from", gpt, _language_model),
        Stage("an encoder of code", folder / "encoder", encoder),
    ]


def finish_setup(folder: Path, model: Path) -> None:
    """Write the encoder that the runs in ``folder`` have trained to the folder ``model``."""
    TextEncoder.from_pretrained(folder / "encoder").save_pretrained(model)


def _language_model(seed: int, precision: str) -> RunConfig:
    return configure(
        corpus=[CORPUS],
        tokenizer="bpe:4096",
        val_fraction=0.01,
        preset=PRESET,
        training={
            "steps": 3000,
            "batch_size": 32,
            "lr": 3e-3,
            "eval_interval": 500,
            "eval_batches": 20,
            "checkpoint_interval": 250,
            "seed": seed,
            "precision": precision,
        },
    )
