"""Figures that are always those of the rows, whatever happens to the rows."""

from __future__ import annotations

from dataclasses import fields
from random import Random
from uuid import UUID

import pytest
from django.utils import timezone

from contacts import erasing
from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project
from transactional.models import Content, Email, EmailState, Lane, Source
from transactional.tallies import Tally, fold, note, tallies, tallies_of_runs

pytestmark = pytest.mark.django_db(transaction=True)

_TIMES = ("sent", "delivered", "bounced", "complained", "opened", "clicked")
_STEPS = 30
#: Told by their times, and not by their states.
_BY_TIME = {
    EmailState.SENT,
    EmailState.DELIVERED,
    EmailState.BOUNCED,
    EmailState.COMPLAINED,
}


def _counted(origin_id: UUID, run: int | None = None) -> Tally:
    """Count the rows one by one, in Python."""
    rows = Email.objects.filter(origin_id=origin_id, source=Source.CAMPAIGN)
    if run is not None:
        rows = rows.filter(run=run)
    figures = dict.fromkeys((field.name for field in fields(Tally)), 0)
    for row in rows:
        figures["mails"] += 1
        figures["possible_duplicates"] += row.possible_duplicates
        if row.state.lower() in figures and row.state not in _BY_TIME:
            figures[row.state.lower()] += 1
        for did in _TIMES:
            figures[did] += getattr(row, f"{did}_at") is not None
        figures["machine_opened"] += not row.opened_at and row.machine_opens > 0
        figures["machine_clicked"] += not row.clicked_at and row.machine_clicks > 0
    return Tally(**figures)


class _Life:
    """Does at random what can happen to the mails of two campaigns."""

    def __init__(self, project: Project, seed: int) -> None:
        self.project = project
        self.random = Random(seed)
        self.origins = [new_id(), new_id()]
        self.content = Content.objects.create(id=new_id(), project=project, body="b")
        self.number = 0

    def step(self) -> None:
        steps = (self.add, self.turn, self.turn, self.happen, self.doubt, self.remove)
        self.random.choice((*steps, self.erase, self.fold, self.fold))()

    def add(self) -> None:
        contacts = [
            Contact(project=self.project, email=f"c{self.number}-{i}@example.com")
            for i in range(self.random.randint(1, 5))
        ]
        self.number += 1
        Contact.objects.bulk_create(contacts)
        source = self.random.choice([Source.CAMPAIGN] * 4 + [Source.WORKFLOW])
        origin, run = self.random.choice(self.origins), self.random.randint(1, 3)
        Email.objects.bulk_create(
            Email(
                project=self.project,
                contact=contact,
                content=self.content,
                source=source,
                origin_id=origin,
                run=run,
                lane=Lane.CAMPAIGN,
                to_email=contact.email,
                from_email="a@example.com",
            )
            for contact in contacts
        )

    def some(self) -> list[UUID]:
        ids = list(Email.objects.order_by("pk").values_list("pk", flat=True))
        return self.random.sample(ids, self.random.randint(0, len(ids)))

    def turn(self) -> None:
        state = self.random.choice(list(EmailState))
        Email.objects.filter(pk__in=self.some()).update(state=state)

    def happen(self) -> None:
        did = self.random.choice(_TIMES)
        at = self.random.choice([timezone.now(), timezone.now(), None])
        Email.objects.filter(pk__in=self.some()).update(**{f"{did}_at": at})
        machine = self.random.choice(["machine_opens", "machine_clicks"])
        count = self.random.randint(0, 2)
        Email.objects.filter(pk__in=self.some()).update(**{machine: count})

    def doubt(self) -> None:
        times = self.random.randint(0, 3)
        Email.objects.filter(pk__in=self.some()).update(possible_duplicates=times)

    def remove(self) -> None:
        Email.objects.filter(pk__in=self.some()[:3]).delete()

    def erase(self) -> None:
        ids = list(Contact.objects.order_by("pk").values_list("pk", flat=True))
        some = self.random.sample(ids, min(2, len(ids)))
        erasing.erase(project_id=self.project.pk, contact_ids=some)

    def fold(self) -> None:
        fold()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_figures_are_those_of_the_rows_after_whatever_happened(
    project: Project, seed: int
) -> None:
    life = _Life(project, seed)
    life.add()

    for _ in range(_STEPS):
        life.step()

        found = tallies(life.origins)
        for origin in life.origins:
            assert found[origin] == _counted(origin)
            for run, tally in tallies_of_runs(origin).items():
                assert tally == _counted(origin, run)


def test_what_is_noted_beside_the_mails_outlives_folding(project: Project) -> None:
    origin = new_id()
    for _ in range(3):
        note(origin_id=origin, run=1, unsubscribed=1)
        fold()
    note(origin_id=origin, run=2, unsubscribed=1)

    fold()

    assert tallies([origin])[origin].unsubscribed == 4
    assert {run: t.unsubscribed for run, t in tallies_of_runs(origin).items()} == {
        1: 3,
        2: 1,
    }
