"""`POST /v1/send`, fact by fact.

Each row names where it is promised: P and N rows of the public documentation, sections
of the classic and the current generation, C rows of the robustness catalogue.
"""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID, uuid4

import pytest

from automations.models import Occurrence
from contacts.models import Contact
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import Api
from transactional.models import Attachment, Domain, Email, MailKind, Template

MAIL: dict[str, Any] = {
    "to": "ann@example.com",
    "subject": "Hello",
    "body": "<p>Hello</p>",
}
FILE = {"filename": "a.txt", "content": "YQ==", "contentType": "text/plain"}

pytestmark = pytest.mark.django_db


def good(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.post("/v1/send", MAIL | changes)
    body: dict[str, Any] = response.json()
    assert response.status_code == 200, body
    return body


def refusal(api: Api, **changes: Any) -> tuple[int, str, list[str]]:
    """Return status, code and wrong fields, after checking that nothing was stored."""
    response = api.post("/v1/send", MAIL | changes)
    error = response.json()["error"]
    assert not Email.objects.exists()
    assert not Contact.objects.exists()
    return (
        response.status_code,
        error["code"],
        [e["field"] for e in error.get("errors", [])],
    )


INVALID = (422, "VALIDATION_ERROR")


# -- requests that are taken ----------------------------------------------------------
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"to": "ann@example.com"}, id="P4 to: string"),
        pytest.param({"to": ["ann@example.com"]}, id="P4 to: array"),
        pytest.param({"to": {"email": "ann@example.com"}}, id="2.1 to: object"),
        pytest.param(
            {"to": [{"email": "a@example.com", "name": "A"}, "b@example.com"]},
            id="2.1 to: array of either",
        ),
        pytest.param({"to": " Ann@Example.COM "}, id="README trimmed, lower-cased"),
        pytest.param({"body": "plain text"}, id="P4 body: text"),
        pytest.param({"subject": "x" * 998}, id="2.1 subject of 998"),
        pytest.param({"subscribed": False}, id="P4 subscribed"),
        pytest.param({"name": "Acme"}, id="P4 name"),
        pytest.param({"from": "me@example.com"}, id="P4 from: string"),
        pytest.param(
            {"from": {"email": "me@example.com", "name": "Me"}}, id="2.1 from: object"
        ),
        pytest.param({"reply": "r@example.com"}, id="P4 reply"),
        pytest.param({"headers": {"X-A": "b"}}, id="P4 headers"),
        pytest.param({"headers": {}}, id="headers: empty"),
        pytest.param({"headers": {"X-A": ""}}, id="headers: empty value"),
        pytest.param({"headers": {"X-A": None}}, id="headers: null value"),
        pytest.param({"attachments": [FILE] * 5}, id="P4 five attachments"),
        pytest.param({"attachments": [FILE] * 10}, id="2.1 ten attachments"),
        pytest.param({"attachments": []}, id="attachments: none"),
        pytest.param({"attachments": FILE}, id="classic 2.2 attachments: object"),
        pytest.param({"data": {"a": 1}}, id="2.1 data"),
        pytest.param({"tracking": False}, id="2.1 tracking"),
        pytest.param({"template": None}, id="README null is absent"),
        pytest.param({"type": "html", "withUnsubscribe": 1}, id="unknown keys"),
    ],
)
def test_it_takes(api: Api, changes: dict[str, Any]) -> None:
    assert good(api, **changes)["success"] is True


