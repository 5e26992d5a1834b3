"""The admin's page on accounts that are to be deleted: add one, or keep it after all."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import deletions
from accounts.admin_pages import RecordAdmin, may_change_person
from accounts.models import Deletion, User
from accounts.requests import person


class DeletionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whose account, and why."""

    class Meta:
        model = Deletion
        fields = ("user", "reason")
        widgets = {"reason": UnfoldAdminTextInputWidget}
        help_texts = {
            "user": "They see it on every page, and by mail where the site sends any, "
            "and may keep the account until the day."
        }

    def clean_user(self) -> User:
        """Refuse nobody's account, and the one that the site cannot do without."""
        user: User | None = self.cleaned_data["user"]
        if user is None:
            raise forms.ValidationError("Choose whose account it is.")
        if words := deletions.refusal(user):
            raise forms.ValidationError(words)
        return user


@admin.register(Deletion)
class DeletionAdmin(RecordAdmin):
    """Accounts that are to be deleted. Adding one tells its owner, who may keep it."""

    form = DeletionForm
    list_display = (
        "id",
        "user",
        "due_at",
        "requested_by",
        "reason",
        "requested_at",
        "begun_at",
    )
    list_select_related = ("user", "requested_by")
    search_fields = ("^user__email",)
    ordering = ("-id",)
    actions = ("keep_accounts",)
    autocomplete_fields = ("user",)
    readonly_fields = ("due_at",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for a person and a reason; of one that was asked for, tell the rest."""
        asked = ("user", "reason")
        told = ("due_at", "requested_by", "requested_at", "warned_at", "begun_at")
        return asked if obj is None else (*asked, *told)

    @admin.display(description="Deleted on", ordering="user__deletion_due_at")
    def due_at(self, deletion: Deletion) -> str:
        """When it begins."""
        due_at = deletion.user.deletion_due_at if deletion.user else None
        return f"{timezone.localtime(due_at):%-d %B %Y, %H:%M}" if due_at else "Done"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers, and staff with the right to delete people."""
        return request.user.has_perm("accounts.delete_user")

    def has_keep_permission(self, request: HttpRequest) -> bool:
        """Those who may ask for it may also take it back."""
        return self.has_add_permission(request)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Let superusers alone choose somebody who is staff."""
        if db_field.name == "user" and not request.user.is_superuser:
            kwargs["queryset"] = User.objects.filter(is_staff=False, is_superuser=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Deletion, form: Any, change: bool
    ) -> None:
        """Ask for it; the day follows from the settings."""
        user = obj.user
        if user is None or not may_change_person(request, user):
            raise PermissionDenied
        try:
            deletions.ask(user, by=person(request), reason=obj.reason)
        except deletions.CannotDelete as refusal:  # it was not so a moment ago
            raise PermissionDenied(refusal.user_message) from refusal
        obj.pk = Deletion.objects.get(user=user).pk

    @admin.action(description="Keep selected accounts", permissions=["keep"])
    def keep_accounts(
        self, request: HttpRequest, queryset: QuerySet[Deletion, Deletion]
    ) -> None:
        """Take back those that have not begun."""
        kept = 0
        for row in queryset.select_related("user"):
            if row.user is None or not may_change_person(request, row.user):
                continue
            with transaction.atomic():
                is_kept = deletions.keep(row.user)
                if is_kept:
                    self.log_change(request, row.user, "Kept after all.")
            kept += is_kept
        self.message_user(request, f"{kept} accounts stay.")
