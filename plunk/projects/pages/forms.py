"""The forms of a project's own pages."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.core.validators import RegexValidator

from plunk.projects.models import KeyKind

#: A line break in a name would be one in a mail's header.
one_line = RegexValidator(
    r"[\x00-\x1f\x7f\u2028\u2029]",
    message="Write it in one line, without control characters.",
    inverse_match=True,
)


class ProjectForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        validators=[one_line],
        help_text="Your product or company, as your team calls it.",
    )
    url = forms.URLField(
        label="Website",
        max_length=200,
        required=False,
        assume_scheme="https",
        help_text="Optional. Such as https://example.com.",
    )


class KeyForm(forms.Form):
    kind = forms.ChoiceField(
        choices=[
            (KeyKind.SECRET.value, "Secret: for a server"),
            (KeyKind.PUBLIC.value, "Public: for browsers and apps"),
        ]
    )
    name = forms.CharField(
        max_length=100,
        validators=[one_line],
        help_text="Where it will be used, such as “Production”.",
    )


class RegenerateForm(forms.Form):
    grace = forms.TypedChoiceField(
        label="The old key",
        choices=[
            ("0", "stops working at once"),
            ("1", "works for one more hour"),
            ("24", "works for one more day"),
        ],
        coerce=lambda hours: timedelta(hours=int(hours)),
    )
