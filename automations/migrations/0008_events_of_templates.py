"""Templates of before get the events that tell of their mails."""

from __future__ import annotations

from typing import Any

from django.db import migrations, transaction
from django.db.models.functions import Now

BATCH = 200
DROPPED = str.maketrans("", "", ".,/#!$%^&*;:{}=-_`~()")
TELLS = ("delivered", "opened")


def define(apps: Any, schema_editor: Any) -> None:
    """Go through the templates by id; what is there already is left as it is."""
    template_model = apps.get_model("transactional", "Template")
    event_model = apps.get_model("automations", "Event")
    rows = template_model.objects.filter(deleted_at=None).order_by("pk")
    rows = rows.values_list("pk", "project_id", "name")
    last = None
    while batch := list((rows.filter(pk__gt=last) if last else rows)[:BATCH]):
        with transaction.atomic():
            _define(event_model, batch)
        last = batch[-1][0]


def _define(event_model: Any, batch: list[Any]) -> None:
    own = event_model.objects.filter(template__in=[pk for pk, _, _ in batch])
    known = set(own.values_list("template_id", "tells"))
    for pk, project_id, title in batch:
        for tells in TELLS:
            if (pk, tells) not in known:
                _define_one(event_model, pk, project_id, title, tells)


def _define_one(
    event_model: Any, pk: Any, project: Any, title: str, tells: str
) -> None:
    stem = title.lower().translate(DROPPED).replace(" ", "-")[:200] or str(pk)
    wanted = f"{stem}-template-{tells}"
    events = event_model.objects.filter(project_id=project)
    near = events.filter(name__startswith=wanted)
    taken = {
        name: not (template or campaign)
        for name, template, campaign in near.values_list(
            "name", "template_id", "campaign_id"
        )
    }
    name, number = wanted, 1
    while not taken.get(name, True):
        number += 1
        name = f"{wanted}-{number}"
    if name in taken:
        events.filter(name=name).update(template_id=pk, tells=tells)
    else:
        event_model.objects.create(
            project_id=project,
            name=name,
            template_id=pk,
            tells=tells,
            created_at=Now(),
            updated_at=Now(),
        )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("automations", "0007_webhook_rounds")]

    operations = [migrations.RunPython(define, migrations.RunPython.noop)]
