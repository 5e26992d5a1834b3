"""The admin's pages on words: what is refused or flagged, what was, and the queue."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from accounts.admin_pages import QuickAdmin, RecordAdmin, may_change_person
from accounts.requests import person
from gallery.files import StorageFailed, open_file
from generators import moderation
from generators.models import PromptRule, PromptVerdict
from generators.moderation import Decision, Fate
from generators.moderation_case import case_context
from generators.moderation_forms import DecisionForm, ReasonForm

AT_ONCE = 200
"""How many presses one press of a button dismisses."""
DECIDED_MEANWHILE = (
    "Nothing was done: this case was decided a moment ago. See below what was done, and "
    "decide again if that is not enough."
)


def badge(request: HttpRequest) -> int:
    """Return how many flagged presses wait, for the sidebar; no more than 99."""
    return moderation.open_verdicts()[:99].count()


@admin.register(PromptRule)
class PromptRuleAdmin(QuickAdmin):
    """Words that are refused, or flagged. Those built in are always refused."""

    list_display = ("phrase", "action", "group", "enabled", "note")
    list_editable = ("enabled",)
    list_filter = ("action", "enabled")
    list_select_related = ("group",)
    search_fields = ("phrase",)
    ordering = ("phrase",)
    autocomplete_fields = ("group",)
    fields = ("phrase", "action", "group", "enabled", "note")


@admin.register(PromptVerdict)
class PromptVerdictAdmin(RecordAdmin):
    """Presses that a rule caught, newest first; of those flagged, what was decided."""

    private = ("prompt",)
    list_display = (
        "number",
        "owner_link",
        "action",
        "rule",
        "num_pictures",
        "standing",
        "created_at",
    )
    list_display_links = ("number",)
    list_filter = ("state", "action")
    list_select_related = ("owner", "generation", "decided_by")
    search_fields = ("^owner__email",)
    ordering = ("-id",)
    actions = ("dismiss_selected",)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Count the pictures of the rows that are shown, and of no others."""
        rows = super().get_changelist_instance(request)
        counted = moderation.count_pictures(rows.result_list)
        for verdict in rows.result_list:
            verdict.pictures = counted[verdict.pk]
        return rows

    def get_urls(self) -> list[URLPattern]:
        """Add the pictures of a case, for whoever sees them."""
        view = self.admin_site.admin_view(self.picture_view)
        name = "generators_promptverdict_picture"
        picture = path("<int:pk>/pictures/<uuid:public_id>.webp", view, name=name)
        return [picture, *super().get_urls()]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Those who may change caught prompts decide about them."""
        return request.user.has_perm("generators.change_promptverdict")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """Show one case, and take what was pressed on its page."""
        verdict = self._verdict(request, object_id)
        if request.method != "POST":
            return self._show_case(request, verdict)
        if not self._may_decide(request, verdict):
            raise PermissionDenied
        if "show" in request.POST:
            return self._show_content(request, verdict)
        return self._decide(request, verdict)

    @admin.action(description="Dismiss selected", permissions=["decide"])
    def dismiss_selected(
        self, request: HttpRequest, queryset: QuerySet[PromptVerdict]
    ) -> HttpResponse | None:
        """Ask why, then take the open ones of these out of the queue."""
        if not request.user.is_superuser:
            queryset = queryset.filter(owner__is_staff=False, owner__is_superuser=False)
        waiting = queryset.filter(state=PromptVerdict.State.OPEN)[:AT_ONCE]
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            decision = Decision(seen="", fate=Fate.DISMISS, reason=reason)
            for verdict in waiting:
                moderation.decide(verdict, person(request), decision)
            messages.success(request, "They are dismissed.")
            return None
        context = self.admin_site.each_context(request) | {
            "title": "Dismiss flagged prompts",
            "form": form,
            "waiting": waiting,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        template = "admin/generators/promptverdict/dismiss.html"
        return render(request, template, context, status=422 if form.is_bound else 200)

    def picture_view(
        self, request: HttpRequest, pk: int, public_id: UUID
    ) -> HttpResponse:
        """Send a picture of a case to an admin who sees its content."""
        verdict = self._verdict(request, str(pk))
        if not moderation.may_see(person(request), verdict):
            raise Http404
        pictures = moderation.pictures_of(verdict).select_related("file")
        image = get_object_or_404(pictures, public_id=public_id)
        try:
            content = open_file(image.file.large_path)
        except (FileNotFoundError, StorageFailed):
            raise Http404 from None
        headers = {"Cache-Control": "private, no-store"}
        return HttpResponse(content, content_type="image/webp", headers=headers)

    @admin.display(description="Case", ordering="id")
    def number(self, verdict: PromptVerdict) -> str:
        """Its number."""
        return f"Case {verdict.pk}"

    @admin.display(description="Who", ordering="owner__email")
    def owner_link(self, verdict: PromptVerdict) -> str:
        """Who pressed, linked to their page."""
        url = reverse("admin-person", args=[verdict.owner_id])
        link = '<a class="text-link" href="{}">{}</a>'
        return format_html(link, url, verdict.owner.email)

    @admin.display(description="Pictures")
    def num_pictures(self, verdict: Any) -> int:
        """How many there are of it, trashed ones too."""
        return int(verdict.pictures)

    @admin.display(description="State", ordering="state")
    def standing(self, verdict: PromptVerdict) -> str:
        """What was decided, and by whom."""
        if not verdict.state:
            return "Refused at once"
        words = capfirst(verdict.get_state_display())
        return f"{words} by {verdict.decided_by}" if verdict.decided_by else words

    def _verdict(self, request: HttpRequest, object_id: str) -> PromptVerdict:
        """Return the case. Raises Http404 for one that is not theirs to see."""
        verdict: PromptVerdict | None = self.get_object(request, object_id)
        if verdict is None or not self.has_view_permission(request, verdict):
            raise Http404
        return verdict

    def _may_decide(self, request: HttpRequest, verdict: PromptVerdict) -> bool:
        """Leave what staff asked for, oneself too, to superusers."""
        is_theirs = may_change_person(request, verdict.owner)
        return is_theirs and self.has_decide_permission(request)

    def _show_content(
        self, request: HttpRequest, verdict: PromptVerdict
    ) -> HttpResponseBase:
        form = _show_form(request.POST)
        if not form.is_valid():
            return self._show_case(request, verdict, show_form=form)
        moderation.show(verdict, person(request), form.cleaned_data["reason"])
        return redirect("admin:generators_promptverdict_change", verdict.pk)

    def _decide(self, request: HttpRequest, verdict: PromptVerdict) -> HttpResponseBase:
        form = self._decision_form(request, verdict, request.POST)
        if not form.is_valid():
            return self._show_case(request, verdict, form=form)
        if moderation.decide(verdict, person(request), form.decision()):
            messages.success(request, f"Case {verdict.pk} is decided.")
        else:
            messages.warning(request, DECIDED_MEANWHILE)
        return redirect("admin:generators_promptverdict_change", verdict.pk)

    def _decision_form(
        self, request: HttpRequest, verdict: PromptVerdict, typed: Any = None
    ) -> DecisionForm:
        may = request.user.has_perm
        return DecisionForm(
            typed,
            pictures=moderation.pictures_of(verdict),
            seen=moderation.mark_of(verdict),
            may_erase=may("gallery.delete_image"),
            may_stop=may("accounts.change_user") and verdict.owner != request.user,
        )

    def _show_case(
        self,
        request: HttpRequest,
        verdict: PromptVerdict,
        *,
        form: DecisionForm | None = None,
        show_form: ReasonForm | None = None,
    ) -> HttpResponse:
        may_decide = self._may_decide(request, verdict)
        if form is None and may_decide:
            form = self._decision_form(request, verdict)
        context = self.admin_site.each_context(request) | {
            "title": f"Case {verdict.pk}",
            "standing": self.standing(verdict),
            "form": form,
            "show_form": (show_form or _show_form()) if may_decide else None,
            **case_context(verdict, person(request)),
        }
        is_refused = bool((form and form.is_bound) or show_form)
        template = "admin/generators/promptverdict/case.html"
        return render(request, template, context, status=422 if is_refused else 200)


def _show_form(typed: Any = None) -> ReasonForm:
    """Return the form that asks to see a case, beside the one that decides on it."""
    return ReasonForm(typed, auto_id="show_%s")
