"""Break the mathematics one place at a time, and count how often the tests notice.

    python tests/mutation/mutate.py                             everything (about an hour)
    python tests/mutation/mutate.py --only ops/gelu.py          one file
    python tests/mutation/mutate.py --list                      what would be broken, and how

Each mutant is one edit in ``ops/``, ``layers/`` or the models, made in a copy of the
package, never in the checkout. A test suite is as good as the share of them that it catches: the
exit status is 1 where that is below 98 % of those in backward code. Mutants that compute the same
as the original are listed with the reason in ``equivalent.py``; they do not count.
"""

import argparse
import gc
import json
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ["SCRATCHGPT_KERNELS"] = "off"  # the reference is what is broken, and must compute

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from equivalent import EQUIVALENT  # noqa: E402
from mutators import Mutant, mutants, required_arguments  # noqa: E402
from runner import Copy, Stage  # noqa: E402

PACKAGE = "scratchgpt"
EXTRAS = ["tests", "setup.cfg"]
SUBJECTS = ("ops/*.py", "layers/*.py", "models/backbone.py", "models/gpt.py")
REQUIRED_SCORE = 0.98  # of the mutants in backward code
TIMEOUT = 240.0  # seconds for one stage; as a rule it needs a tenth of that
# Operations that others are made of; the tests of those may catch a mutant too.
USED_BY = {
    "dropout": ["attention"],
    "embedding": ["cross_entropy"],
    "log_softmax": ["contrastive", "cross_entropy"],
    "mean_pool": ["last_pool"],
    "softmax": ["attention"],
}
GENERIC = ["test_gradients.py", "test_parity.py", "test_contract.py"]
SUITES = ("ops", "layers", "models", "generation")
SUITES_ABOVE = {"ops": ["tests/layers", "tests/models"], "layers": ["tests/models"]}


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: ``killed_by`` is the stage that failed, None where none did."""

    mutant: Mutant
    killed_by: str | None
    equivalent: str | None
    seconds: float

    @property
    def survived(self) -> bool:
        return self.killed_by is None and self.equivalent is None

    def as_json(self) -> dict[str, object]:
        fields = self.mutant._asdict()
        del fields["source"]
        rest = {key: value for key, value in asdict(self).items() if key != "mutant"}
        return {**fields, "backward": self.mutant.backward, **rest}


def find(only: str | None) -> list[Mutant]:
    """All mutants of the files whose path contains ``only``; those in backward code first."""
    package = CHECKOUT / PACKAGE
    sources = [path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))]
    required = required_arguments(sources)
    found: list[Mutant] = []
    for pattern in SUBJECTS:
        for path in sorted(package.glob(pattern)):
            file = path.relative_to(CHECKOUT).as_posix()
            if path.stem != "__init__" and (only is None or only in file):
                found += mutants(file, path.read_text(encoding="utf-8"), required)
    return sorted(found, key=lambda mutant: not mutant.backward)


def stages(file: str) -> list[Stage]:
    """The tests that run the code of a file: the likeliest to fail first, then all others."""
    path = Path(file)
    floor, stem = path.parts[1], path.stem
    folder = f"tests/{floor}"
    own = f"{folder}/test_{stem}.py"
    first: list[Stage] = [[own]] if (CHECKOUT / own).is_file() else []
    generic = [f"{folder}/{name}" for name in GENERIC]
    if floor == "ops":
        names = [stem, *USED_BY.get(stem, [])]
        of_the_operation = [*generic, "-k", stem]
        return [
            *first,
            of_the_operation,
            [folder, "-k", " or ".join(names)],
            *([suite, "-k", "not central"] for suite in SUITES_ABOVE["ops"]),
        ]
    of_the_layer = [[*generic, "-k", stem.replace("_", " and ")]] if floor == "layers" else []
    generation = [["tests/generation"]] if stem == "kv_cache" else []
    above = [[suite] for suite in SUITES_ABOVE.get(floor, [])]
    return [*first, *of_the_layer, [folder], *above, *generation]


def judge(mutant: Mutant) -> Verdict:
    """Run the tests against one mutant, in this process's own copy."""
    start = time.monotonic()
    key = (mutant.file, mutant.function, mutant.original, mutant.mutant)
    with _copy.mutated(mutant.file, mutant.source):
        killed_by = _copy.first_failure(stages(mutant.file), TIMEOUT)
    return Verdict(mutant, killed_by, EQUIVALENT.get(key), time.monotonic() - start)


def make_copy(folder: str) -> None:
    """Give this process a copy of the package of its own."""
    global _copy
    _copy = Copy(CHECKOUT, Path(tempfile.mkdtemp(dir=folder)), PACKAGE, EXTRAS)
    # Without a mutant, so that the bytecode of the tests is written; none is from then on.
    failed = _copy.first_failure([[f"tests/{name}"] for name in SUITES], 10 * TIMEOUT)
    if failed:
        raise RuntimeError(f"{failed} fails without any mutant")
    sys.dont_write_bytecode = True


def preload() -> None:
    """Import what the tests need besides the package, once for all children."""
    import hypothesis  # noqa: F401
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import scipy.special  # noqa: F401

    try:
        import torch  # noqa: F401
    except ImportError:
        sys.exit("mutation testing needs PyTorch: the comparison with it is part of the suite")
    gc.freeze()  # pytest collects garbage at its end; in none of this is any


def report(verdicts: list[Verdict]) -> float:
    """Print the survivors and the scores; returns that of the backward code."""
    for title, chosen in (
        ("equivalent", [v for v in verdicts if v.equivalent]),
        ("survived", [v for v in verdicts if v.survived]),
    ):
        print(f"\n{title}: {len(chosen)}")
        for verdict in chosen:
            print(f"  {verdict.mutant}")
            if verdict.equivalent:
                caught = f" (but caught by {verdict.killed_by}!)" if verdict.killed_by else ""
                print(f"      {verdict.equivalent}{caught}")
    print()
    scores = {}
    for backward in (True, False):
        counted = [v for v in verdicts if v.mutant.backward == backward and not v.equivalent]
        killed = sum(not v.survived for v in counted)
        scores[backward] = killed / max(len(counted), 1) if counted else 1.0
        kind = "backward" if backward else "forward"
        print(f"{kind:8} {killed} of {len(counted)} mutants caught: {scores[backward]:.1%}")
    return scores[True]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    parser.add_argument("--only", metavar="FILE", help="files whose path contains this")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every verdict here")
    options = parser.parse_args()
    found = find(options.only)
    if options.list:
        print(*found, sep="\n")
        return 0
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read as the libraries load
        os.environ[name] = "1"
    preload()
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(options.jobs, context, make_copy, (folder,)) as pool:
            for verdict in pool.map(judge, found):
                verdicts.append(verdict)
                mark = "SURVIVED" if verdict.survived else "equivalent"
                note = mark if verdict.killed_by is None else "caught"
                line = f"{len(verdicts)}/{len(found)} {note:10} {verdict.seconds:5.1f} s"
                print(f"{line}  {verdict.mutant}", file=sys.stderr, flush=True)
                if options.json:
                    rows = [v.as_json() for v in verdicts]
                    options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if report(verdicts) >= REQUIRED_SCORE else 1


if __name__ == "__main__":
    sys.exit(main())
