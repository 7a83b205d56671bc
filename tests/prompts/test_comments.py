"""What reviewers say about lines: it stays on what it was written about, and beside the version."""

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.prompts import services
from apps.prompts.errors import DraftConflict, NotPermitted, PromptError
from apps.prompts.models import LineComment, PromptVersion
from apps.prompts.services import content_of
from apps.prompts.threads import lines_of, mark_of, open_counts, place_of, threads_of
from tests.prompts.conftest import NOW, content, make_draft, make_person, make_sealed

TALK = "You write for a shop.\nBe kind.\n\nNever lie."


@pytest.fixture
def draft(prompt):
    return make_draft(prompt, talking(TALK))


def talking(system, user="Describe {{ product }}."):
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return content(messages=messages)


def comment(version, by, message=1, line=2, text="Too soft.", **values):
    return services.comment_on(
        version=version, message=message, line=line, text=text, by=by, now=NOW, **values
    )


def threads(version):
    version.refresh_from_db()
    return threads_of(version, content_of(version).messages)


def places(version):
    return [(thread.place, thread.was) for thread in threads(version)]


@pytest.mark.django_db
def test_a_comment_keeps_the_line_that_it_is_about(draft, approver):
    row = comment(draft, approver, text="  Too soft. ")

    assert (row.quote, row.text, row.author) == ("Be kind.", "Too soft.", approver)
    assert places(draft) == [((1, 2), None)]
    assert open_counts([draft.pk]) == {draft.pk: 1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("system", "user", "place"),
    [
        ("New first line.\n" + TALK, "x", (1, 3)),  # moved down
        ("Be kind.", "x", (1, 1)),  # moved up
        ("x", "a\nBe kind.", (2, 2)),  # into another message
        ("Be kind.\na\nb\nBe kind.\nBe kind.", "Be kind.", (1, 1)),  # the nearest of its message
        ("You write.\nBe very kind.", "x", None),  # reworded
        ("One line.", "x", None),
    ],
)
def test_when_lines_move_it_goes_with_its_line(draft, approver, system, user, place):
    comment(draft, approver)

    services.save_draft(version=draft, content=talking(system, user))

    assert places(draft) == [(place, (1, 2))]
    assert threads(draft)[0].comment.quote == "Be kind."


@pytest.mark.django_db
def test_it_comes_back_with_its_line(draft, approver):
    comment(draft, approver)
    services.save_draft(version=draft, content=talking("Gone."))
    services.save_draft(version=draft, content=talking(TALK))

    assert places(draft) == [((1, 2), None)]


_lines = st.lists(st.sampled_from(["a", "b", "Be kind.", ""]), min_size=1, max_size=5)


@given(st.lists(_lines, min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 6))
def test_it_never_stands_on_a_line_that_says_something_else(messages, message, line):
    row = LineComment(message=message, line=line, quote="Be kind.")

    place = place_of(row, messages)

    says = [
        (at, number)
        for at, texts in enumerate(messages, 1)
        for number, text in enumerate(texts, 1)
        if text == "Be kind."
    ]
    assert (place in says) if says else place is None
    if (message, line) in says:
        assert place == (message, line)


@pytest.mark.parametrize("messages", [None, 5, "x", {}, [5], [{}], [{"content": 5}]])
def test_any_messages_have_lines(messages):
    assert all(isinstance(line, str) for lines in lines_of(messages) for line in lines)


@pytest.mark.django_db
def test_sealing_keeps_it_and_it_is_no_part_of_the_hash(prompt, draft, approver):
    comment(draft, approver)
    whole = content_of(draft).hash
    sealed = services.seal_version(version=draft, note="A change.", now=NOW)

    assert sealed.content_hash == whole
    comment(sealed, approver, message=2, line=1)
    sealed.refresh_from_db()
    assert sealed.content_hash == content_of(sealed).hash == whole
    assert places(sealed) == [((1, 2), None), ((2, 1), None)]
    assert services.export_version(version=sealed).keys().isdisjoint({"comments"})


@pytest.mark.django_db
def test_a_line_with_a_fragment_is_where_its_author_sees_it(prompt, approver):
    voice = services.create_prompt(slug="voice", name="Voice", kind="fragment")
    hello = [{"role": "system", "content": "Warm.\nShort."}]
    make_sealed(voice, content(messages=hello, variables={}, model="", parameters={}))
    draft = make_draft(prompt, talking('{% include "voice" %}\nBe kind.'))
    comment(draft, approver)
    comment(draft, approver, line=1, text="Which voice?")

    sealed = services.seal_version(version=draft, note="x", now=NOW)

    assert sealed.messages[0]["content"] == "Warm.\nShort.\nBe kind."
    assert [(one.place, one.comment.quote) for one in threads(sealed)] == [
        ((1, 2), "Be kind."),
        (None, '{% include "voice" %}'),  # sealing wrote down which
    ]


