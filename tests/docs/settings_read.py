"""The names of the environment variables that the settings read."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "llmplatform" / "settings.py"


def variables() -> set[str]:
    """The first argument of every `env.str(…)`, `env.int(…)` and so on."""
    names = set()
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        if isinstance(node, ast.Call) and _is_env_reader(node.func):
            name = node.args[0]
            assert isinstance(name, ast.Constant), ast.unparse(node)
            names.add(name.value)
    return names


def _is_env_reader(function: ast.expr) -> bool:
    base = function.value if isinstance(function, ast.Attribute) else function
    return isinstance(base, ast.Name) and base.id == "env"
