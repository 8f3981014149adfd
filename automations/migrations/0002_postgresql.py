"""What only PostgreSQL has: how often occurrences are vacuumed."""

from django.db import migrations

# Most of what segments ask is answered by the index alone as long as vacuum has been
# there; by itself it comes only when the table has grown by a fifth.
VACUUM = "ALTER TABLE automations_occurrence {} (autovacuum_vacuum_insert_scale_factor{})"


def vacuum_often(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(VACUUM.format("SET", " = 0.02"))


def vacuum_as_usual(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(VACUUM.format("RESET", ""))


class Migration(migrations.Migration):
    replaces = [
        ('automations', '0001_initial'),
        ('automations', '0002_initial'),
        ('automations', '0003_segments'),
        ('automations', '0004_times_of_events'),
        ('automations', '0005_workflows'),
        ('automations', '0006_events_counted'),
        ('automations', '0007_webhook_rounds'),
        ('automations', '0008_events_of_templates'),
        ('automations', '0009_arrivals_of_nothing'),
    ]

    dependencies = [
        ('automations', '0001_tables'),
    ]

    operations = [
        migrations.RunPython(vacuum_often, vacuum_as_usual),
    ]
