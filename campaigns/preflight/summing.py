"""What the mails of everybody come to: counted while one goes along, then in words.

Whatever the number of recipients, what is kept is bounded: it is written down with each
chunk, so that a check that broke off goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from campaigns.preflight.reading import CLIPPED, Reading
from transactional.linting import Finding as Linted
from transactional.previewing import Person

ERROR, WARNING, HINT = "error", "warning", "hint"
#: How many kinds of one trouble are kept apart, and recipients named for each.
_MOST_KINDS = 40
_MOST_NAMED = 3
#: How many languages get a sample of their own.
_MOST_LANGUAGES = 6
_REASONS = {
    "empty": "is empty",
    "incomplete": "does not begin with https://",
    "not followed": "is of a kind that mail programs do not follow",
    "malformed": "is no address",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing before it goes: `error`, `warning` or `hint`.

    `contacts` is how many recipients it touches, `examples` some of their addresses,
    and `about` where it can be mended: `content`, `audience` or `details`.
    """

    level: str
    code: str
    message: str
    contacts: int
    examples: list[str]
    about: str = "content"


def begun() -> dict[str, Any]:
    """Return what is kept before the first recipient."""
    return {
        "read": 0,
        "missing": {},
        "unset": {},
        "errors": {},
        "links": {},
        "blank": {"count": 0, "named": []},
        "invalid": {"count": 0, "named": []},
        "clipped": 0,
        "largest": {"size": 0},
        "bytes": 0,
        "samples": {},
    }


def add(kept: dict[str, Any], person: Person, reading: Reading, language: str) -> None:
    """Count what one recipient's mail came to."""
    kept["read"] += 1
    if reading.error:
        _count(kept["errors"], reading.error, person)
        _sample(kept, "error", person, "Cannot be written")
        return
    for path in reading.unset:
        _count(kept["unset"], path, person)
    for path in reading.missing:
        _count(kept["missing"], path, person)
    for reason, address in reading.broken:
        _count(kept["links"], f"{reason} {address}", person)
    if reading.is_blank:
        _tell(kept["blank"], person)
    kept["clipped"] += reading.size > CLIPPED
    kept["bytes"] += reading.size
    _choose(kept, person, reading, language)


def _choose(
    kept: dict[str, Any], person: Person, reading: Reading, language: str
) -> None:
    """Keep the recipients whose mail is worth a look."""
    if reading.size > kept["largest"]["size"]:
        kept["largest"] = {"size": reading.size}
        _sample(kept, "largest", person, "The longest mail", again=True)
    lacks = len(reading.unset)
    if lacks > kept.get("lacks", 0):
        kept["lacks"] = lacks
        _sample(kept, "lacking", person, "Lacks the most values", again=True)
    if not lacks and not reading.broken:
        _sample(kept, "typical", person, "Has everything")
    if reading.broken:
        _sample(kept, "link", person, "Has a link that leads nowhere")
    name = f"in {language}"
    if sum(key.startswith("in ") for key in kept["samples"]) < _MOST_LANGUAGES:
        _sample(kept, name, person, f"Written in “{language}”")


def refuse(kept: dict[str, Any], person: Person) -> None:
    """Count a recipient whose address is none."""
    _tell(kept["invalid"], person)


def _sample(
    kept: dict[str, Any], key: str, person: Person, words: str, *, again: bool = False
) -> None:
    if again or key not in kept["samples"]:
        kept["samples"][key] = {"contact": str(person.id), "words": words}


def _count(kinds: dict[str, Any], name: str, person: Person) -> None:
    if name not in kinds and len(kinds) >= _MOST_KINDS:
        name = ""
    _tell(kinds.setdefault(name, {"count": 0, "named": []}), person)


def _tell(entry: dict[str, Any], person: Person) -> None:
    entry["count"] += 1
    if len(entry["named"]) < _MOST_NAMED:
        # By the id: an address may be erased.
        entry["named"].append(str(person.id))


def samples(kept: dict[str, Any]) -> list[dict[str, str]]:
    """Return the recipients worth a look, each once."""
    found: dict[str, dict[str, str]] = {}
    order = ("typical", "lacking", "largest", "error", "link")
    names = [*order, *sorted(set(kept["samples"]) - set(order))]
    for name in names:
        sample = kept["samples"].get(name)
        if sample:
            found.setdefault(sample["contact"], sample)
    return list(found.values())


