"""Write the table of what each remote model can do into docs/providers.md."""

from typing import Any

from django.core.management.base import BaseCommand

from generators import provider_matrix


class Command(BaseCommand):
    """Makes the table anew from the reviewed catalogues."""

    help = "Write the table of docs/providers.md from the catalogues."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the document, and say where it is."""
        path = provider_matrix.PATH
        text = path.read_text(encoding="utf-8")
        path.write_text(provider_matrix.written(text), encoding="utf-8")
        self.stdout.write(f"Written: {path}")
