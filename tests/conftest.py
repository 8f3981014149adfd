"""The cast of every test: alice owns the project, bob is a member, charlie no one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from _pytest.unittest import TestCaseFunction
from django.conf import settings as django_settings
from django.test import Client

from plunk.api.keys import forget_cached_keys
from plunk.projects.creating import NewProject, create_project
from plunk.projects.models import Membership, Project, Role, User

#: An id that nothing has; always the same, because the processes that share the tests
#: must agree on what they are called.
NOBODY = "01980000-0000-7000-8000-000000000000"


#: Where what touches no database says the same on both: once is enough. Not where
#: processes are started, which find out for themselves what they run on.
_PURE = (
    *("contacts", "transactional", "campaigns", "automations", "webhooks"),
    "simulator/test_inbox.py",
)
_ONCE_FOLDERS = frozenset({"pages", "smtp", "domains"})
_ONCE_MODULES = frozenset(
    {
        *("test_strangers.py", "test_any_input.py", "test_bodies.py"),
        *("test_keys.py", "test_pages.py"),
    }
)
_DATABASE = {"db", "transactional_db", "live_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of a run what another one covers."""
    if django_settings.REDIS_URL:
        _leave_out_pure(items)
    elif os.environ.get("TEST_ONCE") == "later":
        _leave_to_postgresql(items)


def _is_asked_once(path: Path) -> bool:
    """Say whether a module's questions are hardly about the database.

    Pages, strangers, keys and hostile bodies, SMTP and DNS. The browser's tests open
    each page on SQLite, and those that start processes send by SMTP on it.
    """
    is_folder = not _ONCE_FOLDERS.isdisjoint(path.parts)
    return is_folder or path.name in _ONCE_MODULES


def _leave_to_postgresql(items: list[pytest.Item]) -> None:
    mark = pytest.mark.skip(reason="covered by the run on PostgreSQL")
    for item in items:
        if _is_asked_once(item.path) and _uses_database(item):
            item.add_marker(mark)


def _uses_database(item: pytest.Item) -> bool:
    names = set(getattr(item, "fixturenames", ()))
    # Django's own test cases have their database without a fixture of that name.
    is_django = isinstance(item, TestCaseFunction)
    return bool(names & _DATABASE or is_django or item.get_closest_marker("django_db"))


def _leave_out_pure(items: list[pytest.Item]) -> None:
    """Leave out what touches neither database nor broker."""
    mark = pytest.mark.skip(reason="covered by the embedded run")
    places = [Path(__file__).parent / name for name in _PURE]
    for item in items:
        is_pure = not _uses_database(item)
        if is_pure and any(item.path.is_relative_to(place) for place in places):
            item.add_marker(mark)


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    forget_cached_keys()
    yield
    forget_cached_keys()


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice@example.com", "correct horse")


@pytest.fixture
def bob(db: None, new_project: NewProject) -> User:
    user = User.objects.create_user("bob@example.com", "correct horse")
    Membership.objects.create(project=new_project.project, user=user, role=Role.MEMBER)
    return user


@pytest.fixture
def charlie(db: None) -> User:
    return User.objects.create_user("charlie@example.com", "correct horse")


@pytest.fixture
def new_project(alice: User) -> NewProject:
    return create_project(name="Acme", owner=alice)


@pytest.fixture
def project(new_project: NewProject) -> Project:
    return new_project.project


@pytest.fixture
def other_project(charlie: User) -> NewProject:
    return create_project(name="Other", owner=charlie)


@dataclass(slots=True)
class Api:
    """A client of the API that bears one key."""

    client: Client
    key: str

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST `body` (JSON unless bytes); headers in Django's spelling (HTTP_…)."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        extra: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {self.key}", **headers}
        content_type = extra.pop("CONTENT_TYPE", "application/json")
        return self.client.post(path, raw, content_type=content_type, **extra)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request by any method, with `body` (JSON unless bytes) if any."""
        if body is not None:
            body = body if isinstance(body, bytes) else orjson.dumps(body)
        extra: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {self.key}", **headers}
        content_type = extra.pop("CONTENT_TYPE", "application/json")
        return self.client.generic(
            method, path, body or b"", content_type=content_type, **extra
        )

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query, HTTP_AUTHORIZATION=f"Bearer {self.key}")


@pytest.fixture
def api(new_project: NewProject) -> Api:
    """Alice's project, by its secret key."""
    return Api(Client(), new_project.secret.value)


@pytest.fixture
def public_api(new_project: NewProject) -> Api:
    return Api(Client(), new_project.public.value)


@pytest.fixture
def stranger_api(other_project: NewProject) -> Api:
    return Api(Client(), other_project.secret.value)
