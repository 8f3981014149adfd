import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('webhooks', '0001_initial'),
        ('webhooks', '0002_notification_applied'),
    ]

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('message_id', models.CharField(help_text="SNS's MessageId.", max_length=100, primary_key=True, serialize=False)),
                ('topic_arn', models.CharField(max_length=256)),
                ('type', models.CharField(max_length=40)),
                ('message', models.TextField(help_text='The signed Message, as it came.')),
                ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('applied_at', models.DateTimeField(blank=True, null=True)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('attempts', models.PositiveSmallIntegerField(db_default=0)),
                ('outcome', models.CharField(blank=True, db_default='', max_length=200)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('applied_at__isnull', True)), fields=['due_at'], name='notification_due'), models.Index(condition=models.Q(('applied_at__isnull', False)), fields=['applied_at'], name='notification_applied')],
            },
        ),
    ]
