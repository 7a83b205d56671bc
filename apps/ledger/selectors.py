"""Reads of the ledger."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

_FAULTS = """
    SELECT entry.id, 'its lines add up to another amount'
    FROM ledger_entry entry
    WHERE entry.kind <> 'unpriced' AND jsonb_array_length(entry.lines) > 0
      AND entry.amount_pico <> (
          SELECT sum((line->>'amount_pico')::numeric) FROM jsonb_array_elements(entry.lines) line
      )
    UNION ALL
    SELECT entry.id, 'it is not the opposite of what it reverses'
    FROM ledger_entry entry JOIN ledger_entry original ON original.id = entry.reverses_id
    WHERE entry.amount_pico <> -original.amount_pico
    UNION ALL
    SELECT entry.id, 'it stands beside the charge that should have replaced it'
    FROM ledger_entry entry
    JOIN ledger_entry charge ON charge.attempt_id = entry.attempt_id
         AND charge.kind IN ('charge', 'late_charge', 'unpriced')
    WHERE entry.kind = 'estimate'
      AND NOT EXISTS (SELECT FROM ledger_entry r WHERE r.reverses_id = entry.id)
"""


@dataclass(frozen=True, slots=True)
class EntryFault:
    """An entry that breaks a rule of the books."""

    entry_id: UUID
    fault: str


def broken_entries() -> list[EntryFault]:
    """Entries that cannot be right: none. Reads the whole ledger."""
    with connection.cursor() as cursor:
        cursor.execute(_FAULTS)
        return [EntryFault(entry_id, fault) for entry_id, fault in cursor.fetchall()]
