"""Write a campaign line. An experiment splits subjects between a sober and a playful version."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from client import run_job, show  # noqa: E402 - it stands one folder higher

request = json.loads((HERE / "request.json").read_text())
# The subject decides the arm, and the same subject always gets the same one. With another
# argument you may see the other version: python3 run.py campaign-2026-49
request["subject"] = sys.argv[1] if len(sys.argv) > 1 else request["subject"]
show(run_job(request))
