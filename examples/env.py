"""Print the variables that the examples read, for the stack that `manage.py up` runs here:

    eval "$(python3 examples/env.py)"

`--data DIR` names the data folder that `up` was given, `--service SLUG` another caller.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

parser = argparse.ArgumentParser(description="Print export lines for a shell.")
parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[1] / ".local")
parser.add_argument("--service", default="shop")
given = parser.parse_args()
try:
    ready = json.loads((given.data / "ready.json").read_text())
except FileNotFoundError:
    sys.exit(
        f"Nothing runs in {given.data}; start it with `python3 manage.py up --detach`, or name the "
        "folder that `up` was given with --data."
    )
if given.service not in ready["services"]:
    sys.exit(f"There is no service {given.service!r}; known: {', '.join(ready['services'])}")

variables = {
    "LLMPLATFORM_URL": ready["web_url"],
    "LLMPLATFORM_GATEWAY_URL": ready["gateway_url"],
    "LLMPLATFORM_API_KEY": ready["services"][given.service]["key"],
    # Not DATABASE_URL: with that one set, the next `up` would start no Postgres of its own.
    "EXAMPLE_DATABASE_URL": ready["database_url"],
}
for name, value in variables.items():
    print(f"export {name}={shlex.quote(value)}")
