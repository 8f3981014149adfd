"""Erasure (robustness E8): nothing of a person stays, and nothing brings them back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from automations.models import Event, Occurrence
from contacts import erasing
from contacts.asking import ask
from contacts.erasing import erase, scrub_due
from contacts.ledger import Act
from contacts.models import (
    Confirmation,
    ConsentChange,
    Contact,
    Door,
    Erasure,
    Job,
    JobKind,
    RejectedRow,
    SavedView,
    Segment,
    SegmentMembership,
    Suppression,
    SuppressionReason,
    Topic,
    TopicChoice,
)
from contacts.subscriptions import set_subscribed
from contacts.suppressions import suppress, suppressed
from plunk.api.models import IdempotencyKey
from plunk.erasing import Forgotten
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from plunk.simulator.models import PendingFeedback, SimulatedMessage
from tests.conftest import Api
from tests.pages.rows import make_contact, make_email, make_email_event
from transactional.claiming import Choice, claim
from transactional.composing import compose
from transactional.erasing import forget_loose_contents
from transactional.feedback import Result, apply_feedback
from transactional.models import (
    Attachment,
    Content,
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    Hold,
    HoldScope,
)
from transactional.proofs import Feedback
from transactional.recording import Attempt, record
from transactional.ses import Answer, Outcome
from webhooks.applying import apply_due, forget_applied
from webhooks.models import Notification

DANA = "dana.doe+news@example.com"


@pytest.fixture
def dana(project: Project) -> Contact:
    return make_contact(project, DANA, data={"name": "Dana"})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no minutes pass before texts are looked through."""
    monkeypatch.setattr(erasing, "_SETTLED", timedelta(0))


def remove(*contacts: Contact) -> int:
    return erase(
        project_id=contacts[0].project_id, contact_ids=[each.pk for each in contacts]
    )


def sweep() -> None:
    """Do what the beat does in the hours after an erasure."""
    scrub_due()
    forget_loose_contents()


def dump() -> Iterator[tuple[str, str]]:
    """Return every row of every table there is, as text, whether a model knows it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield table, " ".join(map(_shown, row))


def _shown(value: Any) -> str:
    raw = bytes(value) if isinstance(value, bytes | memoryview) else None
    return raw.decode("utf-8", "replace") if raw is not None else str(value)


def found(*words: str) -> set[str]:
    """Return the tables in which one of some words stands."""
    return {
        table
        for table, row in dump()
        if any(word.lower() in row.lower() for word in words)
    }


# -- everywhere -----------------------------------------------------------------------


def everything_about(contact: Contact, user: User) -> None:
    """Let the person leave a trace in every store that there is."""
    project = contact.project
    ids = [contact.pk]
    mail = make_email(
        project,
        contact,
        subject=f"For {DANA}",
        body=f"<p>Dear Dana, {DANA}</p>",
        state=EmailState.QUEUED,
        variables={"name": "Dana", "email": DANA},
        message_id="m-1",
    )
    Attachment.objects.create(
        content=mail.content,
        position=0,
        filename="a.txt",
        content_type="text/plain",
        data=DANA.encode(),
    )
    make_email_event(mail, EmailEventKind.BOUNCE, detail={"address": DANA})
    event = Event.objects.create(project=project, name="signed-up")
    Occurrence.objects.create(
        project=project, event=event, contact=contact, data={"mail": DANA}
    )
    topic = Topic.objects.create(project=project, name="News")
    TopicChoice.objects.create(topic=topic, contact=contact, is_joined=True)
    segment = Segment.objects.create(
        project=project,
        name="All",
        condition={"field": "email", "operator": "equals", "value": DANA},
    )
    SegmentMembership.objects.create(segment=segment, contact=contact)
    SavedView.objects.create(project=project, name="V", parameters={"search": DANA})
    set_subscribed(
        project_id=project.pk,
        contact_id=contact.pk,
        subscribed=False,
        act=Act(Door.API, text=f"{DANA} left"),
    )
    ask(project_id=project.pk, contact_ids=ids, act=Act(Door.API))
    suppress(
        project_id=project.pk, email=DANA, reason=SuppressionReason.BOUNCE, source="x"
    )
    for key, text in ((DANA, "x"), ("k2", f"Say {DANA.upper()}."), ("k3", str(ids[0]))):
        IdempotencyKey.objects.create(
            project=project,
            key=key,
            request="POST /v1/send",
            fingerprint="f",
            response=orjson.dumps({"said": text}).decode(),
            expires_at=Now() + timedelta(days=1),
        )
    job = Job.objects.create(
        project=project,
        kind=JobKind.IMPORT,
        parameters={"search": DANA},
        errors=[{"email": DANA}],
    )
    RejectedRow.objects.create(
        job=job, number=2, reason="?", email="", cells=["Dana", DANA.upper()]
    )
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(Contact),
        object_id=str(contact.pk),
        object_repr=f"{DANA} (BOUNCE)",
        action_flag=CHANGE,
        change_message=f"Changed {DANA}.",
    )
    Hold.objects.create(
        scope=HoldScope.ACCOUNT, reason="Sandbox", detail=f"Not verified: {DANA}"
    )
    SimulatedMessage.objects.create(
        message_id="s-1",
        project_id=project.pk,
        sender="a@example.com",
        recipients=[DANA],
        subject="x",
        raw=f"To: {DANA}".encode(),
        outcome="Send",
    )
    PendingFeedback.objects.create(
        message_id="s-1", kind="Send", envelope={"Message": DANA}
    )
    notice("n-1", bounce_of(mail))


def bounce_of(mail: Email) -> dict[str, Any]:
    """Return SES's word that a mail bounced for good."""
    return {
        "eventType": "Bounce",
        "mail": {
            "messageId": mail.message_id or "m-1",
            "destination": [mail.to_email],
            "tags": {"plunk_email": [str(mail.pk)], "plunk_attempt": ["0"]},
            "timestamp": "2026-01-01T00:00:00.000Z",
        },
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "feedbackId": "f-1",
            "timestamp": "2026-01-01T00:00:01.000Z",
            "bouncedRecipients": [{"emailAddress": mail.to_email}],
        },
    }


