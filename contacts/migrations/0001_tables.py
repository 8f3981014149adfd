import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
import plunk.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('contacts', '0001_initial'), ('contacts', '0002_initial'), ('contacts', '0003_contact_data_bounded'), ('contacts', '0004_audience'), ('contacts', '0005_search'), ('contacts', '0006_segment_claims'), ('contacts', '0007_confirmations_and_erasures'), ('contacts', '0008_import_seen'), ('contacts', '0009_changed_in_order'), ('contacts', '0010_drop_field'), ('contacts', '0011_jobs_that_add'), ('contacts', '0012_beginnings_of_addresses'), ('contacts', '0013_index_of_data'), ('contacts', '0014_rejected_address'), ('contacts', '0015_tally'), ('contacts', '0016_unsubscribed'), ('contacts', '0017_suppressions_in_the_ledger'), ('contacts', '0018_rejected_rows_plain'), ('contacts', '0019_tally_of_truncate'), ('contacts', '0020_campaigns'), ('contacts', '0021_drop_event'), ('contacts', '0022_enrol')]

    initial = True

    dependencies = [
        ('projects', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('email', models.CharField(help_text='As contacts.addresses.normalise() writes it.', max_length=254)),
                ('subscribed', models.BooleanField(db_default=True, default=True)),
                ('consent_source', models.CharField(blank=True, choices=[('API', 'API'), ('TRACK', 'Tracked event'), ('SEND', 'Sent mail'), ('DASHBOARD', 'Dashboard'), ('PAGE', "The contact's own page"), ('ONE_CLICK', 'One click in the mail program'), ('IMPORT', 'Import'), ('CAMPAIGN', 'Campaign'), ('WORKFLOW', 'Workflow'), ('FEEDBACK', 'Bounce or complaint'), ('SNOOZE', 'End of a snooze'), ('COMMAND', 'Command line'), ('CLOCK', 'Time that went by')], db_default='', max_length=12)),
                ('consent_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('confirmed_at', models.DateTimeField(blank=True, help_text="When the person proved to read this address's mail and agreed.", null=True)),
                ('snoozed_until', models.DateTimeField(blank=True, help_text='Unsubscribed only until then.', null=True)),
                ('import_id', models.UUIDField(blank=True, help_text='The import that made this contact.', null=True)),
                ('data', models.JSONField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', '-created_at', '-id'], name='contact_new'), models.Index(condition=models.Q(('subscribed', False)), fields=['project', '-created_at', '-id'], name='contact_unsubscribed'), models.Index(fields=['project', 'updated_at', 'id'], name='contact_changed'), models.Index(condition=models.Q(('snoozed_until__isnull', False)), fields=['snoozed_until'], name='contact_snoozed')],
                'constraints': [models.UniqueConstraint(fields=('project', 'email'), name='contact_email_once'), models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(django.db.models.functions.comparison.Cast('data', models.TextField())), 262144), name='contact_data_bounded')],
            },
        ),
        migrations.CreateModel(
            name='ContactTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project_id', models.UUIDField()),
                ('everybody', models.BigIntegerField()),
                ('subscribed', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['project_id'], name='contact_tally_of_project')],
            },
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('contact_id', models.UUIDField()),
                ('email', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='erasures', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='erasure_oldest')],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('IMPORT', 'Import'), ('SUBSCRIBE', 'Subscribe'), ('UNSUBSCRIBE', 'Unsubscribe'), ('DELETE', 'Delete'), ('DROP_FIELD', 'Remove a field'), ('ADD', 'Add to a segment'), ('FREEZE', 'Launch a campaign'), ('PREFLIGHT', 'Check a campaign'), ('DROP_EVENT', 'Delete an event'), ('ENROL', 'Begin a workflow')], max_length=11)),
                ('state', models.CharField(choices=[('DRAFT', 'Not started'), ('WAITING', 'Waiting'), ('ACTIVE', 'Working'), ('COMPLETED', 'Done'), ('FAILED', 'Failed'), ('CANCELLED', 'Cancelled')], default='WAITING', max_length=9)),
                ('parameters', models.JSONField(blank=True, default=dict, help_text='What is to be done; never changes.')),
                ('position', models.JSONField(blank=True, default=dict, help_text='Where the next chunk begins.')),
                ('total', models.BigIntegerField(blank=True, help_text='Of what `done` counts; empty: not known yet.', null=True)),
                ('done', models.BigIntegerField(default=0)),
                ('counts', models.JSONField(blank=True, default=dict, help_text='Figures by name, of finished chunks.')),
                ('errors', models.JSONField(blank=True, default=list, help_text='The first hundred things that went wrong.')),
                ('failed_reason', models.CharField(blank=True, max_length=500)),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('failures', models.PositiveSmallIntegerField(default=0, help_text='Times in a row that the next chunk broke off.')),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contact_jobs', to='projects.project')),
                ('user', models.ForeignKey(blank=True, help_text='The member who asked for it; empty for a key or a command.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['project', '-created_at', '-id'], name='job_new'), models.Index(condition=models.Q(('state__in', ['WAITING', 'ACTIVE'])), fields=['created_at'], name='job_unfinished')],
            },
        ),
        migrations.CreateModel(
            name='ImportSeen',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField()),
                ('job', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='seen', to='contacts.job')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('job', 'key'), name='import_seen_once')],
            },
        ),
        migrations.CreateModel(
            name='ImportPiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='contacts.job')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('job', 'number'), name='import_piece_once')],
            },
        ),
        migrations.CreateModel(
            name='RejectedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(help_text='The row, the header being 1.')),
                ('reason', models.CharField(max_length=300)),
                ('email', models.CharField(blank=True, help_text='The address, as far as it was one.', max_length=254)),
                ('cells', models.JSONField(help_text='The row as it came.')),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rejected', to='contacts.job')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('job', 'number'), name='rejected_row_once')],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('parameters', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to='projects.project')),
                ('user', models.ForeignKey(blank=True, help_text='Who saved it; every member sees it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'name'), name='saved_view_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('type', models.CharField(choices=[('DYNAMIC', 'Dynamic'), ('STATIC', 'Static')], default='DYNAMIC', max_length=7)),
                ('condition', models.JSONField(blank=True, help_text='The filter tree of a dynamic segment.', null=True)),
                ('track_membership', models.BooleanField(default=False, help_text='Whether coming in and going out are kept and told.')),
                ('member_count', models.PositiveBigIntegerField(default=0)),
                ('counted_at', models.DateTimeField(blank=True, null=True)),
                ('computed_at', models.DateTimeField(blank=True, help_text='Up to when the kept membership is right; empty: not yet computed.', null=True)),
                ('compared_at', models.DateTimeField(blank=True, help_text='When all contacts, not only the changed ones, were last looked at.', null=True)),
                ('attempt', models.PositiveIntegerField(db_default=0, default=0)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('problem', models.CharField(blank=True, db_default='', default='', help_text='Why it could not be counted or computed the last time.', max_length=300)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='segments', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', '-created_at', '-id'], name='segment_new'), models.Index(condition=models.Q(('track_membership', True)), fields=['computed_at'], name='segment_tracked')],
            },
        ),
        migrations.CreateModel(
            name='SegmentMembership',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('entered_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('exited_at', models.DateTimeField(blank=True, null=True)),
                ('contact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='contacts.contact')),
                ('segment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='contacts.segment')),
            ],
            options={
                'indexes': [models.Index(fields=['segment', '-entered_at', '-id'], name='membership_new'), models.Index(fields=['contact', 'segment'], name='membership_of_contact'), models.Index(condition=models.Q(('exited_at__isnull', False)), fields=['segment', 'exited_at'], name='membership_ended')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('exited_at__isnull', True)), fields=('segment', 'contact'), name='segment_member_once')],
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('email', models.CharField(max_length=254)),
                ('reason', models.CharField(choices=[('BOUNCE', 'Permanent bounce'), ('COMPLAINT', 'Complaint'), ('MANUAL', 'By hand')], max_length=9)),
                ('source', models.CharField(blank=True, help_text='What told us, such as an SES feedback id.', max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='suppressions', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', '-created_at', '-id'], name='suppression_new'), models.Index(condition=models.Q(('email__startswith', 'erased:')), fields=['project'], name='suppression_erased')],
                'constraints': [models.UniqueConstraint(fields=('project', 'email'), name='suppression_once')],
            },
        ),
        migrations.CreateModel(
            name='Topic',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('is_opt_out', models.BooleanField(default=True, help_text='Whether subscribed contacts get it until they leave it; otherwise only those who joined.')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='topics', to='projects.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'name'), name='topic_name_once')],
            },
        ),
        migrations.CreateModel(
            name='ConsentChange',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('SUBSCRIBED', 'Subscribed'), ('UNSUBSCRIBED', 'Unsubscribed'), ('ASKED', 'Asked to confirm'), ('REMINDED', 'Reminded to confirm'), ('CONFIRMED', 'Confirmed'), ('EXPIRED', 'Did not confirm in time'), ('SNOOZED', 'Snoozed'), ('TOPIC_JOINED', 'Joined a topic'), ('TOPIC_LEFT', 'Left a topic'), ('SUPPRESSED', 'Suppressed'), ('RELEASED', 'Suppression removed'), ('IMPORTED', 'Import with a stated reason')], max_length=12)),
                ('door', models.CharField(choices=[('API', 'API'), ('TRACK', 'Tracked event'), ('SEND', 'Sent mail'), ('DASHBOARD', 'Dashboard'), ('PAGE', "The contact's own page"), ('ONE_CLICK', 'One click in the mail program'), ('IMPORT', 'Import'), ('CAMPAIGN', 'Campaign'), ('WORKFLOW', 'Workflow'), ('FEEDBACK', 'Bounce or complaint'), ('SNOOZE', 'End of a snooze'), ('COMMAND', 'Command line'), ('CLOCK', 'Time that went by')], max_length=12)),
                ('email_id', models.UUIDField(blank=True, help_text='The mail whose link was used.', null=True)),
                ('origin_id', models.UUIDField(blank=True, help_text='The job, such as an import, that did it.', null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('text', models.TextField(blank=True, help_text='What the person read when they agreed or left.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('contact', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='consent_changes', to='contacts.contact')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consent_changes', to='projects.project')),
                ('user', models.ForeignKey(blank=True, db_index=False, help_text='The member who did it, if one did.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('topic', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.topic')),
            ],
            options={
                'indexes': [models.Index(fields=['contact', '-created_at', '-id'], name='consent_of_contact'), models.Index(condition=models.Q(('kind__in', ['SUPPRESSED', 'RELEASED'])), fields=['project', 'created_at'], name='consent_to_suppression')],
            },
        ),
        migrations.CreateModel(
            name='TopicChoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_joined', models.BooleanField()),
                ('changed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('contact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='topic_choices', to='contacts.contact')),
                ('topic', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='choices', to='contacts.topic')),
            ],
            options={
                'indexes': [models.Index(fields=['topic', 'is_joined'], name='topic_choice_of_topic'), models.Index(fields=['topic', 'changed_at'], name='topic_choice_changed')],
                'constraints': [models.UniqueConstraint(fields=('contact', 'topic'), name='topic_choice_once')],
            },
        ),
        migrations.CreateModel(
            name='Confirmation',
            fields=[
                ('contact', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='confirmation', serialize=False, to='contacts.contact')),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('remind_at', models.DateTimeField(blank=True, help_text='Empty once the reminder has gone.', null=True)),
                ('expires_at', models.DateTimeField()),
                ('mailed_at', models.DateTimeField(blank=True, help_text='When the latest mail was queued; empty while one is owed.', null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('mailed_at__isnull', True)), fields=['project'], name='confirmation_owed'), models.Index(condition=models.Q(('remind_at__isnull', False)), fields=['remind_at'], name='confirmation_to_remind'), models.Index(fields=['expires_at'], name='confirmation_expiry')],
            },
        ),
    ]
