"""Walk a prompt engineer's way through a running stack: `python -m tests.walkthrough --shots DIR`.

By keyboard alone, in headless Chromium. At each step the page is checked in light and dark at 1440
and 390 px: axe (WCAG 2.2 AA), the content security policy, no sideways scrolling; with `--shots`
pictures are kept. The stack must allow the upstream, which this starts:

    OUTBOUND_ALLOWED_HOSTS=127.0.0.1:9777 python3 manage.py up --detach --no-model

Exit code 1: something was wrong with a page, or the way ended early.
"""

import argparse
import sys
from pathlib import Path

from tests.walkthrough.stage import upstream, walk_through

PORT = 9777


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(".local"), help="the stack's data folder")
    parser.add_argument("--shots", type=Path, help="where to keep pictures")
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    with upstream(PORT):
        faults = walk_through(options.data, PORT, shots=options.shots, say=_say)
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return int(bool(faults))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
