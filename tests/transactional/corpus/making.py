"""One mail of the corpus, by the real way: content, compiling, filling in, MIME."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import time_machine
from django.test import override_settings

from transactional.attachments import File
from transactional.claiming import Claimed
from transactional.composing import compose_one, prepare
from transactional.manuscripts import Look
from transactional.models import Content, MailKind, Source, Style
from transactional.presets import Preset

HTML = Path(__file__).parent / "html"
GOLDEN = Path(__file__).parent / "golden"
#: Ids are made of names: the same in every run.
_NAMES = UUID("01980000-0000-7000-8000-00000000c0de")
_PROJECT = uuid5(_NAMES, "project")
_SETTINGS = {
    "SECRET_KEY": "the corpus has a secret of its own, and it is no secret",
    "APP_URI": "https://plunk.example.com",
    "SES_CONFIGURATION_SET_NO_TRACKING": "none",
}
_NOW = "2026-01-02T03:04:05Z"


@dataclass(frozen=True, slots=True)
class Case:
    """A mail, and what its recipient is to get."""

    name: str
    subject: str = "Hello"
    body: str = "<p>Hello</p>\n"
    text: str = ""
    preheader: str = ""
    style: str = Style.HTML
    kind: str = MailKind.TRANSACTIONAL
    source: str = Source.API
    language: str = "en"
    to_email: str = "ann@example.com"
    to_name: str = ""
    from_email: str = "hello@example.com"
    from_name: str = "Acme"
    reply_to: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    files: Sequence[File] = ()
    tracker: str = "SES"

    #: What arrives; None: as it is above.
    gets_subject: str | None = None
    gets_from_name: str | None = None
    gets_to_name: str | None = None
    #: The whole of a part, or what must stand in it. Line ends are told as `\n`.
    gets_html: str | None = None
    gets_text: str | None = None
    in_html: Sequence[str] = ()
    in_text: Sequence[str] = ()
    #: Headers besides those of every mail; None: not there at all.
    gets_headers: dict[str, str | None] = field(default_factory=dict)


def html_of(name: str) -> str:
    """Return a document that another tool made, as it was made."""
    return (HTML / f"{name}.html").read_bytes().decode()


def message(case: Case) -> bytes:
    """Return the bytes of a case."""
    content = Content(
        id=uuid5(_NAMES, f"content {case.name}"),
        subject=case.subject,
        body=case.body,
        text=case.text,
        preheader=case.preheader,
        style=case.style,
    )
    look = Look("Acme", "#14532d", "Acme GmbH, Weg 1, 10115 Berlin")
    preset = Preset(look, case.language, "ENABLED", case.tracker, "")
    with override_settings(**_SETTINGS), time_machine.travel(_NOW, tick=False):
        mail = _mail(case, content)
        return compose_one(mail, prepare(mail, content, preset), case.files).raw


def _mail(case: Case, content: Content) -> Claimed:
    is_campaign = case.source == Source.CAMPAIGN
    return Claimed(
        id=uuid5(_NAMES, case.name),
        project_id=_PROJECT,
        contact_id=uuid5(_NAMES, case.to_email),
        content_id=content.pk,
        kind=case.kind,
        source=case.source,
        template_id=None,
        origin_id=uuid5(_NAMES, "campaign") if is_campaign else None,
        tracks=None,
        to_email=case.to_email,
        to_name=case.to_name,
        from_email=case.from_email,
        from_name=case.from_name,
        reply_to=case.reply_to,
        headers=case.headers or None,
        variables=case.variables or None,
        attempt=1,
        data=case.data or None,
        subscribed=True,
        is_suppressed=False,
        is_disabled=False,
    )
