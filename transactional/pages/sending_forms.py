"""The forms of domains and senders."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from contacts.addresses import AddressError, normalise
from plunk.api.errors import Invalid
from plunk.projects.pages.forms import one_line
from transactional.domains import normalise_domain

_SCHEME = re.compile(r"\A[a-z]+://", re.IGNORECASE)


class AddressField(forms.CharField):
    """An e-mail address, spelt as verified domains and contacts are."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(
            attrs={"inputmode": "email", "autocomplete": "off", "spellcheck": "false"}
        )
        super().__init__(max_length=254, widget=widget, **options)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if not text:
            return ""
        try:
            return normalise(text)
        except AddressError as error:
            raise forms.ValidationError(str(error)) from error


class DomainForm(forms.Form):
    domain = forms.CharField(
        max_length=300,
        widget=forms.TextInput(
            attrs={
                "placeholder": "example.com",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "url",
            }
        ),
        help_text="What stands after the @ of your senders. A domain below, such as "
        "mail.example.com, is a domain of its own.",
    )

    def clean_domain(self) -> str:
        """Take what people paste, such as the address of their website."""
        text = _SCHEME.sub("", self.cleaned_data["domain"].strip())
        text = re.split(r"[/?#]", text, maxsplit=1)[0]
        try:
            return normalise_domain(text)
        except Invalid as error:
            raise forms.ValidationError(error.errors[0].message) from error


class SenderForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=100,
        required=False,
        validators=[one_line],
        help_text="What recipients see, such as “Ada from Acme”.",
    )
    email = AddressField(label="Address")
    reply_to = AddressField(
        label="Replies go to",
        required=False,
        help_text="Optional. Where answers go instead of the address above.",
    )


class SendingForm(forms.Form):
    from_name = forms.CharField(
        label="Sender name",
        max_length=100,
        required=False,
        validators=[one_line],
        help_text="What recipients see as the name of the sender.",
    )
    from_email = AddressField(
        label="Sender address",
        required=False,
        help_text="Mail comes from here when a request names no other address.",
    )
    reply_to = AddressField(
        label="Replies go to",
        required=False,
        help_text="Optional. Where answers go instead of the sender.",
    )
    postal_address = forms.CharField(
        label="Postal address",
        max_length=200,
        required=False,
        validators=[one_line],
        help_text="In one line, as on an envelope. It stands in the footer of "
        "marketing mail, because the law of many countries asks for it there.",
    )
