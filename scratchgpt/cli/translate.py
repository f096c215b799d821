"""``scratchgpt translate``: translate texts with a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import message, one_line, read_standard_input, write_json, write_text
from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.outputs import NEW_FILE, refuse_existing

if TYPE_CHECKING:
    from collections.abc import Callable

    from scratchgpt.generation import Translation
    from scratchgpt.models import Transformer
    from scratchgpt.text import Tokenizer

EPILOG = """Examples:

scratchgpt translate --model runs/dates "the 25th of November 2026"

scratchgpt translate -m runs/de-en --file letter.de.txt > letter.en.txt

scratchgpt translate -m runs/de-en --nbest 3 "Ein Hund rennt durch den Schnee."

scratchgpt translate -m runs/de-en --attention dog.png "Ein Hund rennt durch den Schnee."

cat letter.de.txt | scratchgpt translate -m runs/de-en --beams 1 --json
"""

LINES_AT_A_TIME = 1000  # lines per chunk, so that the output of a long file appears gradually


def translate_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or model.")],
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts to translate, one per argument. Without any, the lines of --file or of "
            "standard input are translated.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", help="Text file to translate line by line; may be compressed (.gz)."
        ),
    ] = None,
    beams: Annotated[int, typer.Option(min=1, help="Beam width; 1 is greedy search.")] = 4,
    alpha: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Length penalty of Wu et al. (2016); higher prefers longer translations, 0 ranks "
            "by probability alone.",
        ),
    ] = 0.6,
    nbest: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of translations to print per text, with their scores; raises --beams to "
            "this number if it is lower.",
        ),
    ] = 1,
    attention: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE",
            help="File for a picture of the attention from target words to source words: .png, "
            f".pdf or .svg. {NEW_FILE} Only for a single text.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per text, one per line: source, translation, score, "
            "hypotheses.",
        ),
    ] = False,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Translate texts with a trained model, by beam search.

    Translations go to standard output, one per line. With --nbest, each text has several lines,
    the best first; each line is a score, a tab and a translation. A tab or a line break within a
    translation becomes a space; --json keeps it. Messages go to standard error.
    """
    import time

    from scratchgpt.errors import counted
    from scratchgpt.generation import translate_n_best
    from scratchgpt.recipes.model_folder import load_translator

    sources, place = _read(text, file)
    if attention is not None and len(sources) != 1:
        raise typer.BadParameter(
            f"draws the attention of one text, but there are {len(sources)}; give one text",
            param_hint="--attention",
        )
    refuse_existing(attention)
    transformer, tokenizer = load_translator(model, which and which.value)
    _check(sources, place, transformer, tokenizer)
    prepare_kernels(threads)

    n_broken = 0
    started = time.perf_counter()
    for first in range(0, len(sources), LINES_AT_A_TIME):
        some = sources[first : first + LINES_AT_A_TIME]
        results = translate_n_best(
            transformer, tokenizer, some, n_best=nbest, n_beams=max(beams, nbest), alpha=alpha
        )
        for source, translations in zip(some, results, strict=True):
            n_broken += _write(source, translations, nbest, as_json)
        done = first + len(some)
        if done < len(sources):
            message(f"{done:,} of {len(sources):,}")
    elapsed = time.perf_counter() - started
    if attention is not None:
        _draw(attention, transformer, tokenizer, results[0][0])
        message(f"attention drawn in {attention}")
    if n_broken:
        message(
            f"{counted(n_broken, 'translation')} printed with spaces for tabs and line breaks; "
            "--json keeps them"
        )
    count = counted(len(sources), "text")
    message(f"{count} in {elapsed:.2f} s, {len(sources) / elapsed:.1f} per second")


def _read(texts: list[str] | None, file: Path | None) -> "tuple[list[str], Callable[[int], str]]":
    """Return the texts to translate, and a function that names one: "line 3 of FILE"."""
    from scratchgpt.errors import UserError
    from scratchgpt.text.pairs.pair_files import read_lines

    if texts and file is not None:
        raise typer.BadParameter(
            f"{file} and texts are both given; leave out one", param_hint="--file"
        )
    if texts:
        return texts, "text {}".format
    if file is not None:
        sources, where = read_lines(file), str(file)
    else:
        sources, where = read_standard_input().split("\n"), "standard input"
    if not any(source.strip() for source in sources):
        raise UserError(f"{where} is empty; there is nothing to translate")
    return [source.removesuffix("\r") for source in sources], lambda i: f"line {i:,} of {where}"


def _check(
    sources: list[str],
    place: "Callable[[int], str]",
    model: "Transformer",
    tokenizer: "Tokenizer",
) -> None:
    """Check all texts before translating any; an error names the text and its place."""
    from scratchgpt.errors import UserError

    block_size = model.config.block_size
    for number, source in enumerate(sources, start=1):
        name = place(number)
        if not source.strip():
            raise UserError(f"{name} is empty; there is nothing to translate")
        try:
            n_tokens = len(tokenizer.encode(source)) + 1
        except UserError as error:
            raise UserError(f"{name}: {error}") from None
        if n_tokens > block_size:
            raise UserError(
                f"{name} has {n_tokens} tokens including the end of text, more than the model's "
                f"block_size of {block_size}; split it into parts"
            )


def _write(source: str, translations: "list[Translation]", n_best: int, as_json: bool) -> int:
    """Print the translations of one text; return how many have tabs or line breaks replaced."""
    if as_json:
        hypotheses = [
            {
                "text": one.text,
                "score": one.score,
                "log_probability": one.log_probability,
                "tokens": one.tokens.tolist(),
                "finish_reason": one.finish_reason,
            }
            for one in translations
        ]
        best = translations[0]
        record = {"source": source, "translation": best.text, "score": best.score}
        write_json({**record, "hypotheses": hypotheses})
        return 0
    lines = [one_line(one.text) for one in translations]
    for one, line in zip(translations, lines, strict=True):
        write_text(f"{line}\n" if n_best == 1 else f"{one.score:.4f}\t{line}\n")
    return sum(one.text != line for one, line in zip(translations, lines, strict=True))


def _draw(
    path: Path, model: "Transformer", tokenizer: "Tokenizer", translation: "Translation"
) -> None:
    """Draw the attention from each word of a translation to the words of its source."""
    from scratchgpt.errors import UserError
    from scratchgpt.generation import alignment, draw_alignment, weights_of_words, words_of

    if not translation.tokens.size:
        raise UserError("the translation is empty; there is no attention to draw")
    assert tokenizer.end_of_text is not None
    source, target = translation.source_tokens, translation.tokens
    weights = alignment(model, source, target, end_of_text=tokenizer.end_of_text)
    source_words, target_words = words_of(tokenizer, source), words_of(tokenizer, target)
    draw_alignment(
        path,
        weights_of_words(weights, target_words, source_words),
        [word for word, _ in target_words],
        [word for word, _ in source_words],
    )
