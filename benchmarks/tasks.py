"""Are ``addition`` and ``sort`` learnt exactly? Exact match on problems that were held back.

python benchmarks/tasks.py [--json FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

# Options of `scratchgpt train` for each task.
RECIPES = {
    "addition": ["--preset", "gpt-nano", "--steps", "4000", "--batch-size", "64", "--lr", "3e-3"],
    "sort": ["--preset", "gpt-nano", "--steps", "600", "--batch-size", "64", "--lr", "3e-3"],
}


def measure(task: str, out: Path) -> dict:
    command = [sys.executable, "-m", "scratchgpt", "train", "--task", task, *RECIPES[task]]
    command += ["--out", str(out), "--json"]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return {"task": task, "exact_match": result["exact_match"], "seconds": result["elapsed"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the table to this file too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(task, Path(folder) / task) for task in RECIPES]
    print("task       exact match   training")
    for row in rows:
        print(f"{row['task']:<10} {row['exact_match']:>11.2%} {row['seconds']:>8.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
