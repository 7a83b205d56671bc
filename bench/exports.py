"""How long files of 100,000 ledger entries take, and how much memory: `python -m bench.exports`
against an empty database of the settings, which it fills. Each file is made by a new process, so
that its peak is its own."""

import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import django

django.setup()

from django.utils import timezone  # noqa: E402

from apps.core.one_view import one_view  # noqa: E402
from apps.exports.types import Asked  # noqa: E402
from apps.exports.writing import WRITERS  # noqa: E402
from apps.finance.query import Query  # noqa: E402
from apps.ledger.models import Entry  # noqa: E402
from apps.ledger.reports import Days  # noqa: E402

ROWS = 100_000
START = datetime(2026, 3, 1, tzinfo=UTC)
MARCH = Query(days=Days(date(2026, 3, 1), date(2026, 3, 31), "UTC"))
LINES = [
    {"usage_class": name, "quantity": 321, "price_pico": 150_000, "per_block": 1, "price_id": 7}
    | {"amount_pico": 48_150_000}
    for name in ("in_uncached", "out_text")
]


class Silent:
    def expect(self, rows: int) -> None: ...

    def step(self, rows: int) -> None: ...


def fill() -> None:
    for first in range(0, ROWS, 5000):
        Entry.objects.bulk_create(entry(number) for number in range(first, first + 5000))


def entry(number: int) -> Entry:
    return Entry(
        at=START + timedelta(seconds=25 * number),
        kind="charge",
        purpose="answer",
        amount_pico=96_300_000,
        input_tokens=321,
        output_tokens=321,
        lines=LINES,
        tags=["project:spring", f"product:{number}"],
        request_id=f"request-{number:030d}",
        service=f"service-{number % 20}",
        team=f"team-{number % 7}",
        cost_center=f"centre-{number % 5}",
        provider="openai",
        model=f"model-{number % 9}",
        deployment=f"deployment-{number % 9}",
        prompt=f"prompt-{number % 30}",
        prompt_version=number % 4,
    )


def peak() -> float:
    """MB; `ru_maxrss` of a new process begins with that of the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(form: str) -> None:
    began, spent, before = time.monotonic(), time.process_time(), peak()
    with tempfile.TemporaryFile() as file, one_view():
        built = WRITERS[form](MARCH, Asked(timezone.now(), "bench"), file, Silent())
        size = file.seek(0, 2) / 1024**2
    print(
        f"{form:8} {built.rows:8,} rows {time.monotonic() - began:6.1f} s "
        f"(CPU {time.process_time() - spent:5.1f} s) {size:6.1f} MB, "
        f"peak of the process {peak():.0f} MB ({before:.0f} before)"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        fill()
        for form in WRITERS:
            subprocess.run([sys.executable, "-m", "bench.exports", form], check=True)
