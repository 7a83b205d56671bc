"""docker-compose.yml, as far as it can be checked without a container engine."""

import re
import subprocess
import sys

import pytest
import yaml

from llmplatform.embedded.layout import DataFolder, Ports
from llmplatform.embedded.parts import parts
from tests.docs.settings_read import ROOT, variables

FILE = ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES = COMPOSE["services"]
ONE_SHOT = {"migrate"}
PROCESSES = {"web", "gateway", "worker", "beat"}
# What tells a machine of its own from a container: addresses, names and places.
LOCAL = re.compile(r"--(host|port|hostname|schedule)=")

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def test_it_fits_the_compose_schema():
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_all_processes_of_the_product_are_there():
    assert set(SERVICES) == PROCESSES | ONE_SHOT | {"postgres", "redis"}


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_the_commands_are_those_of_up(name, tmp_path):
    started = parts(ports=Ports(8000), data=DataFolder(tmp_path), redis_url="", with_model=False)
    ours = {part.name: ["python", "-m", *part.arguments] for part in started}

    assert _without_places(SERVICES[name]["command"]) == _without_places(ours[name])


def test_the_image_alone_starts_web():
    command = re.search(r"^CMD \[(.*)\]$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert yaml.safe_load(f"[{command[1]}]") == SERVICES["web"]["command"]


@every_service
def test_who_is_waited_for_exists_and_can_become_what_is_waited_for(service):
    for name, wait in service.get("depends_on", {}).items():
        assert name in SERVICES
        ends = wait["condition"] == "service_completed_successfully"
        assert ends == (name in ONE_SHOT)


@every_service
def test_volumes_and_networks_are_declared(service):
    mounted = {volume.split(":")[0] for volume in service.get("volumes", [])}

    assert mounted <= set(COMPOSE["volumes"])
    assert set(service.get("networks", ["default"])) <= set(COMPOSE["networks"])


@pytest.mark.parametrize("name", sorted(PROCESSES | ONE_SHOT))
def test_environment_names_are_ones_that_the_settings_read(name):
    of_the_c_library = {"MALLOC_ARENA_MAX"}
    assert set(SERVICES[name]["environment"]) <= variables() | of_the_c_library


def test_secrets_are_required_and_stand_in_the_example():
    required = set(re.findall(r"\$\{([A-Z_]+):\?", FILE.read_text()))
    used = set(re.findall(r"\$\{([A-Z_]+)", FILE.read_text()))
    example = (ROOT / ".env.example").read_text()

    assert used == required == {"SECRET_KEY", "API_KEY_PEPPER", "POSTGRES_PASSWORD"}
    assert all(f"\n{name}=\n" in example for name in required)


@every_service
def test_images_are_pinned_to_a_version(service):
    _, _, tag = service["image"].partition(":")

    assert re.search(r"\d+\.\d+\.\d+", tag), service["image"]


def test_base_images_are_pinned_and_alike():
    images = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert len(images) == 2
    assert set(images) == {"python:3.11.14-slim-bookworm"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_whatever_keeps_running_has_a_health_check(name):
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= set(check)


@every_service
def test_resources_are_limited(service):
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@every_service
def test_nobody_is_root_or_may_become_more(service):
    assert service["user"] not in {"root", "0", "0:0"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_loopback_is_published():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert sorted(ports) == ["127.0.0.1:8000:8000", "127.0.0.1:8001:8001"]


def test_what_the_image_copies_is_not_ignored():
    text = (ROOT / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY ([\w.]+) ", text, re.MULTILINE))
    kept = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert copied == set(kept)
    assert all((ROOT / name).exists() for name in kept)


def _without_places(command: list[str]) -> list[str]:
    return [word for word in command if not LOCAL.match(word)]