# -- requests that are refused --------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        pytest.param({"to": None}, ["to"], id="P4 to required"),
        pytest.param({"subject": None}, ["subject"], id="P4 subject required"),
        pytest.param({"body": None}, ["body"], id="P4 body required"),
        pytest.param(
            {"subject": None, "body": None},
            ["subject", "body"],
            id="C13 nothing to say",
        ),
        pytest.param({"subject": "  "}, ["subject"], id="C13 blank subject"),
        pytest.param({"body": ""}, ["body"], id="C13 empty body"),
        pytest.param({"to": []}, ["to"], id="C5 no recipient"),
        pytest.param(
            {"to": [f"r{i}@example.com" for i in range(51)]}, ["to"], id="C5 51"
        ),
        pytest.param(
            {"to": ["a@example.com", "nobody"]}, ["to.1"], id="C6 one is invalid"
        ),
        pytest.param({"to": [["a@example.com"]]}, ["to.0"], id="to: nested array"),
        pytest.param({"to": {"name": "A"}}, ["to.email"], id="to: no address"),
        pytest.param(
            {"to": [{"email": "x", "name": 7}]}, ["to.0.name", "to.0.email"], id="both"
        ),
        pytest.param({"to": 7}, ["to"], id="to: number"),
        pytest.param({"to": "A <a@example.com>"}, ["to"], id="C1"),
        pytest.param({"to": "ä@example.com"}, ["to"], id="C2"),
        pytest.param({"subject": 7}, ["subject"], id="subject: number"),
        pytest.param({"subject": "x" * 999}, ["subject"], id="2.1 subject of 999"),
        pytest.param({"body": {"html": "x"}}, ["body"], id="body: object"),
        pytest.param({"subscribed": "true"}, ["subscribed"], id="2.1 strict boolean"),
        pytest.param({"from": "N <a@example.com>"}, ["from"], id="classic 2.2 from"),
        pytest.param({"from": "nobody"}, ["from"], id="from"),
        pytest.param({"reply": "nobody"}, ["reply"], id="reply"),
        pytest.param({"reply": ["r@example.com"]}, ["reply"], id="reply: array"),
        pytest.param({"headers": ["x"]}, ["headers"], id="headers: array"),
        pytest.param(
            {"headers": {"X-A": 1}}, ["headers.X-A"], id="classic 2.2 headers"
        ),
        pytest.param({"headers": {"X-A": "x" * 999}}, ["headers.X-A"], id="2.1 of 999"),
        pytest.param({"headers": {"X A": "b"}}, ["headers.X A"], id="header name"),
        pytest.param({"headers": {"": "b"}}, ["headers."], id="empty header name"),
        pytest.param({"headers": {"X:": "b"}}, ["headers.X:"], id="colon in name"),
        pytest.param({"headers": {"X\nA": "b"}}, ["headers.X\nA"], id="break in name"),
        pytest.param({"headers": {"Bcc": "x@y.co"}}, ["headers.Bcc"], id="S3 Bcc"),
        pytest.param(
            {"headers": {"Content-Language": "de"}},
            ["headers.Content-Language"],
            id="a header of the body",
        ),
        pytest.param({"headers": {"bCC": "x@y.co"}}, ["headers.bCC"], id="S3 case"),
        pytest.param({"headers": {"Sender": "x"}}, ["headers.Sender"], id="S3 Sender"),
        pytest.param(
            {"headers": {"X-SES-TENANT": "x"}}, ["headers.X-SES-TENANT"], id="Amazon's"
        ),
        pytest.param(
            {"headers": {"X-A": "1", "x-a": "2"}}, ["headers.x-a"], id="twice"
        ),
        pytest.param(
            {"headers": {f"X-{i}": "x" for i in range(51)}},
            ["headers"],
            id="51 headers",
        ),
        pytest.param({"template": "x"}, ["template"], id="2.1 template: no uuid"),
        pytest.param({"template": 7}, ["template"], id="template: number"),
        pytest.param({"tracking": "no"}, ["tracking"], id="tracking: text"),
        pytest.param({"attachments": "x"}, ["attachments"], id="attachments: text"),
        pytest.param({"attachments": ["x"]}, ["attachments.0"], id="attachment: text"),
        pytest.param({"attachments": [FILE] * 11}, ["attachments"], id="C15 eleven"),
    ],
)
def test_it_refuses_naming_the_field(
    api: Api, changes: dict[str, Any], fields: list[str]
) -> None:
    assert refusal(api, **changes) == (*INVALID, fields)


