"""What is written beside the code says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent.parent
OUR_APPS = {config.name for config in apps.get_app_configs()} & {
    *("contacts", "transactional", "campaigns", "automations", "webhooks"),
}


def _read(path: str) -> str:
    return (ROOT / path).read_text()


def _pins(path: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9_.-]+(?:\[[^]]*\])?)==(\S+)", _read(path), re.M)
    return dict(found)


def test_every_setting_is_explained() -> None:
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', _read("plunk/settings.py")))
    serving = _read("plunk/running/serving.py") + _read("plunk/running/supervising.py")
    names |= set(re.findall(r'environ\.get\("([A-Z0-9_]+)"', serving))

    assert names
    assert [
        it for it in sorted(names) if f"`{it}`" not in _read("docs/settings.md")
    ] == []


def test_the_example_environment_names_settings_that_exist() -> None:
    names = re.findall(r"^#?([A-Z0-9_]+)=", _read("docker/env.example"), re.M)
    explained = _read("docs/settings.md") + _read("docker/compose.yaml")

    assert names
    assert [it for it in names if it not in explained] == []


def test_the_image_holds_every_app() -> None:
    image, ignored = _read("docker/Dockerfile"), _read(".dockerignore")

    for name in {"plunk", "templates", "static", *OUR_APPS}:
        assert f"COPY {name} {name}\n" in image
        assert f"!{name}\n" in ignored


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/operations.md"])
def test_pages_name_commands_that_exist(page: str) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", _read(page)))

    assert named <= set(get_commands())


@pytest.mark.parametrize(
    "page", sorted(str(it.relative_to(ROOT)) for it in ROOT.glob("docs/**/*.md"))
)
def test_pages_link_to_pages_that_exist(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", _read(page))

    broken = [it for it in links if not ((ROOT / page).parent / it).exists()]
    assert broken == []


def test_locks_agree_and_name_no_index() -> None:
    runtime, dev = _pins("requirements.lock"), _pins("requirements-dev.lock")

    assert runtime
    assert runtime.items() <= dev.items()
    for path in ("requirements.lock", "requirements-dev.lock"):
        text = _read(path)
        assert "://" not in text
        assert text.count("--hash=sha256:") >= len(_pins(path))
