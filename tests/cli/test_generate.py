import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from scratchgpt.cli.generate import EPILOG, generate_command
from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate_text
from scratchgpt.models import GPT, GPTConfig, load_pretrained, save_pretrained
from scratchgpt.text import ByteTokenizer, CharacterTokenizer, train_bpe

TOKENIZER = CharacterTokenizer("abcdefghij é\n")


def save_model(directory, seed=0, tokenizer=TOKENIZER, vocab_size=None):
    config = GPTConfig(
        n_layer=1,
        n_head=2,
        n_embd=8,
        block_size=8,
        vocab_size=vocab_size or tokenizer.vocab_size,
        tied_head=False,
    )
    model = GPT(config, seed=seed)
    model.store.values *= 4  # neither uniform nor certain
    save_pretrained(model, directory)
    tokenizer.save(directory / "tokenizer.json")
    return directory


@pytest.fixture
def model_dir(tmp_path):
    return save_model(tmp_path / "model")


def run(*arguments, stdin=None, charset="utf-8"):
    """Run the verb; a UserError comes through, as main.py receives it."""
    app = typer.Typer(rich_markup_mode=None)
    app.command("generate", epilog=EPILOG)(generate_command)
    runner = CliRunner(charset=charset)
    result = runner.invoke(app, [str(argument) for argument in arguments], input=stdin)
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def expected_text(directory, prompt, **options):
    return generate_text(load_pretrained(directory), TOKENIZER, [prompt], **options)[0].text


def test_prompt_and_continuation_go_to_stdout_and_the_speed_to_stderr(model_dir):
    result = run("--model", model_dir, "--prompt", "abc", "--max-new-tokens", 30, "--seed", 3)
    text = expected_text(model_dir, "abc", max_new_tokens=30, seed=3)
    assert result.exit_code == 0
    assert result.stdout == f"abc{text}\n"
    # The first run on a machine also says that it compiles the kernels.
    lines = [line for line in result.stderr.splitlines() if "first run only" not in line]
    assert len(lines) == 1
    assert lines[0].startswith("30 tokens in ")


def test_streamed_or_not_the_output_is_the_same(model_dir):
    options = ("-m", model_dir, "-p", "abc", "--stop", "d")
    assert run(*options, "--stream").stdout == run(*options, "--no-stream").stdout


@pytest.fixture
def written(monkeypatch):
    """What is written to standard output, write by write."""
    pieces = []
    monkeypatch.setattr("scratchgpt.cli.generate.write_text", pieces.append)
    return pieces


def test_a_single_text_is_written_piece_by_piece(model_dir, written):
    run("-m", model_dir, "-p", "abc", "--max-new-tokens", 5)
    assert len(written) == 1 + 5 + 1
    assert written[0] == "abc"


def test_without_streaming_it_is_written_whole(model_dir, written):
    run("-m", model_dir, "-p", "abc", "--max-new-tokens", 5, "--no-stream")
    assert len(written) == 1


def test_every_option_reaches_the_sampling(model_dir):
    result = run(
        *("-m", model_dir, "-p", "abc", "--max-new-tokens", 60, "--seed", 5),
        *("--temperature", 1.4, "--top-k", 6, "--top-p", 0.9, "--min-p", 0.02),
        *("--repetition-penalty", 1.2, "--stop", "ea", "--stop", "jj"),
    )
    options = {"max_new_tokens": 60, "seed": 5, "stop": ["ea", "jj"]}
    sampling = SamplingConfig(1.4, 6, 0.9, 0.02, 1.2)
    text = expected_text(model_dir, "abc", sampling=sampling, **options)
    assert result.stdout == f"abc{text}\n"


@pytest.mark.parametrize(
    "option",
    [
        ("--temperature", 0),
        ("--top-k", 1),
        ("--top-p", 0.1),
        ("--min-p", 0.9),
        ("--repetition-penalty", 9),
        ("--stop", "a"),
        ("--seed", 1),
        ("--max-new-tokens", 12),
    ],
)
def test_each_option_changes_something(model_dir, option):
    assert run("-m", model_dir, *option).stdout != run("-m", model_dir).stdout


def test_json_has_one_object_per_sample(model_dir):
    result = run(
        *("-m", model_dir, "-p", "ab", "-p", "é", "--num-samples", 2),
        *("--max-new-tokens", 20, "--stop", "c", "--json"),
    )
    records = [json.loads(line) for line in result.stdout.splitlines()]
    expected = generate_text(
        load_pretrained(model_dir),
        TOKENIZER,
        ["ab", "é"],
        num_samples=2,
        max_new_tokens=20,
        stop=["c"],
    )
    assert records == [
        {
            "prompt": e.prompt,
            "text": e.text,
            "tokens": e.tokens.tolist(),
            "finish_reason": e.finish_reason,
        }
        for e in expected
    ]
    assert [record["prompt"] for record in records] == ["ab", "ab", "é", "é"]
    assert records[0]["tokens"] != records[1]["tokens"]
    assert {record["finish_reason"] for record in records} == {"stop", "length"}


def test_several_texts_have_headings(model_dir):
    options = ("-m", model_dir, "-p", "ab", "-p", "c", "--max-new-tokens", 4, "--temperature", 0)
    greedy = {"max_new_tokens": 4, "sampling": SamplingConfig(temperature=0)}
    ab, c = (expected_text(model_dir, prompt, **greedy) for prompt in ("ab", "c"))
    assert run(*options).stdout == f"--- prompt 1 ---\nab{ab}\n--- prompt 2 ---\nc{c}\n"
    headings = [
        line for line in run(*options, "--num-samples", 2).stdout.split("\n") if "-" in line
    ]
    assert headings[1] == "--- prompt 1, sample 2 ---"
    assert headings[2] == "--- prompt 2, sample 1 ---"


