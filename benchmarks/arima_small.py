"""Small ARIMA models on R's example series, compared with R's arima: the whole distribution.

    python benchmarks/arima_small.py [--rounds 5]

Both programs fit each model once as a warm-up and are then timed on one thread. The time of a round
is the least of seven fits, and that of a model the median over the rounds. Ours includes the
construction of the model. R computes standard errors in each fit; ours are computed when they are
first used. The series come from R's package datasets.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from interleave import Contestant, benchmark_parser, contest, contestant_of, duration
from measure import print_result, seconds_of
from report import write_table

MODELS = (
    "WWWusage (1,1,1)",
    "WWWusage (3,1,0)",
    "log(lynx) (2,0,2)",
    "log(lynx) (11,0,0)",
    "austres (1,1,0)(0,1,1)[4]",
    "LakeHuron (2,0,0)",
    "LakeHuron (1,0,1)",
    "LakeHuron (2,0,1)",
    "Nile (0,1,1)",
    "Nile (1,1,1)",
    "lh (1,0,0)",
    "lh (3,0,0)",
    "lh (1,0,1)",
    "presidents (1,0,0)",
    "presidents (3,0,0)",
    "presidents (1,0,1)",
    "USAccDeaths (0,1,1)(0,1,1)[12]",
    "USAccDeaths (0,1,1)(1,1,0)[12]",
    "log(UKgas) (0,1,1)(0,1,1)[4]",
    "log(UKgas) (1,1,1)(1,1,1)[4]",
    "nottem (1,0,0)(2,1,0)[12]",
    "nottem (2,0,0)(0,1,1)[12]",
    "sqrt(sunspot.year) (9,0,0)",
    "sqrt(sunspot.year) (2,0,1)",
    "sqrt(sunspot.year) (3,0,2)",
    "log(AirPassengers) (0,1,1)(0,1,1)[12]",
    "log(AirPassengers) (2,1,1)(0,1,1)[12]",
    "log(UKDriverDeaths) (1,0,1)(0,1,1)[12]",
    "log(JohnsonJohnson) (0,1,1)(0,1,1)[4]",
    "log(JohnsonJohnson) (1,1,1)(1,1,0)[4]",
    "co2 (0,1,1)(0,1,1)[12]",
    "uspop (1,2,0)",
    "treering (1,0,1)",
    "treering (2,0,2)",
    "discoveries (1,0,1)",
    "discoveries (2,0,2)",
    "BJsales (1,1,1)",
    "BJsales (0,2,1)",
    "nhtemp (0,1,1)",
    "nhtemp (1,0,1)",
    "log(airmiles) (1,2,1)",
    "log(mdeaths) (1,0,0)(0,1,1)[12]",
    "log(ldeaths) (1,0,1)(0,1,1)[12]",
    "fdeaths (2,0,0)(1,1,0)[12]",
    "EuStockMarkets[1:500,1] (1,1,1)",
    "EuStockMarkets[1:500,4] (0,1,2)",
)
N_FITS = 7

R_SERIES = """
x <- list({series})
cat(sapply(x, function(y) paste(sprintf("%.17g", as.numeric(y)), collapse = " ")), sep = "\\n")
"""
R_FITS = """
fit <- function(work) {{
  value <- work()$loglik
  seconds <- replicate({n_fits}, {{
    began <- Sys.time(); work(); as.numeric(difftime(Sys.time(), began, units = "secs"))
  }})
  cat(sprintf('{{"seconds": %.9g, "llf": %.12g}}\\n', min(seconds), value))
}}
{fits}
status <- readLines("/proc/self/status")
cat(as.numeric(gsub("[^0-9]", "", grep("VmHWM", status, value = TRUE))) / 1024, "\\n")
"""


def parsed(model: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Return the series, the orders, and the seasonal orders with the period, if any."""
    series, plain, seasonal, period = re.fullmatch(
        r"(.*) \((.*?)\)(?:\((.*)\)\[(\d+)\])?", model
    ).groups()
    order = tuple(map(int, plain.split(",")))
    return series, order, (*map(int, seasonal.split(",")), int(period)) if seasonal else ()


