"""References lead to secrets; secrets never come back."""

import pytest

from apps.registry.secrets import SecretMissing, check_ref, resolve_secret


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv("SOME_PROVIDER_KEY", " value-of-key\n")
    assert resolve_secret("env:SOME_PROVIDER_KEY") == "value-of-key"


def test_from_a_file(tmp_path):
    (tmp_path / "key").write_text("value-of-key\n")
    assert resolve_secret(f"file:{tmp_path}/key") == "value-of-key"


def test_none_needed():
    assert resolve_secret("") == ""


def test_a_missing_one_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("NOT_SET", raising=False)
    (tmp_path / "empty").write_text("\n")
    for ref in ("env:NOT_SET", "file:/nowhere/key", f"file:{tmp_path}/empty", f"file:{tmp_path}"):
        with pytest.raises(SecretMissing) as caught:
            resolve_secret(ref)
        assert ref in str(caught.value)


def test_bytes_that_are_no_text_are_not_repeated(tmp_path):
    (tmp_path / "key").write_bytes(b"value-of-key\xff")
    with pytest.raises(SecretMissing) as caught:
        resolve_secret(f"file:{tmp_path}/key")
    assert "value-of-key" not in repr(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("ref", ["pasted-key-value", "http://x", "file:relative"])
def test_what_is_no_reference_is_refused_and_not_repeated(ref):
    with pytest.raises(ValueError) as caught:
        check_ref(ref)
    assert ref not in str(caught.value)
    with pytest.raises(SecretMissing) as missing:
        resolve_secret(ref)
    assert ref not in str(missing.value)


@pytest.mark.parametrize("ref", ["env:", "file:"])
def test_a_reference_names_something(ref):
    with pytest.raises(ValueError, match="never as the key itself"):
        check_ref(ref)


@pytest.mark.parametrize(
    "ref", ["env:SECRET_KEY", "env:DATABASE_URL", "file:/proc/self/environ", "file:/tmp/../proc/1"]
)
def test_the_platforms_own_secrets_are_not_for_providers(ref):
    with pytest.raises(ValueError, match="own"):
        check_ref(ref)
    with pytest.raises(SecretMissing):
        resolve_secret(ref)
