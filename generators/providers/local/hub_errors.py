"""What goes wrong at the hub, in words that say what to do."""

import contextlib
from collections.abc import Iterator

import httpx2
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


class CannotInstall(Exception):
    """The model was not installed; the text says why and what to do."""


_UNREACHABLE = (
    "The hub cannot be reached. Check the network, or set HF_ENDPOINT to a mirror, and "
    "run this again: it goes on where it stopped."
)


@contextlib.contextmanager
def in_our_words(repo_id: str) -> Iterator[None]:
    """Raise ``CannotInstall`` for what the hub's client raises about a model."""
    try:
        yield
    except HFValidationError as error:
        raise CannotInstall(
            f"“{repo_id}” is no hub id. One looks like “owner/model”."
        ) from error
    except GatedRepoError as error:
        raise CannotInstall(
            f"{repo_id} asks for consent. Accept its terms on its page, then set "
            "HF_TOKEN to a token of the same account and run this again."
        ) from error
    except RevisionNotFoundError as error:
        raise CannotInstall(f"{repo_id} has no such revision.") from error
    except RepositoryNotFoundError as error:
        raise CannotInstall(
            f"The hub has no model {repo_id}, or it is private (see HF_TOKEN)."
        ) from error
    except (HfHubHTTPError, httpx2.HTTPStatusError) as error:
        refusal = str(error).splitlines()[0]
        raise CannotInstall(f"The hub refused: {refusal}") from error
    except (httpx2.TransportError, ConnectionError) as error:
        raise CannotInstall(_UNREACHABLE) from error
    except OSError as error:
        raise CannotInstall(
            f"The download broke off ({error}). Run this again to go on."
        ) from error
