import django.db.models.deletion
import django.db.models.functions.datetime
import plunk.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('campaigns', '0001_campaigns')]

    initial = True

    dependencies = [
        ('contacts', '0001_tables'),
        ('projects', '0001_tables'),
        ('transactional', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, default='', max_length=500)),
                ('kind', models.CharField(choices=[('TRANSACTIONAL', 'Transactional'), ('MARKETING', 'Marketing'), ('HEADLESS', 'Marketing without footer')], default='MARKETING', max_length=13)),
                ('from_email', models.CharField(blank=True, default='', max_length=254)),
                ('from_name', models.CharField(blank=True, default='', max_length=100)),
                ('reply_to', models.CharField(blank=True, default='', max_length=254)),
                ('tracks', models.BooleanField(blank=True, help_text='Whether opens and clicks are counted; empty: as the project says.', null=True)),
                ('audience_type', models.CharField(choices=[('ALL', 'Everyone'), ('SEGMENT', 'A segment'), ('FILTERED', 'Contacts that match a filter'), ('RECIPIENTS', 'Contacts chosen one by one')], default='ALL', max_length=10)),
                ('condition', models.JSONField(blank=True, help_text='The filter tree of a filtered audience.', null=True)),
                ('audience_words', models.CharField(blank=True, default='', help_text='The audience in words, as it was when the campaign was launched.', max_length=1000)),
                ('audience_count', models.PositiveBigIntegerField(blank=True, help_text='Of the rule, when it was last counted.', null=True)),
                ('audience_counted_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('DRAFT', 'Draft'), ('SCHEDULED', 'Scheduled'), ('SENDING', 'Sending'), ('PAUSED', 'Paused'), ('SENT', 'Sent'), ('CANCELLED', 'Cancelled')], default='DRAFT', max_length=9)),
                ('scheduled_at', models.DateTimeField(blank=True, null=True)),
                ('schedule_zone', models.CharField(blank=True, default='', help_text='The IANA zone in whose words the time was given.', max_length=64)),
                ('deadline_at', models.DateTimeField(blank=True, help_text='By when the last mail should have left.', null=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                ('revert_pending', models.BooleanField(default=False, help_text='Cancelled before any mail left: becomes a draft once none is left.')),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('version', models.PositiveIntegerField(default=1, help_text='Counts changes, so that two editors notice each other.')),
                ('rate', models.FloatField(default=0)),
                ('sampled_at', models.DateTimeField(blank=True, null=True)),
                ('sampled_sent', models.PositiveBigIntegerField(default=0)),
                ('moved_at', models.DateTimeField(blank=True, help_text='When a mail of it was last seen to leave.', null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('excluded_segments', models.ManyToManyField(blank=True, related_name='+', to='contacts.segment')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='campaigns', to='projects.project')),
                ('segment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.segment')),
                ('topic', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.topic')),
            ],
            options={
                'indexes': [models.Index(fields=['project', '-created_at', '-id'], name='campaign_new'), models.Index(fields=['project', '-updated_at', '-id'], name='campaign_changed'), models.Index(condition=models.Q(('state', 'SCHEDULED')), fields=['scheduled_at'], name='campaign_due'), models.Index(condition=models.Q(('state__in', ['SENDING', 'PAUSED']), ('revert_pending', True), _connector='OR'), fields=['state'], name='campaign_running')],
            },
        ),
        migrations.CreateModel(
            name='CampaignEvent',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('CREATED', 'Created'), ('SCHEDULED', 'Scheduled'), ('UNSCHEDULED', 'Taken off the schedule'), ('LAUNCHED', 'Launched'), ('FROZEN', 'Everybody written down'), ('PAUSED', 'Paused'), ('RESUMED', 'Resumed'), ('CANCELLED', 'Cancelled'), ('REVERTED', 'A draft again'), ('FINISHED', 'Finished'), ('FAILED', 'Could not be launched'), ('ARCHIVED', 'Archived'), ('UNARCHIVED', 'Taken out of the archive')], max_length=11)),
                ('detail', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='campaigns.campaign')),
                ('user', models.ForeignKey(blank=True, help_text='The member who did it; empty for a key, a command or the clock.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['campaign', '-created_at', '-id'], name='campaign_event_new')],
            },
        ),
        migrations.CreateModel(
            name='Preflight',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('fingerprint', models.CharField(max_length=64)),
                ('figures', models.JSONField(default=dict)),
                ('findings', models.JSONField(default=list)),
                ('samples', models.JSONField(default=list)),
                ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='preflight', to='campaigns.campaign')),
                ('job', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.job')),
            ],
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='campaigns.campaign')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('campaign', 'contact'), name='campaign_recipient_once')],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField(default=1)),
                ('kind', models.CharField(choices=[('FIRST', 'To the audience'), ('RETRY', 'Again to those whose mail failed'), ('REMINDER', 'Again to those who did not open')], default='FIRST', max_length=8)),
                ('state', models.CharField(choices=[('FREEZING', 'Writing down who gets it'), ('SENDING', 'Sending'), ('DONE', 'Done'), ('CANCELLED', 'Cancelled')], default='FREEZING', max_length=9)),
                ('from_email', models.CharField(max_length=254)),
                ('from_name', models.CharField(blank=True, default='', max_length=200)),
                ('reply_to', models.CharField(blank=True, default='', max_length=254)),
                ('frozen_for', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('figures', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('frozen_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='campaigns.campaign')),
                ('job', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.job')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('campaign', 'number'), name='run_once'), models.UniqueConstraint(condition=models.Q(('state__in', ['FREEZING', 'SENDING'])), fields=('campaign',), name='run_one_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Variant',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('run', models.PositiveSmallIntegerField(default=1)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('subject', models.CharField(blank=True, default='', max_length=998)),
                ('preheader', models.CharField(blank=True, default='', max_length=200)),
                ('body', models.TextField(blank=True, default='')),
                ('style', models.CharField(choices=[('PLUNK', 'Plunk design'), ('HTML', 'Own HTML')], default='PLUNK', max_length=5)),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='variants', to='campaigns.campaign')),
                ('content', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='transactional.content')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('campaign', 'run', 'position'), name='variant_once')],
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='report', serialize=False, to='campaigns.campaign')),
                ('data', models.JSONField(default=dict)),
                ('made_at', models.DateTimeField(blank=True, null=True)),
                ('took_seconds', models.FloatField(default=0)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['due_at'], name='report_due')],
            },
        ),
    ]
