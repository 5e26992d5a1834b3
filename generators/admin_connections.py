"""The admin's pages on connections to remote providers: set up, tried, watched."""

import functools
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import capfirst
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.admin_pages import QuickAdmin
from accounts.audit_changes import Snapshot, between
from accounts.models import AuditEntry
from generators import health
from generators.connection_form import ConnectionForm, remote_provider
from generators.connection_states import State, Tone, state_of
from generators.connections import with_jobs_in_flight
from generators.models import Connection, GenerationJob, ImageModel
from generators.providers import registry

DOTS = {
    Tone.GOOD: "bg-green-500",
    Tone.UNKNOWN: "bg-base-400",
    Tone.TROUBLED: "bg-orange-500",
    Tone.BAD: "bg-red-500",
    Tone.OFF: "bg-base-300",
}
BADGED = {Tone.TROUBLED, Tone.BAD}


def badge(request: HttpRequest) -> int:
    """Return how many connections want the admin's eye, for the sidebar."""
    return sum(state_of(row).tone in BADGED for row in Connection.objects.all())


def but_for_connections(fieldsets: Any, request: HttpRequest) -> list[Any]:
    """Leave a row's connection out of its page for those who may see none."""
    if request.user.has_perm("generators.view_connection"):
        return list(fieldsets)
    return [
        (
            title,
            options | {"fields": [f for f in options["fields"] if f != "connection"]},
        )
        for title, options in fieldsets
    ]


