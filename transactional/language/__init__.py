"""The language of templates: variables with fallbacks, and Liquid.

part = compile_part("Hi {{ name ?? you }}", Form.LINE)
part.fill({"name": "Ada"})
"""

from __future__ import annotations

from transactional.language.checking import Problem, check
from transactional.language.liquid import Unreadable, compile_liquid
from transactional.language.parts import (
    MAX_RENDERED,
    MAX_SOURCE,
    Form,
    Part,
    TooLong,
    TooSlow,
    Unfillable,
)
from transactional.language.placeholders import has_more, split

__all__ = [
    "MAX_RENDERED",
    "MAX_SOURCE",
    "Form",
    "Part",
    "Problem",
    "TooLong",
    "TooSlow",
    "Unfillable",
    "check",
    "compile_part",
]


def compile_part(source: str, form: Form) -> Part:
    """Compile a part of a mail; what is no language in it stays as it is.

    Variables alone take the fast way. So does what cannot be read as Liquid: its
    variables are filled in, and the rest stays.
    """
    plain = split(source, form)
    if len(source) > MAX_SOURCE or not ("{%" in source or has_more(plain)):
        return plain
    try:
        return compile_liquid(source, form)
    except Unreadable:
        return plain