def findings(kept: dict[str, Any], figures: dict[str, int]) -> list[dict[str, Any]]:
    """Return what is worth knowing, the worst first."""
    found = [*_about_people(kept, figures), *_about_values(kept), *_about_mails(kept)]
    order = {ERROR: 0, WARNING: 1, HINT: 2}
    found.sort(key=lambda one: (order[one.level], -one.contacts))
    return [asdict(one) for one in found]


def _about_people(kept: dict[str, Any], figures: dict[str, int]) -> list[Finding]:
    found = []
    if not figures.get("taken"):
        found.append(
            Finding(ERROR, "nobody", "Nobody would get it.", 0, [], "audience")
        )
    invalid = kept["invalid"]
    if invalid["count"]:
        found.append(
            Finding(
                WARNING,
                "invalid_address",
                "Their address is none that mail can be sent to.",
                invalid["count"],
                invalid["named"],
                "audience",
            )
        )
    return found


def _about_values(kept: dict[str, Any]) -> list[Finding]:
    found = []
    for path, entry in kept["missing"].items():
        count, name = entry["count"], f"“{path[:60]}”" if path else "other variables"
        if count == kept["read"]:
            words = f"Nobody who gets it has {name}, and nothing stands in its place."
            found.append(Finding(ERROR, "unknown_variable", words, count, []))
            continue
        words = (
            f"{name[:1].upper()}{name[1:]} has no value for them, and nothing stands in"
            " its place."
        )
        if path:
            words += f" Write {{{{ {path[:60]} ?? … }}}} with what they read instead."
        found.append(Finding(WARNING, "missing_variable", words, count, entry["named"]))
    return found


def _about_mails(kept: dict[str, Any]) -> list[Finding]:
    found = [
        Finding(
            ERROR,
            "render_error",
            f"Their mail cannot be written: {message or 'for other reasons.'}",
            entry["count"],
            entry["named"],
        )
        for message, entry in kept["errors"].items()
    ]
    for name, entry in kept["links"].items():
        reason, _, address = name.partition(" ")
        if reason == "not":
            reason, address = "not followed", address.removeprefix("followed ")
        link = f"The link “{address[:80]}”" if address else "A link"
        words = f"{link} {_REASONS.get(reason, 'leads nowhere')}."
        found.append(
            Finding(WARNING, "broken_link", words, entry["count"], entry["named"])
        )
    blank = kept["blank"]
    if blank["count"]:
        words = "The subject is empty once it is filled in."
        found.append(
            Finding(ERROR, "blank_subject", words, blank["count"], blank["named"])
        )
    if kept["clipped"]:
        words = (
            "Gmail cuts mails off after 102 KB: the end, and the way out, is hidden."
        )
        found.append(Finding(WARNING, "clipped", words, kept["clipped"], []))
    return found


#: What the linter says of the words, and a check says of the mails, better.
_SAME = {
    "unknown_variable": {"unknown_variable", "missing_variable"},
    "mistyped_variable": {"unknown_variable", "missing_variable"},
    "missing_fallback": {"unknown_variable", "missing_variable"},
    "empty_link": {"broken_link"},
    "relative_link": {"broken_link"},
    "unusual_link": {"broken_link"},
    "dangerous_link": {"broken_link"},
    "empty_subject": {"blank_subject"},
}


def about_words(
    written: Iterable[Linted], found: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return what is to be said about the words and was not found in the mails."""
    codes = {one["code"] for one in found}
    rows = [
        asdict(Finding(one.level, one.code, one.message, one.contacts or 0, []))
        | {"part": one.part, "line": one.line}
        for one in written
        if not codes & _SAME.get(one.code, set())
    ]
    order = {ERROR: 0, WARNING: 1, HINT: 2}
    return sorted(rows, key=lambda one: order[one["level"]])


def contact_ids(findings: list[dict[str, Any]]) -> set[UUID]:
    """Return the recipients that findings name."""
    return {UUID(one) for finding in findings for one in finding["examples"]}
