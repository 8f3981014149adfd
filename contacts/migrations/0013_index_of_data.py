from django.db import migrations

# Equality of a value, wherever it stands: a segment's most frequent question. SQLite,
# with its smaller tables, reads them.
INDEX = (
    "CREATE INDEX contact_data ON contacts_contact USING gin (data jsonb_path_ops)"
)


def index_data(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(INDEX)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS contact_data")


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0012_beginnings_of_addresses"),
    ]

    operations = [
        migrations.RunPython(index_data, drop_index),
    ]
