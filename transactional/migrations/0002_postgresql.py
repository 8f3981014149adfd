"""What only PostgreSQL has: the triggers that count a campaign's mails."""

from django.db import migrations

# What a mail counts as, in the order of the columns. Written once for all rows of a
# statement that change any of it. ALWAYS: also where rows come in by a session that
# says it is a replica.
COUNTED = {
    "mails": "TRUE",
    "queued": "state = 'QUEUED'",
    "sending": "state = 'SENDING'",
    "in_doubt": "state = 'IN_DOUBT'",
    "failed": "state = 'FAILED'",
    "skipped": "state = 'SKIPPED'",
    "suppressed": "state = 'SUPPRESSED'",
    "cancelled": "state = 'CANCELLED'",
    "sent": "sent_at IS NOT NULL",
    "delivered": "delivered_at IS NOT NULL",
    "bounced": "bounced_at IS NOT NULL",
    "complained": "complained_at IS NOT NULL",
    "opened": "opened_at IS NOT NULL",
    "clicked": "clicked_at IS NOT NULL",
    "machine_opened": "opened_at IS NULL AND machine_opens > 0",
    "machine_clicked": "clicked_at IS NULL AND machine_clicks > 0",
}
COLUMNS = ", ".join(("origin_id", "run", *COUNTED, "possible_duplicates"))
SUMS = ", ".join(
    [
        *(f"sum(sign) FILTER (WHERE {what}) AS {name}" for name, what in COUNTED.items()),
        "sum(sign * possible_duplicates) AS possible_duplicates",
    ]
)
VALUES = ", ".join(f"coalesce({name}, 0)" for name in (*COUNTED, "possible_duplicates"))
ANY = " OR ".join(f"{name} <> 0" for name in (*COUNTED, "possible_duplicates"))
READ = (
    "origin_id, run, state, sent_at, delivered_at, bounced_at, complained_at, opened_at,"
    " clicked_at, machine_opens, machine_clicks, possible_duplicates"
)
ROWS = {
    "added": f"SELECT 1 AS sign, {READ} FROM added WHERE source = 'CAMPAIGN'",
    "removed": f"SELECT -1 AS sign, {READ} FROM removed WHERE source = 'CAMPAIGN'",
}
TRIGGERS = {
    "inserted": ("INSERT", ("added",), "NEW TABLE AS added"),
    "deleted": ("DELETE", ("removed",), "OLD TABLE AS removed"),
    "changed": (
        "UPDATE",
        ("added", "removed"),
        "NEW TABLE AS added OLD TABLE AS removed",
    ),
}

# The lock keeps a sum from being written (transactional/tallies.py) while notes go.
EMPTIED = (
    """
    CREATE FUNCTION transactional_tally_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      LOCK TABLE transactional_emailtally IN EXCLUSIVE MODE;
      DELETE FROM transactional_emailtally;
      RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER email_tally_emptied AFTER TRUNCATE ON transactional_email
    FOR EACH STATEMENT EXECUTE FUNCTION transactional_tally_emptied()
    """,
    "ALTER TABLE transactional_email ENABLE ALWAYS TRIGGER email_tally_emptied",
)


def function(name, tables):
    rows = " UNION ALL ".join(ROWS[table] for table in tables)
    return f"""
    CREATE FUNCTION transactional_tally_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO transactional_emailtally ({COLUMNS})
      SELECT origin_id, run, {VALUES} FROM (
        SELECT origin_id, run, {SUMS} FROM ({rows}) AS changed
        WHERE origin_id IS NOT NULL GROUP BY origin_id, run
      ) AS summed
      WHERE {ANY};
      RETURN NULL;
    END $$
    """


def begin_to_count(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, (event, tables, referencing) in TRIGGERS.items():
        schema_editor.execute(function(name, tables), params=None)
        schema_editor.execute(
            f"CREATE TRIGGER email_tally_{name} AFTER {event} ON transactional_email"
            f" REFERENCING {referencing}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION transactional_tally_{name}()"
        )
        schema_editor.execute(
            f"ALTER TABLE transactional_email ENABLE ALWAYS TRIGGER email_tally_{name}"
        )
    for statement in EMPTIED:
        schema_editor.execute(statement, params=None)


def stop_counting(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for name in (*TRIGGERS, "emptied"):
        schema_editor.execute(
            f"DROP TRIGGER IF EXISTS email_tally_{name} ON transactional_email"
        )
        schema_editor.execute(f"DROP FUNCTION IF EXISTS transactional_tally_{name}()")


class Migration(migrations.Migration):
    replaces = [
        ('transactional', '0001_initial'),
        ('transactional', '0002_storage_of_the_account'),
        ('transactional', '0003_attempts_without_end'),
        ('transactional', '0004_consent'),
        ('transactional', '0005_engagement'),
        ('transactional', '0006_templates_and_identities'),
        ('transactional', '0007_first_versions'),
        ('transactional', '0008_what_was_filled_in'),
        ('transactional', '0009_domains_by_name'),
        ('transactional', '0010_streams'),
        ('transactional', '0011_tally'),
        ('transactional', '0012_indexes_of_recipients'),
    ]

    dependencies = [
        ('transactional', '0001_tables'),
    ]

    operations = [
        migrations.RunPython(begin_to_count, stop_counting),
    ]
