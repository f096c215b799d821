"""A sweep: its file, its trials, and what is left of it when it is stopped."""

import signal

import pytest

from scratchgpt.errors import UserError
from scratchgpt.recipes import sweep as sweep_module
from scratchgpt.recipes.sweep import SweepFolder, create
from scratchgpt.recipes.sweep_jobs import describe_trial, run_jobs
from scratchgpt.recipes.sweep_report import PICTURE_FILE, plot_sweep, summary, table, trial_rows
from scratchgpt.recipes.sweep_space import Varied, read_sweep
from scratchgpt.training import read_metrics, trainer

FILE = """
corpus = ["{text}"]
[model]
n_layer = 1
n_head = 1
n_embd = 8
block_size = 8
[training]
steps = 6
eval_interval = 2
eval_batches = 1
batch_size = 2
checkpoint_interval = 2
log_interval = 1
[sweep.training]
lr = {{ low = 1e-4, high = 1e-1, log = true }}
batch_size = [2, 4]
"""


@pytest.fixture(autouse=True)
def optuna():
    return pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(trainer, "plot_metrics", lambda run_directory, unit: False)


@pytest.fixture
def write(tmp_path):
    """Write the file of a sweep; ``change`` maps its text."""
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 30)

    def make(change=lambda text: text):
        path = tmp_path / "sweep.toml"
        path.write_text(change(FILE.format(text=text)))
        return path

    return make


def rows_of(folder):
    return [(row.number, row.value, row.values) for row in trial_rows(folder)]


def test_the_file_has_a_run_and_the_settings_to_vary(write):
    sweep = read_sweep(write())
    assert sweep.run.training.steps == 6
    assert sweep.varied == (
        Varied("training", "lr", low=1e-4, high=1e-1, log=True),
        Varied("training", "batch_size", choices=(2, 4)),
    )
    run = sweep.run_of({"lr": 0.5, "batch_size": 4})
    assert (run.training.lr, run.training.batch_size, run.training.steps) == (0.5, 4, 6)


def test_a_setting_of_one_optimizer_is_left_out_with_the_other(write):
    more = 'optimizer = ["adamw", "muon"]\nmuon_lr = [0.01, 0.02]\n'
    sweep = read_sweep(write(lambda text: text + more))
    muon = sweep.run_of({"optimizer": "muon", "muon_lr": 0.01}).training
    adamw = sweep.run_of({"optimizer": "adamw", "muon_lr": 0.01}).training
    assert (muon.optimizer, muon.muon_lr) == ("muon", 0.01)
    assert (adamw.optimizer, adamw.muon_lr) == ("adamw", None)
    with pytest.raises(UserError, match=r"no value of muon_lr in .* fits: .* has no effect"):
        read_sweep(write(lambda text: text + "muon_lr = [0.01, 0.02]\n"))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("[sweep]\nlr = [1]\n[training2]\na = 1", r"unknown setting 'training2'"),
        ("", r"has no section \[sweep\]; name the settings to vary"),
        ("[sweep.training]\nlr = 1", r"lr in \[sweep\] is 1; give a list of values, or a range"),
        ("[sweep.training]\nlr = []", r"lr in \[sweep\] is \[\]; list the values"),
        ("[sweep.training]\nlr = {low = 2, hgh = 1}", r"unknown key 'hgh'; did you mean 'high'"),
        ("[sweep.training]\nlr = {low = 2}", r"needs the numbers low and high"),
        ("[sweep.training]\nlr = {low = 2, high = 1}", r"low=2 must be less than high=1"),
        ("[sweep.training]\nlr = {low = 0, high = 1, log = true}", r"greater than 0 because log"),
        ("[sweep.training]\nlearn = [1, 2]", r"no value of learn in \[sweep\] fits: unknown"),
        ("[sweep.model]\nn_embd = [-1, -2]", r"no value of n_embd"),
        ("[sweep]\ntraining = 3", r"sweep.training is 3, not a section"),
        ("[sweep]\nn_head = [1]\n[sweep.model]\nn_head = [1]", r"'n_head' in two sections"),
    ],
)
def test_a_file_that_is_wrong_is_refused(write, section, message, tmp_path):
    path = write(lambda text: text.split("[sweep")[0] + section)
    with pytest.raises(UserError, match=message):
        create(tmp_path / "out", path)
    assert not (tmp_path / "out").exists()


