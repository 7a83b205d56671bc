"""What a newcomer and a script need to know of a stack that is ready."""

import json
import shlex
from pathlib import Path
from typing import Any

from llmplatform.embedded.layout import ROOT, Ports, read_json


def ready(
    *,
    ports: Ports,
    credentials: Path,
    database_url: str,
    redis_url: str,
    pids: dict[str, int],
) -> dict[str, Any]:
    """The content of `ready.json`."""
    known = read_json(credentials) if credentials.exists() else {"users": {}, "services": {}}
    web_url, gateway_url = (f"http://127.0.0.1:{port}" for port in (ports.web, ports.gateway))
    worker_url = f"http://127.0.0.1:{ports.worker_metrics}"
    return {
        "web_url": web_url,
        "gateway_url": gateway_url,
        "metrics_urls": [f"{url}/metrics" for url in (web_url, gateway_url, worker_url)],
        "users": known["users"],
        "services": known["services"],
        "database_url": database_url,
        "redis_url": redis_url,
        "pids": pids,
    }


def text(ready: dict[str, Any]) -> str:
    """Where to go, as whom, and a first call to paste."""
    users = [
        f"  {role:<20} {user['username']:<20} {user['password']}"
        for role, user in ready["users"].items()
    ]
    keys = [f"  {slug:<20} {service['key']}" for slug, service in ready["services"].items()]
    lines = [
        "",
        "The product is ready.",
        f"  Admin                {ready['web_url']}/admin/",
        f"  API documentation    {ready['web_url']}/api/v1/docs/",
        f"  OpenAI-compatible    {ready['gateway_url']}/v1",
    ]
    lines += ["", "Users (role, name, password):", *users] if users else []
    lines += ["", "API keys (service, key):", *keys] if keys else []
    lines += ["", "A first job (more in examples/README.md):", _curl(ready)] if keys else []
    return "\n".join([*lines, ""])


def _curl(ready: dict[str, Any]) -> str:
    key = next(iter(ready["services"].values()))["key"]
    job = json.loads((ROOT / "examples" / "product-content" / "request.json").read_text())
    return (
        f"  curl -s {ready['web_url']}/api/v1/jobs/ \\\n"
        f"    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n"
        f"    -H 'Prefer: wait=60' -d {shlex.quote(json.dumps(job))}"
    )
