from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0002_postgresql"),
    ]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("IMPORT", "Import"),
                    ("SUBSCRIBE", "Subscribe"),
                    ("UNSUBSCRIBE", "Unsubscribe"),
                    ("DELETE", "Delete"),
                    ("DROP_FIELD", "Remove a field"),
                    ("ADD", "Add to a segment"),
                    ("FREEZE", "Launch a campaign"),
                    ("PREFLIGHT", "Check a campaign"),
                    ("DROP_EVENT", "Delete an event"),
                    ("ENROL", "Begin a workflow"),
                    ("CANCEL_RUNS", "Cancel everybody in a workflow"),
                    ("RESUME_RUNS", "Resume everybody parked in a workflow"),
                    ("MOVE_RUNS", "Move people to a newer version"),
                    ("DROP_FLOW", "Delete a workflow"),
                ],
                max_length=11,
            ),
        ),
    ]