@pytest.mark.parametrize(
    "break_", ["\r", "\n", "\r\n", "\x00", "\u2028", "\x85", "\x0b"]
)
@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("subject", ["subject"]),
        ("name", ["name"]),
        ("reply", ["reply"]),
        ("headers", ["headers.X-A"]),
        ("to", ["to.name"]),
        ("from", ["from.name"]),
        ("attachments", ["attachments.0.contentType"]),
    ],
)
def test_it_refuses_a_line_break_in_a_header(
    api: Api, break_: str, place: str, fields: list[str]
) -> None:
    """C7, S3."""
    text = f"x@example.com{break_}Bcc: victim@example.com"
    value: dict[str, Any] = {
        "headers": {"X-A": text},
        "to": {"email": "a@example.com", "name": text},
        "from": {"email": "a@example.com", "name": text},
        "attachments": [FILE | {"contentType": f"text/plain{break_}Bcc: x"}],
    }

    status, code, found = refusal(api, **{place: value.get(place, text)})

    assert (status, code) == INVALID
    # NUL is refused before any field is looked at, by the path of the value.
    assert len(found) == 1
    assert found[0] in {*fields, f"{place}.0.contentType"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"filename": None}, "filename", id="2.1 filename required"),
        pytest.param({"filename": "x.exe"}, "filename", id="C15 .exe"),
        pytest.param({"filename": "x.EXE"}, "filename", id="C15 .EXE"),
        pytest.param({"filename": "x.exe."}, "filename", id="C15 .exe."),
        pytest.param({"filename": "x.exe "}, "filename", id="C15 .exe and a space"),
        pytest.param({"filename": "x.e\u202exe"}, "filename", id="C15 hidden .exe"),
        pytest.param({"filename": "../.."}, "filename", id="C15 no name left"),
        pytest.param({"filename": ""}, "filename", id="2.1 filename of 1"),
        pytest.param({"filename": 7}, "filename", id="filename: number"),
        pytest.param({"content": None}, "content", id="2.1 content required"),
        pytest.param({"content": ""}, "content", id="2.1 content of 1"),
        pytest.param({"content": "?"}, "content", id="C15 bad base64"),
        pytest.param({"content": "YQ="}, "content", id="C15 cut base64"),
        pytest.param({"content": "YQ==ä"}, "content", id="C15 not ASCII"),
        pytest.param({"content": ["YQ=="]}, "content", id="content: array"),
        pytest.param({"contentType": "text"}, "contentType", id="type without slash"),
        pytest.param({"contentType": "a/b; c=é"}, "contentType", id="not ASCII"),
        pytest.param({"contentType": 'a/b; c="é"'}, "contentType", id="quoted é"),
        pytest.param({"contentType": "x" * 256}, "contentType", id="2.1 type of 256"),
        pytest.param({"contentType": 7}, "contentType", id="type: number"),
        pytest.param({"disposition": "x"}, "disposition", id="2.1 disposition"),
        pytest.param(
            {"disposition": "inline"}, "contentId", id="2.1 inline without id"
        ),
        pytest.param({"contentId": "<a>"}, "contentId", id="2.1 contentId"),
        pytest.param({"contentId": "a b"}, "contentId", id="contentId: space"),
        pytest.param({"contentId": "x" * 256}, "contentId", id="2.1 contentId of 256"),
    ],
)
def test_it_refuses_an_attachment(api: Api, change: dict[str, Any], field: str) -> None:
    """C15."""
    found = refusal(api, attachments=[FILE, FILE | change])

    assert found == (*INVALID, [f"attachments.1.{field}"])


@pytest.mark.parametrize(
    ("filename", "kept"),
    [
        ("../../x.txt", "x.txt"),
        ("C:\\temp\\x.txt", "x.txt"),
        ('a"b.txt', "ab.txt"),
        ("a\r\nb.txt", "ab.txt"),
        ("a\u202etxt.pdf", "atxt.pdf"),
        ("Rechnung Nr. 7 – März.pdf", "Rechnung Nr. 7 – März.pdf"),
        ("請求書.pdf", "請求書.pdf"),
        ("x" * 300 + ".pdf", "x" * 180 + ".pdf"),
        ("x" * 300, "x" * 200),
        ("a   b.txt", "a b.txt"),
    ],
)
def test_a_filename_is_nothing_but_a_name(api: Api, filename: str, kept: str) -> None:
    """C15."""
    good(api, attachments=[FILE | {"filename": filename}])

    assert Attachment.objects.get().filename == kept


def test_a_nul_in_a_filename_is_refused(api: Api) -> None:
    """C15."""
    found = refusal(api, attachments=[FILE | {"filename": "a\x00.txt"}])

    assert found == (*INVALID, ["attachments.0.filename"])


@pytest.mark.parametrize("name", ["contentType", "type", "content_type"])
def test_an_attachments_type_has_three_spellings(api: Api, name: str) -> None:
    file = {"filename": "x", "content": "YQ==", name: "image/png"}

    good(api, attachments=[file])

    assert Attachment.objects.get().content_type == "image/png"


