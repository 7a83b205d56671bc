"""Every role on every page of the admin: what it may and, as well, what it may not."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.exceptions import PermissionDenied
from django.urls import resolve, reverse
from pghistory.models import Events

from apps.access.checks import roles_name_real_permissions
from apps.access.models import ApiKey
from apps.access.roles import ROLES as TABLE
from apps.access.roles import sync_roles
from apps.prompts.models import Channel, Experiment, Prompt, PromptVersion
from apps.registry.models import PriceProposal
from apps.routing.models import Route
from tests.factories import make_key, make_priced_deployment, make_service
from tests.roles.matrix import MATRIX, ROLES, SPECIAL, allowed

pytestmark = pytest.mark.django_db
PAGES = sorted(model._meta.label_lower for model in admin.site._registry)
NOBODY = "99999999"  # the key of no row: a page that may be seen sends away, others refuse


def test_every_page_has_a_row():
    assert set(PAGES) <= set(MATRIX)


def make_user(role=None):
    user = User.objects.create_user("somebody", is_staff=True)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def key_of_a_row(page):
    """Of those pages whose permission looks at the row, or that lock by its state."""
    if page == "access.apikey":
        make_key(make_service())
        return ApiKey.objects.get().pk
    if page == "registry.price":
        return make_priced_deployment().prices.first().pk
    if page == "registry.priceproposal":
        deployment = make_priced_deployment()
        return PriceProposal.objects.create(deployment=deployment, proposed_pico=1, source="x").pk
    if page == "routing.route":
        return Route.objects.create(slug="r", name="R").pk
    if page == "audit.auditentry":
        make_service()
        return Events.objects.all()[0].pk
    if page.startswith("prompts."):
        return key_of_a_prompt_row(page)
    return NOBODY


def key_of_a_prompt_row(page):
    prompt = Prompt.objects.create(slug="p", name="P")
    if page == "prompts.promptversion":
        return PromptVersion.objects.create(prompt=prompt, number=1, model="chat").pk
    if page == "prompts.experiment":
        channel = Channel.objects.first() or Channel.objects.create(slug="c", name="C")
        return Experiment.objects.create(slug="e", name="E", prompt=prompt, channel=channel).pk
    return prompt.pk if page == "prompts.prompt" else NOBODY


def may(rf, user, method, name, *args):
    """Whether the page lets this user in; it is not rendered."""
    url = reverse(f"admin:{name}", args=args)
    request = getattr(rf, method)(url)
    request.user, request._dont_enforce_csrf_checks = user, True
    request._messages = CookieStorage(request)
    view = resolve(url)
    try:
        response = view.func(request, *view.args, **view.kwargs)
    except PermissionDenied:
        return False
    assert response.status_code in {200, 302}
    assert "login" not in response.get("Location", "")
    return True


def actions_on(rf, user, page, key):
    name = page.replace(".", "_")
    attempts = {
        "v": ("get", f"{name}_change", key),
        "a": ("get", f"{name}_add"),
        "c": ("post", f"{name}_change", key),
        "d": ("get", f"{name}_delete", key),
    }
    found = {letter for letter, attempt in attempts.items() if may(rf, user, *attempt)}
    assert may(rf, user, "get", f"{name}_changelist") == ("v" in found)
    if key != NOBODY:
        assert may(rf, user, "get", f"{name}_history", key) == ("v" in found)
    return found


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_this_and_no_more(rf, role, page):
    assert actions_on(rf, make_user(role), page, key_of_a_row(page)) == allowed(role, page)


@pytest.mark.parametrize("page", PAGES)
def test_staff_without_a_role_may_do_nothing(rf, page):
    assert actions_on(rf, make_user(), page, key_of_a_row(page)) == set()


@pytest.mark.parametrize("permission", SPECIAL)
def test_special_rights_belong_to_these_roles(permission):
    holders = {role for role in ROLES if permission in TABLE[role]}
    assert holders == SPECIAL[permission]


def test_the_groups_are_made_by_migrating():
    for role in ROLES:
        group = Group.objects.get(name=role)
        names = group.permissions.values_list("content_type__app_label", "codename")
        assert {".".join(pair) for pair in names} == TABLE[role]
    assert set(TABLE) == set(ROLES)


def test_syncing_again_takes_back_what_was_changed_by_hand():
    group = Group.objects.get(name="auditor")
    before = set(group.permissions.all())
    group.permissions.set(Group.objects.get(name="operator").permissions.all())

    sync_roles()

    assert set(group.permissions.all()) == before


def test_an_unknown_permission_is_an_error_of_the_system_check(monkeypatch):
    assert roles_name_real_permissions() == []

    monkeypatch.setitem(TABLE, "auditor", frozenset({"ledger.view_nothing"}))

    (error,) = roles_name_real_permissions()
    assert error.id == "access.E001"
    assert "ledger.view_nothing" in error.msg


def test_nobody_but_superusers_writes_money_or_jobs():
    untouchable = (
        "ledger.",
        "jobs.add_job",
        "jobs.change_job",
        "jobs.delete_job",
        "budgets.change_window",
    )
    for names in TABLE.values():
        assert not [
            name
            for name in names
            if name.startswith(untouchable)
            and not name.startswith("ledger.view")
            and name not in SPECIAL  # whose holders are named one by one
        ]
