"""The environment variables that a stack gives to its processes; `.env.example` explains each."""

from collections.abc import MutableMapping
from pathlib import Path

from llmplatform.embedded.layout import DEFAULT_DATA, DataFolder, Ports, Secrets, read_json


def stack_environment(
    *,
    ports: Ports,
    secrets: Secrets,
    static_root: Path,
    database_url: str,
    redis_url: str,
    given: dict[str, str],
) -> dict[str, str]:
    """What the stack adds to the variables `given` by the user.

    Secrets and log format of their own win; mode and addresses are the stack's.
    """
    models = [f"127.0.0.1:{port}" for port in (ports.chat, ports.embeddings)]
    allowed = [host for host in given.get("OUTBOUND_ALLOWED_HOSTS", "").split(",") if host]
    ours = {
        "SECRET_KEY": secrets.secret_key,
        "API_KEY_PEPPER": secrets.api_key_pepper,
        "LOG_FORMAT": "console",
        "STATIC_ROOT": str(static_root),  # stays empty: files are served from where they are
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",  # its threads would fight with the model's
    }
    fixed = {
        "DJANGO_SETTINGS_MODULE": "llmplatform.settings",
        "LLMPLATFORM_EMBEDDED": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WEB_URL": f"http://127.0.0.1:{ports.web}",
        "GATEWAY_URL": f"http://127.0.0.1:{ports.gateway}",
        "EMBEDDED_CHAT_URL": f"http://{models[0]}/v1",
        "EMBEDDED_EMBEDDINGS_URL": f"http://{models[1]}/v1",
        "OUTBOUND_ALLOWED_HOSTS": ",".join([*allowed, *models]),
    }
    return {key: given.get(key, value) for key, value in ours.items()} | fixed


def use_running_stack(environ: MutableMapping[str, str]) -> bool:
    """Let a command of Django use the stack that runs in the default folder.

    Returns whether there is a database: the user's own, which is left alone, or the stack's.
    """
    if "DATABASE_URL" in environ:
        return True
    data = DataFolder(DEFAULT_DATA)
    if not data.ready.exists():
        return False
    environ.update(read_json(data.stack)["environment"])
    return True


def use_no_stack(environ: MutableMapping[str, str]) -> None:
    """Let Django load its commands, so that they can tell how they are used, and nothing more."""
    environ.setdefault("LLMPLATFORM_EMBEDDED", "1")
    environ.setdefault("DATABASE_URL", "postgres://127.0.0.1:1/none")
    environ.setdefault("REDIS_URL", "redis://127.0.0.1:1")
