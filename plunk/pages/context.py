"""What every page's template can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from plunk.projects.models import Project


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation; it is open on every URL whose name has the stem."""

    name: str
    label: str
    icon: str
    stem: str | tuple[str, ...]
    #: What the section and its neighbours are about; a title where it begins.
    group: str = ""


@dataclass(frozen=True, slots=True)
class NavItem:
    label: str
    icon: str
    url: str
    is_open: bool
    group: str


SECTIONS = (
    Section("overview", "Overview", "home", "overview"),
    Section("contacts", "Contacts", "people", "contact", "Audience"),
    Section("segments", "Segments", "segment", "segment", "Audience"),
    Section("imports", "Imports", "upload", "import", "Audience"),
    Section("suppressions", "Suppressions", "ban", "suppression", "Audience"),
    Section("campaigns", "Campaigns", "campaign", "campaign", "Mail"),
    Section("templates", "Templates", "template", "template", "Mail"),
    Section("emails", "Emails", "mail", "email", "Mail"),
    Section("inbox", "Inbox", "inbox", "inbox", "Mail"),
    Section("workflows", "Automations", "workflow", ("workflow", "run"), "Automation"),
    Section("events", "Events", "event", "event", "Automation"),
    Section("webhook_calls", "Webhooks", "send", "webhook", "Automation"),
    Section("settings_keys", "Settings", "settings", "settings", "Project"),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return what the frame around every page shows; queries run only where it does."""
    project: Project | None = getattr(request, "project", None)
    return {
        "project": project,
        "membership": getattr(request, "membership", None),
        "navigation": lambda: navigation(request, project),
        "own_projects": lambda: own_projects(request),
        "signups_open": not settings.DISABLE_SIGNUPS,
        "uses_simulator": settings.USES_SIMULATOR,
        "api_url": settings.API_URI,
    }


def navigation(request: HttpRequest, project: Project | None) -> list[NavItem]:
    """Return the sections that this installation has, in the order of the menu."""
    if project is None:
        return []
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    items = []
    for section in SECTIONS:
        try:
            url = reverse(section.name, args=[project.pk])
        except NoReverseMatch:
            continue  # such as the Inbox where mail goes to Amazon
        items.append(
            NavItem(
                label=section.label,
                icon=section.icon,
                url=url,
                is_open=here.startswith(section.stem),
                group=section.group,
            )
        )
    return items


def own_projects(request: HttpRequest) -> list[Project]:
    """Return the visitor's projects by name, for the switcher."""
    if not request.user.is_authenticated:
        return []
    return list(
        Project.objects.filter(memberships__user_id=request.user.pk)
        .only("id", "name")
        .order_by("name", "id")[:100]
    )
