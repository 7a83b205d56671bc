"""What every process pays when it starts, be it beat or a management command."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_AT_SETUP = (
    *("openai", "aiohttp", "httpx2", "uvloop"),  # of those who call providers
    *("rest_framework.views", "llmplatform.urls"),  # of `web`
    *("xlsxwriter", "genai_prices"),  # of those who ask for it
)
PROGRAM = f"""
import sys, django
django.setup()
print([name for name in {NOT_AT_SETUP} if name in sys.modules])
"""


def test_a_start_loads_nothing_that_only_some_processes_need() -> None:
    command = [sys.executable, "-c", PROGRAM]
    loaded = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, check=True)
    assert loaded.stdout.decode().splitlines()[-1] == "[]"
