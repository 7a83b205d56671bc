"""The words of each prompt's messages, for the search of people. Triggers keep them, through
whatever door a version or a release came."""

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

# What is no letter or digit parts words, so that `shop_name` and `product.name` are found by each
# of theirs. Without a language: nothing is stemmed or left out. A vector holds a megabyte at most,
# so only the first 200,000 characters are searched.
WRITE = r"""
    UPDATE prompts_promptwords kept
    SET words = to_tsvector('simple', left(regexp_replace(COALESCE(
        (SELECT string_agg(said #>> '{}', ' ') FROM prompts_promptversion version,
            LATERAL jsonb_path_query(version.messages, '$[*].content') said
         WHERE version.prompt_id = kept.prompt_id AND (
            version.id IN (SELECT version_id FROM prompts_release
                WHERE prompt_id = kept.prompt_id AND ended_at IS NULL)
            OR version.number = (SELECT max(number) FROM prompts_promptversion
                WHERE prompt_id = kept.prompt_id))),
        ''), '[^a-zA-Z0-9\u0080-\U0010FFFF]+', ' ', 'g'), 200000))
"""


def keeps_words(name: str, *columns: str) -> pgtrigger.Trigger:
    """On a table with a `prompt_id`: an insert, a delete, or an update of these columns.

    The first statement waits for whoever writes the same row; so the second sees what they did.
    """
    updates = pgtrigger.UpdateOf(*columns)  # type: ignore[no-untyped-call]
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Delete | updates,
        func=f"""
            INSERT INTO prompts_promptwords (prompt_id, words)
            VALUES (COALESCE(NEW.prompt_id, OLD.prompt_id), '')
            ON CONFLICT (prompt_id) DO UPDATE SET words = prompts_promptwords.words;
            {WRITE} WHERE prompt_id = COALESCE(NEW.prompt_id, OLD.prompt_id);
            RETURN NULL;
        """,  # noqa: S608 - our own names
    )


class PromptWords(models.Model):
    """Of the versions that are live, and of the newest."""

    prompt = models.OneToOneField(
        "prompts.Prompt", models.CASCADE, primary_key=True, related_name="+"
    )
    words = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["words"], name="prompt_words")]
