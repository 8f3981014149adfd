import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import plunk.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('projects', '0001_initial'), ('projects', '0002_audience'), ('projects', '0003_mail'), ('projects', '0004_tracking_hosts')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('url', models.URLField(blank=True)),
                ('from_name', models.CharField(blank=True, help_text='The name mail comes from.', max_length=100)),
                ('from_email', models.EmailField(blank=True, help_text='The address mail comes from when a request names none.', max_length=254)),
                ('reply_to', models.EmailField(blank=True, db_default='', default='', help_text='Where answers go when a request says nothing else.', max_length=254)),
                ('postal_address', models.CharField(blank=True, db_default='', default='', help_text='Stands in the footer of marketing mail, where many laws ask for it.', max_length=200)),
                ('tracking', models.CharField(choices=[('ENABLED', 'All mail'), ('MARKETING_ONLY', 'Marketing only'), ('DISABLED', 'No mail')], db_default='ENABLED', default='ENABLED', max_length=14)),
                ('tracker', models.CharField(choices=[('SES', 'Amazon SES'), ('OWN', 'This installation')], db_default='SES', default='SES', max_length=3)),
                ('tracking_host', models.CharField(blank=True, db_default='', default='', help_text="The host of our own tracked links; empty: the installation's.", max_length=253)),
                ('language', models.CharField(db_default='en', default='en', help_text='Of the pages for contacts whose own language is not known.', max_length=10)),
                ('color', models.CharField(blank=True, db_default='', default='', help_text='As #rrggbb.', max_length=7)),
                ('double_opt_in', models.BooleanField(db_default=False, default=False, help_text='Whether a subscription counts only once its owner confirmed it.')),
                ('is_disabled', models.BooleanField(default=False)),
                ('disabled_reason', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'indexes': [models.Index(fields=['tracking_host'], name='project_tracking_host')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('OWNER', 'Owner'), ('ADMIN', 'Admin'), ('MEMBER', 'Member')], default='MEMBER', max_length=6)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('is_staff', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('date_joined', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='user_email_once')],
            },
        ),
        migrations.CreateModel(
            name='Logo',
            fields=[
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='logo', serialize=False, to='projects.project')),
                ('png', models.BinaryField()),
                ('width', models.PositiveSmallIntegerField()),
                ('height', models.PositiveSmallIntegerField()),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=plunk.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('pk', 'Public'), ('sk', 'Secret')], max_length=2)),
                ('name', models.CharField(blank=True, max_length=100)),
                ('digest', models.CharField(editable=False, help_text='SHA-256 of the key, hex.', max_length=64, unique=True)),
                ('public_value', models.CharField(blank=True, editable=False, help_text='Public keys only.', max_length=140)),
                ('last_four', models.CharField(editable=False, max_length=4)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, help_text='From when on it is refused.', null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='projects.project')),
            ],
            options={
                'verbose_name': 'API key',
                'constraints': [models.CheckConstraint(condition=models.Q(('kind', 'pk'), ('public_value', ''), _connector='OR'), name='secret_key_is_not_stored')],
            },
        ),
        migrations.AddField(
            model_name='project',
            name='members',
            field=models.ManyToManyField(related_name='projects', through='projects.Membership', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='membership',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='projects.project'),
        ),
        migrations.AddField(
            model_name='membership',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('project', 'user'), name='membership_once'),
        ),
    ]
