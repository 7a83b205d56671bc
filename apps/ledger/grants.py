"""What the processes may do with the books: the database's own refusal, beside the triggers.

Triggers can be switched off, by `pgtrigger.ignore` or an owner; rights cannot, by whom they are
withheld from. The tables belong to the role that migrates; the processes use another one.
"""

from django.db import connection, transaction
from psycopg import sql

_ALL = """
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
    REVOKE ALL ON django_migrations FROM {role};
    GRANT SELECT ON django_migrations TO {role};
    REVOKE UPDATE, DELETE ON ledger_entry, ledger_usage FROM {role};
    REVOKE INSERT, UPDATE, DELETE ON ledger_entrykey FROM {role};
    GRANT EXECUTE ON FUNCTION ledger_entry_month(date), ledger_entry_strays() TO {role};
    REVOKE DELETE ON ledger_attempt, ledger_adjustment, ledger_period, ledger_closing,
        ledger_boundary FROM {role};
    REVOKE UPDATE, DELETE ON ledger_quarantinedecision FROM {role};
"""
# Entries are read and added through ledger_entry only; later partitions are made without rights.
_LEAVES = """
    SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'ledger_entry'::regclass
"""


class Unsuitable(Exception):
    """The role could change the books whatever is granted. Permanent until it is another one."""


@transaction.atomic
def secure_ledger(*, role: str) -> None:
    """Give `role`, which is made when it is missing, the rights that the processes need and no
    more: of entries and usage it may only read and add. Run as the tables' owner, after `migrate`.

    Raises: `Unsuitable` for a superuser, and for the owner itself.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role])
        found = cursor.fetchone()
        cursor.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'ledger_entry'")
        owner = cursor.fetchone()[0]
        if (found and found[0]) or role == owner:
            raise Unsuitable(f"“{role}” is a superuser or owns the tables: nothing binds it.")
        if not found:
            cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        cursor.execute(sql.SQL(_ALL).format(role=sql.Identifier(role)))
        cursor.execute(_LEAVES)
        leaves = sql.SQL(", ").join(sql.Identifier(name) for (name,) in cursor.fetchall())
        revoke = sql.SQL("REVOKE ALL ON {} FROM {}")
        cursor.execute(revoke.format(leaves, sql.Identifier(role)))