def test_an_attachments_type_is_guessed_from_its_name(api: Api) -> None:
    files = [
        {"filename": "x.pdf", "content": "YQ=="},
        {"filename": "x", "content": "YQ=="},
    ]

    good(api, attachments=files)

    types = Attachment.objects.order_by("position").values_list(
        "content_type", flat=True
    )
    assert list(types) == ["application/pdf", "application/octet-stream"]


def test_attachments_have_ten_megabytes_together(api: Api) -> None:
    """C15: exactly ten are taken; one byte more is refused."""
    half = base64.b64encode(b"x" * (5 * 1024 * 1024)).decode()
    more = base64.b64encode(b"x" * (5 * 1024 * 1024 + 1)).decode()

    refused = refusal(api, attachments=[FILE | {"content": c} for c in (half, more)])
    good(api, attachments=[FILE | {"content": half}, FILE | {"content": half}])

    assert refused == (*INVALID, ["attachments"])


def test_a_mail_over_forty_megabytes_is_refused_before_it_is_queued(api: Api) -> None:
    """C16."""
    assert refusal(api, body="🦄" * 4_500_000) == (*INVALID, ["body"])


# -- what is answered -----------------------------------------------------------------
def test_the_answer_has_one_mail_for_each_recipient_in_their_order(api: Api) -> None:
    """P4, 2.1."""
    to = [f"r{i}@example.com" for i in range(50, 0, -1)]

    body = good(api, to=to)

    assert list(body) == ["success", "data", "emails", "timestamp"]
    assert body["data"] == {"emails": body["emails"], "timestamp": body["timestamp"]}
    assert [mail["contact"]["email"] for mail in body["emails"]] == to
    for mail in body["emails"]:
        email = Email.objects.get(pk=UUID(mail["email"]))
        assert mail["contact"]["id"] == str(email.contact_id)
        assert email.to_email == mail["contact"]["email"]
    assert len(body["timestamp"]) == len("2026-01-01T00:00:00.000Z")


def test_spellings_of_one_address_are_one_mail(api: Api) -> None:
    """C5."""
    to = [
        "Ann@Example.com",
        "ann@example.com ",
        {"email": "ANN@example.com", "name": "A"},
    ]

    body = good(api, to=to)

    assert len(body["emails"]) == Email.objects.count() == 1


def test_an_international_domain_is_stored_as_it_is_sent(api: Api) -> None:
    """C3."""
    good(api, to="a@müller.de")
    good(api, to="a@mu\u0308ller.de")

    assert Contact.objects.get().email == "a@xn--mller-kva.de"


def test_a_local_part_beyond_ascii_has_a_code_of_its_own(api: Api) -> None:
    """C2."""
    (error,) = api.post("/v1/send", MAIL | {"to": "ä@b.co"}).json()["error"]["errors"]

    assert error["code"] == "smtputf8_unsupported"


# -- sender, template, consent --------------------------------------------------------
def test_the_sender_defaults_to_the_projects(api: Api, project: Project) -> None:
    """P4: name and verified address of the project."""
    Project.objects.filter(pk=project.pk).update(from_email="hi@example.com")

    good(api)

    email = Email.objects.get()
    assert (email.from_email, email.from_name) == ("hi@example.com", "Acme")


@pytest.mark.parametrize(
    ("changes", "sender"),
    [
        ({}, ("t@example.com", "Template")),
        ({"name": "Named"}, ("t@example.com", "Named")),
        ({"from": "f@example.com"}, ("f@example.com", "Template")),
        (
            {"from": {"email": "F@example.com", "name": "From"}, "name": "N"},
            ("f@example.com", "From"),
        ),
    ],
)
def test_the_request_outweighs_the_template(
    api: Api, project: Project, changes: dict[str, Any], sender: tuple[str, str]
) -> None:
    """2.1."""
    template = make_template(
        project,
        from_email="t@example.com",
        from_name="Template",
        reply_to="tr@example.com",
    )

    good(api, template=str(template.pk), subject=None, body=None, **changes)

    email = Email.objects.select_related("content").get()
    assert (email.from_email, email.from_name) == sender
    assert email.reply_to == "tr@example.com"
    assert (email.content.subject, email.content.body) == ("From template", "<p>T</p>")
    assert email.template_id == template.pk


