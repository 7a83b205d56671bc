"""The product's processes as a run starts them: `python -m tests.chaos.entry worker …`.

Two things differ from the product's own commands: beat sweeps every second instead of every five,
so that a run of two minutes sees many rescues, and a mutant may be applied first. A run without a
mutant starts web and workers by the product's own commands, without this module.
"""

import os
import sys

from tests.chaos import mutants

SWEEP_SECONDS = 1.0


def main() -> None:
    role, *arguments = sys.argv[1:]
    from llmplatform.celery import app

    if role == "beat":
        app.conf.beat_schedule["sweep"]["schedule"] = SWEEP_SECONDS
    else:
        app.loader.import_default_modules()
        mutants.apply(os.environ.get("CHAOS_MUTANT", ""))
    app.start([*arguments])


if __name__ == "__main__":
    main()
