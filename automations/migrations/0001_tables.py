import django.db.models.deletion
import django.db.models.functions.datetime
import plunk.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('automations', '0001_initial'), ('automations', '0002_initial'), ('automations', '0003_segments'), ('automations', '0004_times_of_events'), ('automations', '0005_workflows'), ('automations', '0006_events_counted'), ('automations', '0007_webhook_rounds'), ('automations', '0008_events_of_templates'), ('automations', '0009_arrivals_of_nothing')]

    initial = True

    dependencies = [
        ('contacts', '0001_tables'),
        ('projects', '0001_tables'),
        ('transactional', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=255)),
                ('campaign_id', models.UUIDField(blank=True, help_text='The campaign whose mails this event tells of.', null=True)),
                ('tells', models.CharField(blank=True, choices=[('delivered', 'Delivered'), ('opened', 'Opened')], db_default='', help_text='What it tells of those mails.', max_length=9)),
                ('is_heard', models.BooleanField(db_default=False, help_text='Whether a workflow waits for it: each occurrence then arrives.')),
                ('counted', models.PositiveBigIntegerField(db_default=0, help_text='Occurrences on the days that are counted.')),
                ('counted_until', models.DateField(blank=True, help_text='The first day (UTC) not counted yet.', null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='projects.project')),
                ('template', models.ForeignKey(blank=True, db_index=False, help_text='The template whose mails this event tells of.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='transactional.template')),
            ],
            options={
                'indexes': [models.Index(fields=['counted_until', 'id'], name='event_counted')],
                'constraints': [models.UniqueConstraint(fields=('project', 'name'), name='event_name_once'), models.UniqueConstraint(condition=models.Q(('template__isnull', False)), fields=('template', 'tells'), name='event_of_template'), models.UniqueConstraint(condition=models.Q(('campaign_id__isnull', False)), fields=('campaign_id', 'tells'), name='event_of_campaign')],
            },
        ),
        migrations.CreateModel(
            name='EventDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('occurrences', models.PositiveBigIntegerField()),
                ('event', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='days', to='automations.event')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('event', 'day'), name='event_day_once')],
            },
        ),
        migrations.CreateModel(
            name='Occurrence',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('data', models.JSONField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('contact', models.ForeignKey(blank=True, db_index=False, help_text='Empty for what happened to nobody in particular.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='occurrences', to='contacts.contact')),
                ('event', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='occurrences', to='automations.event')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='occurrences', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', '-created_at', '-id'], name='occurrence_new'), models.Index(fields=['contact', '-created_at', '-id'], name='occurrence_of_contact'), models.Index(fields=['event', '-created_at', 'contact'], name='occurrence_by_event'), models.Index(fields=['event', 'contact', 'created_at'], name='occurrence_times')],
            },
        ),
        migrations.CreateModel(
            name='Arrival',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause_id', models.UUIDField(blank=True, null=True)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('failures', models.PositiveSmallIntegerField(db_default=0)),
                ('occurrence', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='automations.occurrence')),
            ],
            options={
                'indexes': [models.Index(fields=['due_at', 'id'], name='arrival_due')],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('entry_id', models.UUIDField(help_text='What began it: an occurrence, a moment of a schedule, a request.')),
                ('is_only', models.BooleanField(db_default=False, help_text='No other may begin for this contact, ever.')),
                ('state', models.CharField(choices=[('RUNNING', 'Running'), ('WAITING', 'Waiting'), ('COMPLETED', 'Completed'), ('EXITED', 'Exited'), ('FAILED', 'Failed'), ('CANCELLED', 'Cancelled')], db_default='RUNNING', max_length=9)),
                ('step_id', models.UUIDField(blank=True, null=True)),
                ('arrived_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it came to the step it is at.')),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('until_at', models.DateTimeField(blank=True, help_text='When the step it waits at gives up waiting.', null=True)),
                ('steps', models.PositiveIntegerField(db_default=0, help_text='Steps it has taken.')),
                ('context', models.JSONField(blank=True, null=True)),
                ('failures', models.PositiveSmallIntegerField(db_default=0)),
                ('error', models.CharField(blank=True, db_default='', max_length=500)),
                ('exit_reason', models.CharField(blank=True, db_default='', max_length=200)),
                ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('awaited', models.ForeignKey(blank=True, db_index=False, help_text='The event it waits for.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='automations.event')),
                ('contact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='contacts.contact')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False), ('state__in', ['RUNNING', 'WAITING'])), fields=['due_at', 'id'], name='run_due'), models.Index(condition=models.Q(('awaited__isnull', False), ('state', 'WAITING')), fields=['awaited', 'contact'], name='run_awaiting'), models.Index(fields=['contact', '-started_at', '-id'], name='run_of_contact')],
            },
        ),
        migrations.CreateModel(
            name='SigningSecret',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('secret', models.CharField(max_length=100)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='signing_secrets', to='projects.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('expires_at__isnull', True)), fields=('project',), name='signing_secret_current')],
            },
        ),
        migrations.CreateModel(
            name='Visit',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField(help_text='1 for the first step of the run.')),
                ('step_id', models.UUIDField()),
                ('state', models.CharField(choices=[('WAITING', 'Waiting'), ('COMPLETED', 'Completed'), ('SKIPPED', 'Skipped'), ('FAILED', 'Failed')], max_length=9)),
                ('outcome', models.CharField(blank=True, db_default='', help_text='The branch it left by.', max_length=100)),
                ('seen', models.JSONField(blank=True, help_text='The values it was decided on.', null=True)),
                ('output', models.JSONField(blank=True, null=True)),
                ('error', models.CharField(blank=True, db_default='', max_length=500)),
                ('started_at', models.DateTimeField()),
                ('until_at', models.DateTimeField(blank=True, null=True)),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='visits', to='automations.run')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('run', 'number'), name='visit_once')],
            },
        ),
        migrations.CreateModel(
            name='WebhookCall',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('visit_id', models.UUIDField(blank=True, null=True)),
                ('workflow_id', models.UUIDField(blank=True, null=True)),
                ('contact_id', models.UUIDField(blank=True, null=True)),
                ('method', models.CharField(max_length=6)),
                ('url', models.CharField(max_length=2000)),
                ('headers', models.JSONField(blank=True, null=True)),
                ('body', models.TextField(blank=True, db_default='')),
                ('state', models.CharField(choices=[('PENDING', 'Waiting'), ('CALLING', 'Being called'), ('DELIVERED', 'Delivered'), ('FAILED', 'Given up')], db_default='PENDING', max_length=9)),
                ('attempt', models.PositiveIntegerField(db_default=0, help_text='Of all so far.')),
                ('tries', models.PositiveSmallIntegerField(db_default=0, help_text='Attempts since it was queued, or last replayed.')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('status', models.PositiveSmallIntegerField(blank=True, help_text='What the server answered last.', null=True)),
                ('error', models.CharField(blank=True, db_default='', max_length=500)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='webhook_calls', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'PENDING')), fields=['due_at', 'id'], name='webhook_call_due'), models.Index(condition=models.Q(('state', 'CALLING')), fields=['lease_expires_at'], name='webhook_call_leased'), models.Index(fields=['project', '-created_at', '-id'], name='webhook_call_newest'), models.Index(condition=models.Q(('state', 'FAILED')), fields=['project', '-created_at', '-id'], name='webhook_call_failed'), models.Index(condition=models.Q(('state__in', ['PENDING', 'CALLING'])), fields=['project', '-created_at', '-id'], name='webhook_call_waiting'), models.Index(fields=['contact_id'], name='webhook_call_of_contact')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('visit_id__isnull', False)), fields=('visit_id',), name='webhook_call_of_visit')],
            },
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('milliseconds', models.PositiveIntegerField(default=0)),
                ('status', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('response', models.TextField(blank=True, default='')),
                ('error', models.CharField(blank=True, default='', max_length=500)),
                ('call', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='automations.webhookcall')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('call', 'number'), name='webhook_attempt_once')],
            },
        ),
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=300)),
                ('failing_since', models.DateTimeField(blank=True, help_text='When it first failed after it last answered.', null=True)),
                ('rests_until', models.DateTimeField(blank=True, help_text='Not called before, as it asked for.', null=True)),
                ('disabled_at', models.DateTimeField(blank=True, null=True)),
                ('disabled_reason', models.CharField(blank=True, db_default='', max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='endpoints', to='projects.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'url'), name='webhook_endpoint_once')],
            },
        ),
        migrations.AddField(
            model_name='webhookcall',
            name='endpoint',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='automations.webhookendpoint'),
        ),
        migrations.CreateModel(
            name='Workflow',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('WORKFLOW', 'Workflow'), ('ACTION', 'Action')], db_default='WORKFLOW', max_length=8)),
                ('name', models.CharField(max_length=200)),
                ('description', models.CharField(blank=True, db_default='', max_length=1000)),
                ('enabled', models.BooleanField(db_default=False)),
                ('allow_reentry', models.BooleanField(db_default=False)),
                ('draft', models.JSONField()),
                ('revision', models.PositiveIntegerField(db_default=1, help_text='Counts changes of the draft.')),
                ('next_at', models.DateTimeField(blank=True, help_text='When its schedule begins runs next.', null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='workflows', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', '-created_at', '-id'], name='workflow_newest'), models.Index(condition=models.Q(('enabled', True), ('next_at__isnull', False)), fields=['next_at'], name='workflow_scheduled')],
            },
        ),
        migrations.CreateModel(
            name='StepTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step_id', models.UUIDField()),
                ('template', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='transactional.template')),
                ('workflow', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='templates', to='automations.workflow')),
            ],
            options={
                'indexes': [models.Index(fields=['workflow'], name='step_template_of_workflow')],
                'constraints': [models.UniqueConstraint(fields=('template', 'workflow', 'step_id'), name='step_template_once')],
            },
        ),
        migrations.CreateModel(
            name='StepTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step_id', models.UUIDField()),
                ('outcome', models.CharField(blank=True, db_default='', max_length=100)),
                ('passed', models.BigIntegerField()),
                ('workflow', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='automations.workflow')),
            ],
            options={
                'indexes': [models.Index(fields=['workflow', 'step_id', 'outcome'], name='step_tally_of_workflow')],
            },
        ),
        migrations.AddField(
            model_name='run',
            name='workflow',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='automations.workflow'),
        ),
        migrations.CreateModel(
            name='Listener',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('moves', models.CharField(blank=True, choices=[('ENTRY', 'In'), ('EXIT', 'Out')], db_default='', max_length=5)),
                ('event', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='listeners', to='automations.event')),
                ('segment', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.segment')),
                ('workflow', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='listeners', to='automations.workflow')),
            ],
            options={
                'indexes': [models.Index(fields=['workflow'], name='listener_of_workflow')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('event__isnull', False)), fields=('event', 'workflow'), name='listener_of_event'), models.UniqueConstraint(condition=models.Q(('segment__isnull', False)), fields=('segment', 'moves', 'workflow'), name='listener_of_segment')],
            },
        ),
        migrations.CreateModel(
            name='WorkflowVersion',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('definition', models.JSONField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('published_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workflow', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='automations.workflow')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workflow', 'number'), name='workflow_version_once')],
            },
        ),
        migrations.AddField(
            model_name='workflow',
            name='live',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='automations.workflowversion'),
        ),
        migrations.AddField(
            model_name='run',
            name='version',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='automations.workflowversion'),
        ),
        migrations.AddIndex(
            model_name='webhookcall',
            index=models.Index(condition=models.Q(('state', 'PENDING')), fields=['endpoint', 'due_at', 'id'], name='webhook_call_next'),
        ),
        migrations.AddIndex(
            model_name='webhookcall',
            index=models.Index(condition=models.Q(('state', 'FAILED')), fields=['endpoint', 'id'], name='webhook_call_lost'),
        ),
        migrations.AddIndex(
            model_name='webhookcall',
            index=models.Index(fields=['endpoint', '-created_at', '-id'], name='webhook_call_of_endpoint'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['workflow', '-started_at', '-id'], name='run_of_workflow'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['workflow', 'state', '-started_at', '-id'], name='run_of_workflow_state'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['version', 'state', 'step_id'], name='run_of_version'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(fields=('workflow', 'contact', 'entry_id'), name='run_entry_once'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(condition=models.Q(('is_only', True)), fields=('workflow', 'contact'), name='run_only_one'),
        ),
    ]