@admin.register(Connection)
class ConnectionAdmin(QuickAdmin):
    """Ways to remote providers: an address, a key that is never shown, how they fare."""

    form = ConnectionForm
    list_display = (
        "label",
        "provider_label",
        "state",
        "jobs_in_flight",
        "balance_told",
        "trouble",
    )
    list_filter = ("enabled",)
    search_fields = ("label", "provider")
    ordering = ("provider", "label")
    actions = ("try_again",)
    change_form_outer_before_template = "admin/generators/connection/state.html"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what the provider has use for."""
        provider = remote_provider(obj.provider if obj else _chosen(request))
        asks_account = provider is not None and provider.account_words
        account = ("account",) if asks_account or (obj and obj.account) else ()
        kept = ("remove_key",) if obj and obj.encrypted_key else ()
        return (
            (
                provider.label if provider else None,
                {"fields": ("provider", "label", "enabled")},
            ),
            ("Access", {"fields": ("key", *kept, "base_url", *account)}),
            (
                "Limits",
                {"fields": ("max_concurrency", "max_per_minute", "result_hosts")},
            ),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """Count the jobs in flight of each in the same query."""
        return with_jobs_in_flight(super().get_queryset(request))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Tell a new connection's form which provider was chosen."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"given_provider": _chosen(request)})

    def get_urls(self) -> list[URLPattern]:
        """Add the button that tries again."""
        view = self.admin_site.admin_view(require_POST(self.try_again_view))
        name = "generators_connection_try_again"
        return [
            path("<path:object_id>/try-again/", view, name=name),
            *super().get_urls(),
        ]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Ask for the provider first: the form speaks its words."""
        provider = remote_provider(_chosen(request))
        if self.has_add_permission(request) and provider is None:
            return self._choose_provider(request)
        title = f"Connect {provider.label}" if provider else None
        context = {"title": title, **(extra_context or {})}
        return super().add_view(request, form_url, context)

    @method_decorator(sensitive_post_parameters("key"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the form, below how the connection stands."""
        context = dict(extra_context or {})
        row = self.get_object(request, object_id) if object_id else None
        if row is not None:
            context |= self._standing(request, row)
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(
        self, request: HttpRequest, obj: Connection, form: Any, change: bool
    ) -> None:
        """Save it, and try it once that is certain: a service may take its time."""
        super().save_model(request, obj, form, change)
        if obj.enabled:
            transaction.on_commit(functools.partial(self._try, request, obj.pk))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say what goes with it; its discovered models do, whoever may delete them."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        lacking.discard(ImageModel._meta.verbose_name)
        unended = GenerationJob.objects.filter(finished_at__isnull=True)
        polled = unended.filter(
            connection__in=objs, status=GenerationJob.Status.RUNNING
        ).count()
        waiting = unended.filter(
            image_model__connection__in=objs, status=GenerationJob.Status.QUEUED
        ).count()
        for number, what in (
            (waiting, "waiting for its models"),
            (polled, "under way"),
        ):
            if number:
                counts = {**counts, f"jobs {what}, which will fail": number}
                deleted = [_lost_words(number, what), *deleted]
        return deleted, counts, lacking, protected

    @admin.action(description="Try again now", permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        """Ask the services of the selected ones whether they work."""
        for row in queryset:
            self._try_by_hand(request, row)

    def try_again_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Ask one service whether it works, and show what it says."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_or_change_permission(request, row):
            raise Http404
        if self.has_change_permission(request, row):
            self._try_by_hand(request, row)
        return redirect("admin:generators_connection_change", row.pk)

    @admin.display(description="Provider", ordering="provider")
    def provider_label(self, row: Connection) -> str:
        """The provider's own name."""
        provider = remote_provider(row.provider)
        return provider.label if provider else f"{row.provider} (not of this site)"

    @admin.display(description="State")
    def state(self, row: Connection) -> str:
        """A dot and the words it stands for."""
        return _with_dot(state_of(row))

    @admin.display(description="In flight")
    def jobs_in_flight(self, row: Connection) -> str:
        """Jobs it is at work on, of those it may be."""
        number = row.num_in_flight  # type: ignore[attr-defined]
        words = '<span class="whitespace-nowrap">{} of {}</span>'
        return format_html(words, number, row.max_concurrency)

    @admin.display(description="Balance")
    def balance_told(self, row: Connection) -> str:
        """What is left at the service, where it tells."""
        return row.balance or "-"

    @admin.display(description="Last trouble", ordering="last_trouble_at")
    def trouble(self, row: Connection) -> str:
        """When something went wrong last, and what."""
        if row.last_trouble_at is None:
            return "none"
        when = date_format(timezone.localtime(row.last_trouble_at), "j M, H:i")
        return format_html(
            '<span title="{}">{}: {}</span>',
            row.last_trouble,
            when,
            row.last_trouble.partition(" (")[0],
        )

    def _choose_provider(self, request: HttpRequest) -> HttpResponse:
        providers = (registry.get(slug) for slug in registry.remote_slugs())
        context = self.admin_site.each_context(request) | {
            "title": "Connect a provider",
            "opts": self.opts,
            "providers": sorted(providers, key=lambda each: each.label.lower()),
        }
        template = "admin/generators/connection/choose_provider.html"
        return TemplateResponse(request, template, context)

    def _standing(self, request: HttpRequest, row: Connection) -> dict[str, Any]:
        provider = remote_provider(row.provider)
        return {
            "subtitle": provider.label if provider else row.provider,
            "connection": row,
            "state": _with_dot(state_of(row)),
            "in_flight": self.jobs_in_flight(row),
            "may_try": self.has_change_permission(request, row),
        }

    def _try_by_hand(self, request: HttpRequest, row: Connection) -> None:
        """Try it and write that down: not in one transaction, services are slow."""
        rows = Connection.objects.filter(pk=row.pk).values(
            "check_passed", "check_words"
        )
        before: Snapshot = rows.first() or {}
        self._try(request, row.pk)
        changes = between(Connection, before, rows.first() or {})
        self.log_act(request, row, AuditEntry.Action.TRY, changes=changes)

    def _try(self, request: HttpRequest, pk: int) -> None:
        row = Connection.objects.filter(pk=pk).first()
        if row is None:
            return
        passed = health.check(row)
        level = messages.SUCCESS if passed else messages.WARNING
        self.message_user(request, f"{row.label}: {row.check_words}", level)
        unpriced = row.image_models.filter(price__isnull=True, retired=False)
        if passed and (number := unpriced.count()):
            self.message_user(request, _unpriced_words(row, number), messages.INFO)


def _chosen(request: HttpRequest) -> str:
    """Return the provider that a new connection is for."""
    return request.GET.get("provider") or request.POST.get("provider") or ""


def _with_dot(state: State) -> str:
    return format_html(
        '<span class="inline-flex items-center gap-2 whitespace-nowrap">'
        '<span class="{} h-2 rounded-full shrink-0 w-2" aria-hidden="true"></span>'
        "{}</span>",
        DOTS[state.tone],
        capfirst(state.words),
    )


def _unpriced_words(row: Connection, number: int) -> str:
    address = reverse("admin:generators_imagemodel_changelist")
    return format_html(
        '<a href="{}?connection__id__exact={}">{}</a>',
        address,
        row.pk,
        "1 model has no price yet. Set it and switch it on."
        if number == 1
        else f"{number} models have no price yet. Set it and switch them on.",
    )


def _lost_words(number: int, what: str) -> str:
    if number == 1:
        return f"1 job {what}: it will fail, and its credits are given back"
    return f"{number} jobs {what}: they will fail, and their credits are given back"
