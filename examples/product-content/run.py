"""Describe one article from its facts: once for each revision, however often this is run."""

import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from client import run_job, show  # noqa: E402 - it stands one folder higher

request = json.loads((HERE / "request.json").read_text())
# The key names the intent: this article with these facts. Run it again, and the same job comes
# back at no cost; change a fact, and it is a new job.
facts = json.dumps(request["variables"], sort_keys=True)
revision = hashlib.sha256(facts.encode()).hexdigest()[:16]
show(run_job(request, key=f"describe-{request['metadata']['sku']}-{revision}"))
