"""What marketing says below its words, in three forms and fifteen languages."""

from __future__ import annotations

import re

import pytest

from contacts.languages import LANGUAGES, html_tag_of
from tests.transactional.styling.bodies import manuscript
from transactional.language import Form, compile_part
from transactional.manuscripts import Look
from transactional.models import MailKind, Style
from transactional.styling import dress

WHY = "You get this mail because you subscribed to Acme Bakery."
ADDRESS = "Acme Bakery, 12 Mill Lane, Ludlow SY8 1QF, United Kingdom"
HTML = "<html><body><p>x</p></body></html>"

each_style = pytest.mark.parametrize("style", Style)


@each_style
def test_a_footer_says_why_how_to_leave_and_who_wrote(style: Style) -> None:
    made = dress(manuscript(HTML, style=style))

    assert WHY in made.html
    assert '<a href="{{unsubscribeUrl}}"' in made.html
    assert '<a href="{{manageUrl}}"' in made.html
    assert ADDRESS in made.html
    assert made.text == (
        f"x\n\n----\n{WHY}\nUnsubscribe: {{{{unsubscribeUrl}}}}\n"
        f"Choose what you get: {{{{manageUrl}}}}\n{ADDRESS}\n"
    )


@each_style
@pytest.mark.parametrize("kind", [MailKind.TRANSACTIONAL, MailKind.HEADLESS])
def test_no_other_mail_has_one(style: Style, kind: MailKind) -> None:
    made = dress(manuscript(HTML, style=style, kind=kind))

    assert "{{" not in made.html.replace("{{ firstName ?? 'friend' }}", "")
    assert made.text == "x\n"


@each_style
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_the_language_of_its_reader(style: Style, language: str) -> None:
    made = dress(manuscript(HTML, style=style, language=language))

    is_english = language == "en"
    for part in (made.html, made.text):
        assert ("You get this mail" in part) == is_english
        assert ("Unsubscribe" in part) == is_english
        assert ("Choose what you get" in part) == is_english
        assert "Acme Bakery" in part
    if style == Style.PLUNK:
        assert f'<html lang="{html_tag_of(language)}" dir="ltr"' in made.html


@each_style
@pytest.mark.parametrize(
    "name",
    ["{{ email }}", "{% if x %}", "a{{", "}}{", "<b>&", "%(project)s", "{{{x}}}"],
)
def test_a_name_is_a_name_whatever_it_says(style: Style, name: str) -> None:
    look = Look(project=name, postal_address=f"{name} 1")
    made = dress(manuscript(HTML, style=style, look=look, subject="s", preheader=""))

    shown = {
        "email": "EVIL",
        "x": "EVIL",
        "unsubscribeUrl": "OUT",
        "manageUrl": "MANAGE",
    }
    html = compile_part(made.html, Form.HTML).fill(shown)
    text = compile_part(made.text, Form.TEXT).fill(shown)
    assert "EVIL" not in html + text
    assert "<b>" not in html.replace("<body>", "")
    assert "OUT" in html
    assert "Unsubscribe: OUT" in text


def test_no_project_is_named_that_has_no_name() -> None:
    made = dress(manuscript(HTML, look=Look()))

    assert "because you subscribed to it." in made.html


@pytest.mark.parametrize(
    "link",
    [
        '<a href="{{unsubscribeUrl}}">Out</a>',
        "<a class=x href='{{ unsubscribeUrl }}'>Out</a>",
        '<a href="{{ manageUrl }}">Choose</a>',
        '<a href="https://old.example.com/unsubscribe/{{id}}">Out</a>',
    ],
)
def test_an_authors_own_way_out_is_the_only_one(link: str) -> None:
    body = f"<body>{link}</body>"
    made = dress(manuscript(body, style=Style.HTML))

    assert made.html.count("<a ") == 1
    assert ADDRESS in made.html
    assert made.text.count("{{") == 1
    assert ADDRESS in made.text


def test_an_authors_own_address_is_not_said_twice() -> None:
    look = Look(project="Acme", postal_address="1 A&B Lane")
    body = '<p><a href="{{unsubscribeUrl}}">Out</a> Acme, 1 A&amp;B Lane</p>'

    made = dress(manuscript(body, style=Style.HTML, look=look, preheader=""))

    assert made.html == body
    assert made.text.count("Lane") == 1


@pytest.mark.parametrize(
    "hidden",
    [
        '<!-- <a href="{{unsubscribeUrl}}">x</a> --><p>y</p>',
        "<p>{{ unsubscribeUrl2 }}</p>",
        '<link href="{{unsubscribeUrl}}"><p>z</p>',
    ],
)
def test_a_way_out_that_nobody_sees_is_none(hidden: str) -> None:
    html = dress(manuscript(hidden, style=Style.HTML)).html

    assert '<a href="{{unsubscribeUrl}}" style=' in html


def test_our_design_keeps_its_footer_whatever_the_body_links() -> None:
    html = dress(manuscript('<p><a href="{{unsubscribeUrl}}">Out</a></p>')).html

    assert html.count('href="{{unsubscribeUrl}}"') == 2


def test_an_authors_own_text_gets_a_footer_too() -> None:
    made = dress(manuscript(HTML, text="My own words"))

    assert made.text.startswith("My own words\n\n----\n")
    assert "Unsubscribe: {{unsubscribeUrl}}" in made.text


def test_a_footer_is_not_in_what_its_author_left_open() -> None:
    for body in ("<p>x</p><!-- ", "<p>x <a href='", "<p>x<style>", '<p title="'):
        html = dress(manuscript(body, style=Style.HTML)).html
        visible = re.sub(r"(?s)<!--.*?-->|<style>.*?</style>", "", html)

        assert html.startswith(("<div", body))
        assert '<a href="{{unsubscribeUrl}}"' in visible
