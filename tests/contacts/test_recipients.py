"""The recipients' pages: who may do what, by which link, and what the ledger keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.test import Client, override_settings
from django.utils import timezone

from automations.models import Occurrence
from contacts import choosing
from contacts.ledger import Act
from contacts.links import Purpose, token_of
from contacts.models import (
    ChangeKind,
    Confirmation,
    ConsentChange,
    Contact,
    Door,
    Topic,
)
from contacts.subscriptions import set_subscribed
from contacts.topics import topics_of
from contacts.visits import Visit
from plunk.api import ratelimit
from plunk.ids import new_id
from plunk.projects.models import Project
from tests.pages.rows import make_contact

Path = Callable[[str], str]


@pytest.fixture
def visitor() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def dana(project: Project) -> Contact:
    return make_contact(project, "dana@example.com")


@pytest.fixture
def rye(project: Project) -> Topic:
    return Topic.objects.create(project=project, name="Rye", position=1)


@pytest.fixture
def wheat(project: Project) -> Topic:
    return Topic.objects.create(project=project, name="Wheat", position=2)


@pytest.fixture
def courses(project: Project) -> Topic:
    return Topic.objects.create(
        project=project, name="Courses", position=3, is_opt_out=False
    )


def signed(contact: Contact, purpose: Purpose, email_id: UUID | None = None) -> str:
    token = token_of(
        purpose,
        project_id=contact.project_id,
        contact_id=contact.pk,
        email_id=email_id,
    )
    return f"/{purpose}/{token}"


def bare(contact: Contact, purpose: Purpose) -> str:
    return f"/{purpose}/{contact.pk}"


def now(contact: Contact) -> Contact:
    contact.refresh_from_db()
    return contact


def out(contact: Contact) -> Contact:
    """Unsubscribe somebody by their own word."""
    set_subscribed(
        project_id=contact.project_id,
        contact_id=contact.pk,
        subscribed=False,
        act=Act(Door.PAGE),
    )
    return now(contact)


def kinds(contact: Contact) -> list[str]:
    rows = ConsentChange.objects.filter(contact=contact).order_by("created_at", "pk")
    return list(rows.values_list("kind", flat=True))


def last(contact: Contact) -> ConsentChange:
    return ConsentChange.objects.filter(contact=contact).latest("created_at", "pk")


def undo_of(answer: Any) -> str:
    return str(answer.context["sheet"].undo)


def joined(contact: Contact) -> list[str]:
    return [state.topic.name for state in topics_of(contact) if state.is_joined]


each_purpose = pytest.mark.parametrize("purpose", Purpose)
each_link = pytest.mark.parametrize("link", [signed, bare])


# -- every page -----------------------------------------------------------------------
@each_purpose
@each_link
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing(
    visitor: Client, dana: Contact, purpose: Purpose, link: Any, method: str
) -> None:
    """K1."""
    before = Contact.objects.filter(pk=dana.pk).values().get()

    answer = getattr(visitor, method)(link(dana, purpose) + "?action=unsubscribe")

    assert answer.status_code == 200
    assert Contact.objects.filter(pk=dana.pk).values().get() == before
    assert not ConsentChange.objects.exists()


@each_purpose
def test_a_token_is_good_for_its_own_page_alone(
    visitor: Client, dana: Contact, purpose: Purpose
) -> None:
    """K3."""
    token = signed(dana, purpose).rpartition("/")[2]

    for other in set(Purpose) - {purpose}:
        answer = visitor.post(f"/{other}/{token}", {"action": "unsubscribe"})
        assert answer.status_code == 400
        assert b"@" not in answer.content
    assert now(dana).subscribed
    assert not ConsentChange.objects.exists()


@each_purpose
@each_link
def test_no_page_shows_the_whole_address(
    visitor: Client, dana: Contact, purpose: Purpose, link: Any
) -> None:
    for contact in (dana, out(dana)):
        page = visitor.get(link(contact, purpose)).content
        assert b"dana" not in page
        assert "d•••@example.com".encode() in page


@each_purpose
def test_a_page_needs_no_script_and_sets_no_cookie(
    visitor: Client, dana: Contact, purpose: Purpose
) -> None:
    answer = visitor.get(signed(dana, purpose))

    assert b"<script" not in answer.content
    assert b" style=" not in answer.content
    assert not answer.cookies
    assert "no-store" in answer["Cache-Control"]


@each_purpose
@each_link
def test_a_contact_who_was_erased_is_answered(
    visitor: Client, dana: Contact, purpose: Purpose, link: Any
) -> None:
    path = link(dana, purpose)
    Contact.objects.all().delete()

    for answer in (visitor.get(path), visitor.post(path, {"action": "subscribe"})):
        assert answer.status_code == 200
        assert b"Nothing is sent to this address" in answer.content
    assert not Contact.objects.exists()


@pytest.mark.parametrize("action", ["unsubscribe", "pause", "keep", "subscribe", "ask"])
def test_a_contact_who_is_erased_meanwhile_is_out(dana: Contact, action: str) -> None:
    """Between reading the link and acting on it."""
    visit = Visit(Purpose.MANAGE, dana, is_signed=True)
    Contact.objects.all().delete()
    act = visit.act()

    done: dict[str, Callable[[], object]] = {
        "unsubscribe": lambda: choosing.leave(dana, act=act),
        "pause": lambda: choosing.pause(dana, days=14, act=act),
        "keep": lambda: choosing.choose_topics(
            dana, shown=[uuid4()], chosen=[], may_join=True, act=act
        ),
        "subscribe": lambda: choosing.subscribe(visit, dana, act=act),
        "ask": lambda: choosing.ask_by_mail(dana, act=act),
    }
    done[action]()

    assert not Contact.objects.exists()
    assert not ConsentChange.objects.exists()


@each_purpose
@pytest.mark.parametrize(
    "fields",
    [
        {"action": "\x00"},
        {"action": "topics", "topic": "x", "shown": ["", "\x00", str(uuid4())]},
        {"action": "pause", "days": "9" * 50},
        {"action": "pause", "days": "-1"},
        {"action": "pause"},
        {"action": "undo", "undo": "x" * 10_000},
        {"action": "undo", "undo": "é.y"},
        {"action": "keep", "topic": [str(uuid4())] * 300},
    ],
)
def test_whatever_is_posted_is_answered(
    visitor: Client,
    dana: Contact,
    rye: Topic,
    wheat: Topic,
    purpose: Purpose,
    fields: dict[str, Any],
) -> None:
    for contact in (dana, out(dana)):
        answer = visitor.post(signed(contact, purpose), fields)
        assert answer.status_code in {200, 400}


@each_purpose
def test_the_colours_and_the_logo_are_the_projects(
    visitor: Client, dana: Contact, purpose: Purpose
) -> None:
    Project.objects.update(color="#ffe600")

    page = visitor.get(signed(dana, purpose)).content.decode()

    assert "--fill: #ffe600; --on-fill: #000000" in page


def test_a_body_of_many_megabytes_is_not_received_but_counts(
    visitor: Client, dana: Contact
) -> None:
    """The link says enough; a form that long is none of ours."""
    answer = visitor.post(signed(dana, Purpose.UNSUBSCRIBE), {"action": "x" * 300_000})

    assert answer.status_code == 200
    assert not now(dana).subscribed


# -- leaving --------------------------------------------------------------------------
def test_the_ledger_keeps_what_was_read_in_the_language_it_was_read_in(
    visitor: Client, dana: Contact
) -> None:
    Contact.objects.update(data={"locale": "de-AT"})
    mail = new_id()

    visitor.post(signed(dana, Purpose.UNSUBSCRIBE, mail), {"action": "unsubscribe"})

    entry = last(dana)
    assert entry.door == Door.PAGE
    assert entry.email_id == mail
    assert entry.text.startswith("Möchten Sie sich abmelden?\nAcme schickt")
    assert entry.text.endswith("[Abmelden]")
    assert "dana" not in entry.text
    assert now(dana).consent_source == Door.PAGE


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_one_click_is_a_door_of_its_own(
    visitor: Client, dana: Contact, prefix: str
) -> None:
    """K2: nobody read anything, and a second click is no news."""
    path = prefix + signed(dana, Purpose.UNSUBSCRIBE)

    answers = [visitor.post(path, {"List-Unsubscribe": "One-Click"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert kinds(dana) == [ChangeKind.UNSUBSCRIBED]
    assert (last(dana).door, last(dana).text) == (Door.ONE_CLICK, "")
    assert Occurrence.objects.filter(event__name="unsubscribe").count() == 1


def test_a_mail_that_only_the_address_names_is_noted_but_not_believed(
    visitor: Client, dana: Contact
) -> None:
    claimed = uuid4()

    visitor.post(f"{bare(dana, Purpose.UNSUBSCRIBE)}?e={claimed}")

    assert last(dana).email_id is None
    assert str(claimed) in last(dana).reason
    assert "bare" in last(dana).reason


@pytest.mark.parametrize("claim", ["x", "", "\x00", "é" * 9000, "1' OR 1=1"])
def test_a_mail_that_is_none_is_not_noted(
    visitor: Client, dana: Contact, claim: str
) -> None:
    visitor.post(bare(dana, Purpose.UNSUBSCRIBE) + "?", QUERY_STRING=f"e={claim}")

    assert last(dana).reason == "bare unsubscribe link"


def test_who_leaves_while_paused_is_out_for_good(
    visitor: Client, dana: Contact
) -> None:
    path = signed(dana, Purpose.UNSUBSCRIBE)
    visitor.post(path, {"action": "pause", "days": "14"})

    visitor.post(path, {"action": "unsubscribe"})

    assert now(dana).snoozed_until is None
    assert last(dana).kind == ChangeKind.UNSUBSCRIBED


def test_who_was_asked_to_confirm_can_say_no(visitor: Client, project: Project) -> None:
    contact = make_contact(project, "eve@example.com", subscribed=False)
    Confirmation.objects.create(
        contact=contact,
        project=project,
        expires_at=timezone.now() + timedelta(days=7),
    )
    path = signed(contact, Purpose.UNSUBSCRIBE)

    asked = visitor.get(path)
    visitor.post(path, {"action": "unsubscribe"})

    assert b'value="unsubscribe"' in asked.content
    assert not Confirmation.objects.exists()


# -- undoing --------------------------------------------------------------------------
@each_link
def test_leaving_can_be_undone_from_the_page_that_says_so(
    visitor: Client, dana: Contact, link: Any
) -> None:
    path = link(dana, Purpose.UNSUBSCRIBE)
    answer = visitor.post(path, {"action": "unsubscribe"})

    visitor.post(path, {"action": "undo", "undo": undo_of(answer)})

    assert now(dana).subscribed
    assert kinds(dana) == [ChangeKind.UNSUBSCRIBED, ChangeKind.SUBSCRIBED]
    assert last(dana).text == "[That was a mistake: undo it]"


def test_undoing_gives_back_a_confirmation_too(visitor: Client, dana: Contact) -> None:
    Project.objects.update(double_opt_in=True)
    Contact.objects.update(confirmed_at=timezone.now())
    long_ago = UUID(int=(1 << 80) * 1000 | 7 << 76 | 2 << 62)
    path = signed(dana, Purpose.UNSUBSCRIBE, long_ago)
    answer = visitor.post(path, {"action": "unsubscribe"})

    visitor.post(path, {"action": "undo", "undo": undo_of(answer)})

    assert now(dana).subscribed
    assert dana.confirmed_at


def test_undoing_under_double_opt_in_asks_nothing_anew(
    visitor: Client, dana: Contact
) -> None:
    Project.objects.update(double_opt_in=True)
    path = signed(dana, Purpose.UNSUBSCRIBE)
    answer = visitor.post(path, {"action": "unsubscribe"})

    visitor.post(path, {"action": "undo", "undo": undo_of(answer)})

    assert now(dana).subscribed
    assert not Confirmation.objects.exists()


def test_the_link_alone_undoes_nothing(visitor: Client, dana: Contact) -> None:
    """It is in every mail, and in every mail that was passed on."""
    path = signed(out(dana), Purpose.UNSUBSCRIBE)

    for fields in (
        {"action": "undo"},
        {"action": "keep"},
        {"action": "pause", "days": "14"},
        {"action": "subscribe"},
    ):
        visitor.post(path, fields)

    assert not now(dana).subscribed
    assert dana.snoozed_until is None


def test_a_second_opt_out_offers_no_undo(visitor: Client, dana: Contact) -> None:
    path = signed(out(dana), Purpose.UNSUBSCRIBE)

    answer = visitor.post(path, {"action": "unsubscribe"})

    assert undo_of(answer) == ""


def test_an_undo_is_good_for_its_own_contact_and_for_an_hour(
    visitor: Client, dana: Contact, project: Project
) -> None:
    other = out(make_contact(project, "other@example.com"))
    path = signed(dana, Purpose.UNSUBSCRIBE)
    undo = undo_of(visitor.post(path, {"action": "unsubscribe"}))

    visitor.post(signed(other, Purpose.UNSUBSCRIBE), {"action": "undo", "undo": undo})
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        visitor.post(path, {"action": "undo", "undo": undo})

    assert not now(other).subscribed
    assert not now(dana).subscribed


@each_link
@pytest.mark.parametrize("is_out_already", [False, True])
def test_an_undo_from_before_a_later_no_is_worth_nothing(
    visitor: Client, dana: Contact, link: Any, is_out_already: bool
) -> None:
    """Somebody else with a mail that was passed on might keep one at hand."""
    theirs = link(dana, Purpose.UNSUBSCRIBE)
    kept = undo_of(visitor.post(theirs, {"action": "unsubscribe"}))
    if not is_out_already:
        visitor.post(theirs, {"action": "undo", "undo": kept})

    visitor.post(signed(dana, Purpose.UNSUBSCRIBE), {"List-Unsubscribe": "One-Click"})
    visitor.post(theirs, {"action": "undo", "undo": kept})

    assert not now(dana).subscribed


def test_a_bare_id_subscribes_nobody_of_before_the_ledger(
    visitor: Client, dana: Contact
) -> None:
    """A former version wrote no door, whoever left."""
    Contact.objects.update(subscribed=False, consent_source="")

    visitor.post(f"/subscribe/{dana.pk}", {"action": "subscribe"})

    assert not now(dana).subscribed
    assert Confirmation.objects.count() == 1


# -- pausing --------------------------------------------------------------------------
@each_link
@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.MANAGE])
@pytest.mark.parametrize("days", [14, 30, 182, 365])
def test_a_pause_lasts_as_long_as_was_said(
    visitor: Client, dana: Contact, link: Any, purpose: Purpose, days: int
) -> None:
    answer = visitor.post(link(dana, purpose), {"action": "pause", "days": str(days)})

    assert answer.status_code == 200
    assert not now(dana).subscribed
    assert dana.snoozed_until
    assert (dana.snoozed_until - timezone.now()).days in {days - 1, days}
    assert kinds(dana) == [ChangeKind.SNOOZED]
    assert last(dana).door == Door.PAGE
    assert last(dana).text.endswith("]")


def test_who_has_just_left_may_pause_instead(visitor: Client, dana: Contact) -> None:
    path = signed(dana, Purpose.UNSUBSCRIBE)
    undo = undo_of(visitor.post(path, {"action": "unsubscribe"}))

    answer = visitor.post(path, {"action": "pause", "days": "30", "undo": undo})

    assert now(dana).snoozed_until
    assert b"again from" in answer.content


def test_a_pause_of_another_length_is_refused(visitor: Client, dana: Contact) -> None:
    answer = visitor.post(
        signed(dana, Purpose.UNSUBSCRIBE), {"action": "pause", "days": "3650"}
    )

    assert answer.status_code == 400
    assert now(dana).subscribed


# -- topics ---------------------------------------------------------------------------
def test_some_topics_are_kept_instead_of_leaving(
    visitor: Client, dana: Contact, rye: Topic, wheat: Topic
) -> None:
    path = signed(dana, Purpose.UNSUBSCRIBE)
    page = visitor.get(path).content
    fields = {"action": "keep", "shown": [rye.pk, wheat.pk], "topic": [rye.pk]}

    answer = visitor.post(path, fields)

    assert b"Rye" in page
    assert b"Your choice is saved" in answer.content
    assert now(dana).subscribed
    assert joined(dana) == ["Rye"]
    entry = last(dana)
    assert (entry.kind, entry.topic_id) == (ChangeKind.TOPIC_LEFT, wheat.pk)
    assert "[x] Rye\n[ ] Wheat" in entry.text


def test_the_link_to_leave_joins_no_topic(
    visitor: Client, dana: Contact, rye: Topic, wheat: Topic, courses: Topic
) -> None:
    every = [rye.pk, wheat.pk, courses.pk]

    visitor.post(
        signed(dana, Purpose.UNSUBSCRIBE),
        {"action": "keep", "shown": every, "topic": every},
    )

    assert joined(dana) == ["Rye", "Wheat"]


def test_who_has_just_left_may_keep_a_topic(
    visitor: Client, dana: Contact, rye: Topic, wheat: Topic
) -> None:
    path = signed(dana, Purpose.UNSUBSCRIBE)
    undo = undo_of(visitor.post(path, {"action": "unsubscribe"}))

    visitor.post(
        path,
        {
            "action": "keep",
            "undo": undo,
            "shown": [rye.pk, wheat.pk],
            "topic": [wheat.pk],
        },
    )

    assert now(dana).subscribed
    assert joined(dana) == ["Wheat"]


def test_topics_are_joined_and_left_one_by_one(
    visitor: Client, dana: Contact, rye: Topic, courses: Topic
) -> None:
    path = signed(dana, Purpose.MANAGE)
    fields = {"action": "topics", "shown": [rye.pk, courses.pk], "topic": [courses.pk]}

    answer = visitor.post(path, fields)

    assert b"Your choice is saved" in answer.content
    assert joined(dana) == ["Courses"]
    assert sorted(kinds(dana)) == [ChangeKind.TOPIC_JOINED, ChangeKind.TOPIC_LEFT]


def test_a_topic_that_the_page_did_not_show_stays(
    visitor: Client, dana: Contact, rye: Topic, wheat: Topic
) -> None:
    """It was made after the page was."""
    visitor.post(signed(dana, Purpose.MANAGE), {"action": "topics", "shown": [rye.pk]})

    assert joined(dana) == ["Wheat"]


# -- subscribing ----------------------------------------------------------------------
def test_a_signed_link_confirms(visitor: Client, project: Project) -> None:
    contact = make_contact(
        project, "new@example.com", subscribed=False, consent_source=Door.API
    )
    mail = new_id()

    visitor.post(signed(contact, Purpose.SUBSCRIBE, mail), {"action": "subscribe"})

    assert now(contact).subscribed
    assert contact.confirmed_at
    entry = last(contact)
    assert (entry.kind, entry.door) == (ChangeKind.CONFIRMED, Door.PAGE)
    assert entry.email_id == mail
    assert entry.text.startswith("Do you want to subscribe?\nAcme will send")


def test_a_bare_id_subscribes_who_never_left(visitor: Client, project: Project) -> None:
    """The classic recipe of double opt-in links to /subscribe/<id>."""
    contact = make_contact(
        project, "new@example.com", subscribed=False, consent_source=Door.API
    )

    visitor.post(bare(contact, Purpose.SUBSCRIBE), {"action": "subscribe"})

    assert now(contact).subscribed
    assert contact.confirmed_at is None


@pytest.mark.parametrize("purpose", [Purpose.SUBSCRIBE, Purpose.MANAGE])
@pytest.mark.parametrize("action", ["subscribe", "ask", "undo", "topics"])
def test_a_bare_id_does_not_bring_back_who_left(
    visitor: Client, dana: Contact, purpose: Purpose, action: str
) -> None:
    path = bare(out(dana), purpose)

    visitor.post(path, {"action": action})

    assert not now(dana).subscribed


@pytest.mark.parametrize("purpose", [Purpose.SUBSCRIBE, Purpose.MANAGE])
def test_who_left_is_sent_a_mail_to_confirm_at_most_once_an_hour(
    visitor: Client, dana: Contact, purpose: Purpose
) -> None:
    """Not even by declining in between, with a link that anybody may have."""
    path = bare(out(dana), purpose)

    answer = visitor.post(path, {"action": "ask"})
    for _ in range(3):
        visitor.post(bare(dana, Purpose.UNSUBSCRIBE), {"action": "unsubscribe"})
        visitor.post(path, {"action": "ask"})

    assert b"Please look into your mailbox" in answer.content
    assert kinds(dana).count(ChangeKind.ASKED) == 1


def test_under_double_opt_in_a_bare_id_is_never_enough(
    visitor: Client, project: Project
) -> None:
    Project.objects.update(double_opt_in=True)
    contact = make_contact(
        project, "new@example.com", subscribed=False, consent_source=Door.API
    )

    visitor.post(bare(contact, Purpose.SUBSCRIBE), {"action": "subscribe"})

    assert not now(contact).subscribed
    assert Confirmation.objects.filter(contact=contact).exists()


def test_a_link_too_old_to_confirm_with_leads_to_a_new_mail(
    visitor: Client, dana: Contact
) -> None:
    Project.objects.update(double_opt_in=True)
    long_ago = UUID(int=(1 << 80) * 1000 | 7 << 76 | 2 << 62)
    path = signed(out(dana), Purpose.MANAGE, long_ago)

    answer = visitor.post(path, {"action": "subscribe"})

    assert b"Please look into your mailbox" in answer.content
    assert not now(dana).subscribed
    assert Confirmation.objects.filter(contact=dana).exists()


@pytest.mark.usefixtures("_no_redis")
@override_settings(API_RATE_LIMIT_PER_MINUTE=1000, REDIS_URL="")
def test_mails_to_confirm_are_asked_for_only_so_often_and_leaving_is_not(
    visitor: Client, dana: Contact
) -> None:
    """All the users of one mail program may come from one address."""
    asked = [
        visitor.post(bare(dana, Purpose.MANAGE), {"action": "ask"}) for _ in "x" * 21
    ]
    left = visitor.post(
        bare(dana, Purpose.UNSUBSCRIBE), {"List-Unsubscribe": "One-Click"}
    )

    assert [answer.status_code for answer in asked].count(429) == 1
    assert b"Please try again in a minute" in asked[-1].content
    assert left.status_code == 200
    assert not now(dana).subscribed


@pytest.fixture
def _no_redis() -> Iterator[None]:
    ratelimit._make_local.cache_clear()
    yield
    ratelimit._make_local.cache_clear()


# -- managing -------------------------------------------------------------------------
def test_everything_is_left_and_come_back_to_from_one_page(
    visitor: Client, dana: Contact
) -> None:
    path = signed(dana, Purpose.MANAGE)

    visitor.post(path, {"action": "unsubscribe"})
    was_out = not now(dana).subscribed
    page = visitor.post(path, {"action": "subscribe"})

    assert was_out
    assert now(dana).subscribed
    assert b"You get news and offers" in page.content


def test_a_bare_id_shows_no_topics(
    visitor: Client, dana: Contact, rye: Topic, wheat: Topic
) -> None:
    page = visitor.get(bare(dana, Purpose.MANAGE)).content

    assert b"Rye" not in page
    assert b"With an old link you can only leave or pause" in page


def test_an_archived_topic_is_not_offered(
    visitor: Client, dana: Contact, rye: Topic, wheat: Topic
) -> None:
    Topic.objects.filter(pk=rye.pk).update(archived_at=timezone.now())

    assert b"Rye" not in visitor.get(signed(dana, Purpose.MANAGE)).content


def test_names_are_only_text(
    visitor: Client, dana: Contact, rye: Topic, courses: Topic
) -> None:
    Topic.objects.filter(pk=rye.pk).update(name="<b>", description="<script>x</script>")
    Project.objects.update(name="%(address)s<i>%s")

    for purpose in Purpose:
        page = visitor.get(signed(dana, purpose)).content
        assert b"<script" not in page
        assert b"%(address)s&lt;i&gt;%s" in page
