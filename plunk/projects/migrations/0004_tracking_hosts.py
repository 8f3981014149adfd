from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_mail")]

    operations = [
        migrations.AddIndex(
            model_name="project",
            index=models.Index(fields=["tracking_host"], name="project_tracking_host"),
        ),
    ]