def rscript(code: str) -> list[str]:
    """Run R code and return the lines that it prints."""
    with tempfile.NamedTemporaryFile("w", suffix=".R") as file:
        file.write(code)
        file.flush()
        done = subprocess.run(["Rscript", file.name], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return done.stdout.strip().splitlines()


def ours(path: str) -> None:
    from scratchgpt.timeseries import ARIMA

    series = json.loads(Path(path).read_text(encoding="utf-8"))
    fits = []
    for model in MODELS:
        name, order, seasonal = parsed(model)
        y = np.array(series[name], dtype=np.float64)

        def work(y=y, order=order, seasonal=seasonal):
            return ARIMA(y, order=order, seasonal_order=seasonal or (0, 0, 0, 0)).fit()

        llf = work().llf
        laps = [seconds_of(work) for _ in range(N_FITS)]
        fits.append({"seconds": min(laps), "llf": llf})
    print_result(sum(fit["seconds"] for fit in fits), fits=fits)


def r() -> None:
    works = []
    for model in MODELS:
        series, order, seasonal = parsed(model)
        extra = ""
        if seasonal:
            P, D, Q, s = seasonal
            extra = f", seasonal = list(order = c({P}, {D}, {Q}), period = {s})"
        works.append(f"fit(function() arima({series}, c{order}{extra}))")
    *lines, peak = rscript(R_FITS.format(n_fits=N_FITS, fits="\n".join(works)))
    fits = [json.loads(line) for line in lines]
    print_result(sum(fit["seconds"] for fit in fits), peak=float(peak), fits=fits)


def main() -> None:
    parser = benchmark_parser(__doc__, ["ours", "R"])
    parser.add_argument("--series", default="", help="a file with the series")
    arguments = parser.parse_args()
    if arguments.contestant == "ours":
        ours(arguments.series)
        return
    if arguments.contestant == "R":
        r()
        return
    names = list(dict.fromkeys(parsed(model)[0] for model in MODELS))
    values = [
        [None if value == "NA" else float(value) for value in line.split()]
        for line in rscript(R_SERIES.format(series=", ".join(names)))
    ]
    os.environ.update(SCRATCHGPT_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.json"
        path.write_text(json.dumps(dict(zip(names, values, strict=True))), encoding="utf-8")
        contestants = [contestant_of(__file__, who, "--series", path) for who in ("ours", "R")]
        contest(contestants, arguments.rounds)
    summarize(*contestants, arguments.out)


def summarize(mine: Contestant, peer: Contestant, out: Path) -> None:
    """Print the table of all models, and the distribution of the ratios."""
    cells, ratios = [], []
    for i, model in enumerate(MODELS):
        times = [
            statistics.median(one["fits"][i]["seconds"] for one in c.rounds) for c in (mine, peer)
        ]
        llfs = [c.rounds[-1]["fits"][i]["llf"] for c in (mine, peer)]
        ratios.append(times[0] / times[1])
        higher = llfs[0] - llfs[1]
        cells.append([model, *map(duration, times), f"{ratios[-1]:.2g}", f"{higher:+.4f}"])
    headers = ["model", "scratchgpt", "R", "time ratio", "log-likelihood minus R's"]
    data = {c.name: c.rounds for c in (mine, peer)}
    write_table("arima_small", headers, cells, data, out)
    quartiles = statistics.quantiles(ratios, n=4, method="inclusive")
    spread = ", ".join(f"{value:.2g}" for value in (min(ratios), *quartiles, max(ratios)))
    print(f"time ratio, {len(ratios)} models: least, quartiles, most: {spread}", file=sys.stderr)


if __name__ == "__main__":
    main()
