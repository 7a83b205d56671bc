"""Greet a returning customer. Many customers share their interests, and so they share an answer:
the second run comes from the cache and costs nothing."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from client import run_job, show  # noqa: E402 - it stands one folder higher

request = json.loads((HERE / "request.json").read_text())
show(run_job(request))
