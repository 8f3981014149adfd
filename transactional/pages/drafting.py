"""What the editor asks for while somebody writes: previews, hints and test mails."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils.html import escape
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Contact
from contacts.search import search
from plunk.api.errors import ApiError, FieldError, Invalid, invalid
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import Project
from transactional import previewing
from transactional.contents import Draft
from transactional.linting import lint
from transactional.models import MailKind, Style
from transactional.pages.views import FRAME_POLICY
from transactional.previewing import CannotBeShown, Person
from transactional.rendering import Rendered
from transactional.senders import DomainNotVerified
from transactional.template_rules import clean_draft
from transactional.templates import TemplateNotFound, template_of
from transactional.testing import send_test, sender_of_test
from transactional.variables import known_variables

#: How many contacts are offered to stand in for the reader.
MOST_CONTACTS = 20
#: An id that nothing has.
_NOBODY = UUID(int=0)
_DRAFTED = ("subject", "preheader", "body", "style", "kind")
_SENT = (*_DRAFTED, "from_email", "from_name", "reply_to")


@dataclass(frozen=True, slots=True)
class Drafted:
    """A mail as it stands in the editor at this moment."""

    draft: Draft
    kind: MailKind
    person: Person
    from_email: str
    from_name: str
    reply_to: str


@require_POST
@xframe_options_sameorigin
@project_page
def preview(request: ProjectRequest) -> HttpResponse:
    """Show what is being written as its reader would see it, in a sandbox."""
    try:
        it = _drafted(request, _DRAFTED)
    except Invalid as error:
        return frame_of_words("This cannot be shown yet.", error.message)
    form = request.POST.get("form", "")
    return frame_of(request.project, it.draft, it.kind, it.person, form=form)


@require_POST
@project_page
def lint_draft(request: ProjectRequest) -> HttpResponse:
    """Say what is worth a look in what is being written."""
    try:
        it = _drafted(request, _DRAFTED)
    except Invalid as error:
        return _refused(error.errors)
    found = lint(
        project_id=request.project.pk,
        subject=it.draft.subject,
        preheader=it.draft.preheader,
        body=it.draft.body,
        text=it.draft.text,
        style=it.draft.style,
        kind=it.kind,
    )
    return JsonResponse({"findings": [asdict(finding) for finding in found]})


@require_safe
@project_page
def variables(request: ProjectRequest) -> HttpResponse:
    """Offer what a mail of this project can name."""
    return JsonResponse(
        {
            "variables": [
                {
                    "path": one.path,
                    "label": one.label,
                    "type": one.type,
                    "coverage": one.coverage,
                    "example": one.example,
                    "isSystem": one.is_system,
                }
                for one in known_variables(request.project.pk)
            ]
        }
    )


@require_safe
@project_page
def contacts(request: ProjectRequest) -> HttpResponse:
    """Offer contacts by a piece of their address."""
    rows = Contact.objects.filter(project=request.project)
    found = search(rows, request.GET.get("search", ""))
    shown = found.only("id", "email", "data").order_by("email")[:MOST_CONTACTS]
    return JsonResponse(
        {
            "contacts": [
                {"id": str(one.pk), "email": one.email, "name": name_of(one)}
                for one in shown
            ]
        }
    )


@require_POST
@project_page
def test(request: ProjectRequest) -> HttpResponse:
    """Send what is being written to members of the project."""
    try:
        sent = _send(request)
    except Invalid as error:
        return _refused(error.errors)
    except DomainNotVerified as error:
        return _refused([FieldError("from_email", error.message, error.code)])
    except ApiError as error:
        problem = FieldError("to", error.message, error.code)
        answer = _refused([problem], status=error.status)
        for name, value in error.headers.items():
            answer[name] = value
        return answer
    return JsonResponse({"sent": sent})


def _send(request: ProjectRequest) -> list[dict[str, str]]:
    it = _drafted(request, _SENT)
    if not it.draft.body.strip():
        raise invalid("body", "There is nothing in it yet.", "too_small")
    _check_template(request)
    sent = send_test(
        project=request.project,
        draft=it.draft,
        kind=it.kind,
        person=it.person,
        sender=sender_of_test(request.project, email=it.from_email, name=it.from_name),
        reply_to=it.reply_to,
        members=_members(request),
    )
    return [{"email": str(mail.id), "to": mail.address} for mail in sent]


def _check_template(request: ProjectRequest) -> None:
    """Refuse a test of a template that is another project's, or gone."""
    text = request.POST.get("template", "")
    if not text:
        return
    template_id = read_id(text)
    try:
        if template_id is None:
            raise TemplateNotFound
        template_of(request.project.pk, template_id)
    except TemplateNotFound as error:
        raise invalid("template", error.message, error.code) from error


