"""Brings a model from the Hugging Face hub into the models folder.

Safetensors only. What is there already is kept when a download breaks off, and the
model is seen by the site only when it is complete: it lies in a ``.partial`` folder
until the last byte was checked.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils._headers import build_hf_headers

from generators.pipelines.checkpoint_headers import BrokenCheckpoint
from generators.pipelines.memory import in_words
from generators.providers.local import folders
from generators.providers.local.discovery import PARTIAL_SUFFIX
from generators.providers.local.folders import INDEX, PICKLES
from generators.providers.local.hub_errors import CannotInstall, in_our_words

COMMIT_FILE = ".commit"
"""In a model's folder: which commit of its repository lies there."""

_RESERVE_BYTES = 256 * 2**20  # left free beside the model
_CHUNK_BYTES = 2**20
_WEIGHTS = re.compile(
    r"(diffusion_pytorch_model|model)(\.fp16)?(-\d+-of-\d+)?(\.fp16)?"
    r"\.safetensors(\.index(\.fp16)?\.json)?"
)
_BESIDE_WEIGHTS = re.compile(r"[\w.-]+\.(json|txt|model)")
_ROOT_FILES = re.compile(r"(README\.md|LICENSE[\w.-]*|NOTICE[\w.-]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file of a repository: its path there, bytes, and SHA-256 where it is known."""

    path: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be downloaded, from where and to where."""

    repo_id: str
    commit: str
    endpoint: str
    files: tuple[HubFile, ...]
    destination: Path

    @property
    def partial(self) -> Path:
        """The folder that the download grows in."""
        return self.destination.with_name(self.destination.name + PARTIAL_SUFFIX)

    @property
    def installed_commit(self) -> str:
        """The commit that lies at the destination already; empty if not known."""
        mark = self.destination / COMMIT_FILE
        return mark.read_text() if mark.exists() else ""

    @property
    def total_bytes(self) -> int:
        """The size of the whole."""
        return sum(each.size for each in self.files)

    @property
    def present_bytes(self) -> int:
        """What an earlier, broken off download has left to go on from."""
        return sum(
            min(_size(_local(self.partial, each)), each.size) for each in self.files
        )


def plan(
    repo_id: str, *, revision: str | None, endpoint: str, models_folder: Path
) -> Plan:
    """Ask the hub what the model consists of, and choose what is needed of it.

    Raises ``CannotInstall`` when there is no such model, when it cannot be used, or
    when the hub cannot be reached.
    """
    destination = models_folder / repo_id.replace("/", "--")
    with in_our_words(repo_id):
        info = HfApi(endpoint=endpoint).model_info(
            repo_id, revision=revision, files_metadata=True
        )
        commit = str(info.sha)
        there = {
            each.rfilename: HubFile(
                path=each.rfilename,
                size=int(each.size or 0),
                sha256=each.lfs.sha256 if each.lfs else "",
            )
            for each in info.siblings or ()
        }
        if INDEX not in there:
            raise CannotInstall(_no_pipeline(repo_id, there))
        response = httpx2.get(
            hf_hub_url(repo_id, INDEX, revision=commit, endpoint=endpoint),
            headers=build_hf_headers(),
            follow_redirects=True,
            timeout=30,
        )
        response.raise_for_status()
    chosen = choose(there, _components(response.text))
    return Plan(
        repo_id=repo_id,
        commit=commit,
        endpoint=endpoint,
        files=chosen,
        destination=destination,
    )


def choose(
    there: Mapping[str, HubFile], components: Iterable[str]
) -> tuple[HubFile, ...]:
    """Choose the pipeline's parts: safetensors, half precision where all of it has it."""
    chosen = [there[INDEX]]
    chosen += [f for f in there.values() if _ROOT_FILES.fullmatch(f.path)]
    weights: dict[str, list[HubFile]] = {}
    for component in components:
        inside = [f for f in there.values() if Path(f.path).parent == Path(component)]
        weights[component] = [f for f in inside if _WEIGHTS.fullmatch(_name(f))]
        chosen += [
            f
            for f in inside
            if _BESIDE_WEIGHTS.fullmatch(_name(f)) and ".index." not in _name(f)
        ]
        if not weights[component] and any(_is_pickle(f) for f in inside):
            raise CannotInstall(
                f"{component} is published only as a pickle, which can run code when it "
                "is opened. It was not installed."
            )
    parts = [files for files in weights.values() if files]
    has_half = all(any(".fp16" in _name(f) for f in files) for files in parts)
    chosen += [f for files in parts for f in files if (".fp16" in _name(f)) == has_half]
    return tuple(chosen)


def check_disk(wanted: Plan) -> int:
    """Return the free bytes of the disk, or raise ``CannotInstall`` when too few."""
    wanted.destination.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(wanted.destination.parent).free
    missing = wanted.total_bytes - wanted.present_bytes
    if missing + _RESERVE_BYTES > free:
        raise CannotInstall(
            f"The disk is too full: {in_words(missing)} are to be downloaded and "
            f"{in_words(free)} are free in {wanted.destination.parent}. Free some space, "
            "or point MODELS_DIR at another disk."
        )
    return free


def download(wanted: Plan, *, bar: type[Any]) -> Path:
    """Download what is missing, check it, and put the model in its place.

    ``bar`` is ``tqdm`` or a class like it: one is begun a file.
    Raises ``CannotInstall``; what has come so far stays, and the next call goes on.
    """
    _same_commit(wanted)
    for each in wanted.files:
        _fetch(wanted, each, bar)
    try:
        folders.anatomy(wanted.partial)
    except BrokenCheckpoint as error:
        shutil.rmtree(wanted.partial)
        raise CannotInstall(f"The site cannot draw with this model. {error}") from error
    wanted.partial.rename(wanted.destination)
    return wanted.destination


def _same_commit(wanted: Plan) -> None:
    """Begin anew when what is left is of another revision."""
    mark = wanted.partial / COMMIT_FILE
    if wanted.partial.exists() and (
        not mark.exists() or mark.read_text() != wanted.commit
    ):
        shutil.rmtree(wanted.partial)
    wanted.partial.mkdir(parents=True, exist_ok=True)
    mark.write_text(wanted.commit)


def _fetch(wanted: Plan, each: HubFile, bar: type[Any]) -> None:
    target = _local(wanted.partial, each)
    target.parent.mkdir(parents=True, exist_ok=True)
    if _size(target) > each.size:
        target.unlink()
    url = hf_hub_url(
        wanted.repo_id, each.path, revision=wanted.commit, endpoint=wanted.endpoint
    )
    with in_our_words(wanted.repo_id), target.open("ab") as file:
        http_get(
            url,
            file,
            resume_size=_size(target),
            headers=build_hf_headers(),
            expected_size=each.size,
            displayed_filename=each.path,
            tqdm_class=bar,
        )
    if each.sha256 and _hash(target) != each.sha256:
        target.unlink()
        raise CannotInstall(f"{each.path} arrived damaged. Run the command again.")


def _components(index: str) -> Sequence[str]:
    try:
        parts: Mapping[str, Any] = json.loads(index)
        return [
            name
            for name, value in parts.items()
            if name.isidentifier()
            and not name.startswith("_")
            and isinstance(value, list)
            and value[:1] != [None]
        ]
    except (ValueError, AttributeError) as error:
        raise CannotInstall(f"Its {INDEX} cannot be read.") from error


def _no_pipeline(repo_id: str, there: Mapping[str, HubFile]) -> str:
    words = f"{repo_id} is not in the diffusers format: it has no {INDEX}."
    single = [path for path in there if path.endswith(".safetensors")]
    if single:
        words += (
            f" It has single files ({', '.join(single[:3])}): download one of them into "
            "the models folder yourself."
        )
    return words


def _is_pickle(file: HubFile) -> bool:
    return Path(file.path).suffix in PICKLES


def _name(file: HubFile) -> str:
    return Path(file.path).name


def _local(folder: Path, file: HubFile) -> Path:
    return folder.joinpath(*Path(file.path).parts)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
