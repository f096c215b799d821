import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import EXAMPLES, load_example
from scratchgpt.timeseries.data.examples import FOLDER

# Length, frequency, sum, sum of squares and number of missing values of the data sets in R.
FACTS = {
    "nile": (100, 1, 91935, 87355599, 0),
    "airline": (144, 12, 40363, 13371737, 0),
    "sunspots": (289, 1, 14049.3, 1131748.55, 0),
    "lynx": (114, 1, 175334, 553850572, 0),
    "huron": (98, 1, 56742.4, 32854249.779, 0),
    "accidents": (72, 12, 632793, 5626613439, 0),
    "co2": (468, 12, 157741.05, 53271779.3121, 0),
    "presidents": (120, 4, 6419, 388993, 6),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_series_equal_those_of_r(name):
    series = load_example(name)
    n, period, total, squares, missing = FACTS[name]
    assert (len(series.values), series.period) == (n, period)
    assert np.nansum(series.values) == pytest.approx(total, rel=1e-11)
    assert np.nansum(series.values**2) == pytest.approx(squares, rel=1e-11)
    assert np.isnan(series.values).sum() == missing
    assert len(series.labels) == n


def test_each_file_is_an_example_and_each_example_names_its_source():
    assert {path.stem for path in FOLDER.iterdir()} == set(EXAMPLES)
    for example in EXAMPLES.values():
        assert example.description
        assert "R: " in example.source


@pytest.mark.parametrize(
    ("name", "first", "last", "following"),
    [
        ("nile", "1871", "1970", "1971"),
        ("airline", "1949-01", "1960-12", "1961-01"),
        ("presidents", "1945-Q1", "1974-Q4", "1975-Q1"),
    ],
)
def test_labels_are_times_that_can_be_continued(name, first, last, following):
    series = load_example(name)
    assert (series.labels[0], series.labels[-1]) == (first, last)
    assert series.frequency.following(1) == [following]


def test_an_unknown_example_is_refused():
    with pytest.raises(UserError, match=r"no example 'nil'; did you mean 'nile'\?.*airline"):
        load_example("nil")
