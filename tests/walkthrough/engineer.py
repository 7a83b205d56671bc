"""A prompt engineer's way from an idea to a release and back, step by step, by keyboard alone."""

import time
from collections.abc import Iterator

from tests.walkthrough.person import Person

RUN = 120.0  # seconds that a run of an evaluation may take


def first_version(me: Person, slug: str) -> Iterator[str]:
    """A new prompt, its first words, a try with samples, and the seal."""
    me.go("/admin/")
    yield "01-home"
    me.go("/admin/prompts/prompt/")
    yield "02-prompts"
    me.link("Add prompt")
    page = me.page
    me.fill(page.get_by_label("Slug:"), slug)
    me.fill(page.get_by_label("Name:"), "Order status")
    me.fill(page.get_by_label("Folder:"), "shop/support")
    yield "03-new-prompt"
    me.button("Save")
    yield "04-empty-draft"
    _say(me, 1, "You answer customers of an online shop, in two sentences.")
    _say(me, 2, "Order {{ order }} is {{ state }}. The customer asks: {{ question }}")
    for name, sample in (
        ("question", "Where is my parcel?"),
        ("state", "on its way"),
        ("order", "A-1001"),
    ):
        row = page.get_by_role("group", name=name, exact=True)
        me.fill(row.get_by_label("Sample"), sample)
    me.fill(page.get_by_label("Model:"), "writer")
    me.fill(page.get_by_role("group", name="Parameters").get_by_label("Max tokens"), "120")
    me.sees("Order A-1001 is on its way. The customer asks: Where is my parcel?")
    yield "05-draft"
    page.keyboard.press("Control+s")
    me.sees("Draft saved. It can be sealed.")
    me.link("Seal…")
    yield "06-seal"
    me.answer("Seal", Note="First words.")
    yield "07-sealed"


def second_version(me: Person, prompt: str) -> Iterator[str]:
    """A change, looked at with what a real call sent, and tried."""
    page = me.page
    me.go(prompt)
    yield "10-prompt"
    me.button("New draft from live")
    _say(me, 1, "You answer customers of an online shop, kindly, in one sentence.")
    source = page.get_by_label("Values from")
    me.reach(source)
    past = source.evaluate("node => [...node.options].find(o => o.value.startsWith('call'))?.text")
    me.choose(source, past)
    me.sees("Order A-10")
    yield "11-draft-with-a-past-call"
    page.keyboard.press("Control+s")
    me.sees("Draft saved. It can be sealed.")
    me.link("Run…")
    yield "12-playground"
    me.button("Run")
    page.locator(".pg-answer").first.wait_for()
    yield "13-played"
    me.back()
    me.back()
    me.link("Seal…")
    me.answer("Seal", Note="Kinder, and shorter.")
    yield "14-sealed"


def _say(me: Person, number: int, text: str) -> None:
    group = me.page.get_by_role("group", name=f"Message {number}")
    me.fill(group.get_by_role("textbox", name="Text"), text)


def evaluation(me: Person, slug: str) -> Iterator[str]:
    """Past calls as cases, a suite, and a run of each version; then both side by side."""
    page = me.page
    me.go("/admin/evals/dataset/add/")
    me.fill(page.get_by_label("Slug:"), f"{slug}-cases")
    me.fill(page.get_by_label("Name:"), "Order status, real questions")
    _search(me, "Prompt", slug)
    yield "20-new-dataset"
    me.button("Save")
    me.link("Add past calls…")
    for number in range(6):
        me.press(page.locator("main").get_by_role("checkbox").nth(number), "Space")
    yield "21-past-calls"
    me.answer("Add them to the draft", Reason="The first cases.")
    yield "22-dataset"
    me.link("Publish draft…")
    me.answer("Publish", Note="The first cases.")
    dataset = page.url

    me.go("/admin/evals/suite/add/")
    me.fill(page.get_by_label("Slug:"), f"{slug}-checks")
    me.fill(page.get_by_label("Name:"), "Names the order")
    me.choose(page.get_by_label("Kind:").first, "Contains all")
    me.fill(page.get_by_label("Value:").first, "Order")
    yield "23-suite"
    me.button("Save")
    for version in (1, 2):
        page.goto(dataset)
        me.link("Run…")
        me.choose(page.get_by_label("Version:", exact=True), f"{slug} v{version}")
        me.choose(page.get_by_label("Suite:"), f"{slug}-checks")
        me.button("What would it cost?")
        yield f"24-run-of-v{version}"
        me.button("Start the run")
        _reload_until(me, "Finished")
    yield "25-run"
    me.open(page.get_by_role("link", name=f"Compare with {slug} v1"))
    yield "26-compared"


def compared_with_live(me: Person, prompt: str) -> Iterator[str]:
    me.go(prompt)
    me.open(me.page.get_by_role("link", name="Compare v2 with live"))
    yield "30-compare-with-live"


def request(me: Person, version: str) -> Iterator[str]:
    me.go(version)
    me.link("Request release…")
    yield "31-request"
    me.answer("Request", Channel="production", Reason="Kinder, and as right as before.")
    yield "32-requested"


def bad_version(me: Person, prompt: str) -> Iterator[str]:
    """A third version whose model will answer nobody, for an experiment."""
    page = me.page
    me.go(prompt)
    me.button("New draft from live")
    me.fill(page.get_by_label("Model:"), "quick")
    page.keyboard.press("Control+s")
    me.sees("Draft saved. It can be sealed.")
    me.link("Seal…")
    me.answer("Seal", Note="Cheaper?")
    yield "40-cheaper-version"


def experiment(me: Person, slug: str) -> Iterator[str]:
    """A tenth of the customers, half of them with the cheaper model, and a guardrail."""
    page = me.page
    me.go("/admin/prompts/experiment/add/")
    me.fill(page.get_by_label("Slug:"), f"{slug}-cheaper")
    me.fill(page.get_by_label("Name:"), "Does the cheaper model do?")
    me.choose(page.get_by_label("Prompt:"), slug)
    me.choose(page.get_by_label("Channel:"), "production")
    me.fill(page.get_by_label("Hypothesis:"), "Half the cost, answers as good.")
    me.fill(page.get_by_label("Share of subjects, in per cent:"), "10")
    me.choose(page.get_by_label("Primary metric:"), "Cost a call")
    yield "41-new-experiment"
    me.button("Save")
    for row, (arm, version) in enumerate((("control", 2), ("cheaper", 3))):
        fields = page.locator(f"#arms-{row}")
        me.fill(fields.locator("[name$=position]"), str(row + 1))
        me.fill(fields.locator("[name$=slug]"), arm)
        me.choose(fields.locator("[name$=version]"), f"{slug} v{version}")
        me.fill(fields.locator("[name$=weight]"), "50")
    guard = page.locator("#guardrails-0")
    me.choose(guard.locator("[name$=metric]"), "Calls without an answer")
    me.fill(guard.locator("[name$=most]"), "5")
    yield "42-arms"
    me.button("Save and continue editing")
    yield "43-planned"


def _search(me: Person, label: str, text: str) -> None:
    """A field that searches as one types."""
    me.press(me.page.get_by_role("combobox", name=label))
    me.page.keyboard.type(text)
    me.page.locator(".select2-results__option--highlighted", has_text=text).wait_for()
    me.page.keyboard.press("Enter")


def _reload_until(me: Person, text: str) -> None:
    end = time.monotonic() + RUN
    while me.page.get_by_text(text, exact=True).count() == 0:
        if time.monotonic() > end:
            raise TimeoutError(f"“{text}” never stood on {me.page.url}")
        me.page.reload()
