"""The addresses that a project must not mail: found, added by hand, released."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contacts.addresses import AddressError, normalise
from contacts.ledger import Act
from contacts.models import (
    ERASED_PREFIX,
    Contact,
    Door,
    Suppression,
    SuppressionReason,
)
from contacts.suppressions import MAX_REASON, release, suppress_all
from plunk.api.errors import Invalid
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from plunk.projects.models import Role
from plunk.projects.pages.forms import one_line

#: Addresses that one form takes.
MAX_ADDRESSES = 1000
_MAX_QUERY = 254
_MAX_SOURCE = 200
_TONES = {
    SuppressionReason.BOUNCE: "warn",
    SuppressionReason.COMPLAINT: "bad",
    SuppressionReason.MANUAL: "neutral",
}
#: How far back the list can be cut off, in days.
PERIODS = ((1, "Since yesterday"), (7, "Last 7 days"), (30, "Last 30 days"))


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the list."""

    row: Suppression
    tone: str

    @property
    def is_erased(self) -> bool:
        return self.row.email.startswith(ERASED_PREFIX)


@require_safe
@project_page
def suppression_list(request: ProjectRequest) -> HttpResponse:
    """List suppressions, the newest first; a change of a filter gets the rows alone."""
    query = request.GET.get("q", "").strip()
    reason = request.GET.get("reason", "").upper()
    days = request.GET.get("days", "")
    rows = _asked(request, query, reason, days)
    found = page(rows, cursor=request.GET.get("cursor", ""))
    members = [("q", query[:_MAX_QUERY]), ("reason", reason.lower()), ("days", days)]
    context = {
        "page": found,
        "lines": [
            Line(row, _TONES[SuppressionReason(row.reason)]) for row in found.rows
        ],
        "query": query,
        "reason": reason,
        "reasons": SuppressionReason.choices,
        "days": days,
        "periods": PERIODS,
        "is_narrow": any(value for _, value in members),
        "pager_query": urlencode([(name, value) for name, value in members if value]),
        "may_change": request.membership.can(Role.ADMIN),
    }
    is_part = bool(getattr(request, "htmx", False))
    name = "rows" if is_part else "list"
    return render(request, f"contacts/suppressions/{name}.html", context)


def _asked(
    request: ProjectRequest, query: str, reason: str, days: str
) -> QuerySet[Suppression]:
    """Narrow the rows by a piece of the address or of the source, and so on."""
    rows = Suppression.objects.filter(project=request.project)
    if "\x00" in query or len(query) > _MAX_QUERY:
        return rows.none()
    if query:
        # A hash is nobody's address, whatever letters are in it.
        by_address = Q(email__contains=query.lower()) & ~Q(
            email__startswith=ERASED_PREFIX
        )
        rows = rows.filter(by_address | Q(source__icontains=query))
    if reason in SuppressionReason:
        rows = rows.filter(reason=reason)
    if days in {str(number) for number, _ in PERIODS}:
        rows = rows.filter(created_at__gte=Now() - timedelta(days=int(days)))
    return rows


# -- adding ----------------------------------------------------------------------------


class AddForm(forms.Form):
    emails = forms.CharField(
        label="Addresses",
        max_length=300_000,
        widget=forms.Textarea(
            attrs={"rows": 5, "placeholder": "ada@example.com", "spellcheck": "false"}
        ),
        help_text=f"One in each line, up to {MAX_ADDRESSES:,} at once.",
    )
    reason = forms.CharField(
        max_length=150,
        validators=[one_line],
        help_text="For whoever asks later, such as “asked us on the phone”.",
    )

    def clean_emails(self) -> list[str]:
        """Return the addresses in the form in which they are stored."""
        lines = self.cleaned_data["emails"].replace(",", "\n").split("\n")
        typed = [line.strip() for line in lines if line.strip()]
        if len(typed) > MAX_ADDRESSES:
            raise forms.ValidationError(
                f"These are more than {MAX_ADDRESSES:,} addresses."
            )
        read = _Read()
        for text in typed:
            read.add(text)
        if read.wrong:
            raise forms.ValidationError(read.complaint)
        return list(dict.fromkeys(read.addresses))


@dataclass(slots=True)
class _Read:
    """Addresses as they are read, and those that are none."""

    addresses: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        try:
            self.addresses.append(normalise(text))
        except AddressError:
            self.wrong.append(text)

    @property
    def complaint(self) -> str:
        named = ", ".join(f"“{text[:60]}”" for text in self.wrong[:5])
        more = len(self.wrong) - 5
        rest = f" and {more:,} more" if more > 0 else ""
        return f"Not an address: {named}{rest}. Nothing was added."


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.ADMIN)
def suppression_new(request: ProjectRequest) -> HttpResponse:
    """Suppress addresses by hand."""
    form = AddForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        emails, reason = form.cleaned_data["emails"], form.cleaned_data["reason"]
        added = suppress_all(
            project_id=request.project.pk,
            reasons=dict.fromkeys(emails, SuppressionReason.MANUAL),
            source=f"{reason} ({request.user.email})"[:_MAX_SOURCE],
            act=Act(Door.DASHBOARD, reason, user_id=request.user.pk),
        )
        known = len(emails) - added
        words = f"{added:,} suppressed." + (
            f" {known:,} were already." if known else ""
        )
        messages.success(request, words)
        return redirect("suppressions", request.project.pk)
    status = 422 if form.is_bound else 200
    return render(
        request, "contacts/suppressions/new.html", {"form": form}, status=status
    )


# -- one of them -----------------------------------------------------------------------


class ReleaseForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=MAX_REASON,
        validators=[one_line],
        help_text="Kept in the consent ledger, with your name and the time.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def suppression(request: ProjectRequest, suppression_id: UUID) -> HttpResponse:
    """Show why an address is suppressed; release it on an admin's word."""
    row = Suppression.objects.filter(project=request.project, pk=suppression_id).first()
    if row is None:
        raise Http404("There is no such suppression.")
    line = Line(row, _TONES[SuppressionReason(row.reason)])
    form = ReleaseForm(request.POST if request.method == "POST" else None)
    if form.is_bound and not request.membership.can(Role.ADMIN):
        raise PermissionDenied("Removing a suppression needs the role of admin.")
    if form.is_valid() and _is_released(request, row, form):
        name = "The address" if line.is_erased else row.email
        messages.success(request, f"{name} is not suppressed any more.")
        return redirect("suppressions", request.project.pk)
    context = {
        "line": line,
        "row": row,
        "form": form,
        "contact": Contact.objects.filter(project=request.project, email=row.email)
        .only("id", "email")
        .first(),
        "may_change": request.membership.can(Role.ADMIN),
    }
    status = 422 if form.is_bound else 200
    return render(request, "contacts/suppressions/detail.html", context, status=status)


def _is_released(request: ProjectRequest, row: Suppression, form: ReleaseForm) -> bool:
    try:
        release(
            project_id=request.project.pk,
            email=row.email,
            user=request.user,
            reason=form.cleaned_data["reason"],
        )
    except Invalid as error:
        form.add_error("reason", error.errors[0].message)
        return False
    return True
