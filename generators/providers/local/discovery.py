"""Finds the models in the operator's folders, and says why others are not offered."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from generators import pipelines
from generators.capabilities import Capabilities, Size
from generators.pipelines.checkpoint_headers import BrokenCheckpoint
from generators.pipelines.protocol import Checkpoint
from generators.providers.local import description, families, folders, single_files
from generators.providers.local.description import Description
from generators.providers.local.folders import INDEX, PICKLES, Anatomy

PARTIAL_SUFFIX = ".partial"
_DEEPEST = 3
# Configurations of the families whose single files can do without a folder: the
# published ones of SD 1.5 and SDXL.
_CONFIGS = Path(pipelines.__file__).parent / "configs"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    """A checkpoint that can be offered."""

    checkpoint: Checkpoint
    description: Description
    capabilities: Capabilities
    family_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A file or folder that looks like a model but is not offered, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What lies in the models folders now."""

    models: tuple[FoundModel, ...]
    problems: tuple[Problem, ...]

    def find(self, model_id: str) -> FoundModel | None:
        """Return the model of that id, if it is still there and sound."""
        return next(
            (each for each in self.models if each.checkpoint.model_id == model_id), None
        )


def discover(roots: Sequence[Path]) -> Discovery:
    """Look through the folders, in order; of two models of one name the first counts."""
    models: dict[str, FoundModel] = {}
    problems: list[Problem] = []
    single: list[tuple[str, Path]] = []
    for root in roots:
        for path in _candidates(root, depth=1):
            model_id = path.relative_to(root).as_posix()
            if _is_dir(path):
                _add(models, problems, model_id=model_id, path=path)
            elif path.suffix in PICKLES:
                problems.append(Problem(path=path, reason=_PICKLE))
            else:
                single.append((model_id, path))
    for model_id, path in single:
        donors = tuple(models.values())
        _add(models, problems, model_id=model_id, path=path, donors=donors)
    return Discovery(models=tuple(models.values()), problems=tuple(problems))


_ODD = "What its files say of themselves makes no sense."
_PICKLE = (
    "A pickle can run code when it is opened. Get the model as safetensors instead."
)


def _candidates(folder: Path, *, depth: int) -> Iterator[Path]:
    """Yield pipelines' folders, and files that look like checkpoints."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if path.name.startswith(".") or path.name.endswith(PARTIAL_SUFFIX):
            continue
        if not _is_dir(path):
            if path.suffix == ".safetensors" or path.suffix in PICKLES:
                yield path
        elif _is_file(path.with_name(f"{path.name}.safetensors")):
            continue  # the configurations of the file of the same name
        elif _is_file(path / INDEX) or depth == _DEEPEST:
            yield path
        else:
            inside = list(_candidates(path, depth=depth + 1))
            yield from inside or (path,)


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # as a folder it is looked at, fails again, and is named
        return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long, or the folder is not for us
        return False


def _add(
    models: dict[str, FoundModel],
    problems: list[Problem],
    *,
    model_id: str,
    path: Path,
    donors: tuple[FoundModel, ...] = (),
) -> None:
    try:
        if model_id in models:
            raise BrokenCheckpoint("Another model already has this name.")
        models[model_id] = _look_at(model_id, path, donors)
    except BrokenCheckpoint as error:
        problems.append(Problem(path=path, reason=str(error)))
    except OSError as error:
        problems.append(
            Problem(path=path, reason=f"It cannot be read: {error.strerror}.")
        )
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        problems.append(Problem(path=path, reason=_ODD))


def _look_at(model_id: str, path: Path, donors: tuple[FoundModel, ...]) -> FoundModel:
    if path.is_dir():
        if not (path / INDEX).is_file():
            raise BrokenCheckpoint(f"The folder is no pipeline: it has no {INDEX}.")
        return _inspected(model_id, path, _signature(path))
    described = path.with_suffix(f".{description.NAME}")
    signature = _signature(path) + (_signature(described) if described.exists() else "")
    found = _inspected(model_id, path, signature)
    config_path = _config_folder(path, found, donors)
    return replace(
        found, checkpoint=replace(found.checkpoint, config_path=str(config_path))
    )


def _config_folder(
    path: Path, found: FoundModel, donors: tuple[FoundModel, ...]
) -> Path:
    """Choose where a single file's configurations and tokenizers come from."""
    family = found.checkpoint.family
    beside = path.with_suffix("")
    if (beside / INDEX).is_file():
        return beside
    if (_CONFIGS / family / INDEX).is_file():
        return _CONFIGS / family
    for donor in donors:
        if donor.checkpoint.family == family and not donor.checkpoint.config_path:
            return Path(donor.checkpoint.path)
    raise BrokenCheckpoint(
        f"A single file holds no tokenizer. Install any {found.family_name} model as a "
        f"folder, or put a folder of configurations named {beside.name} beside it."
    )


def _signature(path: Path) -> str:
    """Name the files' names, sizes and times; changes when any of them does."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    facts = [
        f"{each}:{stat.st_size}:{stat.st_mtime_ns}"
        for each in files
        if not each.is_dir()
        for stat in (each.stat(),)
    ]
    return sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


@functools.lru_cache(maxsize=256)
def _inspected(model_id: str, path: Path, signature: str) -> FoundModel:
    if path.is_dir():
        described = description.read(path / description.NAME)
        found = folders.anatomy(path)
    else:
        described = description.read(path.with_suffix(f".{description.NAME}"))
        found = single_files.anatomy(path)
    return FoundModel(
        checkpoint=_checkpoint(
            model_id, path, signature=signature, found=found, described=described
        ),
        description=described,
        capabilities=_capabilities(found, described),
        family_name=found.family.name,
    )


def _checkpoint(
    model_id: str,
    path: Path,
    *,
    signature: str,
    found: Anatomy,
    described: Description,
) -> Checkpoint:
    name = model_id.removesuffix(".safetensors").replace("--", " / ")
    return Checkpoint(
        model_id=model_id,
        label=described.label or name.replace("_", " ").replace("-", " ")[:100],
        path=str(path),
        pipeline_class=found.family.pipeline_class,
        family=found.family.key,
        float_elements=found.float_elements,
        other_bytes=found.other_bytes,
        decoder_channels=found.decoder_channels,
        variant=found.variant,
        signature=signature,
        has_safety_checker=found.has_safety_checker,
        latent_rgb_factors=described.latent_rgb_factors,
        latent_rgb_bias=described.latent_rgb_bias,
    )


def _capabilities(found: Anatomy, described: Description) -> Capabilities:
    native = description.native_size(described, found.native)
    sizes: tuple[Size, ...] = described.sizes
    if described.width is not None and native not in sizes:
        sizes = (native, *sizes)
    return families.capabilities(
        found.family,
        native=native,
        sizes=sizes,
        steps=described.num_inference_steps,
        guidance_scale=described.guidance_scale,
        native_batch=described.native_batch,
        schedulers=found.schedulers,
    )
