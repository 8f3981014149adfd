"""The mail by which a contact confirms: what is in it, and that its link works."""

from __future__ import annotations

import re
from email import message_from_bytes, policy

import pytest
from django.db import transaction
from django.test import override_settings

from contacts.asking import ask
from contacts.confirming import confirm
from contacts.ledger import Act
from contacts.links import Link, Purpose, read_token
from contacts.models import Contact, Door
from plunk.projects.models import Project
from tests.conftest import Api
from tests.pages.rows import make_contact
from tests.transactional.fakes import FakeSes
from transactional.delivery import drain
from transactional.models import Email, MailKind
from transactional.reprinting import preview

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def switched_on(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(double_opt_in=True)


def dana() -> Contact:
    return Contact.objects.get(email="dana@example.com")


def by_track(api: Api, **more: object) -> None:
    body = {"email": "dana@example.com", "event": "signed-up", **more}
    assert api.post("/v1/track", body).status_code == 200


def link_in(raw: bytes) -> str:
    """Return the token of the link, which both parts of a mail have."""
    tokens = {
        found
        for kind in ("plain", "html")
        for found in re.findall(r"/subscribe/([\w.-]+)", part(raw, kind))
    }
    (token,) = tokens
    return str(token)


def part(raw: bytes, kind: str) -> str:
    """Return a mail's text or HTML."""
    mail = message_from_bytes(raw, policy=policy.default)
    body = mail.get_body((kind,))
    assert body
    return str(body.get_content())


def test_the_mail_brings_the_link(api: Api, ses: FakeSes) -> None:
    by_track(api)

    drain(seconds=1)

    (call,) = ses.calls
    mail = Email.objects.get()
    link = read_token(link_in(call["raw"]), Purpose.SUBSCRIBE)
    assert link
    assert (link.contact_id, link.email_id) == (dana().pk, mail.pk)
    assert mail.kind == MailKind.TRANSACTIONAL
    assert b"Acme" in call["raw"]
    assert b"Auto-Submitted: auto-generated" in call["raw"]
    assert b"List-Unsubscribe" not in call["raw"]
    assert say_yes(link)


@pytest.mark.parametrize("name", ["{{ email }}", "<script>x</script>", "A\r\nB"])
def test_a_name_is_only_text(
    api: Api,
    project: Project,
    ses: FakeSes,
    name: str,
) -> None:
    Project.objects.update(name=name)

    by_track(api)
    drain(seconds=1)

    raw = ses.calls[0]["raw"]
    head = raw.partition(b"\r\n\r\n")[0]
    assert "<script>" not in part(raw, "html")
    assert "dana" not in part(raw, "html")
    assert b"dana" not in re.sub(rb"(?m)^To: .*$", b"", head)


def test_the_recipe_of_the_public_page_works(api: Api, ses: FakeSes) -> None:
    """P21: tracked with `subscribed: false`, mailed with the link, clicked."""
    Project.objects.update(double_opt_in=False)
    by_track(api, subscribed=False)
    body = "<p>Hi</p><a href='{{subscribeUrl}}'>Yes</a> <a href='{{ manageUrl }}'>?</a>"
    mail = {"to": "dana@example.com", "subject": "Please confirm", "body": body}
    assert api.post("/v1/send", mail).status_code == 200

    drain(seconds=1)

    (call,) = ses.calls
    link = read_token(link_in(call["raw"]), Purpose.SUBSCRIBE)
    assert link
    assert link.contact_id == dana().pk
    assert "/manage/" in part(call["raw"], "html")
    assert b"List-Unsubscribe" not in call["raw"]
    assert say_yes(link)
    assert dana().subscribed


def test_whoever_looks_at_the_mail_cannot_confirm_with_it(
    api: Api, ses: FakeSes
) -> None:
    by_track(api)

    shown = preview(Email.objects.get())

    assert "/subscribe/…" in shown.html
    assert not re.search(r"/subscribe/[\w.-]{20}", shown.html + shown.text)


def test_data_of_a_contact_replaces_no_link(
    api: Api, project: Project, ses: FakeSes
) -> None:
    make_contact(
        project,
        "dana@example.com",
        subscribed=False,
        data={"subscribeUrl": "https://evil.example.com", "manageUrl": "x"},
    )
    by_track(api, subscribed=True)

    drain(seconds=1)

    assert b"evil.example.com" not in ses.calls[0]["raw"]
    assert "evil.example.com" not in part(ses.calls[0]["raw"], "html")


def test_question_and_mail_are_kept_or_lost_together(project: Project) -> None:
    contact = make_contact(project, subscribed=False)

    class Broken(Exception):
        pass

    def break_off() -> None:
        with transaction.atomic():
            ask(project_id=project.pk, contact_ids=[contact.pk], act=Act(Door.API))
            assert Email.objects.count() == 1
            raise Broken

    with pytest.raises(Broken):
        break_off()

    assert not Email.objects.exists()


@override_settings(REQUIRES_VERIFIED_DOMAIN=True)
def test_to_have_no_sender_is_no_error_of_a_request(api: Api) -> None:
    by_track(api)

    assert not Email.objects.exists()
    assert not dana().subscribed


def say_yes(link: Link) -> bool:
    assert link.project_id
    return confirm(
        project_id=link.project_id,
        contact_id=link.contact_id,
        act=Act(Door.PAGE, email_id=link.email_id),
    )
