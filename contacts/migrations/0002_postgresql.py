"""What only PostgreSQL has: indexes for searching, and the tally's triggers."""

import logging

from django.db import DatabaseError, migrations, transaction

logger = logging.getLogger(__name__)

FRAGMENTS = (
    "CREATE INDEX contact_email_fragment ON contacts_contact"
    " USING gin (email gin_trgm_ops)"
)
#: Pieces of three characters (pg_trgm) say nothing about one or two of them, which are
#: looked for at the beginning: at a million contacts that took up to two seconds.
BEGINNINGS = (
    "CREATE INDEX contact_email_prefix ON contacts_contact"
    " (project_id, email varchar_pattern_ops)"
)
# Equality of a value, wherever it stands: a segment's most frequent question. SQLite,
# with its smaller tables, reads them.
DATA = "CREATE INDEX contact_data ON contacts_contact USING gin (data jsonb_path_ops)"
#: Not allowed to create the extension; its files are not on the server (before and
#: since PostgreSQL 16).
NOT_TO_BE_HAD = {"42501", "58P01", "0A000"}

# Written once for all rows of a statement; a flip, which is rare, for each by itself.
# ALWAYS: also where rows come in by a session that says it is a replica.
COUNTED = (
    """
    CREATE FUNCTION contacts_tally_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO contacts_contacttally (project_id, everybody, subscribed)
      SELECT project_id, count(*), count(*) FILTER (WHERE subscribed)
      FROM added GROUP BY project_id;
      RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION contacts_tally_removed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO contacts_contacttally (project_id, everybody, subscribed)
      SELECT project_id, -count(*), -count(*) FILTER (WHERE subscribed)
      FROM removed GROUP BY project_id;
      RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION contacts_tally_flipped() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO contacts_contacttally (project_id, everybody, subscribed)
      VALUES (NEW.project_id, 0, CASE WHEN NEW.subscribed THEN 1 ELSE -1 END);
      RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER contact_tally_added AFTER INSERT ON contacts_contact
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_tally_added()
    """,
    """
    CREATE TRIGGER contact_tally_removed AFTER DELETE ON contacts_contact
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_tally_removed()
    """,
    """
    CREATE TRIGGER contact_tally_flipped AFTER UPDATE OF subscribed ON contacts_contact
    FOR EACH ROW WHEN (OLD.subscribed IS DISTINCT FROM NEW.subscribed)
    EXECUTE FUNCTION contacts_tally_flipped()
    """,
    "ALTER TABLE contacts_contact ENABLE ALWAYS TRIGGER contact_tally_added",
    "ALTER TABLE contacts_contact ENABLE ALWAYS TRIGGER contact_tally_removed",
    "ALTER TABLE contacts_contact ENABLE ALWAYS TRIGGER contact_tally_flipped",
)
# The lock keeps a sum from being written (contacts/counting.py) while notes go.
EMPTIED = (
    """
    CREATE FUNCTION contacts_tally_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      LOCK TABLE contacts_contacttally IN EXCLUSIVE MODE;
      DELETE FROM contacts_contacttally;
      RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER contact_tally_emptied AFTER TRUNCATE ON contacts_contact
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_tally_emptied()
    """,
    "ALTER TABLE contacts_contact ENABLE ALWAYS TRIGGER contact_tally_emptied",
)


def index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BEGINNINGS)
        schema_editor.execute(DATA)


def index_pieces(apps, schema_editor):
    """Index the pieces of addresses, if the extension that cuts them is to be had."""
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
            logger.warning("addresses are searched by their beginnings: %s", reason)


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in ("contact_email_prefix", "contact_data"):
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


def drop_pieces(apps, schema_editor):
    """Drop the index; the extension may serve others and stays."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS contact_email_fragment")


def begin_to_count(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in (*COUNTED, *EMPTIED):
            schema_editor.execute(statement)


def stop_counting(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in ("added", "removed", "flipped", "emptied"):
            schema_editor.execute(
                f"DROP TRIGGER IF EXISTS contact_tally_{name} ON contacts_contact"
            )
            schema_editor.execute(f"DROP FUNCTION IF EXISTS contacts_tally_{name}()")


class Migration(migrations.Migration):
    replaces = [
        ('contacts', '0001_initial'),
        ('contacts', '0002_initial'),
        ('contacts', '0003_contact_data_bounded'),
        ('contacts', '0004_audience'),
        ('contacts', '0005_search'),
        ('contacts', '0006_segment_claims'),
        ('contacts', '0007_confirmations_and_erasures'),
        ('contacts', '0008_import_seen'),
        ('contacts', '0009_changed_in_order'),
        ('contacts', '0010_drop_field'),
        ('contacts', '0011_jobs_that_add'),
        ('contacts', '0012_beginnings_of_addresses'),
        ('contacts', '0013_index_of_data'),
        ('contacts', '0014_rejected_address'),
        ('contacts', '0015_tally'),
        ('contacts', '0016_unsubscribed'),
        ('contacts', '0017_suppressions_in_the_ledger'),
        ('contacts', '0018_rejected_rows_plain'),
        ('contacts', '0019_tally_of_truncate'),
        ('contacts', '0020_campaigns'),
        ('contacts', '0021_drop_event'),
        ('contacts', '0022_enrol'),
    ]

    dependencies = [
        ('contacts', '0001_tables'),
    ]

    operations = [
        migrations.RunPython(index, drop_indexes),
        migrations.RunPython(index_pieces, drop_pieces),
        migrations.RunPython(begin_to_count, stop_counting),
    ]
