"""Walk a person's way through a running stack: `python -m tests.walkthrough --shots DIR`.

By keyboard alone, in headless Chromium. At each step the page is checked in light and dark at 1440
and 390 px: axe (WCAG 2.2 AA), the content security policy, no sideways scrolling; with `--shots`
pictures are kept. The prompt engineer's way needs a stack that allows the upstream, which this
starts:

    OUTBOUND_ALLOWED_HOSTS=127.0.0.1:9777 python3 manage.py up --detach --no-model

The controller's way (`--way controller`) needs one with the days of Berlin, and without calls: it
fills the ledger with twelve months (`--entries`), closes all but the last, and prints pages too:

    REPORTING_TIME_ZONE=Europe/Berlin python3 manage.py up --detach --no-model

Exit code 1: something was wrong with a page, or the way ended early.
"""

import argparse
import sys
from pathlib import Path

from tests.walkthrough.stage import close_month, upstream, walk_through

PORT = 9777


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(".local"), help="the stack's data folder")
    parser.add_argument("--shots", type=Path, help="where to keep pictures")
    parser.add_argument("--way", choices=("engineer", "controller"), default="engineer")
    parser.add_argument("--entries", type=int, default=20_000, help="of the controller's history")
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    if options.way == "controller":
        faults = close_month(options.data, entries=options.entries, shots=options.shots, say=_say)
    else:
        with upstream(PORT):
            faults = walk_through(options.data, PORT, shots=options.shots, say=_say)
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return int(bool(faults))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
