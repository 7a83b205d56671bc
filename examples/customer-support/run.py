"""Draft a reply to a customer, with what was said before, ahead of less urgent work."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from client import JobError, run_job, show  # noqa: E402 - it stands one folder higher

request = json.loads((HERE / "request.json").read_text())
request["variables"]["history"] = [
    {"role": "user", "content": "Hello, I ordered a hat last week."},
    {"role": "assistant", "content": "Hello! How can we help you with your order?"},
]
request["timeout_seconds"] = 120  # an agent waits; a draft that comes later is of no use
try:
    show(run_job(request))
except JobError as error:
    # The agent writes the reply without a draft; nobody waits for a model.
    sys.exit(f"No draft ({error.code}, {'later' if error.retryable else 'never'}): {error}")
