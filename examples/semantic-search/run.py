"""Rewrite what a customer typed as one clear phrase, which `search.py` can then look for."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from client import run_job, show  # noqa: E402 - it stands one folder higher

request = json.loads((HERE / "request.json").read_text())
if len(sys.argv) > 1:
    request["variables"] = {"query": " ".join(sys.argv[1:])}
show(run_job(request))
