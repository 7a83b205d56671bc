"""Two people save one draft: nothing of either is lost, and each part is chosen."""

import pytest

from apps.prompts import services
from tests.playground.conftest import posted
from tests.prompts.conftest import CONTENT, content, make_draft, page

pytestmark = pytest.mark.django_db
MINE = "Mine about {{ product }}."


@pytest.fixture
def meeting(desk, prompt, small):
    """I changed a message; meanwhile somebody else changed the parameters."""
    draft = make_draft(prompt)
    mine = posted(draft) | {"messages-1-content": MINE}
    services.save_draft(version=draft, content=content(parameters={"max_tokens": 99}))
    return draft, mine


def save(desk, draft, values):
    return desk.post(page("promptversion", draft.pk), values)


def test_both_sides_are_shown_and_nothing_is_saved(desk, meeting):
    draft, mine = meeting

    html = save(desk, draft, mine).content.decode()

    for text in ("Both sides", f"<ins>{MINE}</ins>", "only they changed this part", MINE):
        assert text in html
    draft.refresh_from_db()
    assert draft.messages == CONTENT["messages"]


def test_the_parts_of_both_come_together(desk, meeting):
    draft, mine = meeting
    conflict = save(desk, draft, mine).context["adminform"].form.conflict
    chosen = {part.name: "theirs" if part.take_theirs else "yours" for part in conflict.parts}

    answer = save(desk, draft, mine | chosen | {"seen": conflict.saved_at.isoformat()})

    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.messages[1]["content"] == MINE
    assert draft.parameters == {"max_tokens": 99}


def test_a_third_editor_is_seen_too(desk, meeting):
    draft, mine = meeting
    conflict = save(desk, draft, mine).context["adminform"].form.conflict
    services.save_draft(version=draft, content=content(parameters={"max_tokens": 5}))

    answer = save(desk, draft, mine | {"seen": conflict.saved_at.isoformat()})

    assert answer.context["adminform"].form.conflict.saved_at > conflict.saved_at
    draft.refresh_from_db()
    assert draft.parameters == {"max_tokens": 5}


def test_mine_can_win_everywhere(desk, meeting):
    draft, mine = meeting
    conflict = save(desk, draft, mine).context["adminform"].form.conflict

    save(desk, draft, mine | {"seen": conflict.saved_at.isoformat()})

    draft.refresh_from_db()
    assert draft.parameters == CONTENT["parameters"]


def test_without_a_known_beginning_mine_is_the_proposal(desk, meeting):
    draft, mine = meeting

    conflict = save(desk, draft, mine | {"seen": "yesterday"}).context["adminform"].form.conflict

    assert conflict.parts
    assert not any(part.take_theirs for part in conflict.parts)
