"""`python -m tests.bench rendering`: from a content to bytes, on one core.

Each content is compiled once and then becomes mail after mail, as a worker does it. The
bound is the least that makes such a mail at all: literals and values joined, base64.
No database, no network; the figures are processor time.
"""

from __future__ import annotations

import base64
import html
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import uuid4

import django

from tests.bench.bodies import FIELDS, LETTER_SIZE, LETTER_SUBJECT, letter
from tests.bench.table import print_table

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_CONDITION = "{% if field1 %}<p>{{ field1 | upcase }}</p>{% endif %}"


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of content: whose design, and how much of the language."""

    name: str
    style: str
    is_liquid: bool


SORTS = (
    Sort("own HTML, variables", "HTML", is_liquid=False),
    Sort("own HTML, Liquid", "HTML", is_liquid=True),
    Sort("our design, variables", "PLUNK", is_liquid=False),
    Sort("our design, Liquid", "PLUNK", is_liquid=True),
)


def measure(*, mails: int, rounds: int) -> None:
    """Measure every sort of content and print what its stages cost."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    rates, stages = [], []
    for sort in SORTS:
        rate, stage = _measured(sort, mails, rounds)
        rates.append(rate)
        stages.append(stage)
    print(
        f"\n{LETTER_SIZE:,} characters, ten variables, five links; the best of {rounds}"
    )
    print_table(
        ("content", "mails/s", "CPU ms a mail", "bound ms", "bytes", "this/bound"),
        rates,
    )
    print("\nProcessor time in microseconds; the first two once for a content")
    print_table(
        (
            *("content", "dress", "compile", "draw", "links", "fill in", "MIME"),
            *("SHA-256", "whole mail"),
        ),
        stages,
    )


def _measured(sort: Sort, mails: int, rounds: int) -> tuple[list[object], list[object]]:
    from contacts.links import Issuer
    from transactional.composing import compose_one, links_of, prepare
    from transactional.mime import Envelope, build_message
    from transactional.own_headers import headers_of
    from transactional.rendering import (
        compile_parts,
        filled_in,
        moment,
        render,
        scope,
    )
    from transactional.styling import dress

    content, mail, preset = _made_of(sort)
    material = prepare(mail, content, preset)
    manuscript = _manuscript(mail, content, preset)
    dressed = dress(manuscript)
    compiled = material.prepared.compiled
    issuer = Issuer.now()
    now = moment(subscribed=True, language="en")
    filled = filled_in(compiled, data=mail.data, variables=None, moment=now)
    links = links_of(mail, compiled, issuer)
    ids = {"contact_id": mail.contact_id, "address": mail.to_email}
    known = scope(**ids, data=filled, variables=None, links=links)
    made = render(compiled, known)
    raw = compose_one(mail, material).raw
    bound = _bound(content.body, mail.data or {})

    def draw() -> object:
        drawn = filled_in(compiled, data=mail.data, variables=None, moment=now)
        return scope(**ids, data=drawn, variables=None, links=links)

    def build() -> object:
        envelope = Envelope(
            from_email=mail.from_email,
            to_email=mail.to_email,
            subject=made.subject,
            from_name=mail.from_name,
            headers=headers_of(mail, links["unsubscribeUrl"]),
        )
        return build_message(
            envelope=envelope, text=made.text, html=made.html, boundary="=_x"
        )

    def cost(work: Callable[[], object], times: int = mails) -> float:
        return min(_seconds(work, times) for _ in range(rounds)) * 1e6

    few = max(1, mails // 100)
    whole = cost(lambda: compose_one(mail, material))
    least = cost(bound)
    rate = [sort.name, int(1e6 / whole), whole / 1000, least / 1000, len(raw)]
    stage: list[object] = [
        sort.name,
        cost(lambda: dress(manuscript), few),
        cost(lambda: compile_parts(content.subject, dressed.html, dressed.text), few),
        cost(draw),
        cost(lambda: links_of(mail, compiled, issuer)),
        cost(lambda: render(compiled, known)),
        cost(build),
        cost(lambda: sha256(raw).digest()),
        whole,
    ]
    return [*rate, whole / least], stage


def _seconds(work: Callable[[], object], times: int) -> float:
    """Return the processor time of one call."""
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times


def _made_of(sort: Sort) -> tuple[Any, Any, Any]:
    from transactional.claiming import Claimed
    from transactional.manuscripts import Look
    from transactional.models import Content
    from transactional.presets import Preset

    content = Content(
        id=uuid4(),
        subject=LETTER_SUBJECT,
        body=_body(is_liquid=sort.is_liquid),
        style=sort.style,
    )
    mail = Claimed(
        id=uuid4(),
        project_id=uuid4(),
        contact_id=uuid4(),
        content_id=content.pk,
        kind="MARKETING",
        source="CAMPAIGN",
        template_id=None,
        origin_id=uuid4(),
        tracks=None,
        to_email="reader@example.org",
        to_name="",
        from_email="news@example.com",
        from_name="Harness",
        reply_to="",
        headers=None,
        variables=None,
        attempt=1,
        data=dict(FIELDS),
        subscribed=True,
        is_suppressed=False,
        is_disabled=False,
    )
    return content, mail, Preset(Look("Harness"), "en", "ENABLED", "SES", "")


def _manuscript(mail: Any, content: Any, preset: Any) -> Any:
    from transactional.composing import manuscript_of

    return manuscript_of(mail, content, preset)


def _body(*, is_liquid: bool) -> str:
    return letter() + _CONDITION if is_liquid else letter()


def _bound(body: str, data: dict[str, str]) -> Callable[[], bytes]:
    """Return a function that makes such a mail with as little as possible."""
    shown = _PLACEHOLDER.split(body)
    plain = _PLACEHOLDER.split(re.sub(r"<[^<>]*>", "", body))

    def filled(pieces: list[str], values: dict[str, str]) -> str:
        return "".join(
            values[piece] if index % 2 else piece for index, piece in enumerate(pieces)
        )

    def make() -> bytes:
        escaped = {name: html.escape(value) for name, value in data.items()}
        parts = [
            base64.encodebytes(text.encode()).replace(b"\n", b"\r\n")
            for text in (filled(plain, data), filled(shown, escaped))
        ]
        head = b"Content-Transfer-Encoding: base64\r\n\r\n"
        return b"--x\r\n".join(
            [b"Subject: x\r\n\r\n", head + parts[0], head + parts[1]]
        )

    return make
