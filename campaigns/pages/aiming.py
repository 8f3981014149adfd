"""Whom a draft is for: everybody, a segment, a filter, or contacts one by one."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import drafts
from campaigns.draft_rules import MOST_EXCLUDED, MOST_RECIPIENTS
from campaigns.models import AudienceType, Campaign, Recipient
from campaigns.pages.aiming_counts import Reckoned, Target, reckon
from campaigns.pages.details import show_errors
from campaigns.pages.finding import draft_page
from contacts.models import Segment, Topic
from contacts.pages import builder
from contacts.pages.segment_editing import STARTERS
from contacts.pages.segment_forms import addresses_of
from plunk.api.errors import ApiError, Invalid
from plunk.api.strictjson import read_object
from plunk.pages.access import ProjectRequest

#: Segments and topics to choose from.
_MOST_OFFERED = 500
#: So many chosen contacts are shown as a list to edit; of more, how many they are.
MOST_SHOWN = 5_000
#: What a form takes of addresses, in characters.
_MOST_TEXT = 1_500_000

#: Each kind of audience, and what it means.
WAYS = (
    (AudienceType.ALL, "Everyone", "Every contact who is subscribed."),
    (AudienceType.SEGMENT, "A segment", "Whoever is in it when the campaign goes out."),
    (AudienceType.FILTERED, "A filter", "Rules for this campaign alone."),
    (AudienceType.RECIPIENTS, "People you choose", "A list of addresses you paste."),
)


class AudienceForm(forms.Form):
    audience_type = forms.ChoiceField(
        choices=[(value, label) for value, label, _ in WAYS]
    )
    segment = forms.ChoiceField(required=False)
    condition = forms.CharField(
        max_length=500_000,
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
    )
    addresses = forms.CharField(
        max_length=_MOST_TEXT,
        required=False,
        widget=forms.Textarea(
            attrs={
                "rows": 8,
                "spellcheck": "false",
                "placeholder": "ada@example.com\ngrace@example.com",
            }
        ),
        help_text="Separated by spaces, commas, semicolons or new lines.",
    )
    topic = forms.ChoiceField(
        label="Only who gets a topic",
        required=False,
        help_text="Contacts choose their topics on the page that mails link to.",
    )
    excluded = forms.MultipleChoiceField(
        label="But nobody who is in",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    version = forms.IntegerField(
        required=False, min_value=0, max_value=2**31, widget=forms.HiddenInput
    )

    def __init__(self, campaign: Campaign, posted: QueryDict | None) -> None:
        super().__init__(posted, initial=None if posted else _initial(campaign))
        self.campaign = campaign
        offered: dict[str, Any] = dict(self.fields)
        segments = _segments(campaign)
        offered["segment"].choices = [("", "Choose a segment"), *segments]
        offered["excluded"].choices = segments
        offered["topic"].choices = [
            ("", "Whatever topics they get"),
            *_topics(campaign),
        ]

    def clean_excluded(self) -> list[UUID]:
        chosen = self.cleaned_data["excluded"]
        if len(chosen) > MOST_EXCLUDED:
            raise forms.ValidationError(f"At most {MOST_EXCLUDED} segments.")
        return [UUID(pk) for pk in chosen]

    def clean(self) -> dict[str, Any]:
        values = dict(super().clean() or {})
        kind = values.get("audience_type")
        if kind == AudienceType.SEGMENT and not values.get("segment"):
            self._fail("segment", "Which segment?")
        if kind == AudienceType.FILTERED:
            values["condition"] = self._condition(values.get("condition", ""))
        if kind == AudienceType.RECIPIENTS and "addresses" in values:
            values["addresses"] = self._addresses(values["addresses"])
        return values

    def _fail(self, name: str, message: str) -> None:
        if name not in self.errors:
            self.add_error(name, message)

    def _condition(self, text: str) -> dict[str, Any] | None:
        if not text:
            self._fail("condition", "Add at least one rule.")
            return None
        try:
            return read_object(text.encode())
        except ApiError as error:
            self._fail("condition", f"Is no JSON object: {error.message}")
            return None

    def _addresses(self, text: str) -> list[str]:
        """Return what was pasted; nothing means those who were chosen before."""
        try:
            found = addresses_of(text, MOST_RECIPIENTS)
        except forms.ValidationError as error:
            self._fail("addresses", error.messages[0])
            return []
        if not found and not _has_recipients(self.campaign):
            self._fail("addresses", "Paste at least one address.")
        return found

    def target(self) -> Target:
        """Return what was chosen; the form is valid."""
        values = self.cleaned_data
        kind = AudienceType(values["audience_type"])
        is_list = kind is AudienceType.RECIPIENTS
        return Target(
            kind=kind,
            segment_id=UUID(values["segment"]) if values["segment"] else None,
            condition=values["condition"] if kind is AudienceType.FILTERED else None,
            topic_id=UUID(values["topic"]) if values["topic"] else None,
            excluded_ids=values["excluded"],
            addresses=values["addresses"] if is_list else [],
        )


def _initial(campaign: Campaign) -> dict[str, Any]:
    chosen = Recipient.objects.filter(campaign=campaign)
    emails = chosen.order_by("pk").values_list("contact__email", flat=True)
    addresses = list(emails[: MOST_SHOWN + 1])
    return {
        "audience_type": campaign.audience_type,
        "segment": str(campaign.segment_id or ""),
        "condition": json.dumps(campaign.condition, ensure_ascii=False, indent=2)
        if campaign.condition
        else "",
        "topic": str(campaign.topic_id or ""),
        "excluded": [
            str(pk) for pk in campaign.excluded_segments.values_list("pk", flat=True)
        ],
        "addresses": "\n".join(addresses) if len(addresses) <= MOST_SHOWN else "",
        "version": campaign.version,
    }


def _has_recipients(campaign: Campaign) -> bool:
    return Recipient.objects.filter(campaign=campaign).exists()


def _segments(campaign: Campaign) -> list[tuple[str, str]]:
    """Return the project's segments by name, with their size where it is known."""
    rows = Segment.objects.filter(project=campaign.project_id).order_by("name", "pk")
    return [
        (
            str(one.pk),
            f"{one.name} ({one.member_count:,})" if one.counted_at else one.name,
        )
        for one in rows.defer("condition")[:_MOST_OFFERED]
    ]


