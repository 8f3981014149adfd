"""Footer, link and headers of mail that needs consent: robustness K7."""

from __future__ import annotations

import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.test import Client, override_settings

from contacts.links import Issuer, Purpose, read_token
from contacts.models import Contact
from plunk.projects.models import Project
from tests.conftest import Api
from tests.transactional.conftest import Queue
from tests.transactional.fakes import FakeSes
from transactional import composing
from transactional.claiming import Choice, claim
from transactional.contents import Draft
from transactional.delivery import drain
from transactional.manuscripts import Manuscript
from transactional.models import Content, Email, EmailState, MailKind, Template
from transactional.rendering import compile_content
from transactional.reprinting import preview
from transactional.styling.documents import with_end

pytestmark = pytest.mark.django_db(transaction=True)

HTML = "<html><body><h1>News</h1></body></html>"
CONSENTED = [MailKind.MARKETING, MailKind.HEADLESS]


def sent(queue: Queue, ses: FakeSes, body: str = HTML, **changes: Any) -> EmailMessage:
    changes = {"subscribed": True, "draft": Draft("News", body)} | changes
    queue("ann@example.com", **changes)
    drain()
    return read(ses.calls[-1]["raw"])


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def link_of(message: EmailMessage) -> str:
    return str(message["List-Unsubscribe"]).strip("<>")


@pytest.mark.parametrize("kind", CONSENTED)
@override_settings(APP_URI="https://mail.example.com")
def test_marketing_carries_both_headers_and_its_own_token(
    queue: Queue, ses: FakeSes, kind: MailKind
) -> None:
    """K7."""
    mails = queue("ann@example.com", "ben@example.com", kind=kind, subscribed=True)
    drain()

    messages = [read(call["raw"]) for call in ses.calls]
    links = [link_of(message) for message in messages]
    tokens = [
        link.removeprefix("https://mail.example.com/unsubscribe/") for link in links
    ]
    found = [read_token(token, Purpose.UNSUBSCRIBE) for token in tokens]
    assert {m["List-Unsubscribe-Post"] for m in messages} == {
        "List-Unsubscribe=One-Click"
    }
    assert {(f.contact_id, f.project_id, f.email_id) for f in found if f} == {
        (mail.contact_id, mail.project_id, mail.pk) for mail in mails
    }


def test_the_click_on_a_sent_link_unsubscribes_and_the_next_mail_stays(
    queue: Queue, ses: FakeSes
) -> None:
    message = sent(queue, ses, kind=MailKind.MARKETING)
    (waiting,) = queue("ann@example.com", kind=MailKind.MARKETING)

    path = link_of(message).partition("://")[2].partition("/")[2]
    answer = Client().post(f"/{path}", {"List-Unsubscribe": "One-Click"})
    drain()

    waiting.refresh_from_db()
    assert answer.status_code == 200
    assert not Contact.objects.get().subscribed
    assert waiting.state == EmailState.SKIPPED
    assert len(ses.calls) == 1


def test_marketing_shows_the_link_in_both_parts(queue: Queue, ses: FakeSes) -> None:
    message = sent(queue, ses, kind=MailKind.MARKETING)

    text, html = parts(message)
    assert f'<a href="{link_of(message)}"' in html
    assert html.index("Unsubscribe</a>") < html.index("</body>")
    assert f"Unsubscribe: {link_of(message)}" in text
    assert "{{" not in text + html


def test_headless_has_no_footer(queue: Queue, ses: FakeSes) -> None:
    message = sent(queue, ses, kind=MailKind.HEADLESS)

    text, html = parts(message)
    assert html.strip() == HTML
    assert "nsubscribe" not in text


def test_a_transactional_mail_has_nothing(queue: Queue, ses: FakeSes) -> None:
    """K7."""
    message = sent(queue, ses)

    assert "List-Unsubscribe" not in message
    assert "List-Unsubscribe-Post" not in message
    assert "nsubscribe" not in "".join(parts(message))


@pytest.mark.parametrize(
    "name", ["{{unsubscribeUrl}}", "{{ unsubscribeUrl }}", "{{&nbsp;unsubscribeUrl}}"]
)
@pytest.mark.parametrize("kind", MailKind)
def test_every_kind_of_mail_can_name_the_link(
    queue: Queue, ses: FakeSes, name: str, kind: MailKind
) -> None:
    body = f'<p><a href="{name}">Out</a></p>'

    message = sent(queue, ses, body, kind=kind)

    text, html = parts(message)
    assert f'<a href="{link_of(message)}">Out</a>' in html
    assert link_of(message) in text
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("name", ["{{plunk_id}}", "{{ id }}"])
def test_a_link_around_the_contacts_id_counts_as_one(
    queue: Queue, ses: FakeSes, name: str
) -> None:
    body = f'<a href="https://old.example.com/unsubscribe/{name}">Out</a>'

    message = sent(queue, ses, body)

    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_nobodys_data_stands_for_the_link(
    queue: Queue, ses: FakeSes, project: Project
) -> None:
    evil = {"unsubscribeUrl": "https://evil.example.com"}
    Contact.objects.create(project=project, email="ann@example.com", data=evil)

    message = sent(
        queue, ses, "<p>{{unsubscribeUrl}}</p>", kind=MailKind.MARKETING, variables=evil
    )

    assert "evil" not in "".join(parts(message))


