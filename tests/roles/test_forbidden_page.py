"""Who may not see a page is told which right is missing, which roles have it, and whom to ask."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client, admin_user):
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("page", "right", "roles"),
    [
        (
            reverse("admin:ledger_period_changelist"),
            "Can view month",
            "finance, auditor, administrator",
        ),
        (reverse("admin:ledger_adjustment_add"), "Can add adjustment", "finance, administrator"),
        (
            reverse("admin:costs_judge"),
            "Can say what unusual days of costs are",
            "finance, administrator",
        ),
    ],
)
def test_a_page_says_what_is_missing_and_whom_to_ask(olga, page, right, roles):
    answer = olga.get(page)
    text = answer.content.decode()
    assert answer.status_code == 403
    assert f"<strong>{right}</strong>" in text
    assert f"<strong>{roles}</strong>" in text
    assert "Your roles: operator." in text
    assert "Who gives roles: admin." in text
    assert "l-nav" in text  # the frame of every other page


def test_who_has_no_role_is_told_so(client):
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    text = client.get(reverse("admin:costs")).content.decode()
    assert "Can view ledger entry" in text
    assert "You have no role yet." in text


@pytest.mark.parametrize(("role", "offered"), [("auditor", False), ("prompt-engineer", True)])
def test_an_empty_list_offers_nothing_that_is_refused(client, role, offered):
    user = User.objects.create_user("somebody", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    page = client.get(reverse("admin:prompts_metric_changelist"))
    add = reverse("admin:prompts_metric_add")
    assert (f'href="{add}"' in page.content.decode()) is offered
    assert (client.get(add).status_code == 200) is offered
