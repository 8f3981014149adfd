import logging

from django.db import DatabaseError, migrations, transaction

logger = logging.getLogger(__name__)

FRAGMENTS = (
    "CREATE INDEX contact_email_fragment ON contacts_contact"
    " USING gin (email gin_trgm_ops)"
)
BEGINNINGS = (
    "CREATE INDEX IF NOT EXISTS contact_email_prefix ON contacts_contact"
    " (project_id, email varchar_pattern_ops)"
)
#: Not allowed to create the extension; its files are not on the server (before and
#: since PostgreSQL 16).
NOT_TO_BE_HAD = {"42501", "58P01", "0A000"}


def index_addresses(apps, schema_editor):
    """Index the pieces of addresses; only their beginnings without the extension."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        try:
            with transaction.atomic(using=schema_editor.connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                cursor.execute(FRAGMENTS)
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") not in NOT_TO_BE_HAD:
                raise
            reason = str(error).partition("\n")[0]
        else:
            return
        logger.warning("addresses are searched by their beginnings: %s", reason)
        cursor.execute(BEGINNINGS)


def drop_indexes(apps, schema_editor):
    """Drop what was made; the extension may serve others and stays."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS contact_email_fragment")
        cursor.execute("DROP INDEX IF EXISTS contact_email_prefix")


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0004_audience"),
    ]

    operations = [
        migrations.RunPython(index_addresses, drop_indexes),
    ]
