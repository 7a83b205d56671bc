"""The product's processes as a run starts them: `python -m tests.chaos.entry worker …`.

Two things differ from the product's own commands: beat sweeps every second instead of every five,
so that a run of two minutes sees many rescues, and a mutant may be applied first. A run without a
mutant and with a true clock starts web and workers by the product's own commands.
"""

import os
import select
import sys
import time

from tests.chaos import mutants

SWEEP_SECONDS = 1.0


def main() -> None:
    role, *arguments = sys.argv[1:]
    if "FAKETIME" in os.environ:
        # `time.sleep` waits for a moment of the monotonic clock, which libfaketime gets wrong
        time.sleep = lambda seconds: select.select([], [], [], seconds) and None
    from llmplatform.celery import app

    if role == "beat":
        app.conf.beat_schedule["sweep"]["schedule"] = SWEEP_SECONDS
    else:
        app.loader.import_default_modules()
        mutants.apply(os.environ.get("CHAOS_MUTANT", ""))
    app.start([*arguments])


if __name__ == "__main__":
    main()
