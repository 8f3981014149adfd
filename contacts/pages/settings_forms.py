"""The forms of a project's settings that concern its recipients."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator

from contacts.languages import LANGUAGES
from plunk.pictures import CONTENT_TYPES, PictureError
from plunk.projects.branding import DEFAULT_COLOR
from plunk.projects.logos import Drawing, draw_anew
from plunk.projects.pages.forms import one_line

#: Colours that look good without a designer.
SWATCHES = {
    "#5546d6": "Violet",
    "#1d5fd1": "Blue",
    "#0e7490": "Teal",
    "#0b6b4f": "Green",
    "#b45309": "Amber",
    "#c2261b": "Red",
    "#a21a6b": "Magenta",
    "#26262e": "Black",
}
OWN = "own"
_hex_color = RegexValidator(
    r"\A#[0-9a-f]{6}\Z", message="Write a colour as # and six digits, such as #0b6b4f."
)


class LowerCase(forms.CharField):
    def to_python(self, value: Any) -> Any:
        return (super().to_python(value) or "").lower()


class AppearanceForm(forms.Form):
    logo = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": ",".join(sorted(CONTENT_TYPES))}),
        help_text="PNG, JPEG, WebP or GIF, at most 2 MB. We draw it anew, at most 600 "
        "by 200 pixels.",
    )
    remove_logo = forms.BooleanField(required=False, label="Remove the logo")
    swatch = forms.ChoiceField(
        label="Colour",
        choices=[*SWATCHES.items(), (OWN, "Your own")],
        widget=forms.RadioSelect,
    )
    own_color = LowerCase(
        label="Your own colour",
        max_length=7,
        required=False,
        validators=[_hex_color],
        widget=forms.TextInput(attrs={"type": "color"}),
    )
    language = forms.ChoiceField(
        choices=list(LANGUAGES.items()),
        help_text="For contacts whose data has no locale that we speak.",
    )
    double_opt_in = forms.BooleanField(required=False, label="Double opt-in")

    def clean_logo(self) -> Drawing | None:
        upload = self.cleaned_data["logo"]
        if not upload:
            return None
        try:
            return draw_anew(upload, content_type=upload.content_type or "")
        except PictureError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        swatch = cleaned.get("swatch")
        if swatch == OWN and not cleaned.get("own_color"):
            if "own_color" not in self.errors:
                self.add_error("own_color", "Choose a colour.")
        elif swatch:
            cleaned["color"] = cleaned["own_color"] if swatch == OWN else swatch
        return cleaned


def initial_colors(color: str) -> dict[str, str]:
    """Return what the form's two fields of colour show for a project's."""
    color = color or DEFAULT_COLOR
    return {"swatch": color if color in SWATCHES else OWN, "own_color": color}


class TopicTextForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        validators=[one_line],
        help_text="As your recipients know it, such as “New recipes”.",
    )
    description = forms.CharField(
        max_length=300,
        required=False,
        validators=[one_line],
        help_text="Optional. One sentence: what comes, and how often.",
    )


class TopicForm(TopicTextForm):
    rule = forms.ChoiceField(
        label="Who gets it",
        choices=[
            ("everybody", "Everybody who is subscribed, until they leave it"),
            ("joined", "Only those who join it"),
        ],
        initial="everybody",
        widget=forms.RadioSelect,
        help_text="This cannot be changed later: people choose under it.",
    )
