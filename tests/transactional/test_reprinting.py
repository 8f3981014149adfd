"""A mail shown again is what SES was given, to the byte."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from plunk.projects.models import Project, Tracker, Tracking, User
from tests.transactional.conftest import Queue
from tests.transactional.fakes import FakeSes
from transactional import compiling, presets
from transactional.attachments import File
from transactional.contents import Draft
from transactional.delivery import drain
from transactional.models import (
    CompiledContent,
    Content,
    Email,
    EmailState,
    MailKind,
    Source,
    Style,
    Template,
)
from transactional.reprinting import preview, reprint, reprint_for_others
from transactional.senders import Sender
from transactional.ses import Answer, Outcome
from transactional.sweeping import sweep

pytestmark = pytest.mark.django_db(transaction=True)

BODY = (
    '<h1>Hello {{ name ?? "you" }}</h1><p>{{ order }} {{ price }} {{ huge }}</p>'
    '<p>{{ data }}</p><p><a href="https://example.com/?a=1&amp;b=2">Shop</a></p>'
)
DATA = {
    "name": "Zoë <b>",
    "price": 1.0,
    "huge": 1e300,
    "order": {"zeta": 1, "a": {"long name": 2, "b": [1.5, None, True]}, "": "e\u0301"},
    "beta": "👩‍👩‍👧 שלום",
    "locale": "de",
}


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    """Each test begins as a worker does that was just started."""
    compiling._written.clear()
    presets._known.clear()


def sent(ses: FakeSes) -> list[tuple[Email, bytes]]:
    drain()
    found = []
    for call in ses.calls:
        email = Email.objects.get(pk=call["tags"]["plunk_email"])
        found.append((email, call["raw"]))
    return found


def assert_exact(pairs: list[tuple[Email, bytes]]) -> None:
    assert pairs
    for email, raw in pairs:
        made = reprint(email)
        assert made.raw == raw
        assert made.is_exact
        assert made.reason == ""


@pytest.mark.parametrize("kind", MailKind.values)
@pytest.mark.parametrize("style", Style.values)
@pytest.mark.parametrize("tracker", Tracker.values)
def test_every_kind_and_style_is_made_again_to_the_byte(
    queue: Queue,
    ses: FakeSes,
    project: Project,
    settings: LazySettings,
    kind: str,
    style: str,
    tracker: str,
) -> None:
    settings.SES_CONFIGURATION_SET_NO_TRACKING = "none"
    Project.objects.update(tracker=tracker, tracking=Tracking.ENABLED)
    addresses = ["ann@example.com", "bea@example.com"]
    queue(
        *addresses,
        kind=MailKind(kind),
        subscribed=True,
        draft=Draft("{{ name }}, {{ now }}", BODY, style=style, preheader="Look"),
        headers={"X-Campaign": "Zoë", "reply-to": "Zoë <z@example.com>"},
        variables={"name": "Ann & co", "now2": 5, "zz": {"b": 1, "aaaa": 2}},
    )
    Contact.objects.update(data=DATA)

    pairs = sent(ses)
    # All that may change between then and now.
    Contact.objects.update(data={"name": "changed"}, subscribed=False)
    Project.objects.update(
        color="#ff0000",
        postal_address="Elsewhere 1",
        tracker=Tracker.SES,
        language="fr",
    )
    presets._known.clear()

    assert len(pairs) == len(addresses)
    assert_exact(pairs)


@pytest.mark.parametrize("source", [Source.TEST, Source.SMTP, Source.WORKFLOW])
def test_whichever_door_it_came_by(queue: Queue, ses: FakeSes, source: Source) -> None:
    queue(
        "ann@example.com",
        source=source,
        draft=Draft("Hi", "", text="Only text, {{ email }}\n", files=files()),
    )

    assert_exact(sent(ses))


def files() -> list[File]:
    return [
        File("ä.pdf", "application/pdf", "", False, b"\x00\xff" * 99),
        File("logo.png", "image/png", "logo", True, b"PNG"),
        File("", "text/calendar; method=REQUEST", "", False, b"BEGIN:", True),
    ]


def test_files_are_part_of_it(queue: Queue, ses: FakeSes) -> None:
    queue("ann@example.com", draft=Draft("Hi", "<p>Hi</p>", files=files()))

    assert_exact(sent(ses))


def test_a_former_secret_and_another_address_are_no_hindrance(
    queue: Queue, ses: FakeSes, settings: LazySettings
) -> None:
    settings.SES_CONFIGURATION_SET_NO_TRACKING = "none"
    Project.objects.update(tracker=Tracker.OWN, tracking_host="t.example.com")
    queue(
        "ann@example.com",
        kind=MailKind.MARKETING,
        subscribed=True,
        draft=Draft("Hi", BODY),
    )
    pairs = sent(ses)

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another " * 8
    settings.APP_URI = "https://moved.example.com"
    Project.objects.update(tracking_host="other.example.com")

    assert_exact(pairs)


def test_a_secret_that_is_gone_is_said(
    queue: Queue, ses: FakeSes, settings: LazySettings
) -> None:
    queue("ann@example.com", kind=MailKind.MARKETING, subscribed=True)
    ((email, raw),) = sent(ses)

    settings.SECRET_KEY = "another " * 8
    made = reprint(email)

    assert made.is_exact is False
    assert "secret" in made.reason
    assert made.raw != raw


def test_a_mail_that_has_not_left_is_shown_as_it_would_leave(queue: Queue) -> None:
    (email,) = queue("ann@example.com")
    Contact.objects.update(data={"name": "Ann"})

    made = reprint(Email.objects.get(pk=email.pk))

    assert made.is_exact is None
    assert b"Subject: Hello Ann\r\n" in made.raw


def test_a_mail_settled_by_ses_alone_is_made_again(queue: Queue, ses: FakeSes) -> None:
    """The worker was killed after the call: nobody wrote down the answer."""
    queue("ann@example.com")
    Contact.objects.update(data={"name": "Ann"})
    ses.reply = lambda _to: Answer(Outcome.UNKNOWN, code="cut")
    drain()
    Email.objects.update(state=EmailState.DELIVERED, message_id="m", error_code="")
    Contact.objects.update(data={"name": "Bob"})

    made = reprint(Email.objects.get())

    assert made.is_exact
    assert made.raw == ses.calls[0]["raw"]


def test_a_retry_is_composed_anew_and_remembers_the_last(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")
    Contact.objects.update(data={"name": "Ann"})
    ses.reply = lambda _to: Answer(Outcome.THROTTLED)
    drain()
    assert preview(Email.objects.get()).subject == "Hello Ann"
    Contact.objects.update(data={"name": "Bea"})
    assert preview(Email.objects.get()).subject == "Hello Bea"
    Email.objects.update(due_at="2020-01-01T00:00:00Z")
    ses.reply = None
    ses.calls.clear()

    ((email, raw),) = sent(ses)

    assert b"Subject: Hello Bea\r\n" in raw
    assert_exact([(email, raw)])


@pytest.mark.parametrize("tracker", Tracker.values)
def test_a_mail_that_may_have_left_goes_again_as_the_same_message(
    queue: Queue, ses: FakeSes, settings: LazySettings, tracker: str
) -> None:
    """SES's word on the first of two may come after the second was begun."""
    settings.SES_CONFIGURATION_SET_NO_TRACKING = "none"
    Project.objects.update(tracker=tracker, tracking=Tracking.ENABLED)
    queue(
        "ann@example.com",
        kind=MailKind.MARKETING,
        subscribed=True,
        draft=Draft("{{ name }}, {{ now }}", BODY, files=files()),
    )
    Contact.objects.update(data=DATA)
    ses.reply = lambda _to: Answer(Outcome.UNKNOWN, code="cut")
    drain()
    first = ses.calls[0]
    Contact.objects.update(data={"name": "changed"})
    Project.objects.update(
        color="#ff0000",
        tracker=Tracker.SES if tracker == Tracker.OWN else Tracker.OWN,
        tracking_host="other.example.com",
    )
    presets._known.clear()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another " * 8
    Email.objects.update(due_at="2020-01-01T00:00:00Z")
    sweep()
    assert_exact([(Email.objects.get(), first["raw"])])
    ses.reply = lambda _to: Answer(Outcome.THROTTLED)

    drain()

    assert ses.calls[1]["raw"] == first["raw"]
    email = Email.objects.get()
    assert email.state == EmailState.QUEUED
    assert email.attempt == 2
    assert_exact([(email, first["raw"])])


