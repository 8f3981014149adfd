"""Double opt-in: nobody is subscribed who has not said so from their own mailbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations.models import Occurrence
from contacts import confirming
from contacts.confirming import ask, confirm, expire_due, is_expired, remind_due
from contacts.creating import change_contact
from contacts.ledger import Act
from contacts.models import ChangeKind, Confirmation, ConsentChange, Contact, Door
from contacts.snoozing import snooze
from contacts.subscriptions import set_all_subscribed, set_subscribed
from plunk.api.keys import forget_cached_keys
from plunk.ids import new_id
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import Api
from tests.pages.rows import make_contact
from transactional import confirmations, senders
from transactional.confirmations import mail_owed
from transactional.models import Content, Email, MailKind, Source, Template

Way = Callable[[Api, str], None]


@pytest.fixture(autouse=True)
def switched_on(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(double_opt_in=True)


def by_track(api: Api, address: str) -> None:
    body = {"email": address, "event": "signed-up"}
    assert api.post("/v1/track", body).status_code == 200


def by_track_in_words(api: Api, address: str) -> None:
    body = {"email": address, "event": "signed-up", "subscribed": True}
    assert api.post("/v1/track", body).status_code == 200


def by_send(api: Api, address: str) -> None:
    body = {"to": address, "subject": "Hi", "body": "Hi", "subscribed": True}
    assert api.post("/v1/send", body).status_code == 200


WAYS = pytest.mark.parametrize("way", [by_track, by_track_in_words, by_send])


def dana() -> Contact:
    return Contact.objects.get(email="dana@example.com")


def kinds() -> list[str]:
    entries = ConsentChange.objects.order_by("created_at", "pk")
    return list(entries.values_list("kind", flat=True))


def news() -> list[str]:
    rows = Occurrence.objects.order_by("created_at", "pk")
    names = rows.values_list("event__name", flat=True)
    return [name for name in names if name.startswith("contact.")]


def questions() -> int:
    return Email.objects.filter(source=Source.CONSENT).count()


def say_yes(contact: Contact, *, email_id: UUID | None = None) -> bool:
    return confirm(
        project_id=contact.project_id,
        contact_id=contact.pk,
        act=Act(Door.PAGE, email_id=email_id, text="Send me news."),
    )


def opt_out(contact: Contact, door: Door = Door.PAGE) -> None:
    set_subscribed(
        project_id=contact.project_id,
        contact_id=contact.pk,
        subscribed=False,
        act=Act(door),
    )


def let_pass(**time: float) -> None:
    """Let time pass for everybody who was asked."""
    ago = timedelta(**time)
    for name in ("asked_at", "remind_at", "expires_at", "mailed_at"):
        rows = Confirmation.objects.filter(**{f"{name}__isnull": False})
        rows.update(**{name: F(name) - ago})


# -- asking ---------------------------------------------------------------------------


@WAYS
def test_a_new_contact_is_asked_and_stays_out(api: Api, way: Way) -> None:
    way(api, "dana@example.com")

    assert not dana().subscribed
    assert Confirmation.objects.get().contact_id == dana().pk
    assert kinds() == [ChangeKind.ASKED]
    assert questions() == 1
    assert news() == []


@pytest.mark.parametrize("way", [by_track_in_words, by_send])
def test_a_known_contact_is_asked_too(project: Project, api: Api, way: Way) -> None:
    make_contact(project, "dana@example.com", subscribed=False)

    way(api, "dana@example.com")

    assert not dana().subscribed
    assert kinds() == [ChangeKind.ASKED]


def test_without_a_word_a_known_contact_is_not_asked(
    project: Project, api: Api
) -> None:
    make_contact(project, "dana@example.com", subscribed=False)

    by_track(api, "dana@example.com")

    assert not Confirmation.objects.exists()


def test_who_says_no_is_not_asked(api: Api) -> None:
    """P21: the project sends its own mail with {{subscribeUrl}}."""
    body = {"email": "dana@example.com", "event": "signed-up", "subscribed": False}
    api.post("/v1/track", body)

    assert not dana().subscribed
    assert not Confirmation.objects.exists()


@pytest.mark.parametrize("door", [Door.API, Door.DASHBOARD, Door.IMPORT, Door.WORKFLOW])
def test_every_other_door_asks_as_well(project: Project, door: Door) -> None:
    contact = make_contact(project, "dana@example.com", subscribed=False)

    changed = set_all_subscribed(
        project_id=project.pk, contact_ids=[contact.pk], subscribed=True, act=Act(door)
    )

    assert changed == []
    assert not dana().subscribed
    assert Confirmation.objects.count() == questions() == 1


def test_whoever_was_in_before_stays_in(project: Project, api: Api) -> None:
    make_contact(project, "dana@example.com")

    by_track_in_words(api, "dana@example.com")

    assert dana().subscribed
    assert not Confirmation.objects.exists()


def test_without_double_opt_in_nobody_is_asked(api: Api, project: Project) -> None:
    Project.objects.update(double_opt_in=False)

    by_track(api, "dana@example.com")

    assert dana().subscribed
    assert not Confirmation.objects.exists()


@WAYS
def test_nobody_is_mailed_again_within_the_hour(api: Api, way: Way) -> None:
    for _ in range(3):
        way(api, "dana@example.com")
    by_track_in_words(api, "dana@example.com")

    assert questions() == 1
    assert kinds() == [ChangeKind.ASKED]


def test_after_an_hour_they_can_be_asked_again(api: Api) -> None:
    by_track(api, "dana@example.com")
    let_pass(minutes=61)

    by_track_in_words(api, "dana@example.com")
    by_track_in_words(api, "dana@example.com")

    assert questions() == 2
    assert kinds() == [ChangeKind.ASKED, ChangeKind.ASKED]
    assert Confirmation.objects.count() == 1


def test_an_address_is_mailed_three_times_a_month_at_most(api: Api) -> None:
    for _ in range(6):
        by_track_in_words(api, "dana@example.com")
        let_pass(minutes=61)
        expire_due()

    assert questions() == 3
    ConsentChange.objects.update(created_at=Now() - timedelta(days=31))
    by_track_in_words(api, "dana@example.com")
    assert questions() == 4


def test_marketing_to_whoever_has_not_confirmed_is_refused(
    api: Api, project: Project
) -> None:
    template = Template.objects.create(
        project=project, name="N", subject="S", body="B", kind=MailKind.MARKETING
    )

    answer = api.post(
        "/v1/send",
        {"to": "dana@example.com", "template": str(template.pk), "subscribed": True},
    )

    assert answer.status_code == 400
    assert not Contact.objects.exists()
    assert not Email.objects.exists()


def test_a_public_key_may_have_somebody_asked(public_api: Api) -> None:
    by_track(public_api, "dana@example.com")
    let_pass(hours=2)
    by_track_in_words(public_api, "dana@example.com")

    assert not dana().subscribed
    assert questions() == 2


def test_a_public_key_asks_nobody_who_left(
    project: Project, api: Api, public_api: Api
) -> None:
    contact = make_contact(project, "dana@example.com")
    opt_out(contact)

    by_track_in_words(public_api, "dana@example.com")
    assert not Confirmation.objects.exists()

    by_track_in_words(api, "dana@example.com")
    assert not dana().subscribed
    assert Confirmation.objects.exists()


def test_a_public_key_asks_nobody_who_may_have_left_before_there_was_a_ledger(
    project: Project, public_api: Api
) -> None:
    make_contact(project, "dana@example.com", subscribed=False)

    by_track_in_words(public_api, "dana@example.com")

    assert not Confirmation.objects.exists()


def test_a_new_address_is_asked_whatever_the_old_one_had_been_asked(
    project: Project,
) -> None:
    contact = make_contact(project, "old@example.com", subscribed=False)
    act = Act(Door.API)
    ask(project_id=project.pk, contact_ids=[contact.pk], act=act)

    change_contact(
        project_id=project.pk,
        contact_id=contact.pk,
        email="dana@example.com",
        act=act,
    )

    mails = Email.objects.filter(source=Source.CONSENT).order_by("created_at", "pk")
    assert list(mails.values_list("to_email", flat=True)) == [
        "old@example.com",
        "dana@example.com",
    ]
    assert not dana().subscribed
    assert Confirmation.objects.count() == 1


def test_a_pause_brings_no_address_in_that_has_not_agreed(project: Project) -> None:
    contact = make_contact(project, "old@example.com", confirmed_at=timezone.now())
    act = Act(Door.API)
    until = timezone.now() + timedelta(days=7)
    snooze(project_id=project.pk, contact_id=contact.pk, until=until, act=act)

    change_contact(
        project_id=project.pk,
        contact_id=contact.pk,
        email="dana@example.com",
        act=act,
    )

    assert not dana().subscribed
    assert dana().snoozed_until is None
    assert Confirmation.objects.filter(contact=contact).exists()


def test_what_is_not_ours_is_not_asked(
    project: Project, other_project: NewProject
) -> None:
    stranger = make_contact(other_project.project, subscribed=False)

    assert (
        ask(project_id=project.pk, contact_ids=[stranger.pk], act=Act(Door.API)) == []
    )

    assert not Confirmation.objects.exists()


def test_many_are_asked_in_as_many_statements_as_few(project: Project) -> None:
    def statements(count: int) -> int:
        ids = [make_contact(project, subscribed=False).pk for _ in range(count)]
        with CaptureQueriesContext(connection) as queries:
            ask(project_id=project.pk, contact_ids=ids, act=Act(Door.IMPORT))
        return len(queries)

    statements(1)
    assert statements(5) == statements(20)
    assert questions() == 26


# -- answering ------------------------------------------------------------------------


def test_confirmed_is_subscribed_with_what_was_read(api: Api) -> None:
    by_track(api, "dana@example.com")

    assert say_yes(dana())

    assert dana().subscribed
    assert dana().confirmed_at
    assert dana().consent_source == Door.PAGE
    assert not Confirmation.objects.exists()
    assert kinds() == [ChangeKind.ASKED, ChangeKind.CONFIRMED]
    assert ConsentChange.objects.latest("created_at", "pk").text == "Send me news."
    assert news() == ["contact.subscribed"]


def test_a_second_click_changes_nothing(api: Api) -> None:
    by_track(api, "dana@example.com")
    say_yes(dana())
    first = dana().confirmed_at

    assert not say_yes(dana())

    assert dana().confirmed_at == first
    assert len(kinds()) == 2
    assert len(news()) == 1


def test_a_subscriber_confirms_without_coming_in_anew(project: Project) -> None:
    contact = make_contact(project, "dana@example.com")

    assert say_yes(contact)

    assert dana().confirmed_at
    assert kinds() == [ChangeKind.CONFIRMED]
    assert news() == []


def test_nobody_confirms_for_others(
    project: Project, other_project: NewProject
) -> None:
    contact = make_contact(project, "dana@example.com", subscribed=False)

    assert not confirm(
        project_id=other_project.project.pk, contact_id=contact.pk, act=Act(Door.PAGE)
    )

    assert not dana().subscribed


def test_to_say_no_ends_the_question(api: Api) -> None:
    by_track(api, "dana@example.com")

    opt_out(dana())

    assert not Confirmation.objects.exists()
    assert kinds() == [ChangeKind.ASKED, ChangeKind.UNSUBSCRIBED]
    assert news() == []


@pytest.mark.parametrize("way", [by_track_in_words, by_send])
def test_tracking_undoes_no_confirmation(api: Api, way: Way) -> None:
    by_track(api, "dana@example.com")
    say_yes(dana())

    body = {"email": "dana@example.com", "event": "left", "subscribed": False}
    api.post("/v1/track", body)
    way(api, "dana@example.com")

    assert dana().subscribed
    assert dana().confirmed_at
    assert questions() == 1
    assert len(news()) == 1


def test_tracking_still_unsubscribes_who_never_confirmed(
    api: Api, project: Project
) -> None:
    make_contact(project, "dana@example.com")

    body = {"email": "dana@example.com", "event": "left", "subscribed": False}
    api.post("/v1/track", body)

    assert not dana().subscribed


@pytest.mark.parametrize("door", [Door.PAGE, Door.ONE_CLICK, Door.API, Door.DASHBOARD])
def test_whoever_left_comes_back_only_by_confirming_again(api: Api, door: Door) -> None:
    by_track(api, "dana@example.com")
    say_yes(dana())
    opt_out(dana(), door)
    assert (dana().subscribed, dana().confirmed_at) == (False, None)

    by_track_in_words(api, "dana@example.com")
    by_send(api, "dana@example.com")
    assert not dana().subscribed

    assert say_yes(dana())
    assert dana().subscribed


def test_a_pause_keeps_the_proof_and_tracking_does_not_end_it(api: Api) -> None:
    by_track(api, "dana@example.com")
    say_yes(dana())
    contact = dana()
    until = contact.created_at + timedelta(days=30)
    snooze(
        project_id=contact.project_id,
        contact_id=contact.pk,
        until=until,
        act=Act(Door.PAGE),
    )

    by_track_in_words(api, "dana@example.com")
    api.post(
        "/v1/track",
        {"email": "dana@example.com", "event": "left", "subscribed": False},
    )

    assert dana().snoozed_until == until
    assert dana().confirmed_at
    assert questions() == 1
    # An operator's word is one that somebody gave.
    set_subscribed(
        project_id=contact.project_id,
        contact_id=contact.pk,
        subscribed=True,
        act=Act(Door.DASHBOARD),
    )
    assert dana().subscribed


# -- links that grow old --------------------------------------------------------------


def old_id(days: float) -> UUID:
    """Return the id of a mail of so many days ago."""
    milliseconds = round(timedelta(days=days).total_seconds() * 1000)
    return UUID(int=new_id().int - (milliseconds << 80))


def test_a_link_is_good_for_a_week(api: Api, project: Project) -> None:
    by_track(api, "dana@example.com")

    assert not say_yes(dana(), email_id=old_id(7.01))
    assert is_expired(project_id=project.pk, email_id=old_id(7.01))
    assert not dana().subscribed

    assert say_yes(dana(), email_id=old_id(6.99))
    assert dana().subscribed


def test_without_double_opt_in_links_keep_working(project: Project) -> None:
    Project.objects.update(double_opt_in=False)
    contact = make_contact(project, "dana@example.com", subscribed=False)

    assert say_yes(contact, email_id=old_id(1000))


# -- the clock ------------------------------------------------------------------------


def test_one_reminder_and_no_more(api: Api) -> None:
    by_track(api, "dana@example.com")
    let_pass(days=1.9)
    assert remind_due() == 0
    let_pass(days=0.2)

    assert remind_due() == 1
    assert remind_due() == 0
    let_pass(days=3)
    assert remind_due() == 0

    assert kinds() == [ChangeKind.ASKED, ChangeKind.REMINDED]
    assert questions() == 2
    assert Content.objects.count() == 2


def test_who_answered_is_not_reminded(api: Api) -> None:
    by_track(api, "dana@example.com")
    say_yes(dana())
    let_pass(days=3)

    assert remind_due() == 0


@override_settings(CONFIRMATION_REMINDER_DAYS=0)
def test_the_reminder_can_be_switched_off(api: Api) -> None:
    by_track(api, "dana@example.com")
    let_pass(days=6)

    assert remind_due() == 0


def test_a_question_ends_after_a_week(api: Api) -> None:
    by_track(api, "dana@example.com")
    let_pass(days=6.9)
    assert expire_due() == 0
    let_pass(days=0.2)

    assert expire_due() == 1
    assert expire_due() == 0

    assert not Confirmation.objects.exists()
    assert not dana().subscribed
    assert kinds() == [ChangeKind.ASKED, ChangeKind.EXPIRED]
    assert news() == []


def test_sweeps_work_in_batches_of_their_projects(
    project: Project, other_project: NewProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "_BATCH", 3)
    for each in (project, other_project.project):
        ids = [make_contact(each, subscribed=False).pk for _ in range(5)]
        ask(project_id=each.pk, contact_ids=ids, act=Act(Door.API))
    let_pass(days=3)

    assert remind_due() == 10
    let_pass(days=5)
    assert expire_due() == 10

    assert questions() == 20


def test_a_sweep_that_dies_reminds_nobody_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "_BATCH", 2)
    ids = [make_contact(project, subscribed=False).pk for _ in range(5)]
    ask(project_id=project.pk, contact_ids=ids, act=Act(Door.API))
    let_pass(days=3)
    rounds: list[int] = []
    note = confirming._note

    def die_in_the_second_batch(*arguments: object) -> None:
        note(*arguments)  # type: ignore[arg-type]
        rounds.append(1)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(confirming, "_note", die_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        remind_due()

    assert remind_due() == 3

    assert kinds().count(ChangeKind.REMINDED) == 5
    assert questions() == 10


# -- the mail -------------------------------------------------------------------------


def test_mails_of_one_language_share_their_content(project: Project) -> None:
    ids = [make_contact(project, subscribed=False).pk for _ in range(4)]
    german = make_contact(project, subscribed=False, data={"locale": "de"}).pk

    ask(project_id=project.pk, contact_ids=[*ids, german], act=Act(Door.API))

    assert Email.objects.count() == 5
    assert Content.objects.count() == 2
    bodies = Content.objects.values_list("body", flat=True)
    assert sum('<html lang="de">' in body for body in bodies) == 1


@override_settings(REQUIRES_VERIFIED_DOMAIN=True)
def test_without_a_sender_the_question_waits(api: Api) -> None:
    by_track(api, "dana@example.com")
    assert questions() == 0
    assert mail_owed() == 0

    with override_settings(REQUIRES_VERIFIED_DOMAIN=False):
        assert mail_owed() == 1
        assert mail_owed() == 0

    assert questions() == 1
    assert kinds() == [ChangeKind.ASKED]


@override_settings(REQUIRES_VERIFIED_DOMAIN=True)
def test_one_without_a_sender_holds_up_nobody_else(
    api: Api,
    other_project: NewProject,
    monkeypatch: pytest.MonkeyPatch,
    project: Project,
) -> None:
    monkeypatch.setattr(confirmations, "_BATCH", 2)
    for each in (project, other_project.project):
        ids = [make_contact(each, subscribed=False).pk for _ in range(5)]
        ask(project_id=each.pk, contact_ids=ids, act=Act(Door.API))
    choose = senders.choose_sender

    def only_theirs(*, project_id: UUID, **arguments: object) -> object:
        with override_settings(REQUIRES_VERIFIED_DOMAIN=project_id == project.pk):
            return choose(project_id=project_id, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("transactional.confirmations.choose_sender", only_theirs)

    assert mail_owed() == 5

    owed = Confirmation.objects.filter(mailed_at=None)
    assert set(owed.values_list("project_id", flat=True)) == {project.pk}


def test_a_reminder_that_was_owed_is_one(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_track(api, "dana@example.com")
    let_pass(days=3)
    with override_settings(REQUIRES_VERIFIED_DOMAIN=True):
        remind_due()
    assert questions() == 1

    assert mail_owed() == 1

    subjects = set(Content.objects.values_list("subject", flat=True))
    assert subjects == {
        "Please confirm: mail from Acme",
        "Not confirmed yet: mail from Acme",
    }


# -- what it costs --------------------------------------------------------------------


@pytest.mark.parametrize("way", [by_track, by_track_in_words, by_send])
def test_the_switch_costs_known_contacts_no_statement(
    api: Api, project: Project, way: Way
) -> None:
    make_contact(project, "dana@example.com", confirmed_at=Now())

    def statements() -> int:
        way(api, "dana@example.com")
        with CaptureQueriesContext(connection) as queries:
            way(api, "dana@example.com")
        return len([q for q in queries if "SAVEPOINT" not in q["sql"]])

    asked = statements()
    Project.objects.update(double_opt_in=False)
    forget_cached_keys()

    assert statements() == asked
