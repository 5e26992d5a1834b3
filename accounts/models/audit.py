"""The audit log: what admins and money did, with before and after."""

from collections.abc import Collection

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from accounts.addresses import keys_naming
from accounts.models.append_only import AppendOnlyModel, AppendOnlyQuerySet

FORGOTTEN = "somebody who left"
"""Stands where the name of a deleted account was. The trigger of 0004 knows it too."""


_AT_ONCE = 500
_TEXTS = ("target_text", "reason", "before", "after")


def audit_actions() -> list[tuple[str, str]]:
    """Return the choices of ``AuditEntry.action``: a new one needs no migration."""
    return AuditEntry.Action.choices


class AuditQuerySet(AppendOnlyQuerySet["AuditEntry"]):
    """Entries, which nobody changes; those who left may be struck out."""

    def strike_out(self, person_id: int, addresses: Collection[str]) -> None:
        """Take what tells who somebody was out of the entries by and about them.

        Figures of money stay, for the books. PostgreSQL's trigger lets nothing else
        through.
        """
        rows: models.QuerySet[AuditEntry] = models.QuerySet(self.model, using=self.db)
        rows.filter(actor=person_id).update(actor_name=FORGOTTEN)
        about_them = self.filter(person=person_id).values_list("pk", flat=True)
        keys = [*about_them, *keys_naming(self, _TEXTS, addresses)]
        for start in range(0, len(keys), _AT_ONCE):
            found = rows.filter(pk__in=keys[start : start + _AT_ONCE])
            found.update(target_text=FORGOTTEN, reason="")
            found.exclude(action__in=AuditEntry.MONEY).update(before={}, after={})


class AuditEntry(AppendOnlyModel):
    """One act of an admin, or one of money. Written by ``accounts.audit`` alone.

    ``actor`` and ``person`` are keys and no more: the entry outlives their accounts.
    """

    class Action(models.TextChoices):
        ADD = "add", "added"
        CHANGE = "change", "changed"
        DELETE = "delete", "deleted"
        CREDITS = "credits", "gave or took credits"
        CANCEL = "cancel", "canceled"
        APPROVE = "approve", "agreed to"
        DECLINE = "decline", "declined"
        SEND_AGAIN = "send-again", "sent again"
        GIVE_UP = "give-up", "gave up"
        TRY = "try", "tried"
        SIGN_OUT = "sign-out", "signed out everywhere"
        LOOK = "look", "began to look as"
        LOOK_ACT = "look-act", "acted as"
        LOOK_END = "look-end", "ended looking as"
        SHOW = "show", "had shown"
        DISMISS = "dismiss", "dismissed"
        DECIDE = "decide", "decided on"
        TRASH = "trash", "put into the trash"
        ERASE = "erase", "deleted for ever"
        WARN = "warn", "warned"
        STOP = "stop", "stopped"
        PURCHASE = "purchase", "sold credits"
        REFUND = "refund", "paid back"
        DISPUTE = "dispute", "payment disputed"
        SUBSCRIPTION = "subscription", "subscription changed"

    MONEY = (
        Action.CREDITS,
        Action.PURCHASE,
        Action.REFUND,
        Action.DISPUTE,
        Action.SUBSCRIPTION,
    )

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="Who did it; empty for the site itself.",
    )
    actor_name = models.CharField("who", max_length=254)
    action = models.CharField(max_length=32, choices=audit_actions)
    target_type = models.CharField(max_length=100, help_text="app.model")
    target_pk = models.CharField(max_length=64)
    target_text = models.CharField(max_length=200)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="Whom it concerns.",
    )
    before = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("when", auto_now_add=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["person", "-id"], name="audit_about_person"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
            models.Index(fields=["target_type", "-id"], name="audit_of_type"),
            models.Index(
                fields=["target_pk", "target_type", "-id"], name="audit_of_target"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.get_action_display()} {self.target_text}"
