"""Exact match of ``addition`` and ``sort`` on held-out problems: are they learned exactly?

python benchmarks/tasks.py [--json FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

TASKS = ("addition", "sort")
EXAMPLES = Path(__file__).parent.parent / "examples"


def measure(task: str, out: Path) -> dict:
    command = [sys.executable, "-m", "scratchgpt", "train", "--json", "--out", str(out)]
    command += ["--config", str(EXAMPLES / f"{task}.toml")]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return {"task": task, "exact_match": result["exact_match"], "seconds": result["elapsed"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the table to this file as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(task, Path(folder) / task) for task in TASKS]
    print("task       exact match   training")
    for row in rows:
        print(f"{row['task']:<10} {row['exact_match']:>11.2%} {row['seconds']:>8.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
