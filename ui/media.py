"""The file routes: a frame's JPEG, the palette PNG of an annotation, a reference or a prediction; a run's submission.

The browser reads the indices out of the PNG itself and composites there, so opacity, outline and object toggles cost
no request. Files go as they are stored; only masks kept one folder an object are joined first. Nothing outside a
dataset's, a reference's and a run's folders is served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from db import queries
from ui.footage import (
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
from ui.run_server import DOWNLOADS, submission_file
from ui.store import home
from vos_core.errors import VosLabError

FOR_EVER = "private, max-age=31536000, immutable"
TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


def routes() -> list[Route]:
    """Routes beside Streamlit's. The functions are plain: Starlette runs them in threads, off the event loop."""
    return [
        Route(f"/{PICTURES}/{{rest:path}}", picture),
        Route(f"/{ANNOTATIONS}/{{rest:path}}", annotation),
        Route(f"/{REFERENCES}/{{rest:path}}", reference),
        Route(f"/{PREDICTIONS}/{{rest:path}}", prediction),
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
    """`predictions/<run>/<fingerprint>-<attempt>/<video>/<file>`."""
    return _answer(request, _prediction)


def submission(request: Request) -> Response:
    """`submissions/<run>`: the zip that was written of a run, streamed from disk."""
    here = home()
    run = queries.run_by_id(here.database, request.path_params["run"])
    path = submission_file(here, run) if run else None
    if path is None or not path.is_file():
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
        return PlainTextResponse(text, status_code=404, headers={"Cache-Control": "no-store"})
    headers = {"Cache-Control": FOR_EVER if lasting else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=TYPES[Path(parts[3]).suffix.lower()], headers=headers)


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
    return reference_mask(home(), int(run), version, video, file)


def _prediction(run: str, token: str, video: str, file: str) -> tuple[bytes, bool]:
    return prediction_mask(home(), int(run), token, video, file), True
