"""The file routes: a frame's JPEG, an annotation's or a prediction's palette PNG as stored; a run's submission.

The browser reads the indices out of the PNG itself and composites there, so opacity, outline and object toggles cost
no request. Nothing outside a dataset's and a run's folders is served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from db import queries
from ui.footage import ANNOTATIONS, PICTURES, PREDICTIONS, footage_by_key, inside, prediction_file
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
        Route(f"/{PREDICTIONS}/{{rest:path}}", prediction),
        Route(f"/{DOWNLOADS}/{{run:int}}", submission),
    ]


def picture(request: Request) -> Response:
    """`pictures/<dataset>/<version>/<video>/<file>`."""
    return _answer(request, _picture_file)


def annotation(request: Request) -> Response:
    """`annotations/<dataset>/<version>/<video>/<file>`."""
    return _answer(request, _annotation_file)


def prediction(request: Request) -> Response:
    """`predictions/<run>/<fingerprint>-<attempt>/<video>/<file>`."""
    return _answer(request, _prediction_file)


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


def _answer(request: Request, find: Callable[[str, str, str, str], tuple[Path, bool]]) -> Response:
    parts = request.path_params["rest"].split("/")
    try:
        if len(parts) != 4 or Path(parts[3]).suffix.lower() not in TYPES:
            raise VosLabError("There is no such picture.")
        path, lasting = find(parts[0], parts[1], parts[2], parts[3])
        content = path.read_bytes()
    except (VosLabError, OSError, ValueError) as error:
        text = str(error) if isinstance(error, VosLabError) else "There is no such picture."
        return PlainTextResponse(text, status_code=404, headers={"Cache-Control": "no-store"})
    headers = {"Cache-Control": FOR_EVER if lasting else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=TYPES[Path(parts[3]).suffix.lower()], headers=headers)


def _picture_file(key: str, version: str, video: str, file: str) -> tuple[Path, bool]:
    found = footage_by_key(home(), key, video)
    return _listed(found.video.frames, file, found.roots), version == found.version


def _annotation_file(key: str, version: str, video: str, file: str) -> tuple[Path, bool]:
    found = footage_by_key(home(), key, video)
    return _listed(tuple(found.video.annotations.values()), file, found.roots), version == found.version


def _prediction_file(run: str, token: str, video: str, file: str) -> tuple[Path, bool]:
    return prediction_file(home(), int(run), token, video, file), True


def _listed(files: tuple[Path, ...], name: str, roots: tuple[Path, ...]) -> Path:
    for path in files:
        if path.name == name:
            return inside(path, roots)
    raise VosLabError("There is no such frame.")
