"""ARIMA compared with R, statsmodels and statsforecast: fits and model selection.

    python benchmarks/arima.py [--rounds 5] [--cases airline long daily choice log-choice]

Each process fits once as a warm-up, so that loading and compilation are not timed, and is then
timed. ``daily``, which takes long, is timed once, after a fit of another series. R is called as
Rscript; its auto.arima is that of the package forecast.
"""

import json
import multiprocessing
import statistics
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from interleave import Contestant, benchmark_parser, check_equal, contest, contestant_of
from measure import children_peak_mib, print_result, seconds_of
from report import report


@dataclass(frozen=True)
class Case:
    """A model to fit, and the number of fits in a process."""

    order: tuple[int, int, int] = (0, 0, 0)
    seasonal: tuple[int, int, int, int] = (0, 0, 0, 0)
    constant: bool = False
    chooses: bool = False
    n_fits: int = 5
    peers: tuple[str, ...] = ("R", "statsmodels")
    targets: tuple[float, ...] = ()  # minimum time of each peer, as a multiple of our time


CASES = {
    "airline": Case((0, 1, 1), (0, 1, 1, 12), targets=(5, 30)),
    "long": Case((2, 0, 1), constant=True, n_fits=3, targets=(5,)),
    "daily": Case((1, 0, 0), (0, 1, 1, 365), n_fits=1),
    "choice": Case(chooses=True, n_fits=3, peers=("R", "statsforecast"), targets=(3, 3)),
    "log-choice": Case(chooses=True, n_fits=3, peers=("R", "statsforecast"), targets=(3, 3)),
}
SECONDS_TO_WAIT = 60  # for a peer's fit of ``daily``

R_SCRIPT = """
y <- scan("{path}", quiet = TRUE)
y <- ts(y, frequency = {period})
work <- function() {work}
fit <- if ({n_fits} > 1) work() else arima(log(AirPassengers), c(0, 1, 1), c(0, 1, 1))
seconds <- replicate({n_fits}, {{
  began <- Sys.time(); fit <<- work(); as.numeric(difftime(Sys.time(), began, units = "secs"))
}})
status <- readLines("/proc/self/status")
peak <- as.numeric(gsub("[^0-9]", "", grep("VmHWM", status, value = TRUE))) / 1024
cat(sprintf('{{"seconds": %.9g, "peak_mib": %.9g, "value": %.12g}}\n',
            median(seconds), peak, {value}))
"""


def problem(case: str) -> np.ndarray:
    """Return the series (n,)."""
    from scratchgpt.timeseries import load_example

    if case in ("airline", "log-choice"):
        return np.log(load_example("airline").values)
    if case == "choice":
        return load_example("airline").values
    rng = np.random.default_rng(0)
    if case == "daily":  # four years: a yearly season, and autocorrelated noise
        days, noise = np.arange(1460), rng.standard_normal(1460)
        for i in range(1, 1460):
            noise[i] += 0.7 * noise[i - 1]
        return 20 + 8 * np.sin(2 * np.pi * days / 365) + noise
    e = rng.standard_normal(8002)
    y = np.zeros(8002)
    for i in range(2, 8002):
        y[i] = 0.6 * y[i - 1] - 0.3 * y[i - 2] + e[i] + 0.4 * e[i - 1]
    return 5 + y[2:]


def value_of(name: str, llf: float, first: float, aicc: float) -> float:
    """Return the value to compare: peers count the diffuse part of a likelihood differently."""
    if CASES[name].chooses:
        return aicc
    return first if sum(CASES[name].seasonal) else llf


def measured(name: str, work: Callable[[], Any], value: Callable[[Any], float]) -> None:
    """Fit once as a warm-up, then time the fits and print the result."""
    n_fits = CASES[name].n_fits
    fits = [work()] if n_fits > 1 else []
    laps = [seconds_of(lambda: fits.append(work())) for _ in range(n_fits)]
    print_result(statistics.median(laps), value=value(fits[-1]))


def ours(name: str) -> None:
    from scratchgpt.timeseries import ARIMA, auto_arima

    case, y = CASES[name], problem(name)
    if case.chooses:
        measured(name, lambda: auto_arima(y, 12).results, lambda r: r.aicc)
        return
    if case.n_fits == 1:
        airline = CASES["airline"]
        ARIMA(problem("airline"), order=airline.order, seasonal_order=airline.seasonal).fit()
    model = ARIMA(
        y, order=case.order, seasonal_order=case.seasonal, trend="c" if case.constant else "n"
    )
    measured(name, model.fit, lambda r: value_of(name, r.llf, r.params[0], r.aicc))


def statsmodels(name: str) -> None:
    from statsmodels.tsa.arima.model import ARIMA

    case, y = CASES[name], problem(name)
    warnings.simplefilter("ignore")
    model = ARIMA(
        y, order=case.order, seasonal_order=case.seasonal, trend="c" if case.constant else "n"
    )
    if case.n_fits > 1:
        measured(name, model.fit, lambda r: value_of(name, r.llf, r.params[0], r.aicc))
        return
    fit = multiprocessing.Process(target=model.fit)
    fit.start()
    fit.join(SECONDS_TO_WAIT)
    if fit.exitcode != 0:
        fit.kill()
        fit.join()
        peak = children_peak_mib()
        raise TimeoutError(f"no fit within {SECONDS_TO_WAIT} s, with a peak of {peak:,.0f} MiB")
    raise NotImplementedError("the fit now ends in time: measure it like the others")


def statsforecast(name: str) -> None:
    from statsforecast.models import AutoARIMA

    warnings.simplefilter("ignore")
    y = problem(name)
    measured(name, lambda: AutoARIMA(season_length=12).fit(y), lambda model: model.model_["aicc"])


def r(name: str) -> None:
    case = CASES[name]
    p, d, q = case.order
    P, D, Q, s = case.seasonal
    work, value = "forecast::auto.arima(y)", "fit$aicc"
    if not case.chooses:
        season = f", seasonal = c({P}, {D}, {Q})" if s else ""
        work = f'arima(y, order = c({p}, {d}, {q}){season}, method = "ML")'
        value = "coef(fit)[1]" if s else "fit$loglik"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "y.txt"
        np.savetxt(path, problem(name), fmt="%.17g")
        period = s or (12 if case.chooses else 1)
        script = R_SCRIPT.format(
            path=path, period=period, work=work, n_fits=case.n_fits, value=value
        )
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise RuntimeError(next((x for x in lines if "lag" in x or "package" in x), lines[-1]))
    print(json.dumps(json.loads(done.stdout.splitlines()[-1])))


CONTESTANTS = {"ours": ours, "R": r, "statsmodels": statsmodels, "statsforecast": statsforecast}


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.cases[0])
        return
    rows = []
    for name in arguments.cases:
        case = CASES[name]
        contestants: list[Contestant] = [
            contestant_of(__file__, who, "--cases", name) for who in ("ours", *case.peers)
        ]
        contest(contestants, arguments.rounds)
        check_equal(name, contestants, "value", 5e-3)
        goals = {who: 1 / goal for who, goal in zip(case.peers, case.targets, strict=False)}
        rows.append((name, contestants, goals))
    report("arima", rows, arguments.out, {"value": ("value", "{:.4f}")})


if __name__ == "__main__":
    main()
