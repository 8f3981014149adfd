"""The language of templates: variables with fallbacks.

part = compile_part("Hi {{ name ?? you }}", Form.LINE)
part.fill({"name": "Ada"})
"""

from __future__ import annotations

from transactional.language.parts import MAX_RENDERED, Form, Part, TooLong
from transactional.language.placeholders import split

__all__ = ["MAX_RENDERED", "Form", "Part", "TooLong", "compile_part"]


def compile_part(source: str, form: Form) -> Part:
    """Compile a part of a mail; what is no language in it stays as it is."""
    return split(source, form)
