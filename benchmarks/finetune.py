"""Fine-tuning with and without pre-training, on public sets of labeled texts.

python benchmarks/finetune.py --write DATA
scratchgpt train python-docs --tokenizer bpe:4096 --preset gpt-mini --out runs/pretrained
python benchmarks/finetune.py --data DATA --init runs/pretrained --seeds 0 1 2 --json FILE

The first command writes tables from the folder ``SCRATCHGPT_DATA``: banking77 (questions to a bank,
77 labels, 10,003 and 3,080 examples) and sentences (three sets of 1,000 reviews; each fifth
sentence of each set is held out, 2,400 and 600), in lower case. The model is chosen on a tenth of
the training examples, and the test examples are read only once, after training.

The same model is trained with the weights of ``--init``, with random weights, and with
``--without-lm`` also without the language-model loss. One JSON line per run is printed as soon as
it is finished; the table at the end has the means over the seeds.
"""

import argparse
import csv
import gzip
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from scratchgpt.models import GPTConfig
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes import configure, evaluate, train
from scratchgpt.recipes.model_folder import find_model

SETS = ("banking77", "sentences")
COLUMNS = ("text", "label")
HELD_OUT = 5  # each fifth sentence
# Of the configuration of a pre-trained model; the same sizes without pre-training.
SIZES = ("n_layer", "n_head", "n_embd", "n_inner", "bias", "norm_position", "activation")


def banking77(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield part, text and label."""
    for part in ("train", "test"):
        content = gzip.decompress((folder / f"banking77_{part}.csv.gz").read_bytes()).decode()
        rows = csv.DictReader(io.StringIO(content))
        yield from ((part, " ".join(row["text"].split()), row["category"]) for row in rows)


def sentences(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield part, text and label."""
    for path in sorted(folder.glob("uci_sentences_*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")):
            if line.strip():
                text, _, label = line.rpartition("\t")
                yield "test" if number % HELD_OUT == 0 else "train", " ".join(text.split()), label


def write_tables(out: Path) -> None:
    """Write a table for each part of each set."""
    folder = Path(os.environ["SCRATCHGPT_DATA"]) / "chat" / "classification"
    out.mkdir(parents=True)
    for name, read in (("banking77", banking77), ("sentences", sentences)):
        rows = list(read(folder))
        for part in ("train", "test"):
            some = [(text.lower(), label) for its, text, label in rows if its == part]
            with open(out / f"{name}_{part}.csv", "x", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([COLUMNS, *some])
            print(f"{name} {part}: {len(some):,} examples, {len({y for _, y in some})} labels")


def run_once(
    data: Path, name: str, start: str, seed: int, arguments: argparse.Namespace
) -> dict[str, object]:
    """Fine-tune one model, and evaluate it on the test examples."""
    init: Path = arguments.init
    config = read_config(find_model(init))
    assert isinstance(config, GPTConfig)
    model: dict[str, object] = {"block_size": min(arguments.block_size, config.block_size)}
    settings: dict[str, object] = {"init": str(init)}
    if start == "random weights":
        model |= {size: getattr(config, size) for size in SIZES}
        settings = {"tokenizer": str(find_model(init))}
    if start == "pre-trained, without LM":
        model["lm_weight"] = 0.0
    training = {"seed": seed, "epochs": arguments.epochs, "lr": arguments.lr}
    run = configure(
        task="classification",
        corpus=[str(data / f"{name}_train.csv")],
        model=model,
        training=training,
        **settings,
    )
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = train(run, Path(folder) / "run")
        seconds = time.perf_counter() - began
        scores = evaluate(Path(folder) / "run", str(data / f"{name}_test.csv")).as_dict()
    return {
        "set": name,
        "start": start,
        "seed": seed,
        "steps": result.step,
        "best_step": result.best_step,
        "lr": arguments.lr,
        "epochs": arguments.epochs,
        "seconds": round(seconds, 1),
        **{key: scores[key] for key in ("n_examples", "n_truncated", "model")},
        **{key: scores[key] for key in ("majority", "naive Bayes")},
    }


def accuracy(row: dict[str, object], method: str = "model") -> float:
    scores = row[method]
    assert isinstance(scores, dict)
    return float(scores["accuracy"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="write the tables to this new folder, and stop")
    parser.add_argument("--data", type=Path, help="folder of the tables")
    parser.add_argument("--init", type=Path, help="folder of the pre-trained model")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--block-size", type=int, default=128)
    parser.add_argument("--without-lm", action="store_true", help="also without the LM loss")
    parser.add_argument("--json", type=Path, help="also write all rows to this file")
    arguments = parser.parse_args()
    if arguments.write:
        write_tables(arguments.write)
        return
    if arguments.data is None or arguments.init is None:
        parser.error("--data and --init are required")

    starts = ["pre-trained", "random weights"]
    starts += ["pre-trained, without LM"] * arguments.without_lm
    rows = []
    for name in arguments.sets:
        for seed in arguments.seeds:
            for start in starts:
                rows.append(run_once(arguments.data, name, start, seed, arguments))
                print(json.dumps(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")

    print(f"{'':34}  accuracy, mean of {len(arguments.seeds)} seeds")
    for name in arguments.sets:
        some = [row for row in rows if row["set"] == name]
        for start in starts:
            found = [accuracy(row) for row in some if row["start"] == start]
            spread = f"({min(found):.2%} to {max(found):.2%})"
            print(f"{name:10}{start:24}  {mean(found):8.2%}  {spread}")
        for method in ("naive Bayes", "majority"):
            print(f"{name:10}{method:24}  {accuracy(some[0], method):8.2%}")


if __name__ == "__main__":
    main()
