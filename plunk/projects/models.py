from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now

from plunk.ids import new_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None) -> User:
        """Create a user; without a password only a reset link lets them in."""
        user = self.model(email=self.normalize_email(email).strip().lower())
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None) -> User:
        """Create an operator, who may open the Django admin."""
        user = self.create_user(email, password)
        user.is_staff = user.is_superuser = True
        user.save(update_fields=["is_staff", "is_superuser"])
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who logs in, known by an e-mail address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(db_default=Now(), editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_once")
        ]

    def __str__(self) -> str:
        return self.email


class Tracking(models.TextChoices):
    """For which of a project's mails opens and clicks are counted."""

    ENABLED = "ENABLED", "All mail"
    MARKETING_ONLY = "MARKETING_ONLY", "Marketing only"
    DISABLED = "DISABLED", "No mail"


class Tracker(models.TextChoices):
    """Who counts opens and clicks."""

    SES = "SES", "Amazon SES"
    OWN = "OWN", "This installation"


class Project(models.Model):
    """One sender's world: its contacts, mails, keys and members."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    url = models.URLField(blank=True)
    from_name = models.CharField(
        max_length=100, blank=True, help_text="The name mail comes from."
    )
    from_email = models.EmailField(
        blank=True, help_text="The address mail comes from when a request names none."
    )
    reply_to = models.EmailField(
        blank=True,
        default="",
        db_default="",
        help_text="Where answers go when a request says nothing else.",
    )
    postal_address = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Stands in the footer of marketing mail, where many laws ask for it.",
    )
    tracking = models.CharField(
        max_length=14,
        choices=Tracking.choices,
        default=Tracking.ENABLED,
        db_default=Tracking.ENABLED,
    )
    tracker = models.CharField(
        max_length=3,
        choices=Tracker.choices,
        default=Tracker.SES,
        db_default=Tracker.SES,
    )
    tracking_host = models.CharField(
        max_length=253,
        blank=True,
        default="",
        db_default="",
        help_text="The host of our own tracked links; empty: the installation's.",
    )
    language = models.CharField(
        max_length=10,
        default="en",
        db_default="en",
        help_text="Of the pages for contacts whose own language is not known.",
    )
    color = models.CharField(
        max_length=7, blank=True, default="", db_default="", help_text="As #rrggbb."
    )
    double_opt_in = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether a subscription counts only once its owner confirmed it.",
    )
    is_disabled = models.BooleanField(default=False)
    disabled_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    members = models.ManyToManyField(
        User, through="Membership", related_name="projects"
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tracking_host"], name="project_tracking_host")
        ]

    def __str__(self) -> str:
        return self.name


class Logo(models.Model):
    """A project's logo, as we drew it anew from what was uploaded."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="logo"
    )
    png = models.BinaryField()
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.width} × {self.height}"


class Role(models.TextChoices):
    OWNER = "OWNER", "Owner"
    ADMIN = "ADMIN", "Admin"
    MEMBER = "MEMBER", "Member"

    @property
    def rank(self) -> int:
        """Order roles by what they may do: owner over admin over member."""
        return [Role.MEMBER, Role.ADMIN, Role.OWNER].index(self)


class Membership(models.Model):
    """What a user may do in a project."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project} ({self.role})"

    def can(self, role: Role) -> bool:
        """Say whether this member may do what `role` may do."""
        return Role(self.role).rank >= role.rank


class KeyKind(models.TextChoices):
    PUBLIC = "pk", "Public"
    SECRET = "sk", "Secret"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> ApiKeyQuerySet:
        """Return the keys that open a door now."""
        return self.filter(models.Q(revoked_at=None) | models.Q(revoked_at__gt=Now()))

    def revoked(self) -> ApiKeyQuerySet:
        """Return the keys that open no door any more."""
        return self.filter(revoked_at__lte=Now())


class ApiKey(models.Model):
    """A project's key. Of a secret key only the hash, prefix and last four are kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="api_keys"
    )
    kind = models.CharField(max_length=2, choices=KeyKind.choices)
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of the key, hex."
    )
    public_value = models.CharField(
        max_length=140, blank=True, editable=False, help_text="Public keys only."
    )
    last_four = models.CharField(max_length=4, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(
        null=True, blank=True, help_text="From when on it is refused."
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind="pk") | models.Q(public_value=""),
                name="secret_key_is_not_stored",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}_…{self.last_four}"
