"""``scratchgpt translate``: let a model translate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels

if TYPE_CHECKING:
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

LINES_AT_A_TIME = 1000  # are read and written together, so that a long file appears bit by bit


def translate_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or of a model.")],
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to translate; each argument by itself. Without any, the lines of --file or "
            "of standard input.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Translate each line of this text file; .gz may be."),
    ] = None,
    beams: Annotated[
        int, typer.Option(min=1, help="Hypotheses that the search keeps; 1 is greedy.")
    ] = 4,
    alpha: Annotated[
        float,
        typer.Option(
            min=0.0, help="Length penalty of Wu et al. 2016; 0 ranks by probability alone."
        ),
    ] = 0.6,
    nbest: Annotated[
        int,
        typer.Option(min=1, help="Translations of each text, with their scores; so many beams."),
    ] = 1,
    attention: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE",
            help="Draw which words each word of the translation looked at, as .png, .pdf or .svg; "
            "for one text.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="A JSON object a line and text: source, translation, score, hypotheses.",
        ),
    ] = False,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Which checkpoint of a run.", show_default="average, or else best, or last"
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Translate texts with a trained model, by beam search.

    The translations go to standard output, one a line; with --nbest those of a text below each
    other, the best first, each behind its score and a tab. Notes go to standard error.
    """
    import sys
    import time

    from scratchgpt.generation import translate_n_best
    from scratchgpt.recipes.model_folder import load_translator

    sources, place = _read(text, file)
    if attention is not None and len(sources) != 1:
        raise typer.BadParameter(
            f"draws one text, and there are {len(sources)}", param_hint="--attention"
        )
    transformer, tokenizer = load_translator(model, which and which.value)
    _check(sources, place, transformer, tokenizer)
    prepare_kernels(threads)

    started = time.perf_counter()
    for first in range(0, len(sources), LINES_AT_A_TIME):
        some = sources[first : first + LINES_AT_A_TIME]
        results = translate_n_best(
            transformer, tokenizer, some, n_best=nbest, n_beams=max(beams, nbest), alpha=alpha
        )
        for source, translations in zip(some, results, strict=True):
            _write(source, translations, nbest, as_json)
        done = first + len(some)
        if done < len(sources):
            print(f"{done:,} of {len(sources):,}", file=sys.stderr)
    elapsed = time.perf_counter() - started
    if attention is not None:
        _draw(attention, transformer, tokenizer, results[0][0])
        print(f"the attention is in {attention}", file=sys.stderr)
    count = "1 text" if len(sources) == 1 else f"{len(sources):,} texts"
    print(f"{count} in {elapsed:.2f} s, {len(sources) / elapsed:.1f} a second", file=sys.stderr)


def _read(texts: list[str] | None, file: Path | None) -> tuple[list[str], str]:
    """What to translate, and what one of them is called in a message: "line {} of FILE"."""
    from scratchgpt.cli.console import read_standard_input
    from scratchgpt.errors import UserError
    from scratchgpt.text.pairs.pair_files import read_lines

    if texts and file is not None:
        raise typer.BadParameter("is given, and texts are too; leave out one", param_hint="--file")
    if texts:
        return texts, "text {}"
    if file is not None:
        sources, where = read_lines(file), str(file)
    else:
        sources, where = read_standard_input().split("\n"), "standard input"
    if not any(source.strip() for source in sources):
        raise UserError(f"{where} is empty; there is nothing to translate")
    return [source.removesuffix("\r") for source in sources], f"line {{:,}} of {where}"


def _check(sources: list[str], place: str, model: "Transformer", tokenizer: "Tokenizer") -> None:
    """Refuse what cannot be translated before anything is, and say where it stands."""
    from scratchgpt.errors import UserError

    block_size = model.config.block_size
    for number, source in enumerate(sources, start=1):
        name = place.format(number)
        if not source.strip():
            raise UserError(f"{name} is empty; there is nothing to translate")
        try:
            n_tokens = len(tokenizer.encode(source)) + 1
        except UserError as error:
            raise UserError(f"{name}: {error}") from None
        if n_tokens > block_size:
            raise UserError(
                f"{name} takes {n_tokens} positions with its end, and the model has {block_size}; "
                "translate it in parts"
            )


def _write(source: str, translations: "list[Translation]", n_best: int, as_json: bool) -> None:
    import json

    from scratchgpt.cli.console import write_line

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
        print(json.dumps({**record, "hypotheses": hypotheses}), flush=True)
    elif n_best == 1:
        write_line(translations[0].text)
    else:
        for one in translations:
            write_line(f"{one.score:.4f}\t{one.text}")


def _draw(
    path: Path, model: "Transformer", tokenizer: "Tokenizer", translation: "Translation"
) -> None:
    """Where each word of a translation looked."""
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
