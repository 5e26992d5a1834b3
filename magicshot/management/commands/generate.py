"""Turns words into a picture file, through the site's own queue and worker."""

import argparse
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.ledger import InDebt, InsufficientCredits
from accounts.models import User
from gallery import downloads
from gallery.models import Image
from generators import catalog, jobs
from generators.contracts import GenerationRequest
from generators.models import GenerationJob, ImageModel
from generators.refusals import CannotSubmit
from generators.validation import RequestErrors, build_request, find_model
from magicshot import preparing, setup, waiting

FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
ARGUMENTS = {"image_model": "--model", "num_images": "--count"}
"""Where the field of a request is not simply an argument of the same name."""

MOST_NAMED = 20
WRONG_ARGUMENT = 2
INTERRUPTED = 130


class Command(BaseCommand):
    """Runs one job from the command line."""

    help = "Draw a picture from words, for the site's owner, and save it to a file."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the prompt and the switches; their values are checked by the site."""
        parser.add_argument("prompt", help="what the picture shows")
        parser.add_argument(
            "--model", help="slug of an image model; see: manage.py models"
        )
        parser.add_argument(
            "--out", required=True, type=Path, help="a .png, .jpg or .webp"
        )
        parser.add_argument("--seed", help="the same seed draws the same picture again")
        parser.add_argument("--count", default="1", help="how many: apple-1.png, ...")
        parser.add_argument("--size", help="for example 512x512")

    def handle(self, **options: Any) -> None:
        """Check everything, submit, wait, and write the files."""
        out: Path = options["out"]
        _check_out(out)
        preparing.prepare(static=False)
        image_model, request = _request(options)
        owner = setup.ensure_owner()
        job = _submit(owner, image_model, request)
        job = waiting.wait_for(job, on_news=self._reporter(), on_line=self._on_line)
        self._finish(job, _targets(out, request.num_images))

    def _reporter(self) -> Callable[[GenerationJob], None]:
        """Return what prints a job's news: in place on a terminal, else as lines."""
        last = ""

        def report(job: GenerationJob) -> None:
            nonlocal last
            words = f"{job.status}"
            if job.status == GenerationJob.Status.RUNNING:
                words = f"{job.phase}"
                if job.phase == GenerationJob.Phase.DRAWING:
                    words += f" {job.progress:.0%}"
            if words == last:
                return
            if self.stderr.isatty():
                self.stderr.write(f"\r\x1b[K{words}", ending="\n" * job.is_ended)
            elif words.split()[0] != (last.split() or [""])[0]:
                self.stderr.write(words)
            self.stderr.flush()
            last = words

        return report

    def _on_line(self, name: str, line: str) -> None:
        self.stderr.write(f"{name}: {line}")

    def _finish(self, job: GenerationJob, targets: list[Path]) -> None:
        images = Image.objects.filter(job_id=job.public_id).select_related("file")
        done = [
            _write(image, targets[image.position])
            for image in images.order_by("position")
        ]
        for path in done:
            self.stdout.write(str(path))
        if job.status == GenerationJob.Status.CANCELED:
            raise CommandError(
                "Canceled; nothing more is charged.", returncode=INTERRUPTED
            )
        if not job.is_ended:
            raise CommandError(
                "Left while the job still runs; see it in the gallery later.",
                returncode=INTERRUPTED,
            )
        if job.status == GenerationJob.Status.FAILED:
            raise CommandError(f"{job.failure_message} Nothing was charged.")
        if len(done) < len(targets):
            raise CommandError(
                f"Only {len(done)} of {len(targets)} were delivered and charged."
            )


def _request(options: dict[str, Any]) -> tuple[ImageModel, GenerationRequest]:
    try:
        image_model = _model(options["model"])
        return image_model, build_request(
            image_model,
            prompt=options["prompt"],
            num_images=options["count"],
            size=options["size"],
            seed=options["seed"],
        )
    except RequestErrors as error:
        if "image_model" in error.errors:
            error.errors["image_model"] += _slugs_to_choose()
        lines = [
            f"argument {ARGUMENTS.get(name) or (name if name == 'prompt' else f'--{name}')}: {text}"
            for name, text in error.errors.items()
        ]
        raise CommandError("\n".join(lines), returncode=WRONG_ARGUMENT) from error


def _slugs_to_choose() -> str:
    """Name what can be given, where no list is at hand."""
    slugs = [row.slug for row in catalog.usable_models()]
    more = f" and {len(slugs) - MOST_NAMED} more" if len(slugs) > MOST_NAMED else ""
    return f" Slugs: {', '.join(slugs[:MOST_NAMED])}{more}." if slugs else ""


def _model(name: str | None) -> ImageModel:
    if name is not None:
        return find_model(name)
    for image_model in catalog.usable_models():
        return image_model
    raise RequestErrors({"image_model": "No model of this site can be used now."})


def _check_out(out: Path) -> None:
    problem = ""
    if out.suffix.lower() not in FORMATS:
        problem = f"{out} must end in {', '.join(FORMATS)}."
    elif out.is_dir():
        problem = f"{out} is a folder."
    elif not out.parent.is_dir():
        problem = f"the folder {out.parent} does not exist."
    elif not os.access(out if out.exists() else out.parent, os.W_OK):
        problem = f"{out} cannot be written."
    if problem:
        raise CommandError(f"argument --out: {problem}", returncode=WRONG_ARGUMENT)


def _submit(
    owner: User, image_model: ImageModel, request: GenerationRequest
) -> GenerationJob:
    try:
        generation = jobs.submit_generation(
            user=owner,
            prompt=request.prompt,
            requests=[(image_model, request)],
            client_token=uuid.uuid4(),
        )
    except InsufficientCredits as error:
        raise CommandError(
            f"{owner} has {error.available} credits and this needs {error.needed}. "
            "Grant more in the admin."
        ) from error
    except (CannotSubmit, InDebt) as error:
        raise CommandError(str(error)) from error
    job = generation.jobs.get()
    if job.phase == GenerationJob.Phase.APPROVAL:
        raise CommandError(
            f"It costs more than {owner} may spend without asking. Agree to it in the "
            "admin, Jobs; the picture will be in the gallery then."
        )
    return job


def _targets(out: Path, count: int) -> list[Path]:
    if count == 1:
        return [out]
    return [out.with_stem(f"{out.stem}-{number}") for number in range(1, count + 1)]


def _write(image: Image, path: Path) -> Path:
    wanted = FORMATS[path.suffix.lower()]
    is_such = image.file.mime_type == f"image/{wanted}"
    content = downloads.download(image, "original" if is_such else wanted).content
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(
            f"argument --out: {path} cannot be written: {error.strerror}. "
            "The picture is safe in the gallery."
        ) from error
    return path