@pytest.mark.parametrize(
    "own",
    [
        {"List-Unsubscribe": "<mailto:out@example.com>"},
        {"LIST-UNSUBSCRIBE": "<mailto:out@example.com>"},
        {"list-unsubscribe-post": "List-Unsubscribe=One-Click"},
    ],
)
@pytest.mark.parametrize("kind", CONSENTED)
def test_the_senders_own_headers_drop_both_of_ours(
    queue: Queue, ses: FakeSes, own: dict[str, str], kind: MailKind
) -> None:
    message = sent(queue, ses, kind=kind, headers=own)

    names = {"list-unsubscribe", "list-unsubscribe-post"}
    found = {k: v for k, v in message.items() if k.lower() in names}
    assert found == own


def test_other_headers_stand_beside_ours(queue: Queue, ses: FakeSes) -> None:
    message = sent(queue, ses, kind=MailKind.MARKETING, headers={"X-Tag": "a"})

    assert message["X-Tag"] == "a"
    assert message["List-Unsubscribe-Post"]


def test_plain_text_gets_a_footer_too(queue: Queue, ses: FakeSes) -> None:
    message = sent(queue, ses, "Hello\nthere & then", kind=MailKind.MARKETING)

    text, html = parts(message)
    link = link_of(message)
    assert text.split()[:4] == ["Hello", "there", "&", "then"]
    assert f"Unsubscribe: {link}" in text
    assert f'<a href="{link}"' in html


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize(
    "body", [HTML, "text only", '<a href="{{unsubscribeUrl}}">x</a>']
)
def test_the_preview_is_what_was_sent(
    queue: Queue, ses: FakeSes, kind: MailKind, body: str
) -> None:
    (waiting,) = queue(
        "ann@example.com", kind=kind, subscribed=True, draft=Draft("News", body)
    )
    before = preview(waiting)
    drain()
    after = preview(Email.objects.get())

    text, html = parts(read(ses.calls[0]["raw"]))
    assert before == after
    assert (text.split(), html.split()) == (after.text.split(), after.html.split())


def test_one_content_is_compiled_for_each_kind(queue: Queue, ses: FakeSes) -> None:
    messages = [
        sent(queue, ses, kind=kind)
        for kind in [MailKind.TRANSACTIONAL, MailKind.MARKETING, MailKind.HEADLESS] * 2
    ]

    assert Content.objects.count() == 1
    assert ["Unsubscribe</a>" in parts(m)[1] for m in messages] == [
        False,
        True,
        False,
    ] * 2


@pytest.mark.parametrize(
    ("markup", "before"),
    [
        ("<p>x</p>", ""),
        ("<body>x</body>", "</body>"),
        ("<BODY>x</BODY  >", "</BODY  >"),
        ("<body>x</body><!-- </body> -->", "</body><!-- </body> -->"),
        ("<body><pre></body></pre></body>\n</html>", "</body>\n</html>"),
        ("<body>İİ</body>", "</body>"),
    ],
)
def test_the_footer_is_the_last_thing_in_the_body(markup: str, before: str) -> None:
    result = with_end(markup, "<hr>\n")

    assert result.endswith(f"<hr>\n{before}")
    assert result.startswith(markup.removesuffix(before))


@pytest.mark.parametrize("piece", ["</body", "<!--", "</body ", "/manage/{{ ", "{{"])
def test_a_body_of_a_million_beginnings_is_read_once(piece: str) -> None:
    started = time.thread_time()

    compile_content(
        Manuscript("x", piece * (1_000_000 // len(piece)), kind=MailKind.MARKETING)
    )

    assert time.thread_time() - started < 5


def test_no_link_is_signed_where_none_is_needed(
    queue: Queue, fast_account: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hot path: a transactional mail costs what it did."""
    signed: list[dict[str, object]] = []

    def sign(_issuer: Issuer, _purpose: Purpose, **ids: object) -> str:
        signed.append(ids)
        return "https://example.com/unsubscribe/x"

    monkeypatch.setattr(Issuer, "url", sign)
    kinds = [MailKind.TRANSACTIONAL, MailKind.MARKETING]
    mails = [queue("ann@example.com", kind=kind, subscribed=True)[0] for kind in kinds]

    composed = list(composing.compose(claim(Choice(limit=10))))

    assert len(composed) == len(kinds)
    assert {ids["email_id"] for ids in signed} == {mails[1].pk}


@pytest.mark.parametrize("kind", CONSENTED)
def test_a_template_sent_by_the_api_carries_the_way_out(
    api: Api, ses: FakeSes, project: Project, kind: MailKind
) -> None:
    template = Template.objects.create(
        project=project, name="News", subject="News", body=HTML, kind=kind
    )
    order = {"to": "ann@example.com", "template": str(template.pk)}

    refused = api.post("/v1/send", order)
    accepted = api.post("/v1/send", order | {"subscribed": True})
    drain()

    message = read(ses.calls[0]["raw"])
    assert (refused.status_code, accepted.status_code) == (400, 200)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert ("Unsubscribe</a>" in parts(message)[1]) == (kind == MailKind.MARKETING)
