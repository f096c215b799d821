import builtins
import math
import warnings

import pytest

from scratchgpt.errors import UserError
from scratchgpt.training.metrics import METRICS_FILE, append_metrics
from scratchgpt.training.plots import _smoothed, plot_metrics


@pytest.fixture
def run(tmp_path):
    """The metrics of a run of 400 steps with three evaluations."""
    for step in range(0, 400, 2):
        record = {"step": step, "loss": 4 * math.exp(-step / 100), "lr": 1e-3, "grad_norm": 1.5}
        if step % 200 == 0:
            record["val_loss"] = 4.1
        append_metrics(tmp_path / METRICS_FILE, record)
    append_metrics(tmp_path / METRICS_FILE, {"step": 400, "val_loss": 0.1})
    append_metrics(tmp_path / METRICS_FILE, {"step": 400, "average_val_loss": 0.08})
    return tmp_path


def test_a_picture_is_drawn_with_everything_labeled(run, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    seen = []
    original = figure.Figure.savefig

    def savefig(self, *arguments, **options):
        seen.append(self)
        original(self, *arguments, **options)

    monkeypatch.setattr(figure.Figure, "savefig", savefig)
    assert plot_metrics(run) is True
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")
    upper, lower, rates = seen[0].axes
    assert upper.get_ylabel() == "loss (nats per token)"
    assert (lower.get_ylabel(), rates.get_ylabel()) == ("gradient norm", "learning rate")
    assert lower.get_xlabel() == "step (parameter updates)"
    assert [text.get_text() for text in upper.get_legend().get_texts()] == [
        "training, per batch",
        "training, smoothed",
        "validation",
        "best validation: 0.1000 at step 400",
        "validation, averaged weights: 0.0800",
    ]
    assert sorted(path.name for path in run.iterdir()) == ["loss.png", "metrics.jsonl"]


def test_each_measure_has_a_panel_and_the_loss_its_unit(run, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    for step in range(401, 500):
        record = {"step": step, "loss": 1.0, "lr": 1e-3, "grad_norm": 1.5, "accuracy": 0.5}
        append_metrics(run / METRICS_FILE, record)
    scores = {"val_loss": 1.0, "val_accuracy": 0.4, "f1": 0.3}
    append_metrics(run / METRICS_FILE, {"step": 500, **scores})
    averages = {f"average_{name}": value for name, value in scores.items()}
    append_metrics(run / METRICS_FILE, {"step": 500, **averages})
    seen = []
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, *_, **__: seen.append(self))
    with pytest.raises(UserError):  # nothing was written
        plot_metrics(run, unit="")
    upper, accuracy, f1, *_ = seen[0].axes
    assert upper.get_ylabel() == "loss"
    assert [axes.get_ylabel() for axes in (accuracy, f1)] == ["accuracy", "f1"]
    shown = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in (accuracy, f1)]
    assert shown == [["accuracy", "val_accuracy", "average_val_accuracy"], ["f1", "average_f1"]]


def test_a_run_without_evaluations_and_with_a_gradient_of_zero_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    append_metrics(tmp_path / METRICS_FILE, {"step": 0, "loss": 1.0, "lr": 0.0, "grad_norm": 0.0})
    assert plot_metrics(tmp_path) is True


def test_before_the_first_step_there_is_nothing_to_draw(tmp_path):
    assert plot_metrics(tmp_path) is False
    append_metrics(tmp_path / METRICS_FILE, {"step": 0, "val_loss": 1.0})
    assert plot_metrics(tmp_path) is False
    assert not (tmp_path / "loss.png").exists()


def test_without_matplotlib_there_is_no_picture_and_no_error(run, monkeypatch):
    original = builtins.__import__

    def without_matplotlib(name, *arguments):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    assert plot_metrics(run) is False
    assert not (run / "loss.png").exists()


def test_a_picture_that_cannot_be_written_is_named(run, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")

    def full(self, *arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure.Figure, "savefig", full)
    with pytest.raises(UserError, match=r"cannot write .*loss\.png: No space left"):
        plot_metrics(run)


def test_smoothing_neither_lags_nor_moves_the_level():
    line = [float(i) for i in range(400)]
    smooth = _smoothed(line)
    assert smooth[100:300] == pytest.approx(line[100:300], abs=0.5)
    assert _smoothed([2.0] * 100) == pytest.approx([2.0] * 100)


@pytest.mark.parametrize(
    "norms", [(1.1, 1.9), (2.1, 4.5), (3, 3), (0.3, 2.9), (0.3, 3.1), (1e-3, 1e4), (99, 104)]
)
def test_the_axis_of_gradient_norms_has_several_ticks(norms):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    from scratchgpt.training.plots import _plot_gradient_norm_and_rate

    axes = figure.subplots()
    records = [{"step": i, "grad_norm": norm, "lr": 1e-3} for i, norm in enumerate(norms)]
    _plot_gradient_norm_and_rate(axes, records)
    low, high = axes.get_ylim()
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3


@pytest.mark.parametrize("name", ["a $ and a $_{b", "new\nline", "日本", "not \udcff UTF-8"])
def test_any_name_of_a_run_or_a_measure_is_plotted(run, name):
    pytest.importorskip("matplotlib")
    folder = run / name
    folder.mkdir()
    for step in range(3):
        record = {"step": step, "loss": 1.0, "lr": 1e-3, "grad_norm": 1.5, "$x^": 0.5}
        append_metrics(folder / METRICS_FILE, record)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the font lacks characters
        assert plot_metrics(folder, unit="$")
    assert (folder / "loss.png").exists()
