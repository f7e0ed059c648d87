"""From a source to the URL that has the bytes now, and what its keeper says of size and SHA-256.

What the libraries know is left to them: `huggingface_hub` resolves a file of a data set to its commit, size and
SHA-256 (the LFS ETag), brings the token (`HF_TOKEN`, or that of `hf auth login`) for gated data sets, and obeys
`HF_ENDPOINT` and `HF_HUB_OFFLINE`; `gdown` reads Google Drive's confirmation page, and its refusals. The bytes go
through our own transfer either way. `hf_hub_download` and `gdown.download` would do less: neither takes one member of
a zip by range, compares the SHA-256 of what came, tells a stall and the wait after it, or shares one `.part` file
between two sources; the first fills a cache of links and may pass by HTTP ranges (Xet), the second has no back-off
that obeys Retry-After. Both libraries are imported by a transfer that needs them, never before.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vos_core.downloads.failures import RETRIED, SourceFailed, TryAgain, asked_wait
from vos_core.downloads.sources import Drive, Hub, Source, shown

if TYPE_CHECKING:
    import httpx
    from huggingface_hub import HfFileMetadata

DRIVE_URL = "https://drive.google.com/uc?export=download&id="
LONGEST_PAGE = 1 << 20  # Drive's pages have some ten kB


@dataclass(frozen=True)
class Location:
    """Where the bytes are now; `lasting` is False for a URL that is only good for a while. `size` in bytes and `sha256`
    as the keeper says."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    size: int | None = None
    sha256: str | None = None
    lasting: bool = True


def locate(source: Source, client: httpx.Client, timeout: float) -> Location:
    """Ask for where `source` is; `timeout` in seconds.

    Raises SourceFailed or TryAgain, or what `client` raises.
    """
    if isinstance(source, Hub):
        return _on_hub(source, timeout)
    if isinstance(source, Drive):
        return _on_drive(source, client)
    return Location(source.url)


def key_of(source: Source) -> str:
    """What a source is noted as beside its bytes; stays the same where the URL is made anew each time, or the password
    in it is another."""
    if isinstance(source, Hub):
        return f"hub:{source.repository}/{source.path}"
    return f"drive:{source.id}" if isinstance(source, Drive) else shown(source.url)


def host_of(source: Source) -> str:
    """Who is asked, for people."""
    if isinstance(source, Hub):
        return "Hugging Face"
    if isinstance(source, Drive):
        return "Google Drive"
    return urlsplit(shown(source.url)).netloc


def _on_hub(source: Hub, timeout: float) -> Location:
    # huggingface_hub 2 speaks through httpx2, a package of its own.
    import httpx2
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
    )
    from huggingface_hub.utils import build_hf_headers

    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None

    def url(revision: str) -> str:
        return hf_hub_url(source.repository, source.path, repo_type="dataset", revision=revision, endpoint=endpoint)

    try:
        found: HfFileMetadata = get_hf_file_metadata(url("main"), timeout=timeout, endpoint=endpoint)
    except GatedRepoError as error:
        raise SourceFailed(
            f"wants its terms accepted first: log in at {source.page}, accept them, and set HF_TOKEN to your token"
        ) from error
    except RemoteEntryNotFoundError as error:
        raise SourceFailed(f"has no {source.path} in {source.repository}") from error
    except RepositoryNotFoundError as error:
        raise SourceFailed(f"has no data set {source.repository}, or not for this HF_TOKEN") from error
    except OfflineModeIsEnabled as error:
        raise SourceFailed("is not asked while HF_HUB_OFFLINE is set") from error
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        if code in RETRIED:
            raise TryAgain(f"answered {code}", asked_wait(error.response.headers.get("retry-after"))) from error
        raise SourceFailed(f"answered {code}" if code else "gave no answer that can be used") from error
    except httpx2.TimeoutException as error:
        raise TryAgain("it stalled") from error
    except httpx2.HTTPError as error:
        raise TryAgain(f"the connection failed ({error or type(error).__name__})") from error
    where = url(found.commit_hash or "main")
    published = found.etag if found.etag and re.fullmatch("[0-9a-f]{64}", found.etag) else None
    return Location(where, headers=_bearer(build_hf_headers()), size=found.size, sha256=published)


def _bearer(headers: dict[str, str]) -> dict[str, str]:
    # Only the token: httpx keeps it from every other host that the Hub redirects to.
    return {name: value for name, value in headers.items() if name.lower() == "authorization"}


def _on_drive(source: Drive, client: httpx.Client) -> Location:
    from gdown.download import get_url_from_gdrive_confirmation
    from gdown.exceptions import FileURLRetrievalError

    with client.stream("GET", DRIVE_URL + source.id) as answer:
        if answer.status_code in RETRIED:
            raise TryAgain(f"answered {answer.status_code}", asked_wait(answer.headers.get("retry-after")))
        page = "text/html" in answer.headers.get("content-type", "")
        if answer.status_code == 404:
            raise SourceFailed("has no such file, or no longer shares it")
        if answer.status_code >= 400 and not page:
            raise SourceFailed(f"answered {answer.status_code}")
        if not page or "content-disposition" in answer.headers:
            return Location(str(answer.url), lasting=False)
        text = b""
        for chunk in answer.iter_bytes():
            text += chunk
            if len(text) > LONGEST_PAGE:
                raise SourceFailed("answered with a page that is none of its own")
    try:
        # It reads line by line, and Drive's form is one line.
        url = get_url_from_gdrive_confirmation(text.decode("utf-8", "replace"))
    except FileURLRetrievalError as error:
        raise SourceFailed(_refusal(str(error))) from error
    return Location(url, lasting=False)


def _refusal(said: str) -> str:
    """Drive's refusal in words. What it says of a used-up quota is English whatever one asks for, or HTML."""
    plain = " ".join(re.sub(r"<[^>]*>", " ", said).split())
    if re.search(r"quota|too many", plain, re.IGNORECASE):
        return "does not hand it out today: too many people have fetched it (its quota is used up); try again tomorrow"
    if "Cannot retrieve the public link" in plain:
        return "hands out no link: it is no longer shared with everybody, or too many people have fetched it"
    return f"does not hand it out ({plain})"
