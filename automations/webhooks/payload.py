"""What is sent: a step's settings, filled in with whom and what it is about.

Pure: no database, no clock. Texts of a step speak the language of templates. Values are
never HTML-escaped; within a URL they are percent-encoded, so that no value can lead to
another server or path than the one that was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

import orjson

from plunk.api import strictjson
from plunk.api.errors import FieldError
from plunk.outbound import Refused, check_header, check_target, read_target
from transactional.language import Form, Unfillable, check, compile_part
from transactional.language.placeholders import Placeholder, PlainPart

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")
MOST_BODY_BYTES = 256 * 1024
#: Before anything is filled in.
_MOST_SOURCE = 64 * 1024
_MOST_URL = 2000
_MOST_HEADERS = 30
_MOST_ENDPOINT = 300
_MOST_PROBLEMS = 20
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)
_LANGUAGE = re.compile(r"\{\{|\{%")


class Unrenderable(ValueError):
    """Why no request comes of a step for this contact, in words for the project."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request, whole but for its signature."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    #: What the URLs of this step have in common: how it is kept apart from others.
    endpoint: str


def render(
    config: Mapping[str, Any],
    *,
    contact: Mapping[str, Any],
    workflow: Mapping[str, Any],
    execution: Mapping[str, Any],
    event: Mapping[str, Any],
) -> Rendered:
    """Return the request of a step for one contact.

    `contact` has email, subscribed and data; `workflow` id and name; `execution` id and
    startedAt; `event` is what the run knows from its events. Raises Unrenderable.
    """
    about = {
        "contact": contact,
        "workflow": workflow,
        "execution": execution,
        "event": event,
    }
    data = contact["data"]
    variables = {
        **data,
        "email": contact["email"],
        "subscribed": contact["subscribed"],
        "data": data,
        **about,
    }
    try:
        method = str(config.get("method") or "POST").upper()
        url = _url(str(config.get("url") or ""), variables)
        body = "" if method == "GET" else _body(config.get("body"), variables, about)
        headers = _headers(config.get("headers") or {}, variables)
        check_target(read_target(url))
        endpoint = endpoint_of(str(config.get("url")), url)
    except (Unfillable, Refused) as error:
        raise Unrenderable(str(error)) from error
    if method not in METHODS:
        raise Unrenderable(f"The method is one of {', '.join(METHODS)}.")
    if len(body.encode()) > MOST_BODY_BYTES:
        raise Unrenderable(f"The body has more than {MOST_BODY_BYTES:,} bytes.")
    if body and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    return Rendered(method, url, headers, body, endpoint)


def endpoint_of(source: str, url: str) -> str:
    """Return what all calls of a step share: its address up to the first value.

    Without the query, which may hold anything. Where a value stands in the server's
    name, or the rest is too long to be kept, it is the server that was called.
    """
    try:
        origin = read_target(url).origin
        fixed = source.strip()
        if language := _LANGUAGE.search(fixed):
            before = fixed[: language.start()]
            is_whole = "?" in before or "#" in before
            fixed = before if is_whole else before[: before.rfind("/") + 1]
        target = read_target(re.split(r"[?#]", fixed)[0])
    except Refused:
        return read_target(url).origin
    endpoint = origin + target.path
    return endpoint if len(endpoint) <= _MOST_ENDPOINT else origin


def _url(source: str, variables: Mapping[str, Any]) -> str:
    source = source.strip()
    if not _LANGUAGE.search(source):
        return source.replace(" ", "%20")
    part = compile_part(source, Form.LINE)
    beginning = ""
    if isinstance(part, PlainPart) and isinstance(part.segments[0], Placeholder):
        # Where a URL begins with a value, the value is a URL.
        beginning = PlainPart(part.segments[:1], Form.LINE).fill(variables)
        part = PlainPart(part.segments[1:], Form.LINE)
    encoded = {name: _encoded(value) for name, value in variables.items()}
    url = beginning + part.fill(encoded, limit=4 * _MOST_URL)
    return url.strip().replace(" ", "%20")