def _members(request: ProjectRequest) -> list[UUID]:
    ids = [read_id(text) for text in request.POST.getlist("to")]
    if None in ids:
        raise invalid("to", "Tests go to members of the project only.", "invalid")
    return [pk for pk in ids if pk is not None]


def _drafted(request: ProjectRequest, names: tuple[str, ...]) -> Drafted:
    """Read the editor's fields; raises Invalid for what no template could hold."""
    written = {name: request.POST[name] for name in names if name in request.POST}
    values: dict[str, Any] = clean_draft(written)
    draft = Draft(
        values.get("subject", ""),
        values.get("body", ""),
        preheader=values.get("preheader", ""),
        style=values.get("style", Style.PLUNK),
    )
    return Drafted(
        draft,
        MailKind(values.get("kind", MailKind.MARKETING)),
        _person(request),
        from_email=values.get("from_email", ""),
        from_name=values.get("from_name", ""),
        reply_to=values.get("reply_to", ""),
    )


def _person(request: ProjectRequest) -> Person:
    """Return who stands in for the reader: a contact, or somebody made up."""
    text = request.POST.get("contact", "")
    if not text:
        return previewing.made_up_person(request.project.pk)
    contact_id = read_id(text)
    rows = Contact.objects.filter(project=request.project, pk=contact_id or _NOBODY)
    contact = rows.first()
    if contact is None:
        raise invalid("contact", "That contact is not there any more.", "not_found")
    return previewing.person_of(contact)


def name_of(contact: Contact) -> str:
    """Return what a contact is called, where its data says so."""
    data = contact.data or {}
    parts = [data.get("name")]
    if not isinstance(parts[0], str):
        parts = [
            data.get(camel, data.get(snake))
            for camel, snake in (
                ("firstName", "first_name"),
                ("lastName", "last_name"),
            )
        ]
    words = [part.strip() for part in parts if isinstance(part, str)]
    return " ".join(word for word in words if word)[:200]


def _refused(errors: list[FieldError], *, status: int = 422) -> JsonResponse:
    told = [{"field": one.field, "message": one.message} for one in errors[:100]]
    return JsonResponse({"errors": told}, status=status)


# -- frames ----------------------------------------------------------------------------
def frame_of(
    project: Project, draft: Draft, kind: str, person: Person, *, form: str = "html"
) -> HttpResponse:
    """Answer a draft rendered, or in words why it cannot be."""
    if not draft.body.strip():
        return frame_of_words("Nothing is written yet.", "")
    try:
        rendered = previewing.preview(project, draft, kind, person)
    except CannotBeShown as error:
        return frame_of_words("No mail comes of this.", str(error))
    return frame(_document(rendered, form))


def _document(rendered: Rendered, form: str) -> str:
    if form != "text" and rendered.html:
        return rendered.html
    return _sheet(
        '<pre style="margin:0;padding:20px;white-space:pre-wrap;'
        "overflow-wrap:anywhere;font:13px/20px ui-monospace,SFMono-Regular,Menlo,"
        f'Consolas,monospace">{escape(rendered.text)}</pre>'
    )


def frame_of_words(title: str, words: str) -> HttpResponse:
    """Answer a few words where a mail would stand."""
    return frame(
        _sheet(
            '<div style="padding:48px 24px;text-align:center;'
            'font:14px/21px system-ui,sans-serif;color:#565663">'
            f'<p style="margin:0;font-weight:600;color:#16161b">{escape(title)}</p>'
            f'<p style="margin:4px 0 0;overflow-wrap:anywhere">{escape(words)}</p>'
            "</div>"
        )
    )


def _sheet(content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Preview</title></head><body style="margin:0;background:#ffffff;'
        f'color:#16161b">{content}</body></html>'
    )


def frame(document: str) -> HttpResponse:
    """Answer a document that runs nothing, in its own sandbox wherever it is opened."""
    response = HttpResponse(document)
    # Pictures of our own may be served without TLS, as on a laptop.
    ours = f"img-src {settings.APP_URI}/media/ "
    response["Content-Security-Policy"] = FRAME_POLICY.replace("img-src ", ours)
    response["X-Content-Type-Options"] = "nosniff"
    return response
