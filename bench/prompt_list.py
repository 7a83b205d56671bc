"""The list of prompts, its search and filters, and the pages behind it, with very many prompts.

Run `python -m bench.prompt_list [--prompts 2000] [--versions 20]`. It starts a Postgres and a
Valkey of its own and removes them. Every version has a text of three kilobytes, every prompt a
release on production and eight days of hourly sums. Each time is the median of seven, of the whole
page in this process: views, queries and templates, without a server in between. Exit code 1: a list
took 400 ms or longer, or more than 15 queries.
"""

import argparse
import statistics
import sys
import time
from typing import Any

from bench.stack import durable_stack

ROUNDS = 7
MOST_MS, MOST_QUERIES = 400, 15
WORDS = "kettle garden winter gentle offer order parcel colour answer reason price value"

SEED = """
    SET session_replication_role = replica;
    INSERT INTO prompts_prompt (created_at, updated_at, slug, name, kind, description, owner, tags,
        folder, archived, on_unknown)
    SELECT now(), now(), 'prompt-' || n, 'Prompt number ' || n, 'task', 'Text of task ' || n,
        'team-' || n % 9, jsonb_build_array('tag-' || n % 17),
        'area-' || n % 6 || '/part-' || n % 5, false, 'retry'
    FROM generate_series(1, {prompts}) n;
    INSERT INTO prompts_promptversion (created_at, updated_at, prompt_id, number, status, messages,
        variables, model, parameters, fit, note, content_hash, sealed_at)
    SELECT now(), now(), prompt.id, v, CASE WHEN draft THEN 'draft' ELSE 'sealed' END,
        jsonb_build_array(
            jsonb_build_object('role', 'system', 'content', 'You write for shop ' || prompt.id),
            jsonb_build_object('role', 'user', 'content',
                said || ' needle-' || prompt.id || '-' || v)),
        '{{}}', 'small', '{{}}', '{{}}', 'A change.',
        CASE WHEN draft THEN '' ELSE md5(prompt.id || ' ' || v) END,
        CASE WHEN draft THEN NULL ELSE now() END
    FROM prompts_prompt prompt, generate_series(1, {versions}) v,
    LATERAL (SELECT v = {versions} AND prompt.id % 4 = 0 AS draft,
        (SELECT string_agg(
            (string_to_array('{words}', ' '))[1 + (prompt.id * 7 + v * 5 + w * w) % 12], ' ')
            FROM generate_series(1, 500) w) AS said) made;
    INSERT INTO prompts_release (prompt_id, channel_id, version_id, kind, reason, released_at)
    SELECT prompt_id, (SELECT id FROM prompts_channel WHERE slug = 'production'), id, 'promote',
        'Better.', now()
    FROM prompts_promptversion WHERE number = {versions} / 2;
    INSERT INTO results_versionhour (prompt, prompt_version, channel, arm, hour, calls, failed,
        refusals, schema_failures, cached, attempts, input_tokens, output_tokens, cost_pico,
        latencies)
    SELECT slug, {versions} / 2, 'production', '',
        date_trunc('hour', now()) - h * interval '1 hour',
        20, 1, 0, 0, 2, 21, 9000, 3000, 5000000000, '{{"38": 12, "41": 7}}'
    FROM prompts_prompt, generate_series(1, 192) h WHERE id % 10 <> 0;
    SET session_replication_role = origin;
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=2_000)
    parser.add_argument("--versions", type=int, default=20)
    options = parser.parse_args()
    with durable_stack(LOG_LEVEL="ERROR"):
        _seed(options.prompts, options.versions)
        return _measure(options.versions)


def _seed(prompts: int, versions: int) -> None:
    from django.db import connection

    from apps.prompts.models.words import WRITE

    with connection.cursor() as cursor:
        cursor.execute(SEED.format(prompts=prompts, versions=versions, words=WORDS))
        cursor.execute("INSERT INTO prompts_promptwords SELECT id, '' FROM prompts_prompt")
        cursor.execute(WRITE)
        cursor.execute("ANALYZE")


def _measure(versions: int) -> int:
    client = _signed_in()
    too_much = 0
    sys.stdout.write("| page | median | queries | rows |\n|---|---|---|---|\n")
    for name, url, is_list in _pages(versions):
        milliseconds, queries, rows = _one(client, url)
        sys.stdout.write(f"| {name} | {milliseconds:.0f} ms | {queries} | {rows} |\n")
        too_much += is_list and (milliseconds >= MOST_MS or queries > MOST_QUERIES)
    return int(too_much > 0)


def _signed_in() -> Any:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.utils import setup_test_environment

    setup_test_environment()
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    return client


def _pages(versions: int) -> list[tuple[str, str, bool]]:
    from django.urls import reverse

    from apps.prompts.models import Prompt, PromptVersion

    prompt = Prompt.objects.order_by("pk")[len(WORDS)]
    live = PromptVersion.objects.get(prompt=prompt, number=versions // 2)
    prompts = reverse("admin:prompts_prompt_changelist")
    needle = f"needle-{prompt.pk}-{versions}"
    return [
        ("list", prompts, True),
        ("list, last page", f"{prompts}?p=40", True),
        ("search: a text of one message", f"{prompts}?q={needle}", True),
        ("search: a word of every message", f"{prompts}?q=kettle", True),
        ("search: two words", f"{prompts}?q=kettle+gentle", True),
        ("search: nothing", f"{prompts}?q=nowhere-to-be-found", True),
        ("filter: draft waiting", f"{prompts}?draft=yes", True),
        ("filter: not called for 30 days", f"{prompts}?unused=yes", True),
        ("filter: live model", f"{prompts}?model=small", True),
        ("sorted by last change", f"{prompts}?o=-8", True),
        ("filter: folder and tag", f"{prompts}?folder=area-1&tag=tag-3", True),
        ("prompt", reverse("admin:prompts_prompt_change", args=[prompt.pk]), False),
        ("version", reverse("admin:prompts_promptversion_change", args=[live.pk]), False),
        ("list of versions", reverse("admin:prompts_promptversion_changelist"), False),
        ("compare", reverse("admin:prompt_compare", args=[prompt.pk]), False),
    ]


def _one(client: Any, url: str) -> tuple[float, int, str]:
    """Median milliseconds, queries, and what the list says of its length."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    times = []
    client.get(url)
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = client.get(url)
        times.append(time.perf_counter() - begun)
    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    if answer.status_code != 200:
        raise SystemExit(f"{url}: {answer.status_code}")
    shown = answer.context and answer.context.get("cl")
    return statistics.median(times) * 1000, len(captured), shown.paginator.label if shown else ""


if __name__ == "__main__":
    sys.exit(main())