def _encoded(value: Any) -> Any:
    """Return a value whose texts mean nothing in a URL but themselves."""
    if isinstance(value, str):
        return quote(value, safe="", errors="replace")
    if isinstance(value, Mapping):
        return {key: _encoded(inner) for key, inner in value.items()}
    return [_encoded(one) for one in value] if isinstance(value, list) else value


def _headers(given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, str]:
    headers = {}
    for name, source in given.items():
        value = compile_part(str(source), Form.LINE).fill(variables).strip()
        if problem := check_header(name, value):
            raise Unrenderable(problem)
        headers[name] = value
    return headers


def _body(
    given: Any, variables: Mapping[str, Any], about: Mapping[str, Mapping[str, Any]]
) -> str:
    if given is None or given == "":
        return strictjson.write(about).decode()
    if isinstance(given, str):
        try:
            # Filled in as what it is, no value can end the text that it stands in.
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            return compile_part(given, Form.TEXT).fill(variables)
    return strictjson.write(_filled(given, variables)).decode()


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return a value with its texts filled in, those of lists and objects included."""
    if isinstance(value, str):
        if not _LANGUAGE.search(value):
            return value
        return compile_part(value, Form.TEXT).fill(variables)
    if isinstance(value, Mapping):
        return {name: _filled(inner, variables) for name, inner in value.items()}
    return (
        [_filled(one, variables) for one in value] if isinstance(value, list) else value
    )


def check_config(config: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with the settings of a step, as far as one can say before.

    Fields are named from within the settings: `url`, `headers.X-Name`, `body.a.0`.
    """
    return list(islice(_problems(config), _MOST_PROBLEMS))


def _problems(config: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from _url_problems(config.get("url"))
    method = config.get("method", "POST")
    if method is not None and method not in METHODS:
        expected = ", ".join(METHODS)
        yield FieldError("method", f"Expected one of {expected}.", "invalid_choice")
    yield from _header_problems(config.get("headers"))
    yield from _body_problems(config.get("body"))


def _url_problems(url: Any) -> Iterator[FieldError]:
    if not isinstance(url, str) or not url.strip():
        yield FieldError("url", "Say which address is called.", "required")
        return
    if len(url) > _MOST_URL:
        message = f"An address has at most {_MOST_URL:,} characters."
        yield FieldError("url", message, "too_long")
        return
    faults = list(_faults("url", url, Form.LINE))
    yield from faults
    example = _TAG.sub("", _OUTPUT.sub("x", url.strip())).replace(" ", "%20")
    if faults or url.strip().startswith("{"):
        return
    try:
        check_target(read_target(example))
    except Refused as error:
        yield FieldError("url", str(error), "invalid_url")


def _header_problems(headers: Any) -> Iterator[FieldError]:
    if headers is None:
        return
    if not isinstance(headers, Mapping):
        yield FieldError("headers", "Expected an object of texts.", "invalid_type")
        return
    if len(headers) > _MOST_HEADERS:
        message = f"There are at most {_MOST_HEADERS} headers."
        yield FieldError("headers", message, "too_many")
        return
    names = [name.lower() for name in headers]
    for name, value in headers.items():
        field = f"headers.{name[:100]}"
        if not isinstance(value, str):
            yield FieldError(field, "Expected a text.", "invalid_type")
        elif problem := check_header(name, value):
            yield FieldError(field, problem, "invalid_header")
        elif names.count(name.lower()) > 1:
            yield FieldError(field, "This header is given twice.", "duplicate")
        else:
            yield from _faults(field, value, Form.LINE)


def _body_problems(body: Any) -> Iterator[FieldError]:
    if body is None:
        return
    size = len(body.encode()) if isinstance(body, str) else len(strictjson.write(body))
    if size > _MOST_SOURCE:
        message = f"A body has at most {_MOST_SOURCE:,} bytes."
        yield FieldError("body", message, "too_long")
        return
    for field, text in _texts("body", body):
        yield from _faults(field, text, Form.TEXT)


def _texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(f"{place}.{name[:100]}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(f"{place}.{number}", inner)


def _faults(field: str, source: str, form: Form) -> Iterator[FieldError]:
    if _LANGUAGE.search(source):
        for problem in check(source, form):
            yield FieldError(field, problem.message, "invalid_template")
