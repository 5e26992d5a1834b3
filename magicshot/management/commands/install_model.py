"""Installs a model of the Hugging Face hub for this machine to draw with."""

import importlib.util
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from generators.pipelines.memory import in_words
from magicshot import preparing

_NO_PACKAGES = (
    "This needs the packages for local models (requirements/local.txt). See "
    "docs/local-models.md."
)
_OTHER_REVISION = (
    "Another revision lies in {}. Remove that folder, then run this command again."
)
_UNKNOWN_REVISION = (
    "It is not known which revision lies in {}. Remove that folder, then run this "
    "command again."
)


class Command(BaseCommand):
    """``manage.py install_model stabilityai/stable-diffusion-xl-base-1.0``."""

    help = "Install a model of the Hugging Face hub, by its id, into MODELS_DIR."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the hub id and, if wanted, a revision."""
        parser.add_argument("id", help="for example owner/model")
        parser.add_argument("--revision", help="a branch, tag or commit of it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show sizes, download, and offer the model."""
        if importlib.util.find_spec("huggingface_hub") is None:
            raise CommandError(_NO_PACKAGES)
        # The hub's client comes with the local models' packages only.
        from generators.providers.local import hub, hub_errors

        repo_id, models_folder = options["id"], Path(settings.MODELS_DIR)
        try:
            wanted = hub.plan(
                repo_id,
                revision=options["revision"],
                endpoint=settings.HF_ENDPOINT,
                models_folder=models_folder,
            )
            if wanted.destination.exists():
                if options["revision"] and wanted.installed_commit != wanted.commit:
                    is_known = wanted.installed_commit
                    words = _OTHER_REVISION if is_known else _UNKNOWN_REVISION
                    raise CommandError(words.format(wanted.destination))
                preparing.prepare(static=False)
                self.stdout.write(f"Already installed: {wanted.destination}")
                return
            free = hub.check_disk(wanted)
            self.stdout.write(
                f"{repo_id}: {in_words(wanted.total_bytes)} in {len(wanted.files)} "
                f"files, {in_words(wanted.present_bytes)} of it here already; "
                f"{in_words(free)} free in {models_folder}."
            )
            path = hub.download(wanted, bar=tqdm)
        except hub_errors.CannotInstall as error:
            raise CommandError(str(error)) from error
        preparing.prepare(static=False)
        self.stdout.write(self.style.SUCCESS(f"Installed: {path}"))
