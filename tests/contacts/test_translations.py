"""What recipients read, in every language: all of it, compiled, and put on a page."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import polib
import pytest
from django.test import Client
from django.utils.translation import to_locale

from contacts.languages import DEFAULT, LANGUAGES, html_tag_of
from contacts.links import Purpose, token_of
from contacts.models import Contact, Topic
from plunk.projects.models import Project
from tests.catalogues import locales, path_of, sentences
from tests.pages.rows import make_contact

_PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\{.*?\}\}|%%")
ENGLISH = sentences()

each_locale = pytest.mark.parametrize("locale", locales())
each_language = pytest.mark.parametrize("language", LANGUAGES)


def texts(entry: polib.POEntry) -> list[str]:
    plural = entry.msgstr_plural
    return list(plural.values()) if plural else [entry.msgstr]


def test_every_language_has_a_catalogue() -> None:
    assert locales() == sorted(
        to_locale(language) for language in LANGUAGES if language != DEFAULT
    )
    assert len(LANGUAGES) >= 12


def test_the_sources_say_something() -> None:
    """The test of the tests: sentences of Python, of templates, and with plurals."""
    assert "Unsubscribe" in ENGLISH
    assert "Please confirm your subscription" in ENGLISH
    assert any(ENGLISH.values())


@each_locale
def test_a_language_says_all_there_is_and_nothing_else(locale: str) -> None:
    catalogue = polib.pofile(str(path_of(locale, "po")))

    said = {entry.msgid: entry.msgid_plural for entry in catalogue}
    missing = [entry.msgid for entry in catalogue if not entry.translated()]

    assert said == ENGLISH, "Run: python -m tests.catalogues"
    assert missing == []


@each_locale
def test_a_translation_fills_in_what_the_sentence_does(locale: str) -> None:
    for entry in polib.pofile(str(path_of(locale, "po"))):
        wanted = sorted(_PLACEHOLDER.findall(entry.msgid))
        for text in texts(entry):
            assert sorted(_PLACEHOLDER.findall(text)) == wanted, entry.msgid
            assert text == text.strip()


@each_locale
def test_there_is_a_text_for_every_plural(locale: str) -> None:
    catalogue = polib.pofile(str(path_of(locale, "po")))
    found = re.search(r"nplurals=(\d)", catalogue.metadata["Plural-Forms"])
    assert found

    for entry in catalogue:
        if entry.msgid_plural:
            assert len(texts(entry)) == int(found[1])


@each_locale
def test_what_is_compiled_is_what_is_written(locale: str) -> None:
    written = polib.pofile(str(path_of(locale, "po")))
    compiled = polib.mofile(str(path_of(locale, "mo")))

    def said(catalogue: Any) -> dict[str, list[str]]:
        return {entry.msgid: texts(entry) for entry in catalogue}

    assert said(compiled) == said(written), "Run: python -m tests.catalogues"
    with path_of(locale, "mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Unsubscribe") != "Unsubscribe"


@pytest.fixture
def paths(project: Project) -> Callable[[Purpose, str], str]:
    Topic.objects.create(project=project, name="Rye", position=1)
    Topic.objects.create(project=project, name="Wheat", position=2)

    def path(purpose: Purpose, language: str) -> str:
        contact = make_contact(
            project, f"{uuid4().hex}@example.com", data={"locale": language}
        )
        token = token_of(purpose, project_id=project.pk, contact_id=contact.pk)
        return f"/{purpose}/{token}"

    return path


@each_language
@pytest.mark.parametrize("purpose", Purpose)
def test_every_page_speaks_every_language(
    client: Client,
    paths: Callable[[Purpose, str], str],
    purpose: Purpose,
    language: str,
) -> None:
    """Each way through the pages; what is left in English is what nobody translated."""
    path = paths(purpose, language)
    ways: list[dict[str, str] | None] = [
        None,
        {"action": "pause", "days": "30"},
        None,
        {"action": "unsubscribe"},
        None,
        {"action": "pause", "days": "x"},
        {"action": "ask"},
        {"action": "subscribe"},
        {"action": "keep"},
    ]

    for form in ways:
        answer = client.get(path) if form is None else client.post(path, form)
        page = answer.content.decode()
        assert f'<html lang="{html_tag_of(language)}">' in page
        assert "%(" not in page
        if language != DEFAULT:
            spoken = re.sub(r"<[^>]+>", " ", page)
            assert [each for each in ENGLISH if each in spoken and len(each) > 12] == []


@each_language
def test_a_link_of_nobody_is_answered_in_the_browsers_language(
    client: Client, db: None, language: str
) -> None:
    tag = html_tag_of(language)

    answer = client.get("/unsubscribe/x", HTTP_ACCEPT_LANGUAGE=f"xx,{tag};q=0.8")

    assert f'<html lang="{tag}">' in answer.content.decode()


def test_the_language_of_a_page_ends_with_it(
    client: Client, paths: Callable[[Purpose, str], str], project: Project
) -> None:
    client.get(paths(Purpose.MANAGE, "ja"))

    page = client.get(f"/unsubscribe/{Contact.objects.earliest('pk').pk}")
    english = client.get(paths(Purpose.MANAGE, "en")).content

    assert '<html lang="ja">' in page.content.decode()
    assert b"Take a break" in english