def test_a_dash_reads_standard_input_without_its_last_newline(model_dir):
    options = ("-m", model_dir, "--max-new-tokens", 9)
    from_stdin = run(*options, "-p", "-", stdin="ab\né \n\n")
    assert from_stdin.stdout == run(*options, "-p", "ab\né \n").stdout


def test_without_a_prompt_the_text_starts_from_a_newline(model_dir):
    options = ("-m", model_dir, "--max-new-tokens", 9)
    assert "\n" + run(*options).stdout == run(*options, "-p", "\n").stdout


def test_a_prompt_longer_than_the_context_is_noted(model_dir):
    long = run("-m", model_dir, "-p", "abcdefghijab", "--max-new-tokens", 2)
    assert long.stderr.startswith(
        "prompt 1 has 12 tokens, more than the model's block_size of 8; only the last 8 are used"
    )
    short = run("-m", model_dir, "-p", "abcdefgh", "--max-new-tokens", 2)
    assert "prompt" not in short.stderr


def test_a_prompt_is_counted_as_it_is_read(tmp_path):
    directory = save_model(tmp_path / "bpe", tokenizer=train_bpe(["ab"], 257))
    options = ("-m", directory, "-p", "<|endoftext|>ab", "--max-new-tokens", 2)
    assert run(*options).stderr.startswith("prompt 1 has 15 tokens")
    assert "prompt" not in run(*options, "--special-tokens").stderr


def test_a_terminal_without_the_character_gets_a_question_mark(model_dir):
    result = run("-m", model_dir, "-p", "é", "--max-new-tokens", 1, charset="ascii")
    assert result.stdout.startswith("?")


def test_a_run_uses_its_best_checkpoint_or_else_the_last(tmp_path):
    save_model(tmp_path / "last", seed=1)
    options = ("--prompt", "abc", "--max-new-tokens", 30)
    last = run("--model", tmp_path, *options).stdout
    assert last == run("--model", tmp_path / "last", *options).stdout
    save_model(tmp_path / "best", seed=2)
    best = run("--model", tmp_path, *options).stdout
    assert best == run("--model", tmp_path / "best", *options).stdout
    assert best != last
    assert run("--model", tmp_path, "--which", "best", *options).stdout == best
    assert run("--model", tmp_path, "--which", "last", *options).stdout == last


def test_a_missing_checkpoint_is_an_error(tmp_path):
    save_model(tmp_path / "last")
    with pytest.raises(UserError, match="no 'best' checkpoint"):
        run("--model", tmp_path, "--which", "best")


def test_a_folder_without_a_model_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"has no '\w+' checkpoint; name a folder"):
        run("--model", tmp_path)
    with pytest.raises(UserError, match=r"no model or run in .*nowhere; name a folder"):
        run("--model", tmp_path / "nowhere")


def test_a_model_without_its_tokenizer_is_reported(model_dir):
    (model_dir / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="no tokenizer at"):
        run("--model", model_dir)


def test_the_tokenizer_of_another_model_is_reported_before_anything_is_written(tmp_path, written):
    save_model(tmp_path / "model", vocab_size=12)
    with pytest.raises(UserError, match="tokenizer has 13 tokens but the model has 12"):
        run("--model", tmp_path / "model")
    assert written == []


def test_a_truncated_checkpoint_is_reported(model_dir):
    weights = model_dir / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        run("--model", model_dir)


def test_unseen_characters_in_a_prompt_are_told(model_dir):
    with pytest.raises(UserError, match="has no token for 'x'"):
        run("--model", model_dir, "--prompt", "abx")


def test_standard_input_that_is_not_utf8_is_reported_with_the_byte(model_dir):
    with pytest.raises(UserError, match="standard input is not UTF-8: byte 0xff at offset 2"):
        run("--model", model_dir, "-p", "-", stdin=b"ab\xff")


def test_a_prompt_that_is_not_utf8_is_reported(tmp_path):
    save_model(tmp_path / "model", tokenizer=ByteTokenizer())
    with pytest.raises(UserError, match="is not UTF-8"):
        run("--model", tmp_path / "model", "-p", "a\udcff")


@pytest.mark.parametrize(
    ("option", "value"), [("--temperature", -1), ("--top-k", 0), ("--top-p", 1.5), ("--min-p", -1)]
)
def test_a_sampling_option_out_of_range_is_reported_before_anything_is_loaded(option, value):
    name = option.removeprefix("--").replace("-", "_")
    with pytest.raises(UserError, match=f"^{name}="):
        run("--model", "nowhere", option, value)


@pytest.mark.parametrize("option", ["--max-new-tokens", "--num-samples"])
def test_a_count_below_one_is_a_usage_error(model_dir, option):
    result = run("--model", model_dir, option, 0)
    assert result.exit_code == 2
    assert option in result.stderr


def test_damaged_weights_are_reported(tmp_path):
    directory = save_model(tmp_path / "model")
    model = load_pretrained(directory)
    model.transformer.wte.weight.value[...] = np.nan
    save_pretrained(model, directory)
    warned = pytest.warns(UserWarning, match=r"wte.weight has values that are not finite")
    with warned, pytest.raises(UserError, match="NaN or infinite"):
        run("--model", directory)


def test_help_has_examples():
    assert "scratchgpt generate --model runs/first" in run("--help").stdout
