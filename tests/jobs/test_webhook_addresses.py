"""Where we send to: never into our own network, whatever a name stands for and whenever."""

import socket

import pytest
from django.core.exceptions import ValidationError

from apps.jobs.models import WebhookEndpoint
from apps.jobs.services.webhooks import deliver
from apps.jobs.services.webhooks.endpoints import MAX_ENDPOINTS, create_endpoint, send_test
from apps.jobs.services.webhooks.post import post
from apps.providers.outbound import find_target
from tests.providers.test_outbound import MALFORMED, PRIVATE

HOOK = "https://hooks.example.com/in"


def resolver(*answers):
    """A name server that gives one answer after the other, and the last one for ever."""
    left = list(answers)

    def getaddrinfo(host, port, *args, **kwargs):
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    return getaddrinfo


@pytest.mark.parametrize("url", [url.replace("http:", "https:", 1) for url in PRIVATE])
def test_private_addresses_are_refused(shop, url):
    with pytest.raises(ValidationError):
        create_endpoint(service_id=shop.pk, url=url, events=["job.failed"])

    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_address_is_refused(shop, url):
    with pytest.raises(ValidationError):
        create_endpoint(service_id=shop.pk, url=url, events=["job.failed"])


@pytest.mark.parametrize("url", ["http://8.8.8.8/in", "https://8.8.8.8/ü"])
def test_plain_http_and_other_alphabets_are_refused(shop, url):
    with pytest.raises(ValidationError):
        create_endpoint(service_id=shop.pk, url=url, events=["job.failed"])


def test_a_query_may_be_part_of_it(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["8.8.8.8"]))

    target = find_target(f"{HOOK}?token=1", allowlist=[])

    assert (target.host, target.port, target.addresses) == (
        "hooks.example.com",
        443,
        ("8.8.8.8",),
    )


def test_a_name_with_one_private_address_is_refused(shop, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["8.8.8.8", "10.0.0.1"]))

    with pytest.raises(ValidationError):
        create_endpoint(service_id=shop.pk, url=HOOK, events=["job.failed"])


def test_a_name_that_turns_private_later_reaches_nobody(shop, receiver, monkeypatch, settings):
    settings.OUTBOUND_ALLOWED_HOSTS = []
    port = receiver.host.partition(":")[2]
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["8.8.8.8"], ["127.0.0.1"]))
    made = create_endpoint(
        service_id=shop.pk, url=f"https://hooks.example.com:{port}/in", events=["job.failed"]
    )
    sent = send_test(endpoint_id=made.endpoint.pk)

    [parcel] = deliver.claim(limit=1)
    deliver.deliver(parcel)

    assert receiver.received == []
    assert "not a public address" in sent.log.get().error


def test_the_judged_address_is_the_one_that_is_called(receiver, monkeypatch):
    """A name server that changes its answer between check and connection is asked only once."""
    host, _, port = receiver.host.partition(":")
    asked = []

    def getaddrinfo(name, *args, **kwargs):
        if name == "hooks.example.com":
            asked.append(name)
            return resolver([host])(name, *args)
        return real(name, *args, **kwargs)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    answer = post(
        f"http://hooks.example.com:{port}/in?a=b",
        body=b"{}",
        headers={},
        allowlist=["hooks.example.com"],
    )

    assert answer.status == 204
    assert asked == ["hooks.example.com"]
    [got] = receiver.received
    assert (got.path, got.headers["host"]) == ("/in?a=b", f"hooks.example.com:{port}")


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert post(receiver.url, body=b"", headers={}, allowlist=[receiver.host]).status == 204


def test_a_service_has_so_many_endpoints_and_no_more(shop, receiver):
    for _ in range(MAX_ENDPOINTS):
        create_endpoint(service_id=shop.pk, url=receiver.url, events=["job.failed"])

    with pytest.raises(ValidationError):
        create_endpoint(service_id=shop.pk, url=receiver.url, events=["job.failed"])
