from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('automations', '0003_deleted_workflows'),
        ('contacts', '0003_jobs_of_workflows'),
        ('projects', '0001_tables'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('state__in', ['RUNNING', 'WAITING', 'FAILED'])), fields=['workflow', 'step_id', '-started_at', '-id'], name='run_at_step'),
        ),
    ]
