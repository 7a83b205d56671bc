import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.outbound import OutboundRefused, check_base_url, is_public

PRIVATE = [
    "http://127.0.0.1/v1",
    "http://127.0.0.1:8000/v1",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://127.0.0.1./",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://169.254.0.1/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://192.0.0.1/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.255/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::1]:8000/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::127.0.0.1]/",
    "http://[::7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
]
MALFORMED = [
    "",
    "example.com",
    "//example.com",
    "http://",
    "http:///v1",
    "http:example.com",
    "ftp://8.8.8.8/",
    "file:///etc/passwd",
    "gopher://8.8.8.8/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "unix:///var/run/docker.sock",
    "http+unix://8.8.8.8/",
    "ws://8.8.8.8/",
    "http://user@8.8.8.8/",
    "http://user:secret@8.8.8.8/",
    "http://@8.8.8.8/",
    "http://8.8.8.8@127.0.0.1/",
    "http://8.8.8.8:99999/",
    "http://8.8.8.8:0/",
    "http://8.8.8.8:-1/",
    "http://8.8.8.8:x/",
    "http://8.8.8.8/?x=1",
    "http://8.8.8.8/?",
    "http://8.8.8.8/#x",
    "http://8.8.8.8/#",
    "http://8.8.8.8/\r\nX: y",
    "http://8.8.8.8\r\n/",
    "http://8.8.8.8/\x00",
    "http://8.8.8.8/a b",
    " http://8.8.8.8/",
    "http://8.8.8.8\\@127.0.0.1/",
    "http://[::1/",
    "http://[fe80::1%25eth0/",
    "http://\u200b8.8.8.8/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_no_spelling_of_a_private_address_passes(url: str) -> None:
    with pytest.raises(OutboundRefused):
        check_base_url(url, allowlist=[])


@pytest.mark.parametrize("url", MALFORMED)
def test_anything_but_a_plain_address_is_refused_even_when_its_host_is_allowed(url: str) -> None:
    with pytest.raises(OutboundRefused) as caught:
        check_base_url(url, allowlist=["8.8.8.8", "127.0.0.1", "example.com", "[::1]"])

    assert caught.value.permanent is True


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/v1",
        "https://8.8.8.8:8443/v1",
        "http://[2606:4700::1111]/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "http://[64:ff9b::8.8.8.8]/v1",
        "http://[2002:808:808::]/v1",
    ],
)
def test_public_addresses_pass(url: str) -> None:
    check_base_url(url, allowlist=[])


def test_an_operator_may_allow_a_private_host_and_port() -> None:
    check_base_url("http://127.0.0.1:8080/v1", allowlist=["127.0.0.1:8080"])
    check_base_url("http://127.0.0.1:9999/v1", allowlist=["127.0.0.1"])
    check_base_url("http://[::1]:8080/v1", allowlist=["[::1]:8080"])
    check_base_url("https://LOCALHOST/v1", allowlist=["localhost:443"])


@pytest.mark.parametrize(
    "allowed", ["127.0.0.1:8081", "127.0.0.2", "127.0.0", "0.0.1", "", "localhost", "*"]
)
def test_an_entry_allows_nothing_but_itself(allowed: str) -> None:
    with pytest.raises(OutboundRefused, match="not a public address"):
        check_base_url("http://127.0.0.1:8080/v1", allowlist=[allowed])


def test_one_private_address_behind_a_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)

    with pytest.raises(OutboundRefused, match=r"models\.example is not a public address"):
        check_base_url("https://models.example/v1", allowlist=[])


def test_a_name_that_does_not_resolve_may_resolve_later() -> None:
    with pytest.raises(OutboundRefused, match="cannot be resolved") as caught:
        check_base_url("https://no-such-host.invalid/v1", allowlist=[])

    assert caught.value.permanent is False


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_no_wrapping_hides_a_private_address(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    wrapped = [
        number,
        0xFFFF << 32 | number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80,
    ]

    assert not is_public(address)
    assert not any(is_public(ipaddress.IPv6Address(each)) for each in wrapped)
