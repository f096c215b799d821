"""Example series of the package: facts that anyone may use, in files of a few kilobytes."""

from pathlib import Path
from typing import NamedTuple

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.timeseries.data.read_csv import TimeSeries, read_csv

FOLDER = Path(__file__).parent / "series"


class Example(NamedTuple):
    """Description and source of an example series."""

    description: str
    source: str


# The values equal those in R's package datasets, under the name given after "R:".
EXAMPLES = {
    "nile": Example(
        "annual flow of the Nile at Aswan, 1871-1970, in 10^8 cubic meters",
        "Cobb 1978, Biometrika 65, 243-251; R: Nile",
    ),
    "airline": Example(
        "monthly international airline passengers, 1949-1960, in thousands",
        "Box and Jenkins 1976, series G; R: AirPassengers",
    ),
    "sunspots": Example(
        "annual mean number of sunspots, 1700-1988",
        "World Data Center for the Sunspot Index, Brussels, before its revision of 2015; "
        "R: sunspot.year",
    ),
    "lynx": Example(
        "lynx trapped in the Mackenzie River district of Canada each year, 1821-1934",
        "Elton and Nicholson 1942, Journal of Animal Ecology 11, 215-244; R: lynx",
    ),
    "huron": Example(
        "annual level of Lake Huron, 1875-1972, in feet",
        "Brockwell and Davis 1991, Time Series: Theory and Methods; R: LakeHuron",
    ),
    "accidents": Example(
        "monthly accidental deaths in the United States, 1973-1978",
        "National Safety Council, in Brockwell and Davis 1991; R: USAccDeaths",
    ),
    "co2": Example(
        "monthly carbon dioxide at Mauna Loa, 1959-1997, in parts per million",
        "Keeling and Whorf 1997, Scripps Institution of Oceanography; R: co2",
    ),
    "presidents": Example(
        "quarterly approval of the president of the United States, 1945-1974, in percent; "
        "six quarters are missing",
        "Gallup polls, in McNeil 1977, Interactive Data Analysis; R: presidents",
    ),
}


def load_example(name: str) -> TimeSeries:
    """Load an example series.

    Parameters
    ----------
    name : str
        A key of ``EXAMPLES``.

    Returns
    -------
    TimeSeries

    Raises
    ------
    UserError
        If ``name`` is not an example; the message lists the names.

    Examples
    --------
    >>> from scratchgpt.timeseries import load_example
    >>> airline = load_example("airline")
    >>> airline.period, airline.values[:3], airline.frequency.following(2)
    (12, array([112., 118., 132.]), ['1961-01', '1961-02'])
    """
    if name not in EXAMPLES:
        raise UserError(
            f"there is no example {name!r}{did_you_mean(name, EXAMPLES)}; choose one of "
            + ", ".join(EXAMPLES)
        )
    return read_csv(FOLDER / f"{name}.csv")