def test_a_mail_that_may_have_left_and_cannot_be_made_again_is_composed_anew(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")
    Contact.objects.update(data={"name": "Ann"})
    ses.reply = lambda _to: Answer(Outcome.UNKNOWN, code="cut")
    drain()
    Contact.objects.update(data={"name": "Bea"})
    Email.objects.update(due_at="2020-01-01T00:00:00Z", digest=b"0" * 32)
    sweep()
    ses.reply = None
    ses.calls.clear()

    ((email, raw),) = sent(ses)

    assert b"Subject: Hello Bea\r\n" in raw
    assert_exact([(email, raw)])


def test_the_link_that_subscribes_is_for_nobody_elses_eyes(
    queue: Queue, ses: FakeSes
) -> None:
    draft = Draft("Hi", '<p><a href="{{ subscribeUrl }}">Confirm</a></p>')
    queue("ann@example.com", draft=draft)
    ((email, raw),) = sent(ses)

    made = reprint_for_others(email)

    assert_exact([(email, raw)])
    assert made.is_exact
    assert "left out" in made.reason
    assert len(made.raw) < len(raw)
    assert "subscribe/…" in preview(email).text


def test_a_mail_of_before_there_were_digests_is_shown_all_the_same(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")
    ((_, raw),) = sent(ses)
    Email.objects.update(digest=None, compiled=None, variables={"name": "Ann"})

    made = reprint(Email.objects.get())

    assert made.is_exact is None
    assert "fingerprint" in made.reason
    assert b"Hello Ann" in made.raw
    assert raw != made.raw


def test_a_content_that_was_deleted_and_came_back_is_kept_anew(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")
    drain()
    Email.objects.all().delete()
    Content.objects.all().delete()
    ses.calls.clear()

    queue("ann@example.com")

    assert_exact(sent(ses))
    assert CompiledContent.objects.count() == 1


def test_a_thousand_mails_of_one_content_share_it(queue: Queue, ses: FakeSes) -> None:
    addresses = [f"reader{number}@example.com" for number in range(1000)]
    queue(
        *addresses,
        kind=MailKind.MARKETING,
        subscribed=True,
        draft=Draft("Hi {{ name }}", BODY),
    )
    halves = Contact.objects.order_by("email").values_list("pk", flat=True)[:500]
    Contact.objects.filter(pk__in=list(halves)).update(data={"locale": "de"})

    while drain():
        continue

    assert Email.objects.filter(state=EmailState.SENT).count() == 1000
    assert rows(Content) == 1
    assert rows(CompiledContent) == 2
    email = Email.objects.filter(contact__data__locale="de").first()
    assert email is not None
    assert sha256(reprint(email).raw).digest() == bytes(email.digest or b"")


def rows(model: type[Model]) -> int:
    return model._default_manager.count()


def test_numbers_that_the_database_spells_otherwise_stay_as_they_left(
    queue: Queue, ses: FakeSes
) -> None:
    """PostgreSQL makes 1e300 an integer of 301 digits, and sorts the keys."""
    values: dict[str, Any] = {
        "a": 1e300,
        "b": -0.0,
        "c": 5e-324,
        "d": 2**63 - 1,
        "e": 1e16,
        "f": 0.1,
        "g": {"bb": 1e22, "a": 1.0},
    }
    names = " ".join(f"{{{{ {name} }}}}" for name in values)
    queue(
        "ann@example.com",
        draft=Draft(names, f"<p>{names} {{{{ data }}}}</p>"),
        variables=values,
    )
    queue("bea@example.com", draft=Draft(names, f"<p>{names}{{{{ data }}}}</p>"))
    Contact.objects.filter(email="bea@example.com").update(data=values)

    assert_exact(sent(ses))


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


def page_of(email: Email, name: str) -> str:
    kwargs = {"project_id": email.project_id, "email_id": email.pk}
    return reverse(name, kwargs=kwargs)


def test_a_member_downloads_what_left(
    queue: Queue, ses: FakeSes, member: Client
) -> None:
    queue("ann@example.com", sender=Sender("sender@example.com", 'x"\r\ny'))
    ((email, raw),) = sent(ses)

    answer = member.get(page_of(email, "email_download"))
    shown = member.get(page_of(email, "email_message")).content.decode()
    source = member.get(page_of(email, "email_source"))

    assert answer.content == source.content == raw
    assert answer["Content-Type"] == "message/rfc822"
    assert answer["Content-Disposition"] == f'attachment; filename="{email.pk}.eml"'
    assert source["Content-Type"] == "text/plain; charset=utf-8"
    for each in (answer, source):
        assert "no-store" in each["Cache-Control"]
        assert each["X-Content-Type-Options"] == "nosniff"
        assert each["Content-Security-Policy"].startswith("sandbox")
    assert "Exactly as it left" in shown
    assert sha256(raw).hexdigest() in shown
    assert "MIME-Version: 1.0" in shown


def test_what_cannot_be_shown_exactly_says_so(
    queue: Queue, ses: FakeSes, member: Client, settings: LazySettings
) -> None:
    queue("ann@example.com", kind=MailKind.MARKETING, subscribed=True)
    ((email, _),) = sent(ses)
    Email.objects.update(digest=b"x" * 32)

    shown = member.get(page_of(email, "email_message")).content.decode()

    assert "Not as it left" in shown
    assert "Exactly as it left" not in shown


def test_a_mail_of_which_no_message_can_be_made_has_pages(
    queue: Queue, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    (email,) = queue("ann@example.com")

    def refuse(**_: object) -> bytes:
        raise ValueError("no")

    monkeypatch.setattr("transactional.composing.build_message", refuse)

    assert "No message can" in (
        member.get(page_of(email, "email_message")).content.decode()
    )
    for name in ("email_download", "email_source"):
        assert member.get(page_of(email, name)).status_code == 404


def test_the_page_names_the_version_and_that_it_is_a_test(
    queue: Queue, ses: FakeSes, member: Client, project: Project
) -> None:
    template = Template.objects.create(
        project=project, name="Welcome", subject="Hi", body="<p>Hi</p>"
    )
    queue(
        "ann@example.com",
        source=Source.TEST,
        template_id=template.pk,
        template_version=3,
        draft=Draft("Hi", "", text="Only text"),
    )
    ((email, _),) = sent(ses)

    shown = member.get(page_of(email, "email")).content.decode()

    assert f"/templates/{template.pk}/versions/3/" in shown
    assert "Test mail" in shown
    assert "text alone" in shown


def test_the_message_of_a_mail_takes_a_constant_number_of_statements(
    queue: Queue,
    ses: FakeSes,
    member: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    queue("ann@example.com", draft=Draft("Hi", "<p>Hi</p>", files=files() * 3))
    ((email, _),) = sent(ses)

    with django_assert_max_num_queries(8):
        assert member.get(page_of(email, "email_message")).status_code == 200
