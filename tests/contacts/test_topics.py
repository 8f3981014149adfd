"""Kinds of mail that a contact leaves one by one."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db.models.functions import Now

from contacts.ledger import Act
from contacts.models import (
    ChangeKind,
    ConsentChange,
    Contact,
    Door,
    Topic,
    TopicChoice,
)
from contacts.topics import set_topic, topics_of
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.pages.rows import make_contact

ACT = Act(Door.PAGE, text="I want the news.")


@pytest.fixture
def dana(project: Project) -> Contact:
    return make_contact(project, "dana@example.com")


@pytest.fixture
def news(project: Project) -> Topic:
    return Topic.objects.create(project=project, name="News")


@pytest.fixture
def offers(project: Project) -> Topic:
    return Topic.objects.create(
        project=project, name="Offers", is_opt_out=False, position=1
    )


def states(contact: Contact) -> dict[str, bool]:
    return {state.topic.name: state.is_joined for state in topics_of(contact)}


def choose(contact: Contact, topic_id: UUID, *, is_joined: bool) -> bool:
    return set_topic(
        project_id=contact.project_id,
        contact_id=contact.pk,
        topic_id=topic_id,
        is_joined=is_joined,
        act=ACT,
    )


def test_without_a_choice_the_rule_of_the_topic_holds(
    dana: Contact, news: Topic, offers: Topic
) -> None:
    assert states(dana) == {"News": True, "Offers": False}


def test_a_choice_outweighs_the_rule_and_is_in_the_ledger(
    dana: Contact, news: Topic, offers: Topic
) -> None:
    assert choose(dana, news.pk, is_joined=False)
    assert choose(dana, offers.pk, is_joined=True)

    assert states(dana) == {"News": False, "Offers": True}
    entries = ConsentChange.objects.order_by("created_at", "pk")
    assert [(entry.kind, entry.topic_id) for entry in entries] == [
        (ChangeKind.TOPIC_LEFT, news.pk),
        (ChangeKind.TOPIC_JOINED, offers.pk),
    ]
    assert {(entry.door, entry.text) for entry in entries} == {(Door.PAGE, ACT.text)}


def test_a_repetition_is_no_news(dana: Contact, news: Topic) -> None:
    """Neither of a choice nor of what the rule says anyway."""
    assert not choose(dana, news.pk, is_joined=True)
    assert choose(dana, news.pk, is_joined=False)
    assert not choose(dana, news.pk, is_joined=False)

    assert ConsentChange.objects.count() == TopicChoice.objects.count() == 1


def test_who_comes_back_has_one_choice(dana: Contact, news: Topic) -> None:
    choose(dana, news.pk, is_joined=False)
    choose(dana, news.pk, is_joined=True)

    assert states(dana) == {"News": True}
    assert TopicChoice.objects.count() == 1
    assert ConsentChange.objects.count() == 2


def test_archived_topics_are_gone(dana: Contact, news: Topic) -> None:
    Topic.objects.update(archived_at=Now())

    assert states(dana) == {}
    assert not choose(dana, news.pk, is_joined=False)


def test_what_is_not_ours_is_unknown(
    dana: Contact, news: Topic, other_project: NewProject
) -> None:
    theirs = Topic.objects.create(project=other_project.project, name="Theirs")
    stranger = make_contact(other_project.project)

    assert not choose(dana, theirs.pk, is_joined=False)
    assert not choose(dana, uuid4(), is_joined=False)
    assert not choose(stranger, news.pk, is_joined=False)
    assert not set_topic(
        project_id=dana.project_id,
        contact_id=stranger.pk,
        topic_id=news.pk,
        is_joined=False,
        act=ACT,
    )
    assert not TopicChoice.objects.exists()
    assert not ConsentChange.objects.exists()


def test_one_statement_for_any_number_of_topics(
    dana: Contact,
    project: Project,
    django_assert_num_queries: pytest.FixtureRequest,
) -> None:
    for number in range(20):
        Topic.objects.create(project=project, name=f"Topic {number}")

    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(topics_of(dana)) == 20
