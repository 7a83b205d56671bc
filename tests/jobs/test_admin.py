"""Jobs in the admin."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.jobs.models import JobPayload
from apps.jobs.services.finish import finish_all
from apps.jobs.types import Ticket
from apps.ledger.models import Attempt, AttemptStatus
from tests.jobs.conftest import outcome, state

LIST = "/admin/jobs/job/"


@pytest.fixture
def person(client, db):
    """Log somebody with these permissions in, and give the client."""

    def log_in(*permissions):
        user = User.objects.create_user("olga", password="pw", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def operator(person):
    return person("view_job", "operate_job")


def page(job):
    return f"{LIST}{job.pk}/change/"


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_shows_what_ran_and_what_failed(operator, make_job):
    make_job("failed", prompt="greeting", prompt_version=3, error_code="bad_request", error="No.")
    make_job("running", cancel_requested=True)

    shown = text(operator.get(LIST))

    assert "greeting v3" in shown
    assert 'title="No."' in shown
    assert "cancelling" in shown


@pytest.mark.parametrize(
    ("status", "buttons"),
    [("queued", {"Cancel"}), ("succeeded", set()), ("failed", {"Retry failed"})],
)
def test_a_job_offers_only_what_can_be_done_to_it(operator, make_job, status, buttons):
    shown = text(operator.get(page(make_job(status))))

    links = set(re.findall(r'/do/\w+/"[^>]*>\s*([^<]+?)\s*<', shown))
    assert links & {"Cancel", "Retry failed"} == buttons


def test_it_opens_on_the_last_day_and_a_search_looks_further(operator, make_job):
    new = make_job(request_id="req_new_one")
    old = make_job(request_id="req_old_one", created_at=timezone.now() - timedelta(days=2))

    def found(**query):
        shown = text(operator.get(LIST, query))
        return [job for job in (new, old) if f"{job.pk}/change" in shown]

    assert found() == [new]
    assert found(created="7") == [new, old]
    assert found(created="all", status="failed") == []
    assert found(q="req_old") == [old]
    assert found(q=str(old.pk)[:30]) in ([old], [new, old])
    assert found(q=str(old.pk)) == [old]
    assert found(q="nothing") == []
    assert "zero byte" in text(operator.get(LIST, {"q": "\0"}, follow=True))


def test_the_list_takes_the_same_queries_however_long_it_is(
    operator, make_job, django_assert_max_num_queries
):
    for _ in range(20):
        make_job()

    with django_assert_max_num_queries(12):
        operator.get(LIST)


def test_the_page_shows_each_call_with_its_cost_and_price_lines(operator, make_job, book):
    job = make_job("running")
    start = job.created_at
    attempt = Attempt.objects.create(
        request_id="req_test",
        job_id=job.pk,
        number=1,
        status=AttemptStatus.SUCCEEDED,
        started_at=start,
        ended_at=start + timedelta(milliseconds=250),
        service="shop",
        team="shop-team",
        cost_center="cc-100",
        provider="faulty",
        model="small",
        deployment="small-1",
    )
    line = {"usage_class": "in_uncached", "quantity": 7, "price_pico": 150_000, "per_block": 1}
    line |= {"price_id": 1, "amount_pico": 1_050_000}
    book(job, 1_050_000, attempt=attempt, lines=[line], input_tokens=7)
    finish_all([(Ticket(job.pk, 1), outcome())])

    shown = text(operator.get(page(job)))

    assert 'aria-label="From 0 ms for 250 ms"' in shown.replace("\N{NO-BREAK SPACE}", " ")
    assert "Input: 7 ×" in shown
    assert "$0.00000105<" in shown
    assert "style=" not in shown.split("<main")[-1]


def test_texts_need_their_own_permission_and_are_never_markup(person, make_job):
    job = make_job("succeeded")
    said = {"text": "<script>alert(1)</script>", "usage": {}}
    JobPayload.objects.filter(job=job).update(result=said)

    client = person("view_job")
    assert "alert(1)" not in text(client.get(page(job)))

    client.logout()
    User.objects.all().delete()
    shown = text(person("view_job", "view_jobpayload").get(page(job)))
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert "hello there" in shown


def test_nothing_can_be_edited(operator, make_job):
    job = make_job()

    assert operator.get(f"{LIST}add/").status_code == 403
    assert operator.post(page(job), {"status": "succeeded"}).status_code == 403
    assert operator.post(f"{LIST}{job.pk}/delete/").status_code == 403
    assert state(job).status == "queued"


def act(client, action, *jobs, **data):
    data = {"action": action, "_selected_action": [str(job.pk) for job in jobs], **data}
    return client.post(LIST, data, follow=True)


def test_cancelling_asks_first_and_counts(operator, make_job):
    jobs = queued, running, done = make_job(), make_job("running"), make_job("succeeded")

    assert "Cancel these jobs?" in text(act(operator, "cancel_jobs", *jobs))
    assert state(queued).status == "queued"

    shown = text(act(operator, "cancel_jobs", *jobs, confirmed="1", reason="A mistake."))
    assert "1 cancelled, 1 running are being stopped, 1 had ended before." in shown
    assert (state(queued).status, state(running).cancel_requested) == ("cancelled", True)
    assert LogEntry.objects.filter(change_message="Cancel: A mistake.").count() == 3
    audited = AuditEntry.objects.get(pgh_obj_model="jobs.Intervention")
    assert audited.pgh_context["reason"] == "A mistake."
    assert audited.pgh_data["name"].startswith("3: ")


def test_retrying_asks_first_and_counts(operator, make_job):
    failed, done = make_job("failed", losses=5), make_job("succeeded")

    shown = text(act(operator, "retry_jobs", failed, done, confirmed="1", reason="It is back."))

    assert "1 queued again, 1 were neither failed nor expired." in shown
    assert (state(failed).status, state(failed).losses) == ("queued", 0)
    assert state(done).status == "succeeded"


def test_who_may_only_look_has_no_actions(person, make_job):
    job, client = make_job(), person("view_job")

    act(client, "cancel_jobs", job, confirmed="1", reason="x")
    assert client.get(f"{LIST}{job.pk}/do/cancel_jobs/").status_code == 403
    assert state(job).status == "queued"


def test_the_page_of_a_job_has_its_actions(operator, make_job):
    job = make_job()

    assert f"{LIST}{job.pk}/do/cancel_jobs/" in text(operator.get(page(job)))
    operator.post(f"{LIST}{job.pk}/do/cancel_jobs/", {"confirmed": "1", "reason": "A mistake."})
    assert state(job).status == "cancelled"


def test_a_batch_leads_to_its_jobs_and_can_be_cancelled(person, api, make_job):
    client = person("view_job", "view_batch", "operate_job")
    rows = [{"model": "small", "messages": [{"role": "user", "content": "a"}]}] * 2
    batch = api.post({"jobs": rows}, path="/api/v1/batches/").json()["id"]
    alone = make_job()
    page = f"/admin/jobs/batch/{batch}/change/"

    assert batch in text(client.get("/admin/jobs/batch/"))
    shown = text(client.get(page))
    assert "2 queued" in shown
    assert f"?created=all&amp;batch__id__exact={batch}" in shown
    listed = text(client.get(LIST, {"created": "all", "batch__id__exact": batch}))
    assert "2 jobs" in listed
    assert str(alone.pk) not in listed
    url = f"/admin/jobs/batch/{batch}/do/cancel_batches/"
    client.post(url, {"reason": "Wrong file.", "confirmed": "1"})

    assert "2 cancelled" in text(client.get(page))
    assert state(alone).status == "queued"
