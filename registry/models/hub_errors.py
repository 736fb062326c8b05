"""What the errors of the Hub client mean: each becomes one error of evoreg with a hint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evoreg.provenance.records.errors import Code, EvoregError, InputError


def not_cached(name: str, cache: Path) -> InputError:
    """Return the error for a model that is not (completely) in the cache while offline.

    Args:
        name: ``org/name`` or ``org/name@revision``.
        cache: Folder of the cache.

    Returns:
        An error that says how to fetch the model.
    """
    repository, _, revision = name.partition("@")
    option = f" --revision {revision}" if revision else ""
    return InputError(
        Code.INPUT_MISSING,
        f"the model is not, or not completely, in the Hub cache {cache}, and evoreg is offline",
        where=name,
        hint=f"fetch it while online: hf download {repository}{option}",
    )


@contextmanager
def translated(name: str, page: str, offline: Path | None) -> Iterator[None]:
    """Turn every error of the Hub client into one of evoreg's.

    Args:
        name: ``org/name`` or ``org/name@revision``.
        page: Address of the model for people.
        offline: Folder of the cache if no network may be used, else nothing.

    Yields:
        Once.

    Raises:
        InputError: INPUT_MISSING, HUB_DENIED, HUB_REVISION or HUB_UNREACHABLE. Errors of evoreg
            and of the file system pass unchanged.
    """
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    meaning = _Meaning(name, page)
    try:
        yield
    except EvoregError:
        raise
    except errors.LocalEntryNotFoundError as error:
        raise (not_cached(name, offline) if offline else meaning.absent(error)) from error
    except errors.HfHubHTTPError as error:
        raise meaning.refused(error, error.response.status_code) from error
    except (httpx.HTTPError, httpx.InvalidURL, ConnectionError) as error:
        raise meaning.unreachable(type(error).__name__) from error
    except errors.FileMetadataError as error:
        raise meaning.unreachable(f"its answer is incomplete: {error!s:.200}") from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        # The client takes the answers of a Hub at their word; a broken mirror makes it stumble.
        raise meaning.unreachable(f"its answer makes no sense: {error!s:.200}") from error


@dataclass(frozen=True, slots=True)
class _Meaning:
    """Says what errors about one model mean."""

    name: str
    page: str

    def unreachable(self, why: str) -> InputError:
        return self._error(
            Code.HUB_UNREACHABLE,
            f"the Hub did not answer as it should ({why})",
            "check the network, HF_ENDPOINT and the state of the Hub; a model that is already in "
            "the cache can be used with --offline",
        )

    def absent(self, error: Exception) -> InputError:
        """Say why a file could not be fetched: the client hides the reason in the cause."""
        from huggingface_hub.errors import HfHubHTTPError

        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            return self.refused(cause, cause.response.status_code)
        return self.unreachable(type(cause or error).__name__)

    def refused(self, error: Exception, status: int) -> InputError:
        """Say what an error status means."""
        from huggingface_hub import errors

        if isinstance(error, errors.GatedRepoError):  # first: it is also a "not found"
            hint = f"accept its terms at {self.page}, then log in: hf auth login"
            return self._error(Code.HUB_DENIED, "the model is gated, and you have no access", hint)
        if isinstance(error, errors.RevisionNotFoundError):
            hint = "look up its branches and tags, or leave out the @ for the default branch"
            return self._error(Code.HUB_REVISION, "the model has no such revision", hint)
        if isinstance(error, errors.RepositoryNotFoundError):
            hint = "check the spelling; if it is private, log in: hf auth login"
            return self._error(Code.INPUT_MISSING, "the Hub has no such model", hint)
        if isinstance(error, errors.RemoteEntryNotFoundError):
            what = "the Hub lists a file of the model but does not have it"
            return self._error(Code.INPUT_MISSING, what, "name another revision, or try later")
        if status == 410:
            hint = "look for its successor, or use the copy that you have"
            return self._error(Code.INPUT_MISSING, "the model was removed from the Hub", hint)
        if isinstance(error, errors.DisabledRepoError) or status in {401, 403}:
            what = f"the Hub refuses access (status {status})"
            return self._error(Code.HUB_DENIED, what, "check your token: hf auth whoami")
        return self.unreachable(f"status {status}")

    def _error(self, code: Code, what: str, hint: str) -> InputError:
        return InputError(code, what, where=self.name, hint=hint)
