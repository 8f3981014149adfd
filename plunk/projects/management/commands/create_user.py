"""Make somebody who can log in."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from plunk.projects.models import User


class Command(BaseCommand):
    help = "Create a user. Without a password option it is asked for, or left unset."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        passwords = parser.add_mutually_exclusive_group()
        passwords.add_argument(
            "--password",
            help="Visible in the shell's history; prefer --password-stdin.",
        )
        passwords.add_argument(
            "--password-stdin",
            action="store_true",
            help="Read the password from the first line of standard input.",
        )
        parser.add_argument(
            "--staff", action="store_true", help="May open the Django admin."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        email = _email(options["email"])
        password = _password(options)
        if password is not None:
            _validate(password, email)
        create = (
            User.objects.create_superuser
            if options["staff"]
            else User.objects.create_user
        )
        try:
            with transaction.atomic():
                user = create(email, password)
        except IntegrityError as error:
            raise CommandError(f"There is a user {email} already.") from error
        self.stdout.write(f"Created {user.email}.")
        if password is None:
            self.stdout.write("They set a password by 'Forgot your password?'.")


def _email(text: str) -> str:
    email = text.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise CommandError(
            f"Expected an e-mail address like you@example.com, not {text!r}."
        ) from error
    return email


def _password(options: dict[str, Any]) -> str | None:
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\r\n")
    if options["password"] is not None:
        return str(options["password"])
    if sys.stdin.isatty():
        return getpass("Password (empty: set by a reset mail): ") or None
    return None


def _validate(password: str, email: str) -> None:
    try:
        validate_password(password, User(email=email))
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