def test_trials_are_runs_and_their_scores_are_compared(write, tmp_path):
    folder, said = create(tmp_path / "out", write()), []
    run_jobs(folder, 3, 1, said.append)
    rows = trial_rows(folder)
    assert len(said) == len(rows) == 3
    assert len({tuple(row.values.values()) for row in rows}) == 3
    values = [row.value for row in rows]
    assert values == sorted(values)
    for row in rows:
        metrics = read_metrics(tmp_path / "out" / f"trial-{row.number:04}" / "metrics.jsonl")
        assert row.value == min(line["val_loss"] for line in metrics if "val_loss" in line)
    lines = table(folder, rows)
    assert lines[0].split() == ["trial", "val_loss", "lr", "batch_size", "outcome"]
    assert [line.split()[0] for line in lines[1:]] == [str(row.number) for row in rows]
    assert summary(rows) == "3 trials: 3 complete, 0 pruned, 0 failed"
    picture = plot_sweep(folder, rows)
    assert picture == tmp_path / "out" / PICTURE_FILE
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_failed_trial_counts_whatever_its_error_says(write, tmp_path, monkeypatch):
    def failing(*arguments, **settings):
        raise UserError("the download was interrupted")

    monkeypatch.setattr(sweep_module, "start", failing)
    folder = sweep_module.create(tmp_path / "sweep", write())
    folder.run_trials(2)
    assert folder.n_counted() == 2


def test_a_sweep_that_is_interrupted_ends_like_an_unbroken_one(write, tmp_path, monkeypatch):
    whole = create(tmp_path / "whole", write())
    whole.run_trials(3)
    broken = create(tmp_path / "broken", write())
    start = sweep_module.start

    def interrupted(*arguments, **settings):
        training = start(*arguments, **settings)

        def interrupt(trainer, record):
            if trainer.step == 3:
                signal.raise_signal(signal.SIGINT)

        training.trainer.on("step", interrupt)
        return training

    with broken.locked():
        broken.run_trials(1)
        monkeypatch.setattr(sweep_module, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            broken.run_trials(3)
        monkeypatch.setattr(sweep_module, "start", start)
    assert broken.n_counted() == 1
    resumed = SweepFolder(tmp_path / "broken")
    with resumed.locked():
        resumed.run_trials(3)
    assert resumed.n_counted() == 3
    first_two = [values for _, values in sorted((n, v) for n, v, _ in rows_of(whole))][:2]
    assert [value for _, value in sorted((n, v) for n, v, _ in rows_of(resumed))][:2] == first_two
    steps = [line["step"] for line in read_metrics(resumed.path / "trial-0001" / "metrics.jsonl")]
    assert steps == [0, 1, 2, 3, 4, 5, 6]


def test_trials_that_fail_or_are_pruned_say_why(write, tmp_path, monkeypatch, optuna):
    def with_heads(text):
        return text.replace("batch_size = [2, 4]", "") + "[sweep.model]\nn_head = [1, 3]\n"

    folder = create(tmp_path / "out", write(with_heads))
    prunes = iter([False, False, True, *[False] * 99])
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: next(prunes))
    folder.run_trials(5)
    rows = trial_rows(folder)
    failed = [row for row in rows if row.values["n_head"] == 3]
    assert failed
    for row in failed:
        assert row.value is None
        assert "n_embd=8 is not divisible by n_head=3" in row.outcome
        assert "failed, n_embd=8" in describe_trial(folder, row.number)
    [pruned] = [row for row in rows if row.outcome.startswith("pruned")]
    assert pruned.outcome == "pruned at step 4"
    assert describe_trial(folder, pruned.number).startswith(f"trial {pruned.number}: stopped, prun")
    assert summary(rows) == f"5 trials: {4 - len(failed)} complete, 1 pruned, {len(failed)} failed"


def test_two_sweeps_cannot_use_one_folder(write, tmp_path):
    folder = create(tmp_path / "out", write())
    with folder.locked(), pytest.raises(UserError, match="in use by another sweep"):
        SweepFolder(tmp_path / "out").locked().__enter__()


def test_without_a_sweep_there_is_nothing_to_resume(tmp_path):
    with pytest.raises(UserError, match="there is no sweep to resume"):
        SweepFolder(tmp_path)


def test_a_journal_that_is_damaged_is_refused(write, tmp_path):
    create(tmp_path / "out", write()).run_trials(1)
    (tmp_path / "out" / "journal.log").write_text('{"op_code": 4}\n')
    with pytest.raises(UserError, match=r"journal.log is damaged .*; start a new sweep in another"):
        SweepFolder(tmp_path / "out")


def test_standard_input_is_refused(write):
    path = write(lambda text: text.replace(text.split('"')[1], "-"))
    with pytest.raises(UserError, match="several processes cannot all read standard input"):
        read_sweep(path)


def test_without_optuna_the_error_says_what_to_install(write, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(UserError, match=r"needs Optuna; install it with pip install 'scratchgpt"):
        create(tmp_path / "out", write())
    assert not (tmp_path / "out").exists()


def test_a_sweep_without_evaluations_is_refused(write, tmp_path):
    path = write(lambda text: text.replace("eval_interval = 2", "eval_interval = 0"))
    with pytest.raises(UserError, match="a sweep compares evaluations; set eval_interval"):
        create(tmp_path / "out", path)
