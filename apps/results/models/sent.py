"""What services send to prompts through the gateway, by name."""

from django.db import models


class SentNames(models.Model):
    """A set of names that a service sent to a prompt on a channel, and until when. Never a value:
    calls through the gateway keep none. Kept up by `apps.results.services.sent`."""

    service = models.CharField(max_length=50)
    prompt = models.CharField(max_length=50)
    channel = models.CharField(max_length=50)
    variables = models.JSONField(default=list, help_text="Names, in order.")
    parameters = models.JSONField(
        default=list, help_text="Of tools that the caller brought: tools, functions, function_call."
    )
    tool = models.CharField(max_length=64, blank=True, help_text="The one that must be called.")
    digest = models.CharField(max_length=32, help_text="Of the names.")
    last_at = models.DateTimeField(help_text="The hour in which it was sent last.")

    class Meta:
        indexes = [models.Index(fields=["last_at"], name="sent_names_last_at")]
        constraints = [
            models.UniqueConstraint(
                fields=["prompt", "channel", "service", "digest"], name="names_sent_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} to {self.prompt}: {', '.join(self.variables)}"
