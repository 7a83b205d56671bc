"""The sample shop: teams, services, a local model, five prompts, an experiment, a dataset with a
suite, budgets, users.

Everything is made through the services that admin, API and commands use. Loading it again adds
what is missing and changes nothing that somebody edited.
"""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction

from apps.access.models import CostCenter, Service, ServicePurpose, Team, Tier
from apps.access.services import issue_key
from apps.budgets.models import Budget
from apps.core import strict_json
from apps.core.money import PICO
from apps.evals.models import Assertion, Dataset, Suite
from apps.evals.services.datasets import import_cases, publish
from apps.evals.types import CheckKind
from apps.playground.services.account import open_account
from apps.prompts.models import Arm, Channel, Experiment, Prompt
from apps.prompts.services import import_version, start_experiment
from apps.registry.models import Model, ModelKind, Provider, Vendor
from apps.registry.services import put_deployment
from apps.routing.services import put_route

PROMPTS = Path(settings.BASE_DIR) / "examples" / "prompts"
CASES = Path(settings.BASE_DIR) / "examples" / "evaluation"
ROLES = (
    "prompt-engineer",
    "approver",
    "finance",
    "operator",
    "auditor",
    "service-developer",
)

Credentials = dict[str, dict[str, dict[str, str]]]


@transaction.atomic
def load(*, chat_url: str, embeddings_url: str, now: datetime) -> Credentials:
    """Make the sample shop; the passwords and keys in the result are shown nowhere else."""
    keys = _services()
    _models(chat_url, embeddings_url, now)
    _prompts(now)
    _evaluation(now)
    _budgets()
    return {"users": _users(), "services": keys}


def _services() -> dict[str, dict[str, str]]:
    team = _row(Team, "commerce", "Commerce")
    center = _row(CostCenter, "online-shop", "Online shop")
    standard = _row(Tier, "standard", "Standard", requests_per_second=50, burst=100)
    premium = _row(Tier, "premium", "Premium", requests_per_second=100, burst=200, importance=1)
    common = {"team": team, "cost_center": center}
    services = [
        _row(Service, "shop", "Shop front", tier=standard, **common),
        _row(Service, "shop-premium", "Shop front, premium", tier=premium, **common),
    ]
    return {
        service.slug: {"key": issue_key(service=service, name="sample data")[1]}
        for service in services
    }


def _models(chat_url: str, embeddings_url: str, now: datetime) -> None:
    local = {"vendor": Vendor.COMPATIBLE}
    _row(Provider, "local", "Local model", base_url=chat_url, **local)
    _row(Provider, "local-embeddings", "Local embeddings", base_url=embeddings_url, **local)
    put_deployment(
        slug="smollm2-local",
        values={
            "name": "SmolLM2 on this machine",
            "provider": "local",
            "model": "smollm2-135m-instruct",
            "upstream_name": "smollm2-135m-instruct",
        },
        model_values={"kind": ModelKind.CHAT, "context_window": 2048, "max_output_tokens": 512},
        input_pico=20_000,  # $0.02 and $0.06 for a million tokens: invented, so that costs show
        output_pico=60_000,
        now=now,
    )
    Model.objects.filter(slug="smollm2-135m-instruct").update(supports_json_schema=True)
    put_deployment(
        slug="minilm-local",
        values={
            "name": "MiniLM on this machine",
            "provider": "local-embeddings",
            "model": "all-minilm-l6-v2",
            "upstream_name": "all-minilm-l6-v2",
        },
        model_values={"kind": ModelKind.EMBEDDING, "context_window": 256, "max_output_tokens": 0},
        input_pico=5_000,
        output_pico=None,
        now=now,
    )
    put_route(slug="fast", targets=["smollm2-local"], name="Fast answers")
    put_route(slug="embeddings", targets=["minilm-local"], name="Embeddings")


def _prompts(now: datetime) -> None:
    production = Channel.objects.get(slug="production")
    playful = PROMPTS / "marketing-content-playful.json"
    for file in sorted(set(PROMPTS.glob("*.json")) - {playful}):
        document = strict_json.loads(file.read_bytes())
        import_version(document=document, by=None, now=now, seal=True, channel=production)
    challenger = import_version(
        document=strict_json.loads(playful.read_bytes()), by=None, now=now, seal=True
    )
    if not Experiment.objects.filter(slug="campaign-tone").exists():
        _experiment(challenger, production, now)


def _experiment(challenger: Any, channel: Channel, now: datetime) -> None:
    prompt = Prompt.objects.get(slug="marketing-content")
    live = prompt.releases.get(channel=channel, ended_at=None).version
    experiment = Experiment.objects.create(
        slug="campaign-tone",
        name="Tone of campaign lines",
        prompt=prompt,
        channel=channel,
        hypothesis="A playful line is opened more often.",
        salt=secrets.token_hex(8),
    )
    for position, (slug, version) in enumerate((("sober", live), ("playful", challenger)), 1):
        Arm.objects.create(
            experiment=experiment, slug=slug, version=version, weight=5000, position=position
        )
    start_experiment(experiment=experiment, by=None, now=now)


def _evaluation(now: datetime) -> None:
    """Who pays for evaluations and trials, a published dataset, and a suite without a judge."""
    shop = Service.objects.get(slug="shop")
    common = {"team": shop.team, "cost_center": shop.cost_center, "tier": shop.tier}
    _row(Service, "evaluation", "Evaluation", purpose=ServicePurpose.EVALUATION, **common)
    open_account()
    if not Suite.objects.filter(slug="product-basics").exists():
        suite = Suite.objects.create(slug="product-basics", name="Product texts, basics")
        for position, values in enumerate(_CHECKS, 1):
            Assertion.objects.create(suite=suite, position=position, **values)
    if not Dataset.objects.filter(slug="products").exists():
        prompt = Prompt.objects.get(slug="product-content")
        dataset = Dataset.objects.create(slug="products", name="Products", prompt=prompt)
        text = (CASES / "product-content.jsonl").read_text(encoding="utf-8")
        draft = import_cases(dataset=dataset, text=text, by=None)
        publish(version=draft, note="Sample data.", now=now)


_CHECKS: tuple[dict[str, Any], ...] = (
    {"kind": CheckKind.ICONTAINS_ALL, "label": "Names the article"},
    {"kind": CheckKind.LENGTH, "minimum": 20, "maximum": 900},
    {"kind": CheckKind.REFUSAL, "negate": True},
)


def _budgets() -> None:
    _row(Budget, "shop-month", "Shop, monthly", service="shop", limit_pico=50 * PICO, hard=True)
    _row(
        Budget,
        "evaluation-month",
        "Evaluation, monthly",
        service="evaluation",
        limit_pico=5 * PICO,
        hard=True,
    )
    _row(
        Budget,
        "commerce-month",
        "Commerce, monthly",
        team="commerce",
        limit_pico=80 * PICO,
        hard=False,
    )


def _users() -> dict[str, dict[str, str]]:
    users = {"administrator": _user("admin", is_superuser=True)}
    for role in ROLES:
        users[role] = _user(role)
        User.objects.get(username=role).groups.add(Group.objects.get(name=role))
    return users


def _user(username: str, **values: Any) -> dict[str, str]:
    password = secrets.token_urlsafe(12)
    user, _ = User.objects.get_or_create(username=username, defaults={"is_staff": True, **values})
    user.set_password(password)
    user.save()
    return {"username": username, "password": password}


def _row(model: Any, slug: str, name: str, **values: Any) -> Any:
    return model.objects.get_or_create(slug=slug, defaults={"name": name, **values})[0]
