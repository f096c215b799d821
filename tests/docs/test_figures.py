"""Every figure in the text is computed here, or is that of a recorded run with its CPU.

``benchmarks/recorded.json`` contains the runs. ``test_readme.py`` compares the tables of the README
with it.
"""

import ast
import datetime
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scratchgpt.embeddings.pieces.text_files import MAX_BYTES
from scratchgpt.measure import SHAPES
from scratchgpt.models import describe, preset_config
from scratchgpt.optim.orthogonalize import N_ITERATIONS

ROOT = Path(__file__).parents[2]
RECORDED = json.loads((ROOT / "benchmarks" / "recorded.json").read_text(encoding="utf-8"))
DOCS = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS)
)
EACH_NUMBER = {"README.md", "docs/speed.md"}  # on other pages, those with a unit

NUMBER = re.compile(r"(?<![\w.-])\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?!\w)|\bthree(?= minutes)")
UNIT = re.compile(
    r"^ ?(?:ns|µs|ms|s|seconds?|minutes?|hours?|[kMG]i?B|GFLOP/s|GB/s|tokens/s|%|percent|times)\b"
)
NAMES = re.compile(r"GPT-\d|Zen \d|AVX-512|ISO 8601")
NOT_TEXT = re.compile(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)")  # code, formulas and addresses


def value(number: str) -> float:
    """Return the value of a number as it is written."""
    return 3 if number == "three" else float(number.replace(",", ""))


def figures(page: str) -> Iterator[tuple[str, list[float]]]:
    """Yield each sentence of a page that has figures, and all numbers in it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    comments = "\n\n".join(re.findall(r"^[^`\n]*\s# (.*)$", text, re.MULTILINE))
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    if page == "README.md":
        text += f"\n\n{comments}"
    for paragraph in re.split(r"\n\s*\n", text):
        numbered = (re.sub(r"^\d\. ", "", line) for line in paragraph.splitlines())
        lines = [line for line in numbered if line[:1] not in ("|", "#", "!")]
        for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z`{*\[])", " ".join(lines)):
            bare = NAMES.sub("", NOT_TEXT.sub(" ", sentence))
            found = list(NUMBER.finditer(bare))
            if page not in EACH_NUMBER and not any(UNIT.match(bare[m.end() :]) for m in found):
                continue
            if found:
                yield sentence, [value(match[0]) for match in found]


def constant(file: str, name: str) -> object:
    """Return the value that a kernel's source gives to a name, without importing it."""
    source = (ROOT / "scratchgpt" / "kernels" / file).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and name in ast.unparse(node.targets[0]).split(", "):
            return ast.literal_eval(node.value)
    raise KeyError(name)


def row(what: str) -> dict[str, float]:
    """Return the values of the row of the README that starts with a text."""
    [found] = [each["values"] for each in RECORDED["rows"] if each["what"].startswith(what)]
    return found


def oldest_python() -> list[float]:
    return [float(re.search(r"python_requires = >=(.*)", (ROOT / "setup.cfg").read_text())[1])]


def lines_of(path: str) -> int:
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def demo() -> tuple[float, int]:
    """Return the millions of parameters and the steps of the demo."""
    run = tomllib.loads((ROOT / "examples" / "demo.toml").read_text(encoding="utf-8"))
    vocab_size = int(run["tokenizer"].removeprefix("bpe:"))
    config = preset_config(run["preset"]).replace(vocab_size=vocab_size)
    return round(describe(config).n_parameters / 1e6, 1), run["training"]["steps"]