@pytest.mark.django_db
def test_answers_stand_below_and_a_thread_is_resolved_and_opened_again(draft, approver, engineer):
    row = comment(draft, approver)
    services.answer_comment(comment=row, text="Why?", by=engineer, now=NOW)

    for _ in range(2):
        row = services.resolve_comment(comment=row, by=engineer, now=NOW)
    services.answer_comment(comment=row, text="Fine.", by=approver, now=NOW)

    (thread,) = threads(draft)
    assert [(one.text, one.author) for one in thread.replies] == [
        ("Why?", engineer),
        ("Fine.", approver),
    ]
    assert (thread.is_open, thread.comment.resolved_by) == (False, engineer)
    assert open_counts([draft.pk]) == {}
    for _ in range(2):
        row = services.reopen_comment(comment=row, by=approver)
    assert (row.resolved_at, row.resolved_by) == (None, None)
    assert open_counts([draft.pk]) == {draft.pk: 1}


@pytest.mark.django_db
def test_answers_have_no_threads_of_their_own(draft, approver):
    row = comment(draft, approver)
    reply = services.answer_comment(comment=row, text="x", by=approver, now=NOW)

    for refused in (
        lambda: services.answer_comment(comment=reply, text="x", by=approver, now=NOW),
        lambda: services.resolve_comment(comment=reply, by=approver, now=NOW),
    ):
        with pytest.raises(PromptError, match="thread"):
            refused()


@pytest.mark.django_db
@pytest.mark.parametrize("place", [(0, 1), (3, 1), (1, 0), (1, 5), (-1, 1)])
def test_all_that_is_wrong_is_told_at_once(draft, approver, place):
    with pytest.raises(PromptError) as caught:
        comment(draft, approver, *place, text=" ")

    assert [fault.code for fault in caught.value.faults] == ["missing", "no_line"]
    assert not LineComment.objects.exists()


@pytest.mark.django_db
def test_blank_lines_and_long_texts_are_refused(draft, approver):
    with pytest.raises(PromptError) as caught:
        comment(draft, approver, line=3, text="x" * 2_001)

    assert [fault.code for fault in caught.value.faults] == ["too_long", "blank"]
    assert comment(draft, approver, text="x" * 2_000)


@pytest.mark.django_db
def test_nobody_comments_on_what_they_did_not_see(draft, approver):
    seen = mark_of("Be kind.")
    assert comment(draft, approver, seen=seen)
    services.save_draft(version=draft, content=talking("a\nBe rude."))

    with pytest.raises(DraftConflict, match="says something else now"):
        comment(draft, approver, seen=seen)


@pytest.mark.django_db
def test_a_version_takes_so_many(draft, approver, monkeypatch):
    monkeypatch.setattr(services.comments, "MOST", 2)
    row = comment(draft, approver)
    services.answer_comment(comment=row, text="x", by=approver, now=NOW)

    with pytest.raises(PromptError, match="no more fit"):
        comment(draft, approver)
    assert services.resolve_comment(comment=row, by=approver, now=NOW).resolved_at == NOW


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("prompt-engineer", True), ("approver", True), ("administrator", True), ("auditor", False),
        ("operator", False), ("service-developer", False), ("finance", False),
    ],
)  # fmt: skip
def test_each_role(draft, approver, role, may):
    person, row = make_person("somebody", role), comment(draft, approver)
    doors = (
        lambda: comment(draft, person),
        lambda: services.answer_comment(comment=row, text="x", by=person, now=NOW),
        lambda: services.resolve_comment(comment=row, by=person, now=NOW),
        lambda: services.reopen_comment(comment=row, by=person),
    )

    for door in doors:
        if may:
            assert door()
        else:
            with pytest.raises(NotPermitted, match=r"prompts\.add_linecomment"):
                door()
    assert LineComment.objects.count() == (3 if may else 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [{"text": "Never said."}, {"quote": "x"}, {"line": 9}, {"message": 2}, {"written_at": NOW}],
)
def test_nothing_of_it_is_rewritten_through_any_door(draft, approver, change):
    row = comment(draft, approver)
    if "written_at" in change:
        change = {"written_at": NOW.replace(year=2020)}

    with pytest.raises((IntegrityError, InternalError, ProgrammingError)), transaction.atomic():
        LineComment.objects.filter(pk=row.pk).update(**change)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [{"message": None}, {"line": 0}, {"quote": ""}, {"resolved_at": NOW}],
)
def test_the_database_wants_a_place_and_who_resolved_it(draft, approver, values):
    whole = {"message": 1, "line": 1, "quote": "a", "text": "x", "written_at": NOW}

    with pytest.raises(IntegrityError), transaction.atomic():
        LineComment.objects.create(version=draft, author=approver, **whole | values)


@pytest.mark.django_db
def test_the_audit_trail_has_every_step(draft, approver, engineer):
    row = comment(draft, approver)
    services.resolve_comment(comment=row, by=engineer, now=NOW)
    draft.delete()

    events = LineComment.pgh_event_model.objects.order_by("pgh_id")
    assert [event.pgh_label for event in events] == ["insert", "update", "delete"]
    assert not PromptVersion.objects.exists()


@pytest.mark.django_db
def test_reading_takes_one_query(draft, approver, django_assert_num_queries):
    for number in range(5):
        row = comment(draft, approver)
        services.answer_comment(comment=row, text=str(number), by=approver, now=NOW)

    with django_assert_num_queries(1):
        found = threads_of(draft, draft.messages)
        assert [str(one.comment.author) + str(one.comment.resolved_by) for one in found]