def notice(name: str, message: dict[str, Any]) -> None:
    Notification.objects.create(
        message_id=name,
        topic_arn="arn",
        type="Notification",
        message=orjson.dumps(message).decode(),
    )


def test_no_table_knows_the_address_any_more(
    project: Project, dana: Contact, alice: User
) -> None:
    everything_about(dana, alice)
    contact_id = dana.pk
    before = found(DANA)
    assert len(before) >= 15

    assert remove(dana) == 1
    sweep()

    assert found(DANA, "dana.doe", str(contact_id), contact_id.hex) == set()
    assert Suppression.objects.get().email.startswith("erased:")
    assert not Content.objects.exists()
    assert not Erasure.objects.exists()
    # What named them is kept without them.
    condition = Segment.objects.get().condition or {}
    assert condition["value"] == "erased"
    assert IdempotencyKey.objects.get(key="k2").response == '{"success":true}'


def test_every_table_that_leads_to_a_contact_is_emptied(
    project: Project, dana: Contact, alice: User
) -> None:
    """Whatever is added later with a foreign key to Contact is found here."""
    everything_about(dana, alice)

    remove(dana)

    for model in apps.get_models():
        for field in model._meta.get_fields():
            if field.is_relation and field.concrete and field.related_model is Contact:
                assert not model._default_manager.filter(**{field.name: dana.pk})


@pytest.mark.django_db(transaction=True)
def test_no_page_of_the_sqlite_file_does(project: Project, alice: User) -> None:
    """PostgreSQL overwrites the place by itself (autovacuum); SQLite is told to."""
    if connection.vendor != "sqlite":
        return
    name = uuid4().hex
    contact = make_contact(project, f"{name}@example.com", data={"name": name})
    for _ in range(50):
        make_email(project, contact, body=f"<p>{name}</p>" * 50)
    assert name.encode() in _sqlite_file()

    remove(contact)
    sweep()

    assert name.encode() not in _sqlite_file()


