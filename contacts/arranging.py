"""Which topics a project has: made, described, put in order, put away.

What a topic's rule means for those who chose nothing is settled when it is made.
Turning "only who joined" into "everybody" later would subscribe people who never asked,
and turning it the other way would drop people who never left.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from contacts.models import Topic
from plunk.projects.models import Project

#: A page with more of them is one that nobody reads to its end.
MAX_TOPICS = 50
#: How far people are counted for a page.
COUNTED = 10_000

# Whoever chose against the rule, found in the index and no further than is shown.
_COUNTS = """
SELECT t.id,
       (SELECT count(*) FROM (
            SELECT 1 FROM contacts_topicchoice c
            WHERE c.topic_id = t.id AND c.is_joined = (NOT t.is_opt_out)
            LIMIT %s) counted)
FROM contacts_topic t
WHERE t.project_id = %s
"""


class TopicError(ValueError):
    """A topic cannot be had so; the message says why, and is for people."""


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic, and how many people chose against its rule: left it, or joined it."""

    topic: Topic
    count: int

    @property
    def is_more(self) -> bool:
        return self.count > COUNTED

    @property
    def shown_count(self) -> int:
        return min(self.count, COUNTED)


def topics_in_order(project_id: UUID) -> list[TopicRow]:
    """Return a project's topics, archived ones last, in two statements."""
    topics = list(
        Topic.objects.filter(project_id=project_id).order_by("position", "name", "pk")
    )
    if not topics:
        return []
    in_database = Topic._meta.pk.get_db_prep_value(project_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [COUNTED + 1, in_database])
        counts = {UUID(str(pk)): int(count) for pk, count in cursor.fetchall()}
    topics.sort(key=lambda topic: topic.archived_at is not None)
    return [TopicRow(topic, counts.get(topic.pk, 0)) for topic in topics]


@transaction.atomic
def create_topic(
    *, project_id: UUID, name: str, description: str, is_opt_out: bool
) -> Topic:
    """Make a topic, the last in order. Raises TopicError: name taken, or too many."""
    active = _locked(project_id)
    if len(active) >= MAX_TOPICS:
        raise TopicError(f"A project may have {MAX_TOPICS} topics.")
    topic = Topic(
        project_id=project_id,
        name=name,
        description=description,
        is_opt_out=is_opt_out,
        position=len(active),
    )
    return _saved(topic)


@transaction.atomic
def change_topic(*, topic: Topic, name: str, description: str) -> Topic:
    """Call a topic something else. Raises TopicError for a name that is taken."""
    topic.name, topic.description = name, description
    return _saved(topic, "name", "description")


@transaction.atomic
def move_topic(*, topic: Topic, by: int) -> bool:
    """Move a topic up (-1) or down (1) among its likes; False at the end of them."""
    active = _locked(topic.project_id)
    places = [each.pk for each in active]
    if topic.pk not in places:
        return False
    old = places.index(topic.pk)
    new = old + by
    if not 0 <= new < len(active):
        return False
    active[old], active[new] = active[new], active[old]
    for position, each in enumerate(active):
        each.position = position
    Topic.objects.bulk_update(active, ["position"])
    return True


def archive_topic(*, topic: Topic) -> bool:
    """Offer a topic no more; what people chose is kept. False if it was archived."""
    active = Topic.objects.filter(pk=topic.pk, archived_at=None)
    return active.update(archived_at=Now()) == 1


@transaction.atomic
def restore_topic(*, topic: Topic) -> bool:
    """Offer an archived topic again, last in order. Raises TopicError: too many."""
    active = _locked(topic.project_id)
    if len(active) >= MAX_TOPICS:
        raise TopicError(f"A project may have {MAX_TOPICS} topics.")
    archived = Topic.objects.filter(pk=topic.pk, archived_at__isnull=False)
    return archived.update(archived_at=None, position=len(active)) == 1


def _locked(project_id: UUID) -> list[Topic]:
    """Return the active topics in order, and keep others from arranging them too."""
    Project.objects.select_for_update(no_key=True).filter(pk=project_id).first()
    return list(
        Topic.objects.filter(project_id=project_id, archived_at=None).order_by(
            "position", "name", "pk"
        )
    )


def _saved(topic: Topic, *fields: str) -> Topic:
    try:
        with transaction.atomic():
            topic.save(update_fields=fields or None)
    except IntegrityError as error:
        raise TopicError("There is a topic of this name, maybe archived.") from error
    return topic
