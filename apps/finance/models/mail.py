"""Saved views that come by mail: when, to whom, and the outbox of what is sent."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.ids import uuid7
from apps.core.models import TimestampedModel
from apps.finance.models.views import SavedView


class Every(models.TextChoices):
    WEEK = "week", "Weekly"
    MONTH = "month", "Monthly"


class Weekday(models.IntegerChoices):
    MONDAY = 1, "Monday"
    TUESDAY = 2, "Tuesday"
    WEDNESDAY = 3, "Wednesday"
    THURSDAY = 4, "Thursday"
    FRIDAY = 5, "Friday"
    SATURDAY = 6, "Saturday"
    SUNDAY = 7, "Sunday"


@track()
class MailAddress(TimestampedModel):
    """An address outside the platform that costs may be mailed to. An administrator answers for
    it: whoever reads mail there sees costs without signing in."""

    address = models.EmailField(unique=True)
    note = models.CharField(max_length=200, help_text="Who reads it, and why they may see costs.")

    class Meta:
        ordering = ["address"]
        verbose_name = "address for mail of costs"
        verbose_name_plural = "addresses for mail of costs"

    def __str__(self) -> str:
        return self.address


@track(exclude=("next_at",))
class MailPlan(TimestampedModel):
    """When a view is mailed, in the reporting time zone. `next_at` moves in the transaction that
    puts the letters of a period into the outbox."""

    view = models.OneToOneField(SavedView, models.CASCADE, related_name="mail_plan")
    every = models.CharField(max_length=5, choices=Every.choices, default=Every.WEEK)
    weekday = models.PositiveSmallIntegerField(
        choices=Weekday.choices, default=Weekday.MONDAY, help_text="Of weekly mail."
    )
    # every month has 28 days
    month_day = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(28)],
        help_text="Of monthly mail.",
    )
    hour = models.PositiveSmallIntegerField(default=7, validators=[MaxValueValidator(23)])
    next_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(weekday__gte=1, weekday__lte=7)
                & Q(month_day__gte=1, month_day__lte=28)
                & Q(hour__lte=23),
                name="mail_plan_has_a_moment",
            )
        ]

    def __str__(self) -> str:
        if self.every == Every.WEEK:
            return f"Weekly, {Weekday(self.weekday).label} {self.hour:02}:00"
        return f"Monthly, day {self.month_day}, {self.hour:02}:00"


@track()
class Recipient(models.Model):
    """Who gets a plan's letters: a person of the platform, or an allowed address. Who stopped it
    stays here, so that nobody else starts it again."""

    plan = models.ForeignKey(MailPlan, models.CASCADE, related_name="recipients")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    address = models.ForeignKey(MailAddress, models.CASCADE, null=True, related_name="+")
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None) ^ Q(address=None), name="recipient_is_one"
            ),
            models.UniqueConstraint(fields=["plan", "user"], name="one_recipient_a_person"),
            models.UniqueConstraint(fields=["plan", "address"], name="one_recipient_an_address"),
        ]

    def __str__(self) -> str:
        return str(self.user or self.address)

    @property
    def email(self) -> str:
        return self.user.email if self.user else str(self.address)


class Letter(models.Model):
    """Outbox: one letter to one recipient for one day, or one that somebody asked for at once
    (`asked_by`). It is written once and kept until it is sent, so that every try sends the same
    message; its id is in the Message-ID."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    view = models.ForeignKey(SavedView, models.CASCADE, related_name="letters")
    recipient = models.ForeignKey(Recipient, models.CASCADE, null=True, related_name="letters")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+"
    )
    day = models.DateField(help_text="In the reporting time zone; it tells of the days before.")
    to = models.EmailField(blank=True, help_text="Where it was sent last.")
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    written_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True, help_text="When it was given up; see error.")

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="letter_due",
                condition=Q(sent_at__isnull=True, dropped_at__isnull=True),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "day"], name="one_letter_a_period"),
            models.CheckConstraint(
                condition=Q(recipient=None) ^ Q(asked_by=None), name="letter_is_somebodys"
            ),
            models.CheckConstraint(
                condition=Q(sent_at=None) | Q(dropped_at=None), name="letter_ends_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.view}, {self.day}"
