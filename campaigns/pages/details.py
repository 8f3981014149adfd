"""The details of a draft: its name, its sender, its kind, its deadline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from campaigns import drafts
from campaigns.models import Campaign
from campaigns.pages.finding import draft_page
from campaigns.schedules import choices, on_clock, read_moment
from plunk.api.errors import ApiError, Conflict, Invalid
from plunk.pages.access import ProjectRequest
from plunk.projects.models import Project
from plunk.projects.pages.forms import one_line
from transactional.pages.editor import (
    KINDS,
    TRACKS,
    sender_options,
    tracking_options,
)
from transactional.pages.sending_forms import AddressField
from transactional.senders import DomainNotVerified

#: How many characters a time of a form may have.
MOST_CLOCK = 40
_MOST_NAME = 100


class ZonedForm(forms.Form):
    """A form with a zone, in whose words its moments are."""

    zone = forms.ChoiceField(label="Time zone", required=False, choices=choices)


class DetailsForm(ZonedForm):
    name = forms.CharField(
        max_length=_MOST_NAME,
        validators=[one_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="For your team; recipients do not see it.",
    )
    description = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Optional. What it is for, for those who find it in the list.",
    )
    from_email = forms.ChoiceField(label="From", required=False)
    from_name = forms.CharField(
        label="Name of the sender",
        max_length=_MOST_NAME,
        required=False,
        validators=[one_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="What an inbox shows before the subject.",
    )
    reply_to = AddressField(
        label="Replies go to",
        required=False,
        help_text="Optional. Empty: where the project says, or to the sender.",
    )
    kind = forms.ChoiceField(choices=[(value, label) for value, label, _ in KINDS])
    tracks = forms.ChoiceField(label="Count opens and clicks", required=False)
    deadline = forms.CharField(
        label="The last mail should have left by",
        max_length=MOST_CLOCK,
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="Optional. The check before sending says whether your sending rate "
        "is enough for it.",
    )
    version = forms.IntegerField(
        required=False, min_value=0, max_value=2**31, widget=forms.HiddenInput
    )

    def __init__(
        self, project: Project, campaign: Campaign, posted: QueryDict | None
    ) -> None:
        super().__init__(posted, initial=_initial(campaign))
        senders = sender_options(project, campaign.from_email, campaign.from_name)
        offered: dict[str, Any] = dict(self.fields)
        offered["from_email"].choices = [(one.email, one.label) for one in senders]
        offered["tracks"].choices = tracking_options(project)
        default = project.from_name or project.name
        offered["from_name"].widget.attrs["placeholder"] = default

    def clean(self) -> dict[str, Any]:
        values = dict(super().clean() or {})
        values["deadline_at"] = self._deadline(values)
        return values

    def _deadline(self, values: dict[str, Any]) -> datetime | None:
        if not values.get("deadline"):
            return None
        try:
            return read_moment(values["deadline"], values.get("zone") or "UTC")
        except Invalid as error:
            self.add_error("deadline", error.errors[0].message)
            return None


def _initial(campaign: Campaign) -> dict[str, Any]:
    zone = campaign.schedule_zone
    deadline = campaign.deadline_at
    return {
        "name": campaign.name,
        "description": campaign.description,
        "from_email": campaign.from_email,
        "from_name": campaign.from_name,
        "reply_to": campaign.reply_to,
        "kind": campaign.kind,
        "tracks": "" if campaign.tracks is None else str(campaign.tracks).lower(),
        "deadline": on_clock(deadline, zone) if deadline else "",
        "zone": zone or "UTC",
        "version": campaign.version,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@draft_page
def campaign_details(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    form = DetailsForm(request.project, campaign, posted)
    if form.is_valid():
        try:
            drafts.change(
                campaign=campaign,
                written=_written(form.cleaned_data),
                user=request.user,
                expected_version=form.cleaned_data["version"],
            )
        except ApiError as error:
            show_errors(form, error)
        else:
            messages.success(request, "Saved.")
            return redirect("campaign", request.project.pk, campaign.pk)
    context = {
        "campaign": campaign,
        "form": form,
        "kinds": KINDS,
        "chosen_kind": form["kind"].value(),
    }
    return render(request, "campaigns/draft/details.html", context)


def _written(values: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "description", "from_email", "from_name", "reply_to", "kind")
    written = {name: values[name] for name in names}
    written["tracks"] = TRACKS[values["tracks"]]
    written["deadline_at"] = values["deadline_at"]
    return written


#: Fields that forms call otherwise than drafts do.
_NAMES = {
    "segment_id": "segment",
    "topic_id": "topic",
    "excluded_segment_ids": "excluded",
    "recipients": "addresses",
    "deadline_at": "deadline",
    "scheduledFor": "at",
    "from": "from_email",
}


def show_errors(form: forms.Form, error: ApiError) -> None:
    """Put what is wrong with a draft at the fields of its form."""
    if isinstance(error, Conflict) and hasattr(error, "version"):
        form.add_error(
            None,
            "Somebody else has changed this campaign meanwhile. Open the page again "
            "to see it as it is now; what you wrote here has not been saved.",
        )
        return
    if not isinstance(error, Invalid):
        is_sender = isinstance(error, DomainNotVerified) and "from_email" in form.fields
        form.add_error("from_email" if is_sender else None, error.message)
        return
    for one in error.errors:
        head = one.field.split(".", 1)[0]
        name = _NAMES.get(head, head)
        form.add_error(name if name in form.fields else None, one.message)
