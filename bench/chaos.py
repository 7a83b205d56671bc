"""The whole proof, as a table: `python -m bench.chaos [--jobs 600] [--folder .local/chaos]`.

Three seeds, one of them again with wrong clocks, a fixed rate while Valkey goes, all mutants, and
the rolling restart; about twenty minutes. Each run is a process of its own
(`python -m tests.chaos.run`).
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

SEEDS = (1, 2, 3)
SKEW = ("2", "-2")  # hours, one for each worker


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--folder", type=Path, default=Path(".local/chaos"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    runs = {f"seed {seed}": [f"--seed={seed}"] for seed in SEEDS}
    runs["seed 1, clocks ±2 h"] = ["--seed=1", "--skew", *SKEW]
    runs["20 jobs a second, Valkey away"] = ["--seed=1", "--rate=20"]
    codes = [_chaos(options, name, extra) for name, extra in runs.items()]
    codes += [_run(["--mutant=all"]), _run(["--rolling"])]
    _table(options, list(runs))
    return max(codes)


def _chaos(options: argparse.Namespace, name: str, extra: list[str]) -> int:
    return _run([f"--jobs={options.jobs}", f"--json={_file(options, name)}", *extra])


def _run(extra: list[str]) -> int:
    started = time.monotonic()
    print(f"\n$ python -m tests.chaos.run {' '.join(extra)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "tests.chaos.run", *extra], check=False).returncode
    print(f"exit {code} after {time.monotonic() - started:.0f} s", flush=True)
    return code


def _table(options: argparse.Namespace, names: list[str]) -> None:
    found = {
        name: json.loads(file.read_text())
        for name in names
        if (file := _file(options, name)).exists()
    }
    print(f"\n| | {' | '.join(found)} |\n|---|{'---|' * len(found)}")
    for key in next(iter(found.values()), {}):
        print(f"| {key} | {' | '.join(str(numbers.get(key)) for numbers in found.values())} |")


def _file(options: argparse.Namespace, name: str) -> Path:
    folder: Path = options.folder
    return folder / f"{name.replace(' ', '-').replace(',', '')}.json"


if __name__ == "__main__":
    sys.exit(main())
