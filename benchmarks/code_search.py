"""Search for code by its documentation: encoders, a bag of words and BM25 on the same queries.

    python benchmarks/code_search.py --model runs/code-0 --model runs/code-1 --bag-of-words 3

The queries are the held-out part of ``python-code`` (the first paragraph of a docstring, among
1,000 functions of the standard library), the same with the names of the functions masked, and the
test part of CoSQA. Each model is the folder of a run of ``scratchgpt contrastive python-code``. The
bag of words is the mean of the vectors of a text's tokens, trained by the same contrastive loss on
the same pairs. One line of JSON per model and task, then the means over the models.
"""

import argparse
import json
from collections import defaultdict
from typing import Any

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.embeddings import TextEncoder
from scratchgpt.evaluation import BM25, cosqa, hybrid_scores, paired_bootstrap, ranking_scores
from scratchgpt.evaluation.ranking import RankingTask
from scratchgpt.layers import Embedding, Layer, Parameter
from scratchgpt.layers.parameters import zeros
from scratchgpt.ops.contrastive import contrastive_backward, contrastive_forward
from scratchgpt.ops.unit import unit_backward, unit_forward
from scratchgpt.optim import AdamW
from scratchgpt.recipes.search_evaluation import pairs_task
from scratchgpt.text import train_bpe
from scratchgpt.text.code.more_pairs import MORE_PAIRS
from scratchgpt.text.code.python_code import CodeCorpus, mask_names, python_code
from scratchgpt.text.code.words import words

METRICS = ("mrr@10", "ndcg@10", "recall@10")


class BagOfWords(Layer):
    """The mean of the vectors of a text's tokens."""

    def __init__(self, vocab_size: int, n_channels: int, seed: int) -> None:
        self.table = Embedding(vocab_size, n_channels, std=0.1)
        self.log_scale = Parameter((1,), zeros)
        self.initialize(seed)
        self.log_scale.value[...] = np.log(20)

    def forward(self, texts: list[Array]) -> tuple[Array, Any]:
        tokens = np.concatenate(texts)
        lengths = np.array([len(text) for text in texts])
        x, saved = self.table.forward(tokens[None])
        sums = np.add.reduceat(x[0], np.cumsum(lengths) - lengths, axis=0)
        units, unit = unit_forward(sums / lengths[:, None].astype(np.float32))
        return units, (saved, lengths, unit)

    def backward(self, dy: Array, saved: Any) -> None:
        embedding, lengths, unit = saved
        dmean = unit_backward(dy, unit) / lengths[:, None].astype(np.float32)
        self.table.backward(np.repeat(dmean, lengths, axis=0)[None], embedding)


def train_bag_of_words(code: CodeCorpus, seed: int, *, steps: int = 800, size: int = 512) -> Any:
    """Train the bag of words; return a function from texts to unit vectors."""
    pairs = code.train
    tokenizer = train_bpe([*pairs.queries, *pairs.documents], 4096)
    masked = mask_names(pairs, code.train_names)
    queries, *versions = (
        tokenizer.encode_all([text or " " for text in texts])
        for texts in (pairs.queries, pairs.documents, masked.documents)
    )
    model = BagOfWords(tokenizer.vocab_size, 128, seed)
    optimizer = AdamW(model.store, weight_decay=0.0)
    for step in range(steps):
        rng = random_stream(seed, "bag of words", step)
        rows = rng.choice(len(pairs), size, replace=False)
        texts = [queries[row] for row in rows]
        texts += [versions[rng.integers(2)][row] for row in rows]
        units, saved = model.forward(texts)
        _, contrastive = contrastive_forward(units[:size], units[size:], model.log_scale.value)
        model.store.zero_grad()
        dqueries, ddocuments, _ = contrastive_backward(
            1.0, contrastive, dlog_scale_into=model.log_scale.accumulator
        )
        model.backward(np.concatenate([dqueries, ddocuments]), saved)
        optimizer.step(1e-2 * (1 - step / steps), 1.0)
    return lambda texts: model.forward(tokenizer.encode_all([text or " " for text in texts]))[0]


def score(task: RankingTask, lexical: Array, semantic: Array) -> dict[str, Any]:
    """Score a task by words, by vectors and by both."""
    scores = {
        name: ranking_scores([matrix], task.relevant)
        for name, matrix in (
            ("embeddings", semantic),
            ("BM25", lexical),
            ("hybrid", hybrid_scores(lexical, semantic)),
        )
    }
    gain = paired_bootstrap(scores["hybrid"].values["mrr@10"], scores["BM25"].values["mrr@10"])
    result: dict[str, Any] = {
        f"{name} {metric}": round(each.means[metric], 4)
        for name, each in scores.items()
        for metric in METRICS
    }
    return {**result, "hybrid - BM25 mrr@10": [round(value, 4) for value in gain]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--bag-of-words", type=int, default=0, metavar="SEEDS")
    arguments = parser.parse_args()
    code = python_code(kinds=tuple(MORE_PAIRS))
    tasks = {
        "python-code": pairs_task(code.test),
        "names masked": pairs_task(mask_names(code.test, code.test_names)),
        "cosqa": cosqa("test"),
    }
    lexical = {}
    for name, task in tasks.items():
        bm25 = BM25([words(document) for document in task.documents])
        lexical[name] = np.stack([bm25.scores(words(query)) for query in task.queries])
    means: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)

    def report(kind: str, which: str, encode_query: Any, encode_document: Any) -> None:
        for name, task in tasks.items():
            semantic = encode_query(task.queries) @ encode_document(task.documents).T
            scores = score(task, lexical[name], semantic)
            means[kind, name].append(scores)
            print(json.dumps({"method": which, "task": name, **scores}), flush=True)

    for model in arguments.model:
        encoder = TextEncoder.from_pretrained(model)
        report("encoder", model, encoder.encode_query, encoder.encode_document)
    for seed in range(arguments.bag_of_words):
        encode = train_bag_of_words(code, seed)
        report("bag of words", f"bag of words, seed {seed}", encode, encode)
    for (kind, name), results in means.items():
        mean = {
            key: round(float(np.mean([result[key] for result in results])), 4)
            for key in results[0]
            if "-" not in key
        }
        print(json.dumps({"mean of": len(results), "method": kind, "task": name, **mean}))


if __name__ == "__main__":
    main()
