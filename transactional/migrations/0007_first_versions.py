from django.db import migrations

_BATCH = 500
_WRITTEN = (
    "name", "description", "subject", "preheader", "body", "style", "kind",
    "from_email", "from_name", "reply_to", "tracks",
)


def keep_first_versions(apps, schema_editor):
    """Templates of before were sent as they were written: as the author's own HTML."""
    Template = apps.get_model("transactional", "Template")
    TemplateVersion = apps.get_model("transactional", "TemplateVersion")
    Template.objects.update(style="HTML")
    batch = []
    for template in Template.objects.filter(versions=None).iterator(chunk_size=_BATCH):
        written = {name: getattr(template, name) for name in _WRITTEN}
        batch.append(
            TemplateVersion(
                template=template,
                number=1,
                created_at=template.updated_at,
                **written,
            )
        )
        if len(batch) == _BATCH:
            TemplateVersion.objects.bulk_create(batch)
            batch = []
    TemplateVersion.objects.bulk_create(batch)


class Migration(migrations.Migration):

    dependencies = [
        ('transactional', '0006_templates_and_identities'),
    ]

    operations = [
        migrations.RunPython(keep_first_versions, migrations.RunPython.noop),
    ]
