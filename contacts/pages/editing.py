"""Making a contact, and changing its address and data, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from contacts.addresses import AddressError, normalise
from contacts.creating import (
    ContactNotFound,
    EmailTaken,
    change_contact,
    create_contact,
)
from contacts.data import DataChange
from contacts.ledger import Act
from contacts.models import Contact, Door
from contacts.pages.data_rows import (
    Row,
    Type,
    change_of,
    is_fine,
    read_rows,
    rows_of,
)
from plunk.api.errors import Invalid
from plunk.pages.access import ProjectRequest, project_page
from plunk.projects.models import Project


@dataclass(slots=True)
class Sheet:
    """The form of a contact, with what was typed and what is wrong with it."""

    email: str = ""
    rows: list[Row] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    subscribed: bool = False
    #: The address that the form had; empty where it is a new contact's.
    shown_email: str = ""
    email_error: str = ""
    #: The contact that has the address already.
    taken_by: Contact | None = None
    error: str = ""

    @property
    def all_rows(self) -> list[Row]:
        """Return the rows, and an empty one for whoever has no script to add it."""
        return [*self.rows, Row()]

    @property
    def types(self) -> Sequence[tuple[str, str]]:
        return Type.choices

    @property
    def is_fine(self) -> bool:
        return not (self.email_error or self.error) and is_fine(self.rows)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def contact_new(request: ProjectRequest) -> HttpResponse:
    """Make a contact of an address, its consent and data."""
    sheet = Sheet()
    if request.method == "POST":
        sheet = _read(request)
        contact = _make(request, sheet)
        if contact:
            messages.success(request, f"{contact.email} was added.")
            return redirect("contact", request.project.pk, contact.pk)
    status = 200 if sheet.is_fine else 422
    return render(request, "contacts/new.html", {"sheet": sheet}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def contact_edit(request: ProjectRequest, contact_id: UUID) -> HttpResponse:
    """Change a contact's address and data; only what was changed is written."""
    contact = Contact.objects.filter(project=request.project, pk=contact_id).first()
    if contact is None:
        raise Http404("There is no such contact.")
    if request.method == "POST":
        sheet = _read(request)
        if _change(request, contact, sheet):
            messages.success(request, "Saved.")
            return redirect("contact", request.project.pk, contact_id)
    else:
        rows = rows_of(contact.data)
        sheet = Sheet(
            email=contact.email,
            shown_email=contact.email,
            rows=rows,
            shown=[row.name for row in rows],
        )
    context = {"sheet": sheet, "contact": contact}
    status = 200 if sheet.is_fine else 422
    return render(request, "contacts/edit.html", context, status=status)


def _read(request: ProjectRequest) -> Sheet:
    return Sheet(
        email=request.POST.get("email", "").strip(),
        shown_email=request.POST.get("shown_email", ""),
        rows=read_rows(request.POST),
        shown=request.POST.getlist("shown"),
        subscribed=request.POST.get("subscribed") == "yes",
    )


def _make(request: ProjectRequest, sheet: Sheet) -> Contact | None:
    email = _address(sheet)
    change = change_of(sheet.rows, shown=[], data=None)
    if not sheet.is_fine:
        return None
    try:
        return create_contact(
            project_id=request.project.pk,
            email=email,
            subscribed=sheet.subscribed,
            data=change,
            door=Door.DASHBOARD,
            user=request.user,
        )
    except EmailTaken:
        _note_taken(request.project, sheet, email)
    except Invalid as error:
        sheet.error = error.errors[0].message
    return None


def _change(request: ProjectRequest, contact: Contact, sheet: Sheet) -> bool:
    # An address that nobody touched is not put back in the place of a newer one.
    is_same = sheet.email == sheet.shown_email != ""
    email = None if is_same else _address(sheet)
    change = change_of(sheet.rows, shown=sheet.shown, data=contact.data)
    return sheet.is_fine and _write(request, contact, sheet, email, change)


def _write(
    request: ProjectRequest,
    contact: Contact,
    sheet: Sheet,
    email: str | None,
    change: DataChange,
) -> bool:
    try:
        change_contact(
            project_id=request.project.pk,
            contact_id=contact.pk,
            email=email,
            data=change,
            act=Act(Door.DASHBOARD, user_id=request.user.pk),
        )
    except ContactNotFound:
        raise Http404("There is no such contact.") from None
    except EmailTaken:
        _note_taken(request.project, sheet, email or "")
    except Invalid as error:
        sheet.error = error.errors[0].message
    return sheet.is_fine


def _address(sheet: Sheet) -> str:
    """Return the address in the form in which it is stored; notes what is wrong."""
    if not sheet.email:
        sheet.email_error = "Write an address."
        return ""
    try:
        return normalise(sheet.email)
    except AddressError as error:
        sheet.email_error = str(error)
        return ""


def _note_taken(project: Project, sheet: Sheet, email: str) -> None:
    sheet.email_error = "This address has a contact already."
    sheet.taken_by = Contact.objects.filter(project=project, email=email).first()
