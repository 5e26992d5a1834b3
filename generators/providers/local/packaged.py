"""What all models share whose weights come in a package, and that work on a picture."""

import importlib.util
import io
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from PIL import Image

from generators import errors
from generators.capabilities import ImageRole
from generators.contracts import (
    Availability,
    GenerationRequest,
    GenerationResult,
    InputImage,
    Lane,
    ModelSpec,
    OnProgress,
    ResultImage,
)
from generators.pipelines.protocol import Work
from generators.providers import limits
from generators.providers.base import Provider
from generators.providers.local import shared_engine
from generators.providers.local.engine_client import EngineClient
from generators.spool import Spool


class PackagedProvider(Provider):
    """Works on a start picture with weights of a package, in the shared engine.

    The package is looked into and never imported. ``needed`` are all packages that it
    takes, ``craft_words`` begin the sentence that says which are missing.
    """

    lane: ClassVar[Lane] = Lane.LOCAL
    is_paid: ClassVar[bool] = False
    package: ClassVar[str]
    weights_folder: ClassVar[str] = "models"
    needed: ClassVar[tuple[str, ...]]
    craft_words: ClassVar[str]

    def __init__(
        self, engine: EngineClient | None = None, folder: Path | None = None
    ) -> None:
        self.engine = engine or shared_engine.get()
        self._folder = folder

    @abstractmethod
    def order_for(
        self, spec: ModelSpec, request: GenerationRequest, start: InputImage
    ) -> Work:
        """Return what the engine shall do. Raises ``ModelUnavailable``."""

    def availability(self) -> Availability:
        """Say whether what it needs is installed; nothing is imported."""
        missing = [
            name for name in self.needed if importlib.util.find_spec(name) is None
        ]
        if missing:
            return Availability(
                is_available=False,
                reason=f"{self.craft_words} on this machine needs packages that are "
                f"not installed here ({', '.join(missing)}).",
            )
        return Availability(is_available=True)

    def loaded_models(self) -> tuple[str, ...]:
        """Return the ``provider_model_id`` of each net that is warm, last used last."""
        own = {spec.provider_model_id for spec in self.catalog()}
        return tuple(each for each in self.engine.held() if each in own)

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult:
        """Work on the start picture; the same one gives the same pixels each time."""
        availability = self.availability()
        if not availability.is_available:
            raise errors.NotConfigured(availability.reason)
        spec = limits.spec_of(self, request)
        limits.refuse_unsupported(spec.capabilities, request)
        (start,) = request.images_of(ImageRole.INIT)
        _refuse_other_size(start, request)
        self.refuse(request)
        work = self.order_for(spec, request, start)
        drawing = self.engine.carry_out(work, on_progress)
        return GenerationResult(
            images=tuple(
                ResultImage(content=Spool(each.payload), losses=each.losses)
                for each in drawing.pictures
            ),
            model_seconds=drawing.model_seconds,
        )

    def close(self) -> None:
        """End the engine."""
        self.engine.close()

    def files(self, *names: str) -> tuple[Path, ...]:
        """Return files of the package's weights. Raises ``ModelUnavailable``."""
        folder = self._folder or package_folder(self.package, self.weights_folder)
        found = tuple(folder / name for name in names)
        for path in found:
            if not path.is_file():
                raise errors.ModelUnavailable(detail=f"{path.name} is not there")
        return found


def package_folder(package: str, name: str = "models") -> Path:
    """Return the folder of a package's weights. Raises ``ModelUnavailable``."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise errors.ModelUnavailable(detail=f"{package} is not installed")
    return Path(spec.submodule_search_locations[0]) / name


def total_bytes(paths: tuple[Path, ...]) -> int:
    """Return how large files are together."""
    return sum(path.stat().st_size for path in paths)


def signature(paths: tuple[Path, ...]) -> str:
    """Return what changes when one of the files does."""
    stats = [path.stat() for path in paths]
    return "-".join(f"{each.st_size}:{each.st_mtime_ns}" for each in stats)


def _refuse_other_size(start: InputImage, request: GenerationRequest) -> None:
    """Refuse a request that names another size than its picture has."""
    try:
        with Image.open(io.BytesIO(start.content)) as picture:
            size = picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise errors.InvalidRequest(
            "The picture is damaged or not complete.", detail=type(error).__name__
        ) from error
    if size != (request.width, request.height):
        raise errors.UnsupportedRequest(
            "The size must be that of the start picture.", field="size"
        )
