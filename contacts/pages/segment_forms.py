"""The forms about segments."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from contacts.addresses import AddressError, normalise
from plunk.projects.pages.forms import one_line

#: Addresses of one paste; more of them are an import.
MAX_ADDRESSES = 10_000
_MAX_SHOWN = 5
#: What stands between pasted addresses.
_BETWEEN = re.compile(r"[\s,;]+")
#: How mail programs write a person: Ada Lovelace <ada@example.com>.
_BRACKETED = re.compile(r"<([^<>\s]+@[^<>\s]+)>")


class SegmentForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        validators=[one_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="As your team speaks of these people, such as “Trial ends soon”.",
    )
    description = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Optional. What it is for.",
    )


class DynamicForm(SegmentForm):
    track_membership = forms.BooleanField(
        label="Keep who comes in and who goes out",
        required=False,
        help_text="Every coming and going becomes an event that can start a workflow, "
        "and who was in it on a date can be told. Looked at every 30 seconds.",
    )
    condition = forms.CharField(
        max_length=500_000,
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
    )


class MembersForm(forms.Form):
    addresses = forms.CharField(
        max_length=600_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="Separated by spaces, commas, semicolons or new lines.",
    )
    missing = forms.ChoiceField(
        label="Addresses that are no contact yet",
        choices=[
            ("leave", "Leave out"),
            ("created", "Make contacts of them, not subscribed"),
            ("subscribed", "Make subscribed contacts: they agreed to get mail"),
        ],
    )

    def clean_addresses(self) -> list[str]:
        """Return what was pasted as normalised addresses, each once."""
        return addresses_of(str(self.cleaned_data["addresses"]), MAX_ADDRESSES)


def addresses_of(text: str, most: int) -> list[str]:
    """Return pasted addresses, normalised and each once.

    Raises forms.ValidationError for what is no address, and for more than `most`.
    """
    bracketed = _BRACKETED.findall(text)
    pieces = bracketed or [piece for piece in _BETWEEN.split(text) if piece]
    if len(pieces) > most:
        raise forms.ValidationError(
            f"At most {most:,} at once: import a file for more."
        )
    found: dict[str, Any] = {}
    wrong = []
    for piece in pieces:
        try:
            found[normalise(piece)] = None
        except AddressError:
            wrong.append(piece[:80])
    if wrong:
        more = f" and {len(wrong) - _MAX_SHOWN} more" if len(wrong) > _MAX_SHOWN else ""
        raise forms.ValidationError(
            f"No addresses: {', '.join(wrong[:_MAX_SHOWN])}{more}."
        )
    return list(found)
