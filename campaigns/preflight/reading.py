"""What the mail of one recipient comes to: filled in as it will be, and looked at."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings

from campaigns.models import Campaign, Variant
from campaigns.variants import draft_of, variant_of
from contacts.data import SYSTEM_NAMES
from plunk.api.strictjson import write
from transactional.contents import Draft
from transactional.language import Form
from transactional.language.values import is_unset, look_up
from transactional.linting import Finding, lint
from transactional.linting.naming import reads_in
from transactional.marketing import LINK_NAMES
from transactional.presets import Preset, preset_of
from transactional.previewing import Person, compiled_draft
from transactional.rendering import Compiled, moment, render, scope

#: What Gmail shows of a mail before it cuts it off, in bytes of HTML.
CLIPPED = 102 * 1024
#: How many different mails are remembered, so that equal ones are made once.
_REMEMBERED = 20_000
#: Names whose value is another for everybody.
_OWN = frozenset({"email", "id", "plunk_id", "plunk_email"})
_OF_THE_MOMENT = frozenset({"now", "subscribed", "locale", "data"})
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST = re.compile(r"https?://[\w.-]+(?=[/:?#]|$)", re.IGNORECASE)
_SPACES = re.compile(r"[\x00-\x20]+")
_WITH_HOST = frozenset({"http", "https"})
_FOLLOWED = _WITH_HOST | {"mailto", "tel", "sms", "cid"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail comes to; `error` says why none does, and then nothing else counts.

    `missing` are the variables with no value that nothing stands in for, `broken` the
    links that lead nowhere, each with why. `size` is in bytes of HTML, or of text.
    """

    error: str = ""
    missing: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    is_blank: bool = False
    size: int = 0


@dataclass
class Reader:
    """Reads the mails of one campaign, as it is written now."""

    campaign: Campaign
    variant: Variant
    _compiled: dict[str, Compiled] = field(default_factory=dict)
    _known: OrderedDict[bytes, Reading] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.draft = draft_of(self.variant)
        self.preset: Preset = preset_of(self.campaign.project)
        self.bare, self.read = _paths(self.draft)
        self.written = frozenset(_links_of(self.draft.body))
        self.links = dict.fromkeys(LINK_NAMES, f"{settings.APP_URI}/preview")

    def language_of(self, person: Person) -> str:
        return self.preset.language_of(person.data)

    def read_mail(self, person: Person) -> Reading:
        """Fill in the mail of a recipient, or remember one that is the same."""
        language = self.language_of(person)
        compiled = self._compile(language, person)
        key = self._key(compiled, person, language)
        known = self._known.get(key)
        if known is None:
            known = self._read(compiled, person, language)
            self._known[key] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _compile(self, language: str, person: Person) -> Compiled:
        if language not in self._compiled:
            self._compiled[language] = compiled_draft(
                self.campaign.project, self.draft, self.campaign.kind, person
            )
        return self._compiled[language]

    def _key(self, compiled: Compiled, person: Person, language: str) -> bytes:
        """Return what decides about a mail, hashed: who has the same gets the same."""
        names = compiled.names
        if "data" in names:
            known = dict(person.data)
        else:
            known = {name: person.data.get(name) for name in names - LINK_NAMES}
        own = [str(person.id), person.email] if names & _OWN else []
        said = person.subscribed if "subscribed" in names else None
        # Some have much data, and as many of these are kept as are remembered.
        return blake2b(write([language, known, own, said]), digest_size=16).digest()

    def _read(self, compiled: Compiled, person: Person, language: str) -> Reading:
        now = moment(subscribed=person.subscribed, language=language)
        variables = scope(
            contact_id=person.id,
            address=person.email,
            data={**now, **person.data},
            variables=None,
            links=self.links,
        )
        try:
            mail = render(compiled, variables)
        except (ValueError, TypeError, RecursionError) as error:
            return Reading(error=str(error)[:300] or type(error).__name__)
        return Reading(
            missing=_without_value(self.bare, variables),
            unset=_without_value(self.read, variables),
            broken=_broken(mail.html, self.written),
            is_blank=not mail.subject,
            size=len((mail.html or mail.text).encode()),
        )


def wording_of(campaign: Campaign) -> list[Finding]:
    """Return what the linter says about the mail as it is written."""
    variant = variant_of(campaign, 1)
    return lint(
        project_id=campaign.project_id,
        subject=variant.subject,
        preheader=variant.preheader,
        body=variant.body,
        text="",
        style=variant.style,
        kind=campaign.kind,
    )


def person_from(row: Mapping[str, Any]) -> Person:
    """Return a recipient from the columns id, email, data and subscribed."""
    data = row["data"]
    if isinstance(data, str):
        data = orjson.loads(data)
    return Person(row["id"], row["email"], data or {}, row["subscribed"])


def _paths(draft: Draft) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the variables that nothing stands in for, and all that are read.

    What the system says, and what is made of a value that decides, is left out.
    """
    bare: dict[str, None] = {}
    read: dict[str, None] = {}
    parts = (
        (draft.subject, Form.LINE),
        (draft.preheader, Form.TEXT),
        (draft.body, Form.HTML),
    )
    for source, form in parts:
        for one in reads_in(source, form):
            path = one.path.removeprefix("data.")
            is_known = one.root in SYSTEM_NAMES or one.root in _OF_THE_MOMENT
            if not one.root or (is_known and path == one.path):
                continue
            read[path] = None
            if one.is_bare:
                bare[path] = None
    return tuple(bare)[:200], tuple(read)[:200]


def _without_value(
    paths: tuple[str, ...], variables: Mapping[str, Any]
) -> tuple[str, ...]:
    return tuple(path for path in paths if is_unset(look_up(path, variables)))


def _links_of(html: str) -> Iterator[str]:
    for match in _HREF.finditer(html):
        yield unescape(match[1] if match[1] is not None else match[2])


def _broken(html: str, written: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return links that lead nowhere once they are filled in; nothing is fetched."""
    found: dict[tuple[str, str], None] = {}
    for address in _links_of(html):
        if reason := why_broken(address):
            found[reason, _shown(address, is_written=address in written)] = None
        if len(found) == 20:
            break
    return tuple(found)


def _shown(address: str, *, is_written: bool) -> str:
    """Return what may be kept of a link: it may be filled in from a contact's data.

    As it was written up to its query, at most 60 characters; of one that was filled
    in the scheme and host only.
    """
    if is_written:
        return re.split(r"[?#]", address, maxsplit=1)[0][:60]
    start = _HOST.match(address.strip())
    return start[0].lower()[:60] if start else ""


def why_broken(address: str) -> str:
    """Say why a link leads nowhere from a mail; empty where it leads somewhere."""
    bare = _SPACES.sub("", address)
    if bare in ("", "#"):
        return "empty"
    if bare.startswith("#"):
        return ""
    scheme = match[1].lower() if (match := _SCHEME.match(bare)) else ""
    if not scheme:
        return "incomplete"
    if scheme not in _FOLLOWED:
        return "not followed"
    if bare.endswith(":"):
        return "empty"
    try:
        host = urlsplit(address.strip()).hostname
    except ValueError:
        return "malformed"
    if scheme in _WITH_HOST and (not host or " " in address.strip()):
        return "malformed"
    return ""
