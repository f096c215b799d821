import io
import re

import pytest

from scratchgpt.training import NextToken, Trainer, TrainingProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def watch(make_trainer, stop_after):
    """Return the output of a run that is interrupted after 12 updates."""

    def run(stream, **settings):
        trainer = make_trainer(log_interval=5, **settings)
        stop_after(trainer, 12)
        with TrainingProgress(trainer, stream) as progress:
            text = "[a sample] " + 200 * "x"
            trainer.on("sample", lambda trainer, record: progress.message(text))
            trainer.train()
        return stream.getvalue()

    return run


@pytest.mark.parametrize("case", ["a file", "a dumb terminal"])
def test_without_a_terminal_there_are_plain_lines(watch, monkeypatch, case):
    if case == "a dumb terminal":
        monkeypatch.setenv("TERM", "dumb")
    stream = io.StringIO() if case == "a file" else Terminal()
    text = watch(stream, steps=1200, eval_interval=10, sample_interval=6)
    assert "\x1b" not in text
    assert "\r" not in text
    lines = text.splitlines()
    assert re.fullmatch(r"step     0 of 1,200  validation loss \d\.\d{4}  best so far", lines[0])
    assert re.fullmatch(
        r"step     0 of 1,200  loss \d\.\d{4}  lr \d\.\d\de-\d\d  gradient norm [\d.]+  "
        r"[\d,]+ tokens/s  \d+:\d\d left",
        lines[1],
    )
    assert lines[4].startswith("step    10 of 1,200  validation loss")
    assert [line[:10] for line in lines if "tokens/s" in line] == [
        "step     0",
        "step     5",
        "step    10",
    ]
    assert lines.count("[a sample] " + 200 * "x") == 2


def test_on_a_terminal_there_is_a_bar_with_loss_speed_and_time(watch):
    text = watch(Terminal(), steps=10, sample_interval=5)
    assert "\x1b" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    last = plain.split("\r")[-1] or plain.split("\r")[-2]
    assert re.search(
        r"10/10 .*loss \d\.\d{3}  [\d,]+ tokens/s .*0:00:0\d elapsed 0:00:00 left", last
    )
    assert "validation loss" in plain
    assert "[a sample]" in plain


def test_a_resumed_run_starts_where_it_was(watch, make_trainer, stop_after, tmp_path):
    trainer = make_trainer(out_dir=tmp_path)
    stop_after(trainer, 6)
    trainer.train()
    text = watch(Terminal(), out_dir=tmp_path, resume=True)
    assert re.search(r"6/10", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text))


def test_the_default_stream_is_standard_error(make_trainer, capsys):
    trainer = make_trainer()
    with TrainingProgress(trainer):
        trainer.train()
    out, err = capsys.readouterr()
    assert out == ""
    assert "tokens/s" in err


def test_measures_are_shown_without_being_known(make_model, make_config, batches):
    class Measured(NextToken):
        def measures(self, saved):
            return {"accuracy": 0.5, "kl": 1.25e-5}

    for stream in (io.StringIO(), Terminal()):
        trainer = Trainer(
            Measured(make_model()), batches, make_config(), evaluate=lambda: {"f1": 0.75}
        )
        with TrainingProgress(trainer, stream):
            trainer.train()
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
        assert re.search(r"loss \d\.\d+  accuracy 0\.5  kl 1\.25e-05  (lr|[\d,]+ tokens/s)", text)
        assert re.search(
            r"validation loss \d\.\d{4}  val_accuracy 0\.5  val_kl \S+  f1 0\.75", text
        )


def test_stopping_after_the_phase_is_reported(make_model, make_config, make_batches, stop_after):
    class Phased(make_batches):
        phase_steps = 5

        def begin_phase(self, phase, objective):
            pass

    stream = io.StringIO()
    trainer = Trainer(NextToken(make_model()), Phased(), make_config(eval_interval=0))
    stop_after(trainer, 2)
    with TrainingProgress(trainer, stream):
        assert trainer.train().step == 5
    assert "stopping after step 5, the end of the phase; press Ctrl-C again" in stream.getvalue()


class Gone(Terminal):
    """A terminal that was closed, or a pipe without a reader."""

    def __init__(self, error, live):
        super().__init__()
        self.error, self.live = error, live

    def isatty(self):
        return self.live

    def write(self, text):
        raise self.error


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(32, "Broken pipe"), OSError(5, "Input/output error"), ValueError("closed")],
)
def test_training_goes_on_without_its_progress(watch, error, live):
    assert watch(Gone(error, live), steps=13) == ""


def test_training_goes_on_without_a_standard_error(make_trainer, monkeypatch, capsys):
    """Python's stream is None if the command was started with it closed."""
    monkeypatch.setattr("sys.stderr", None)
    trainer = make_trainer(steps=2)
    with TrainingProgress(trainer) as progress:
        progress.message("a line")
        assert trainer.train().step == 2
    closed = io.StringIO()
    closed.close()
    with TrainingProgress(make_trainer(steps=2), closed) as progress:
        progress.message("a line")
    assert capsys.readouterr().out == ""
