"""The audit log: who changed what, seen by those who may, complete whatever the door."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from pghistory.models import Events

from apps.access.models import Team
from apps.audit.middleware import HistoryMiddleware
from tests.factories import make_key, make_provider, make_service

pytestmark = pytest.mark.django_db
LOG = reverse("admin:audit_auditentry_changelist")


@pytest.fixture
def auditor(client):
    user = User.objects.create_user("auditor", is_staff=True)
    user.groups.add(Group.objects.get(name="auditor"))
    client.force_login(user)
    return client


def change_in_the_admin(client, **values):
    team = Team.objects.create(slug="web", name="Web")
    url = reverse("admin:access_team_change", args=[team.pk])
    client.post(url, {"slug": "web", "name": "The web"}, **values)
    return team


def rows(client, **filters):
    return list(client.get(LOG, filters).context["cl"].result_list)


def test_a_change_in_the_admin_names_person_request_and_difference(admin_client):
    team = change_in_the_admin(admin_client, headers={"X-Request-ID": "request-42"})

    newest = rows(admin_client)[0]

    assert (newest.pgh_label, newest.pgh_obj_model) == ("update", "access.Team")
    assert newest.pgh_obj_id == str(team.pk)
    assert newest.actor == "admin"
    assert newest.pgh_diff["name"] == ["Web", "The web"]
    text = admin_client.get(LOG).content.decode()
    assert "name: Web → The web" in text
    assert "admin" in text


def test_raw_sql_is_seen_too(auditor):
    provider = make_provider()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_provider SET active = false")
        cursor.execute("DELETE FROM registry_provider")

    deleted, updated, inserted = rows(auditor, table="registry.Provider")

    assert [row.pgh_label for row in (inserted, updated, deleted)] == ["insert", "update", "delete"]
    assert updated.pgh_diff == {"active": [True, False]}
    assert {row.pgh_obj_id for row in (inserted, updated, deleted)} == {str(provider.pk)}
    assert {row.actor for row in (inserted, updated, deleted)} == {""}


def asked_by(name, rf, view):
    """A GET whose user is read from the database when somebody looks, as Django does it."""
    request = rf.get("/somewhere/")
    request.user = SimpleLazyObject(lambda: User.objects.get(username=name))
    return HistoryMiddleware(view)(request)


def test_who_only_reads_is_not_looked_up(rf, django_assert_num_queries):
    with django_assert_num_queries(1):
        asked_by("anna", rf, lambda request: Team.objects.count())


def test_a_get_that_writes_names_who_asked(rf, auditor):
    User.objects.create_user("anna")
    asked_by("anna", rf, lambda request: Team.objects.create(slug="web", name="Web"))
    newest = rows(auditor)[0]
    assert (newest.actor, newest.pgh_context["url"]) == ("anna", "/somewhere/")


def test_statements_of_a_get_that_only_read_go_as_they_came(rf):
    def view(request):
        with connection.cursor() as cursor:
            cursor.execute("WITH found AS (SELECT '50%' AS share) SELECT share FROM found")
            return cursor.fetchone()

    assert asked_by("nobody", rf, view) == ("50%",)


def test_one_entry_shows_before_and_after(auditor):
    make_provider("http://old/v1", slug="p")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_provider SET base_url = 'http://<b>new</b>/v1'")
    newest = rows(auditor)[0]

    text = auditor.get(reverse("admin:audit_auditentry_change", args=[newest.pk])).content.decode()

    assert "http://old/v1" in text
    assert "http://&lt;b&gt;new&lt;/b&gt;/v1" in text
    assert "<b>new</b>" not in text
    assert "the system" in text


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"table": "access.Team"}, 2),
        ({"table": "registry.Provider"}, 1),
        ({"table": "access.Team", "action_is": "delete"}, 0),
        ({"action_is": "update"}, 1),
        ({"q": "admin"}, 1),
        ({"q": "nobody"}, 0),
        ({"q": "request-42"}, 1),
        ({"pgh_created_at__gte": "2100-01-01T00:00:00Z"}, 0),
    ],
)
def test_the_log_is_filtered(admin_client, filters, count):
    make_provider()
    change_in_the_admin(admin_client, headers={"X-Request-ID": "request-42"})
    assert len(rows(admin_client, **filters)) == count


def test_it_is_closed_to_others_and_to_writing(client, admin_client):
    make_service()
    user = User.objects.create_user("op", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    assert client.get(LOG).status_code == 403

    key = Events.objects.all()[0].pk
    for kind in ("change", "delete"):
        page = reverse(f"admin:audit_auditentry_{kind}", args=[key])
        assert admin_client.post(page, {"post": "yes"}).status_code == 403
    assert admin_client.get(reverse("admin:audit_auditentry_add")).status_code == 403


def test_it_never_shows_a_key(auditor):
    key = make_key(make_service())
    secret = key.split("_", 2)[2]  # which may contain more of them
    for row in rows(auditor):
        page = reverse("admin:audit_auditentry_change", args=[row.pk])
        text = auditor.get(page).content.decode()
        assert secret not in text
        assert "key_hash" not in text


def test_a_page_of_it_needs_few_queries(auditor, django_assert_max_num_queries):
    for _ in range(30):
        make_service()
    with django_assert_max_num_queries(14):
        assert len(rows(auditor)) > 30
