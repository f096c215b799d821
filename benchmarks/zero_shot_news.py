"""Zero-shot classification of news: an encoder trained on titles and bodies against LSA.

python benchmarks/zero_shot_news.py --write-pairs pairs.tsv
scratchgpt contrastive pairs.tsv --out runs/news
python benchmarks/zero_shot_news.py --model runs/news [--model RUN ...] [--json FILE]

The data are a news data set of four classes (``SCRATCHGPT_DATA``/embed). A hash of each text
decides its half. The first half gives pairs of title and body, without the classes, for training.
The pairs and the texts are in lower case, as the words of LSA are.
The texts of the second half are classified by descriptions of the classes, of eight words each.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchgpt.evaluation import LSA, NaiveBayes, majority
from scratchgpt.text.code.words import words
from scratchgpt.zero_shot import Classifier

# Written before any result was seen, and the same for all methods.
CLASSES = {
    "world": "world government president minister election war iraq police",
    "sports": "sports game team season coach win championship players",
    "business": "business company stocks market profit oil economy prices",
    "science": "technology software computer internet microsoft science space research",
}
NAMES = list(CLASSES)
DIMS = (50, 100, 200)  # of LSA


class News(NamedTuple):
    """One text and its class."""

    title: str
    body: str
    label: str

    @property
    def text(self) -> str:
        return f"{self.title} {self.body}"

    @property
    def half(self) -> int:
        return hashlib.sha256(self.text.encode()).digest()[0] & 1


def read_news() -> list[News]:
    """Read the data set, whose table has the number of the class, a title and a body."""
    folder = Path(os.environ["SCRATCHGPT_DATA"]) / "embed"
    [path] = folder.glob("*/test.csv.gz")
    rows = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
    clean = [[" ".join(cell.replace("\\", " ").split()) for cell in row] for row in rows]
    return [News(title, body, NAMES[int(number) - 1]) for number, title, body in clean]


def write_pairs(path: Path, news: list[News]) -> None:
    with open(path, "x", encoding="utf-8") as file:
        file.writelines(f"{each.title}\t{each.body}\n".lower() for each in news)


def by_lsa(train: list[News], test: list[News], dim: int) -> list[str]:
    lsa = LSA([words(each.text) for each in train], dim=dim)
    labels = lsa.embed([words(description) for description in CLASSES.values()])
    nearest = np.argmax(lsa.embed([words(each.text) for each in test]) @ labels.T, axis=1)
    return [NAMES[i] for i in nearest]


def by_model(run: str, test: list[News], calibrate: bool) -> list[str]:
    of_description = {description: name for name, description in CLASSES.items()}
    classifier = Classifier(
        list(of_description), model=run, hypothesis_template="{}", calibrate=calibrate
    )
    results = classifier([each.text.lower() for each in test])
    return [of_description[result["labels"][0]] for result in results]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", default=[], help="folder of a trained encoder")
    parser.add_argument("--write-pairs", type=Path, help="write the training pairs, and stop")
    parser.add_argument("--json", type=Path, help="also write the table to this file as JSON")
    arguments = parser.parse_args()
    news = read_news()
    train, test = ([each for each in news if each.half == half] for half in (0, 1))
    if arguments.write_pairs:
        write_pairs(arguments.write_pairs, train)
        print(f"{len(train):,} pairs of {len(news):,} texts in {arguments.write_pairs}")
        return

    gold = [each.label for each in test]
    lsa = {f"LSA, {dim} directions": by_lsa(train, test, dim) for dim in DIMS}
    answers = {f"always {majority(gold).label!r}": [majority(gold).label] * len(gold), **lsa}
    for run in arguments.model:
        answers[run] = by_model(run, test, calibrate=False)
        answers[f"{run}, calibrated"] = by_model(run, test, calibrate=True)
    bayes = NaiveBayes([words(e.text) for e in train], [e.label for e in train])
    answers["naive Bayes with the classes of the first half"] = bayes.predict(
        [words(each.text) for each in test]
    )

    right = {name: np.equal(answer, gold) for name, answer in answers.items()}
    best_lsa = right[max(lsa, key=lambda name: right[name].mean())]
    width = max(map(len, right))
    print(f"{len(train):,} texts to learn from, {len(test):,} to classify")
    print(f"{'':{width}}  accuracy   above the best LSA (95 %)")
    rows = []
    for name, each in right.items():
        gap = each.astype(float) - best_lsa
        error = 1.96 * gap.std() / len(gap) ** 0.5
        print(f"{name:{width}}  {each.mean():8.1%}   {gap.mean():+.1%} ± {error:.1%}")
        row = {"method": name, "accuracy": each.mean(), "gap": gap.mean(), "error": error}
        rows.append(row)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
