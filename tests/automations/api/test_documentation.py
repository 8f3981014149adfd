"""`docs/api.md` names every address of workflows, actions and events."""

from __future__ import annotations

import re
from pathlib import Path

from django.urls import URLPattern

from automations.api import event_urls, urls, workflow_urls

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
# An event may have the name of an address: it can be deleted there all the same.
_NAMES = re.compile(r"/events(?:|/(?:track|stats|names|contact/:|:/usage))")
_PARTS = ("/workflows", "/events", "/v1/actions", "/v1/events")


def _documented() -> set[tuple[str, str]]:
    """Return methods and paths of the first cells of the page's tables."""
    found = set()
    for cell in re.findall(r"^\| ([^|]*) \|", PAGE.read_text(), re.MULTILINE):
        methods = re.findall(r"\b(?:GET|POST|PUT|PATCH|DELETE)\b", cell)
        for path in re.findall(r"/[\w/:-]+", cell):
            if path.startswith(_PARTS):
                name = re.sub(r":\w+", ":", path)
                found |= {(method, name) for method in methods}
    return found


def _served() -> set[tuple[str, str]]:
    found = set()
    patterns = (*urls.urlpatterns, *event_urls.urlpatterns, *workflow_urls.urlpatterns)
    for pattern in patterns:
        assert isinstance(pattern, URLPattern)
        view = getattr(pattern.callback, "view_class", None)
        if view is None:
            continue  # `POST /v1/track`, which is no resource.
        path = re.sub(r"\(\?P<\w+>[^)]*\)", ":", str(pattern.pattern))
        path = "/" + path.removeprefix("^").removesuffix("/?$")
        found |= {
            (method.upper(), path)
            for method in view.http_method_names
            if hasattr(view, method) and method != "options"
        }
    return found


def test_every_address_is_in_the_documentation_and_no_other() -> None:
    served = {
        (method, path)
        for method, path in _served()
        if method != "DELETE" or not _NAMES.fullmatch(path)
    }

    assert _documented() == served
