"""The files of a folder of sentence-transformers."""

import json
from pathlib import Path
from typing import Any

from scratchgpt.files import write_text

MODULES_FILE = "modules.json"
PROMPTS_FILE = "config_sentence_transformers.json"
TRANSFORMER_FILE = "sentence_bert_config.json"  # whatever the model is
MODULES = ("Transformer", "Pooling", "Normalize")

POOLINGS = {"last": "lasttoken", "mean": "mean"}
# The fields of versions before 6, which later versions read, too.
OLD_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

# Fields of our own in config.json, which other programs ignore.
LOG_SCALE, DIMS = "log_scale", "matryoshka_dims"


def write_json(path: Path, values: Any) -> None:
    write_text(path, json.dumps(values, indent=2) + "\n")