def test_subject_and_body_outweigh_the_templates(api: Api, project: Project) -> None:
    template = make_template(project)

    good(api, template=str(template.pk), subject="Mine")

    content = Email.objects.select_related("content").get().content
    assert (content.subject, content.body) == ("Mine", "<p>Hello</p>")


def make_template(project: Project, **fields: Any) -> Template:
    values: dict[str, Any] = {
        "name": "T",
        "subject": "From template",
        "body": "<p>T</p>",
        "kind": MailKind.TRANSACTIONAL,
    }
    return Template.objects.create(project=project, **(values | fields))


def test_a_foreign_template_is_as_unknown_as_none(
    api: Api, other_project: NewProject
) -> None:
    """I3, 2.1."""
    foreign = make_template(other_project.project)

    answers = [
        api.post("/v1/send", MAIL | {"template": str(template_id)})
        for template_id in (foreign.pk, uuid4())
    ]

    assert [a.status_code for a in answers] == [404, 404]
    messages = {(a.json()["error"]["code"], a.json()["message"]) for a in answers}
    assert len(messages) == 1
    assert answers[0].json()["error"]["code"] == "TEMPLATE_NOT_FOUND"
    assert not Email.objects.exists()


@pytest.mark.parametrize("kind", [MailKind.MARKETING, MailKind.HEADLESS])
def test_marketing_goes_only_to_who_agreed(
    api: Api, project: Project, kind: MailKind
) -> None:
    """2.1: one who has not is a 400, and nobody is mailed."""
    template = str(make_template(project, kind=kind).pk)

    refused = refusal(api, template=template, to=["a@example.com", "b@example.com"])
    good(api, template=template, subscribed=True)

    assert refused[:2] == (400, "CONTACT_UNSUBSCRIBED")


def test_consent_is_only_ever_switched_on(api: Api) -> None:
    """P4, README: new is not subscribed; false changes nothing; a flip is an event."""
    good(api)
    new = Contact.objects.get().subscribed
    good(api, subscribed=True)
    good(api, subscribed=False)
    good(api)

    assert new is False
    assert Contact.objects.get().subscribed is True
    names = sorted(Occurrence.objects.values_list("event__name", flat=True))
    assert names == ["contact.subscribed", "subscribe"]


def test_a_sender_nobody_verified_is_forbidden(
    api: Api, project: Project, settings: Any
) -> None:
    """README: 403 DOMAIN_NOT_VERIFIED, by the exact domain and of this project."""
    settings.REQUIRES_VERIFIED_DOMAIN = True
    Domain.objects.create(project=project, name="example.com", verified_at=None)

    found = [
        refusal(api, **{"from": f"me@{domain}"})[:2]
        for domain in ("example.com", "sub.example.com", "example.org")
    ]

    assert found == [(403, "DOMAIN_NOT_VERIFIED")] * 3


def test_another_projects_domain_is_not_ours(
    api: Api, other_project: NewProject, settings: Any
) -> None:
    """S20."""
    settings.REQUIRES_VERIFIED_DOMAIN = True
    Domain.objects.create(
        project=other_project.project,
        name="foreign.example.com",
        verified_at="2026-01-01T00:00:00Z",
    )

    found = refusal(api, **{"from": "me@foreign.example.com"})

    assert found[:2] == (403, "DOMAIN_NOT_VERIFIED")


def test_without_any_sender_the_field_is_required(api: Api, settings: Any) -> None:
    """2.1."""
    settings.REQUIRES_VERIFIED_DOMAIN = True

    assert refusal(api) == (*INVALID, ["from"])


# -- data -----------------------------------------------------------------------------
def test_data_is_kept_passed_on_or_removed(api: Api) -> None:
    """P24, 4.1."""
    good(api, data={"a": 1, "b": ["x"], "c": {"d": None}})
    good(api, data={"a": None, "b": "", "once": {"value": 7, "persistent": False}})

    last = Email.objects.order_by("-created_at", "-pk")[0]
    assert Contact.objects.get().data == {"b": ["x"], "c": {"d": None}}
    assert last.variables == {"once": 7}


def test_the_recipients_name_is_data_too(api: Api) -> None:
    """2.1."""
    good(api, to={"email": "ann@example.com", "name": " Ann "})

    assert Contact.objects.get().data == {"name": "Ann"}