def padded() -> list[float]:
    """Return GPT-2's vocabulary, padded to a multiple of 64, and as it is."""
    size = preset_config("gpt2").vocab_size
    return [-(-size // 64) * 64, size]


def shapes(name: str) -> list[float]:
    return [getattr(SHAPES[shape].config, name) for shape in ("char", "baby", "gpt2")]


def tile(vector_bytes: int, rows: int) -> list[float]:
    """Return the rows and the float32 columns of a tile that is two vectors wide."""
    return [rows, 2 * vector_bytes // 4]


def tiles() -> list[tuple[int, int]]:
    """Return the sizes of vectors and tiles with AVX-512 and without."""
    source = (ROOT / "scratchgpt" / "kernels" / "compiler" / "cpu.py").read_text(encoding="utf-8")
    return [ast.literal_eval(pair) for pair in re.findall(r"\(\d+, \d+\)", source)]


def degree(dtype: str) -> int:
    """Return the degree of the polynomial for the exponential: two, and one for each p * r."""
    source = (ROOT / "scratchgpt" / "kernels" / "parts" / "fast_math.py").read_text("utf-8")
    body = re.search(rf"def _exp_in_{dtype}.*?\n\n\n|\Z", source + "\n\n\n", re.DOTALL)[0]
    return 2 + len(re.findall(r"p = p \* r \+ [\dP]", body))


# By page and fragment of a sentence: its numbers, computed.
COMPUTED = {
    ("README.md", "Python (3.11 or later)"): oldest_python,
    ("README.md", "is 200 lines of NumPy"): lambda: [lines_of("examples/one_page.py")],
    ("README.md", "0.9 million parameters"): lambda: [demo()[0]],
    ("README.md", "after 2,000 steps"): lambda: [demo()[1]],
    ("README.md", "50,304 rows for 50,257 tokens"): padded,
    ("README.md", "with 4, 6 and 12 blocks"): lambda: shapes("n_layer"),
    ("README.md", "of 128, 384 and 768 channels"): lambda: shapes("n_embd"),
    ("README.md", "30 blocks of 576 channels"): lambda: [
        preset_config("smollm2-135m").n_layer,
        preset_config("smollm2-135m").n_embd,
    ],
    ("README.md", "memory below 1 is less"): lambda: [1],
    ("README.md", "fine-tunes within 3 GB"): lambda: [
        round(row("peak memory of that whole `scratchgpt train`")["gigabytes"] + 0.5)
    ],
    ("README.md", "8 bits per weight"): lambda: [8],
    ("README.md", "2026-11-25, twice"): lambda: [
        datetime.datetime.strptime("25.11.26", "%d.%m.%y").year
    ],
    ("docs/speed.md", "tiles of 8 × 32"): lambda: tile(*tiles()[0]),
    ("docs/speed.md", "tiles are 4 × 16"): lambda: tile(*tiles()[1]),
    ("docs/speed.md", "15 products of each weight matrix"): lambda: [3 * N_ITERATIONS],
    ("docs/speed.md", "32 queries"): lambda: [constant("parts/attention_scores.py", "STRIP")],
    ("docs/speed.md", "degree 7 in float32"): lambda: [degree("float32")],
    ("docs/speed.md", "degree 11 in float64"): lambda: [degree("float64")],
    ("docs/speed.md", "multiplies 32 pairs"): lambda: [constant("decoding/int8_dot.py", "PAIRS")],
    ("docs/speed.md", "512 columns at a time"): lambda: [
        constant("decoding/products.py", "COLUMNS")
    ],
    ("docs/speed.md", "500 MB"): lambda: [
        round(describe(preset_config("gpt2")).parameter_bytes / 1e6, -1)
    ],
    ("docs/guides/search_your_own_code.md", "more than 1 MiB"): lambda: [MAX_BYTES >> 20],
    ("docs/guides/translator.md", "takes 125 s"): lambda: [row("dates in five")["seconds"]],
    ("docs/guides/translator.md", "took 57.5 minutes"): lambda: [row("Multi30k")["minutes"]],
}


def recorded(page: str) -> dict[str, list[float]]:
    return {each["text"]: each["values"] for each in RECORDED["pages"] if each["page"] == page}


@pytest.mark.parametrize(("page", "fragment"), COMPUTED)
def test_computed_numbers_are_those_in_the_text(page, fragment):
    [text] = [" ".join((ROOT / page).read_text(encoding="utf-8").split())]
    assert fragment in text
    assert [value(n) for n in NUMBER.findall(fragment)] == COMPUTED[page, fragment]()


def not_computed(page: str) -> Iterator[tuple[str, list[float]]]:
    """Yield the sentences of a page with figures that are not computed, and these figures."""
    for sentence, numbers in figures(page):
        for (on, fragment), _ in COMPUTED.items():
            if on == page and fragment in sentence:
                for number in NUMBER.findall(fragment):
                    numbers.remove(value(number))
        if numbers:
            yield sentence, numbers


@pytest.mark.parametrize("page", PAGES)
def test_all_other_figures_are_those_of_recorded_runs(page):
    assert dict(not_computed(page)) == recorded(page)


def test_every_recorded_run_has_its_page_its_cpu_and_its_date_if_known():
    for each in RECORDED["pages"]:
        assert set(each) == {"page", "text", "values", "cpu", "measured", "command"}
        assert each["page"] in PAGES
        assert each["cpu"] in RECORDED["cpus"]
        assert each["measured"] is None or re.fullmatch(r"20\d\d-\d\d-\d\d", each["measured"])


def test_rounds_are_those_of_the_recorded_commands():
    """The README says: five interleaved rounds on Zen 4, three on Zen 5, unless a row says so."""
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "rounds: five on Zen 4 and three on Zen 5, unless a row says otherwise." in text
    for each in RECORDED["rows"]:
        if rounds := re.search(r"--rounds (\d+)", each["command"] or ""):
            said = re.search(r"\((one|two) rounds?[);]", each["what"])
            usual = {"Zen 4": 5, "Zen 5": 3}[each["cpu"]]
            assert int(rounds[1]) == ({"one": 1, "two": 2}[said[1]] if said else usual)