def _topics(campaign: Campaign) -> list[tuple[str, str]]:
    rows = Topic.objects.filter(project=campaign.project_id).order_by("name", "pk")
    return [
        (str(one.pk), one.name)
        for one in rows[:_MOST_OFFERED]
        if one.archived_at is None or one.pk == campaign.topic_id
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@draft_page
def campaign_audience(request: ProjectRequest, campaign: Campaign) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    form = AudienceForm(campaign, posted)
    problems: list[dict[str, str]] = []
    if form.is_valid():
        try:
            _save(request, campaign, form)
        except Invalid as error:
            problems = [one.as_dict() for one in error.errors]
            show_errors(form, error)
        except ApiError as error:
            show_errors(form, error)
        else:
            messages.success(request, "Saved.")
            return redirect("campaign", request.project.pk, campaign.pk)
    chosen = Recipient.objects.filter(campaign=campaign).count()
    context = {
        "campaign": campaign,
        "form": form,
        "ways": WAYS,
        "chosen_way": form["audience_type"].value(),
        "config": builder.config(request.project.pk),
        "problems": problems,
        "starters": () if campaign.condition else STARTERS,
        "hidden_recipients": chosen if chosen > MOST_SHOWN else 0,
        "needs_consent": campaign.kind != "TRANSACTIONAL",
    }
    return render(request, "campaigns/draft/audience.html", context)


def _save(request: ProjectRequest, campaign: Campaign, form: AudienceForm) -> None:
    target = form.target()
    written: dict[str, Any] = {
        "audience_type": target.kind,
        "topic_id": target.topic_id,
        "excluded_segment_ids": target.excluded_ids,
    }
    if target.kind is AudienceType.SEGMENT:
        written["segment_id"] = target.segment_id
    if target.kind is AudienceType.FILTERED:
        written["condition"] = target.condition
    if target.addresses:
        written["recipients"] = target.addresses
    drafts.change(
        campaign=campaign,
        written=written,
        user=request.user,
        expected_version=form.cleaned_data["version"],
    )


@require_POST
@draft_page
def campaign_audience_count(
    request: ProjectRequest, campaign: Campaign
) -> HttpResponse:
    """Say how many would get it as the form stands, saved or not; a fragment."""
    form = AudienceForm(campaign, request.POST)
    if form.is_valid():
        reckoned = reckon(campaign, form.target(), user=request.user)
    else:
        reckoned = Reckoned(problem=str(next(iter(form.errors.values()))[0]))
    context = {"campaign": campaign, "reckoned": reckoned}
    return render(request, "campaigns/draft/audience_count.html", context)
