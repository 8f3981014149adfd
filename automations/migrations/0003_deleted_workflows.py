from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("automations", "0002_postgresql"),
    ]

    operations = [
        migrations.AddField(
            model_name="workflow",
            name="deleted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
