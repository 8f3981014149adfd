from django.db import migrations

# The lock keeps a sum from being written (contacts/counting.py) while notes go.
TRIGGERS = (
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


def count_none_after_truncate(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in TRIGGERS:
            schema_editor.execute(statement)


def count_on_after_truncate(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "DROP TRIGGER IF EXISTS contact_tally_emptied ON contacts_contact"
        )
        schema_editor.execute("DROP FUNCTION IF EXISTS contacts_tally_emptied()")


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0018_rejected_rows_plain"),
    ]

    operations = [
        migrations.RunPython(count_none_after_truncate, count_on_after_truncate),
    ]