def _sqlite_file() -> bytes:
    """Return all of the database, what was written last included."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = Path(connection.settings_dict["NAME"])
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


def test_others_keep_what_is_theirs(
    project: Project, other_project: NewProject, dana: Contact, alice: User
) -> None:
    ann = make_contact(project, "ann@example.com")
    twin = make_contact(other_project.project, DANA)
    shared = make_email(project, ann, subject="News", body="<p>News</p>")
    mine = make_email(project, dana)
    Email.objects.filter(pk=mine.pk).update(content=shared.content)
    for contact in (ann, twin):
        make_email(contact.project, contact)
        suppress(
            project_id=contact.project_id,
            email=contact.email,
            reason=SuppressionReason.BOUNCE,
        )
    IdempotencyKey.objects.create(
        project=other_project.project,
        key="k",
        fingerprint="f",
        response=f'{{"email":"{DANA}"}}',
        expires_at=Now() + timedelta(days=1),
    )

    remove(dana)
    sweep()

    assert set(Contact.objects.all()) == {ann, twin}
    assert Email.objects.count() == 3
    assert Content.objects.filter(pk=shared.content_id).exists()
    assert DANA in IdempotencyKey.objects.get().response
    kept = set(Suppression.objects.values_list("email", flat=True))
    assert kept == {"ann@example.com", DANA}


def test_an_address_of_before_is_forgotten_too(project: Project, dana: Contact) -> None:
    make_email(project, dana, subject=f"For {DANA}")
    suppress(project_id=project.pk, email=DANA, reason=SuppressionReason.BOUNCE)
    SavedView.objects.create(project=project, name="V", parameters={"search": DANA})
    Contact.objects.filter(pk=dana.pk).update(email="now@example.com")

    remove(dana)
    sweep()

    assert found(DANA, "now@example.com") == set()
    assert suppressed(project.pk, [DANA]) == {DANA}


def test_unless_it_is_somebody_elses_now(project: Project, dana: Contact) -> None:
    make_email(project, dana)
    Contact.objects.filter(pk=dana.pk).update(email="now@example.com")
    make_contact(project, DANA)
    suppress(project_id=project.pk, email=DANA, reason=SuppressionReason.BOUNCE)

    remove(dana)
    sweep()

    assert Suppression.objects.get().email == DANA
    assert found("now@example.com") == set()


def test_contacts_of_another_project_are_unknown(
    project: Project, other_project: NewProject
) -> None:
    theirs = make_contact(other_project.project)

    assert erase(project_id=project.pk, contact_ids=[theirs.pk]) == 0

    assert Contact.objects.filter(pk=theirs.pk).exists()


def test_twice_is_once(dana: Contact) -> None:
    assert remove(dana) == 1
    assert remove(dana) == 0


# -- many -----------------------------------------------------------------------------


def test_a_long_history_goes_in_chunks(
    project: Project, dana: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_CHUNK", 100)
    event = Event.objects.create(project=project, name="seen")
    Occurrence.objects.bulk_create(
        Occurrence(project=project, event=event, contact=dana) for _ in range(1000)
    )

    with CaptureQueriesContext(connection) as queries:
        remove(dana)

    assert not Occurrence.objects.exists()
    deletes = [q["sql"] for q in queries if "automations_occurrence" in q["sql"]]
    assert len(deletes) >= 10
    assert all("LIMIT 100" in sql for sql in deletes[:10])


def test_killed_on_the_way_it_goes_on(
    project: Project, dana: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make_email(project, dana)
    with monkeypatch.context() as patched:

        def die(**_: Any) -> None:
            raise KeyboardInterrupt

        patched.setattr(erasing, "forget_addresses", lambda *_: die())
        with pytest.raises(KeyboardInterrupt):
            remove(dana)
    assert Contact.objects.filter(pk=dana.pk).exists()

    assert remove(dana) == 1
    sweep()

    assert found(DANA) == set()


def test_a_look_that_dies_is_repeated(
    dana: Contact, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    SavedView.objects.create(project=project, name="V", parameters={"search": DANA})
    remove(dana)

    def die(_: Forgotten) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "_scrubbers", [*erasing._scrubbers, die])
        with pytest.raises(KeyboardInterrupt):
            sweep()
    assert Erasure.objects.exists()

    sweep()

    assert found(DANA) == set()


def test_many_at_once_take_few_statements(project: Project) -> None:
    def statements(count: int) -> int:
        contacts = [make_contact(project) for _ in range(count)]
        for contact in contacts:
            make_email(project, contact)
        with CaptureQueriesContext(connection) as queries:
            assert remove(*contacts) == count
        return len(queries)

    assert statements(40) <= statements(4) + 2


# -- nothing comes back ---------------------------------------------------------------


def test_what_ses_says_later_finds_nobody(
    project: Project, dana: Contact, alice: User
) -> None:
    mail = make_email(project, dana, state=EmailState.SENT, message_id="m-9")
    late = [
        Feedback(
            email_id=email_id,
            message_id="m-9",
            attempt=0,
            kind=kind,
            at=mail.created_at,
            key=f"{kind}{email_id}",
            recipients=(DANA,),
            detail={"bounceType": "Permanent"},
        )
        for kind in EmailEventKind
        for email_id in (mail.pk, None)
    ]
    remove(dana)

    assert set(apply_feedback(batch=late)) == {Result.UNKNOWN}

    assert not Contact.objects.exists()
    assert not EmailEvent.objects.exists()
    assert not Suppression.objects.exists()
    assert found(DANA) <= {"contacts_erasure"}


def test_a_notification_is_only_a_receipt_once_applied(
    project: Project, dana: Contact
) -> None:
    mail = make_email(project, dana, state=EmailState.SENT, message_id="m-1")
    notice("known", bounce_of(mail))
    notice("unknown", {**bounce_of(mail), "mail": {"messageId": "other"}})
    Notification.objects.filter(pk="unknown").update(
        received_at=Now() - timedelta(hours=1)
    )

    apply_due(seconds=1)
    forget_applied()

    assert set(Notification.objects.values_list("message", flat=True)) == {""}
    assert Notification.objects.filter(applied_at__isnull=False).count() == 2


def test_a_new_event_makes_a_new_person_who_is_still_not_mailed(
    api: Api, project: Project, dana: Contact
) -> None:
    suppress(project_id=project.pk, email=DANA, reason=SuppressionReason.COMPLAINT)
    remove(dana)

    api.post("/v1/track", {"email": DANA, "event": "back"})
    api.post("/v1/send", {"to": [DANA, "a@example.com"], "subject": "S", "body": "B"})

    again = Contact.objects.get(email=DANA)
    assert again.pk != dana.pk
    assert again.data is None
    Email.objects.update(due_at=Now() - timedelta(seconds=60))
    claimed = {mail.to_email: mail.is_suppressed for mail in claim(Choice(limit=10))}
    assert claimed == {DANA: True, "a@example.com": False}


def test_claims_pay_for_it_only_where_somebody_was_erased(
    project: Project, dana: Contact
) -> None:
    def statements() -> int:
        make_email(
            project,
            make_contact(project, f"{uuid4()}@example.com"),
            state=EmailState.QUEUED,
            due_at=Now() - timedelta(seconds=60),
        )
        with CaptureQueriesContext(connection) as queries:
            assert len(claim(Choice(limit=10))) == 1
        return len(queries)

    before = statements()
    suppress(project_id=project.pk, email=DANA, reason=SuppressionReason.BOUNCE)
    assert statements() == before
    remove(dana)

    assert statements() == before + 1


# -- a mail that is in a worker's hands -----------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_a_worker_reports_of_an_erased_mail_is_no_news(
    project: Project, dana: Contact, outcome: Outcome
) -> None:
    make_email(
        project, dana, state=EmailState.QUEUED, due_at=Now() - timedelta(seconds=60)
    )
    (mail,) = claim(Choice(limit=1))
    remove(dana)

    record([Attempt(mail, Answer(outcome, message_id="m", code="c", message="m"))])

    assert not Email.objects.exists()
    assert not EmailEvent.objects.exists()


def test_a_mail_that_lost_its_content_stops_no_other(
    project: Project, dana: Contact
) -> None:
    make_email(project, dana, due_at=Now() - timedelta(seconds=60))
    make_email(
        project, make_contact(project), due_at=Now() - timedelta(seconds=60), body="B"
    )
    mails = claim(Choice(limit=2))
    remove(dana)
    forget_loose_contents()

    composed = list(compose(mails))

    assert len(composed) == 2
    assert sum(isinstance(each, Attempt) for each in composed) == 1


# -- the doors ------------------------------------------------------------------------


def test_the_api_erases(api: Api, project: Project, dana: Contact, alice: User) -> None:
    everything_about(dana, alice)

    answer = api.client.delete(
        f"/api/contacts/{dana.pk}", HTTP_AUTHORIZATION=f"Bearer {api.key}"
    )
    sweep()

    assert answer.status_code == 204
    assert found(DANA) == set()
    assert not Confirmation.objects.exists()
    assert not ConsentChange.objects.exists()


# -- looking in texts -----------------------------------------------------------------


@pytest.mark.parametrize(
    "address", [DANA, '"a b"@example.com', "o'hara@example.com", "a=b/c@example.com"]
)
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "Write to {}.",
        '{{"email":"{}"}}',
        "<{}>, and more",
        "mailto:{}?subject=x",
        "[1,'{}']",
    ],
)
def test_an_address_is_found_in_the_middle_of_a_text(
    project: Project, address: str, text: str
) -> None:
    forgotten = Forgotten(project.pk, frozenset({address}), project.created_at)
    shown = text.format(address.upper())

    assert forgotten.stands_in(shown)
    assert not forgotten.stands_in(forgotten.redacted(shown))
    assert not forgotten.stands_in(text.format(f"x{address}"))
    assert not forgotten.stands_in(text.format("other@example.com"))
