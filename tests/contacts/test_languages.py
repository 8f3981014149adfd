"""Which language a contact is spoken to in."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from contacts.languages import LANGUAGES, html_tag_of, matching, of, speaking, tag_of
from contacts.models import Contact
from plunk.projects.models import Project


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("pt-BR", "pt"),
        ("EN_us", "en"),
        ("de_DE.UTF-8", "de"),
        (" nl ", "nl"),
        ("es-419", "es"),
        ("zh", "zh-hans"),
        ("zh-CN", "zh-hans"),
        ("zh-SG", "zh-hans"),
        ("zh_TW", "zh-hant"),
        ("zh-HK", "zh-hant"),
        ("zh-Hant-HK", "zh-hant"),
        ("zh-Hans-HK", "zh-hans"),
        ("yue", "zh-hant"),
    ],
)
def test_a_locale_finds_its_language(locale: str, language: str) -> None:
    assert matching(locale) == language


@pytest.mark.parametrize(
    "locale",
    [
        *("", "klingon", "xx", "d", "de;q=1", "de\x00", "\ud800", "../de", "de" * 99),
        *("1", None, 1, 1.5, True, [], ["de"], {}, {"de": 1}),
    ],
)
def test_garbage_is_no_language(locale: object) -> None:
    assert matching(locale) is None


@given(st.text() | st.from_regex(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{1,8}){0,3}"))
def test_any_text_is_a_language_or_none(text: str) -> None:
    assert matching(text) in {None, *LANGUAGES}


@pytest.mark.parametrize(
    ("data", "project_language", "spoken"),
    [
        ({"locale": "fr-CA"}, "de", "fr"),
        ({"locale": "xx"}, "de", "de"),
        ({"locale": {"a": []}}, "de", "de"),
        ({}, "ja", "ja"),
        (None, "ja", "ja"),
        ([], "ja", "ja"),
        ({"locale": 7}, "cy", "en"),
        (None, "", "en"),
    ],
)
def test_a_contact_is_spoken_to_in_their_language_or_the_projects(
    data: Any, project_language: str, spoken: str
) -> None:
    project = Project(language=project_language)

    assert of(Contact(data=data), project) == spoken
    assert of(None, Project(language="sv")) == "sv"


def test_a_language_is_spoken_only_within_the_block() -> None:
    with speaking("zh-hant"):
        assert translation.get_language() == "zh-hant"

    assert translation.get_language() == "en"


def test_both_scripts_of_chinese_have_names_that_others_know() -> None:
    assert [tag_of(code) for code in ("de", "zh-hans", "zh-hant")] == [
        "de",
        "zh-CN",
        "zh-TW",
    ]
    assert html_tag_of("zh-hant") == "zh-Hant"
