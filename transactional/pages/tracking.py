"""Opens and clicks: which mails are counted, by whom, and where links lead."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from plunk.api.errors import Invalid
from plunk.pages.access import ProjectRequest, project_page, require_role
from plunk.projects.models import Role, Tracker, Tracking
from transactional.tracking.changing import NEEDS_SECOND_SET, Choice, change_tracking
from transactional.tracking.pointing import Pointing, Sight, look, our_host
from transactional.tracking.resolving import has_choice


@dataclass(frozen=True, slots=True)
class Option:
    """One of several answers, with what it means."""

    value: str
    label: str
    words: str


_MODES = (
    Option(Tracking.ENABLED, "All mail", "Receipts and password resets, too."),
    Option(
        Tracking.MARKETING_ONLY,
        "Marketing only",
        "Campaigns and other mail that people subscribed to; nothing else.",
    ),
    Option(
        Tracking.DISABLED,
        "No mail",
        "Links stay as they were written and no picture is added.",
    ),
)
_TRACKERS = (
    Option(
        Tracker.SES,
        "Amazon SES",
        "Links lead through an address of Amazon's, which tells this installation.",
    ),
    Option(
        Tracker.OWN,
        "This installation",
        "Links lead through this server, or a host of your own. No SES feature is used,"
        " and who clicks is told to nobody else.",
    ),
)
_STANDINGS: dict[Pointing, tuple[str, str]] = {
    Pointing.HERE: ("Leads here", "good"),
    Pointing.ELSEWHERE: ("Leads elsewhere", "warn"),
    Pointing.NOWHERE: ("Not found in DNS", "bad"),
    Pointing.UNKNOWN: ("DNS did not answer", "warn"),
}


class TrackingForm(forms.Form):
    tracking = forms.ChoiceField(choices=Tracking.choices)
    tracker = forms.ChoiceField(choices=Tracker.choices)
    tracking_host = forms.CharField(
        label="Host of your links",
        max_length=253,
        required=False,
        help_text="Such as click.example.com. Empty: this installation's own host.",
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false"}),
    )
    is_sure = forms.BooleanField(required=False)

    @property
    def choice(self) -> Choice:
        given = self.cleaned_data
        return Choice(
            Tracking(given["tracking"]),
            Tracker(given["tracker"]),
            given["tracking_host"],
        )


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def tracking(request: ProjectRequest) -> HttpResponse:
    """Show to every member, and let admins save, how mail is tracked."""
    project = request.project
    if request.method != "POST":
        names = ("tracking", "tracker", "tracking_host")
        form = TrackingForm(initial={name: getattr(project, name) for name in names})
        return _show(request, form)
    require_role(request, Role.ADMIN)
    form = TrackingForm(request.POST)
    if form.is_valid():
        try:
            change_tracking(
                project_id=project.pk,
                choice=form.choice,
                is_sure=form.cleaned_data["is_sure"],
            )
        except Invalid as error:
            for wrong in error.errors:
                form.add_error(
                    wrong.field, forms.ValidationError(wrong.message, wrong.code)
                )
        else:
            messages.success(request, "Saved.")
            return redirect("settings_tracking", project.pk)
    return _show(request, form)


def _show(request: ProjectRequest, form: TrackingForm) -> HttpResponse:
    context = {
        "form": form,
        "modes": _MODES,
        "trackers": _TRACKERS,
        "has_choice": has_choice(),
        "needs_second_set": NEEDS_SECOND_SET,
        "our_host": our_host(),
        "app_uri": settings.APP_URI,
        "asks_if_sure": form.has_error("tracking_host", "host_leads_elsewhere"),
        "may_change": request.membership.can(Role.ADMIN),
    }
    return render(request, "transactional/tracking/settings.html", context)


@require_safe
@project_page
def host(request: ProjectRequest) -> HttpResponse:
    """Tell where DNS says that the project's host leads; loaded after the page."""
    name = request.project.tracking_host
    sight = look(name) if name else Sight(Pointing.NOWHERE)
    label, tone = _STANDINGS[sight.state]
    context = {"host": name, "label": label, "tone": tone, "sight": sight}
    return render(request, "transactional/tracking/host.html", context)
