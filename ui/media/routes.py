"""The file routes: a frame's JPEG, the palette PNG of an annotation, a reference or a prediction; thumbnails and clips
that are drawn of them; a run's submission.

The browser reads the indices out of the PNG itself and composites there, so opacity, outline and object toggles cost
no request. Files go as they are stored; only masks kept one folder an object are joined first. Nothing outside a
dataset's, a reference's and a run's folders is served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from db import queries
from ui.media.clips import Busy, clip_file, clip_name
from ui.media.footage import (
    ANNOTATIONS,
    PICTURES,
    PREDICTIONS,
    REFERENCES,
    annotation_mask,
    footage_by_key,
    inside,
    prediction_mask,
    reference_mask,
)
from ui.media.pictures import CLIPS, THUMBNAILS, thumbnail
from ui.run.server import DOWNLOADS, submission_file
from ui.store import home
from vos_core.errors import VosLabError
from vos_core.masks import MissingMask

FOR_EVER = "private, max-age=31536000, immutable"
TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
MISSING = "X-Missing"  # tells the player a frame without a mask from other refusals
CLIP_TYPES = {".mp4": "video/mp4", ".gif": "image/gif"}


def routes() -> list[Route]:
    """Routes beside Streamlit's. The functions are plain: Starlette runs them in threads, off the event loop."""
    return [
        Route(f"/{PICTURES}/{{rest:path}}", picture),
        Route(f"/{ANNOTATIONS}/{{rest:path}}", annotation),
        Route(f"/{REFERENCES}/{{rest:path}}", reference),
        Route(f"/{PREDICTIONS}/{{rest:path}}", prediction),
        Route(f"/{THUMBNAILS}/{{rest:path}}", failure),
        Route(f"/{CLIPS}/{{rest:path}}", clip),
        Route(f"/{DOWNLOADS}/{{run:int}}", submission),
    ]


def picture(request: Request) -> Response:
    """`pictures/<dataset>/<version>/<video>/<file>`."""
    return _answer(request, _picture)


def annotation(request: Request) -> Response:
    """`annotations/<dataset>/<version>/<video>/<file>`."""
    return _answer(request, _annotation)


def reference(request: Request) -> Response:
    """`references/<run>/<version>/<video>/<file>`: what an agreement run is held against."""
    return _answer(request, _reference)


def prediction(request: Request) -> Response:
    """`predictions/<run>/<edition>-<attempt>/<video>/<file>`."""
    return _answer(request, _prediction)


def failure(request: Request) -> Response:
    """`thumbnails/<run>/<edition>-<attempt>/<video>/<frame>.jpg?object=K&beside=ID,TOKEN`: frame is an index, the
    rest optional."""
    wanted, beside = request.query_params.get("object"), request.query_params.get("beside")

    def find(run: str, token: str, video: str, file: str) -> tuple[bytes, bool]:
        stem, _, suffix = file.rpartition(".")
        if suffix != "jpg":
            raise VosLabError("There is no such picture.")
        object_id = None if wanted is None else _number(wanted)
        other, _, its_token = (beside or "").partition(",")
        pair = None if beside is None else (_number(other), its_token)
        return thumbnail(home(), _number(run), token, video, _number(stem), object_id, pair), True

    return _answer(request, find)


def clip(request: Request) -> Response:
    """`clips/<run>/<edition>-<attempt>/<video>.mp4|gif?with=ID,ID&start=A&end=B&fps=F&view=overlay|error`."""
    parts = request.path_params["rest"].split("/")
    try:
        if len(parts) != 3:
            raise ValueError(parts)
        here, run_id = home(), _number(parts[0])
        path = clip_file(here, run_id, parts[1], parts[2], request.query_params)
    except Busy as error:
        return PlainTextResponse(str(error), 503, headers={"Cache-Control": "no-store", "Retry-After": "10"})
    except (VosLabError, OSError, ValueError) as error:
        text = str(error) if isinstance(error, VosLabError) else "There is no such clip."
        return PlainTextResponse(text, 404, headers={"Cache-Control": "no-store"})
    run = queries.run_by_id(here.database, run_id)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return FileResponse(
        path,
        media_type=CLIP_TYPES[path.suffix],
        filename=clip_name(run.name if run else parts[0], parts[2]),
        headers=headers,
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def submission(request: Request) -> Response:
    """`submissions/<run>`: the zip that was written of a run, streamed from disk."""
    here = home()
    try:
        run = queries.run_by_id(here.database, _number(str(request.path_params["run"])))
        path = inside(submission_file(here, run), (here.outputs.resolve(),)) if run else None
    except (VosLabError, OSError, ValueError):
        path = None
    if path is None:
        text = "There is no submission of this run: write it on its page."
        return PlainTextResponse(text, status_code=404, headers={"Cache-Control": "no-store"})
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type="application/zip", filename=path.name, headers=headers)


def _answer(request: Request, find: Callable[[str, str, str, str], tuple[bytes, bool]]) -> Response:
    parts = request.path_params["rest"].split("/")
    try:
        if len(parts) != 4 or Path(parts[3]).suffix.lower() not in TYPES:
            raise VosLabError("There is no such picture.")
        content, lasting = find(parts[0], parts[1], parts[2], parts[3])
    except (VosLabError, OSError, ValueError) as error:
        text = str(error) if isinstance(error, VosLabError) else "There is no such picture."
        missing = {MISSING: "mask"} if isinstance(error, MissingMask) else {}
        return PlainTextResponse(text, status_code=404, headers={"Cache-Control": "no-store", **missing})
    headers = {"Cache-Control": FOR_EVER if lasting else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=TYPES[Path(parts[3]).suffix.lower()], headers=headers)


def _number(text: str) -> int:
    """A number of an address. Raises ValueError for what is none, or one that no database has."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError(text)
    return int(text)


def _picture(key: str, version: str, video: str, file: str) -> tuple[bytes, bool]:
    found = footage_by_key(home(), key, video)
    for path in found.video.frames:
        if path.name == file:
            return inside(path, found.roots).read_bytes(), version == found.version
    raise VosLabError("There is no such frame.")


def _annotation(key: str, version: str, video: str, file: str) -> tuple[bytes, bool]:
    found = footage_by_key(home(), key, video)
    return annotation_mask(found, file), version == found.version


def _reference(run: str, version: str, video: str, file: str) -> tuple[bytes, bool]:
    return reference_mask(home(), _number(run), version, video, file)


def _prediction(run: str, token: str, video: str, file: str) -> tuple[bytes, bool]:
    return prediction_mask(home(), _number(run), token, video, file), True
