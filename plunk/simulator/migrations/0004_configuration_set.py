from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("simulator", "0003_suppressions")]

    operations = [
        migrations.AddField(
            model_name="simulatedmessage",
            name="configuration_set",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
    ]
