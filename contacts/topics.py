"""Topics: the kinds of mail that a contact may leave without leaving all of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now

from contacts import ledger
from contacts.ledger import Act
from contacts.models import ChangeKind, Contact, Topic, TopicChoice


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic, and whether a contact gets it as long as it is subscribed at all."""

    topic: Topic
    is_joined: bool


def topics_of(contact: Contact) -> list[TopicState]:
    """Return the project's topics as they stand for a contact, in their order.

    One statement. Archived topics are left out.
    """
    chosen = TopicChoice.objects.filter(topic=OuterRef("pk"), contact=contact.pk)
    rows = (
        Topic.objects.filter(project_id=contact.project_id, archived_at=None)
        .annotate(chosen=Subquery(chosen.values("is_joined")))
        .order_by("position", "name", "pk")
    )
    return [
        TopicState(row, row.is_opt_out if row.chosen is None else row.chosen)
        for row in rows
    ]


@transaction.atomic
def set_topic(
    *, project_id: UUID, contact_id: UUID, topic_id: UUID, is_joined: bool, act: Act
) -> bool:
    """Let a contact join or leave a topic; return False where nothing had to change.

    Contacts and topics of other projects, and archived topics, are as good as unknown.
    The contact's row is locked: of two at once, one tells it.
    """
    mine = Contact.objects.filter(project_id=project_id, pk=contact_id)
    if not mine.select_for_update(no_key=True).values_list("pk").first():
        return False
    topic = Topic.objects.filter(
        project_id=project_id, pk=topic_id, archived_at=None
    ).first()
    if topic is None:
        return False
    before = (
        TopicChoice.objects.filter(topic=topic, contact=contact_id)
        .values_list("is_joined", flat=True)
        .first()
    )
    if is_joined == (topic.is_opt_out if before is None else before):
        return False
    TopicChoice.objects.update_or_create(
        topic_id=topic_id,
        contact_id=contact_id,
        defaults={"is_joined": is_joined, "changed_at": Now()},
    )
    ledger.record(
        project_id=project_id,
        contact_ids=[contact_id],
        kind=ChangeKind.TOPIC_JOINED if is_joined else ChangeKind.TOPIC_LEFT,
        act=act,
        topic_id=topic_id,
    )
    return True
