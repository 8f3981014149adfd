import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('simulator', '0001_initial'),
        ('simulator', '0002_identities_and_feedback'),
        ('simulator', '0003_suppressions'),
        ('simulator', '0004_configuration_set'),
    ]

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='SimulatedIdentity',
            fields=[
                ('name', models.CharField(max_length=320, primary_key=True, serialize=False)),
                ('mail_from_domain', models.CharField(blank=True, max_length=253)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='SimulatedSuppression',
            fields=[
                ('email', models.CharField(max_length=320, primary_key=True, serialize=False)),
                ('reason', models.CharField(max_length=9)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='PendingFeedback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.CharField(help_text='Of the mail it is about.', max_length=100)),
                ('kind', models.CharField(max_length=20)),
                ('envelope', models.JSONField(help_text='What SNS posts, still without a signature.')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='Empty: given up.', null=True)),
                ('tries', models.PositiveSmallIntegerField(db_default=0)),
                ('claim', models.CharField(blank=True, db_default='', max_length=32)),
            ],
            options={
                'indexes': [models.Index(fields=['due_at', 'id'], name='pending_feedback_due'), models.Index(fields=['claim'], name='pending_feedback_claim')],
            },
        ),
        migrations.CreateModel(
            name='SimulatedMessage',
            fields=[
                ('message_id', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('project_id', models.UUIDField(blank=True, help_text="Of the sender's tag; account mail has none.", null=True)),
                ('sender', models.CharField(max_length=320)),
                ('recipients', models.JSONField()),
                ('subject', models.CharField(blank=True, max_length=998)),
                ('tags', models.JSONField(default=dict)),
                ('configuration_set', models.CharField(blank=True, db_default='', max_length=64)),
                ('raw', models.BinaryField()),
                ('outcome', models.CharField(help_text='The last event the simulator reported for it.', max_length=20)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['project_id', '-created_at', '-message_id'], name='simulated_new')],
            },
        ),
    ]
