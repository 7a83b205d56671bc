"""Which variables a stack sets, and which of the user's own it keeps."""

import stat
from pathlib import Path

import pytest

from llmplatform.embedded.environment import stack_environment
from llmplatform.embedded.layout import DataFolder, Ports, Secrets, kept_secrets


@pytest.fixture
def data(tmp_path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.create()
    return folder


def environment(**given: str) -> dict[str, str]:
    return stack_environment(
        ports=Ports(9100),
        secrets=Secrets("secret", "pepper", "", ""),
        static_root=Path("/static"),
        database_url="postgres://db",
        redis_url="redis://cache",
        given=given,
    )


def test_the_processes_learn_where_everything_is():
    made = environment()

    assert made["EMBEDDED_CHAT_URL"] == "http://127.0.0.1:9103/v1"
    assert made["EMBEDDED_EMBEDDINGS_URL"] == "http://127.0.0.1:9104/v1"
    assert (made["WEB_URL"], made["GATEWAY_URL"]) == (
        "http://127.0.0.1:9100",
        "http://127.0.0.1:9101",
    )
    assert (made["DATABASE_URL"], made["REDIS_URL"]) == ("postgres://db", "redis://cache")


def test_a_secret_of_the_users_own_wins():
    assert environment(SECRET_KEY="mine")["SECRET_KEY"] == "mine"
    assert environment()["SECRET_KEY"] == "secret"


def test_hosts_that_the_user_allows_stay_allowed():
    allowed = environment(OUTBOUND_ALLOWED_HOSTS="10.0.0.5:8000")["OUTBOUND_ALLOWED_HOSTS"]

    assert allowed == "10.0.0.5:8000,127.0.0.1:9103,127.0.0.1:9104"


def test_secrets_are_made_once_and_for_the_owner_only(data):
    first = kept_secrets(data)

    assert kept_secrets(data) == first
    assert len(set(vars(first).values())) == 4
    assert stat.S_IMODE(data.secrets.stat().st_mode) == 0o600


def test_what_up_starts_is_always_the_embedded_mode():
    assert environment(LLMPLATFORM_EMBEDDED="0")["LLMPLATFORM_EMBEDDED"] == "1"
