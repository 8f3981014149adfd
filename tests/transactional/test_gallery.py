"""The mails to begin with: each is whole, and says something to everybody."""

from __future__ import annotations

import re

import pytest

from plunk.projects.models import Project
from tests.transactional.styling.bodies import LOOK, manuscript
from transactional.gallery import GALLERY, Sample, sample
from transactional.language import Form, check
from transactional.linting import lint
from transactional.models import MailKind, Style
from transactional.rendering import compile_content, render

each = pytest.mark.parametrize("mail", GALLERY, ids=[it.slug for it in GALLERY])
#: What a variable may do without a fallback: be asked for, or be in a loop.
_VARIABLE = re.compile(r"\{\{(?![^{}]*\?\?)\s*([^{}]*?)\s*\}\}")


def test_there_is_something_for_everybody() -> None:
    slugs = [it.slug for it in GALLERY]

    assert len(GALLERY) >= 12
    assert len(set(slugs)) == len(slugs)
    assert {it.kind for it in GALLERY} == {MailKind.TRANSACTIONAL, MailKind.MARKETING}
    assert sample("welcome") is GALLERY[0]
    assert sample("../welcome") is None


@each
def test_its_language_is_right(mail: Sample) -> None:
    assert check(mail.subject, Form.LINE) == []
    assert check(mail.preheader, Form.LINE) == []
    assert check(mail.body, Form.HTML) == []


@each
def test_there_is_nothing_to_find_fault_with(mail: Sample, project: Project) -> None:
    """But links that whoever takes it has to replace: they are said to do so."""
    findings = lint(
        project_id=project.pk,
        subject=mail.subject,
        preheader=mail.preheader,
        body=mail.body,
        text="",
        style=Style.PLUNK,
        kind=mail.kind,
    )

    assert {it.code for it in findings} <= {"placeholder_link"}


@each
def test_it_reads_well_for_somebody_unknown(mail: Sample) -> None:
    made = render(
        compile_content(
            manuscript(
                mail.body,
                subject=mail.subject,
                preheader=mail.preheader,
                kind=mail.kind,
                look=LOOK,
            )
        ),
        {"unsubscribeUrl": "https://x.co/u", "manageUrl": "https://x.co/m"},
    )

    assert "{{" not in made.subject + made.html + made.text
    assert "{%" not in made.subject + made.html + made.text
    assert not re.search(r' href=""| ,|\( *\)', made.html + made.text)
    assert made.subject
    assert len(made.text) > 200


@each
def test_every_variable_has_a_fallback(mail: Sample) -> None:
    parts = f"{mail.subject} {mail.preheader} {mail.body}"
    known = {*re.findall(r"\{% (?:if|for) (\w+)", parts)}

    bare = {name.partition(".")[0] for name in _VARIABLE.findall(parts)}

    assert bare <= known


@each
def test_it_is_described(mail: Sample) -> None:
    assert mail.name
    assert mail.description.endswith(".")
    assert mail.category
    assert 10 < len(mail.preheader) <= 200
    assert "<h1>" in mail.body
    assert len(mail.body) < 5_000
