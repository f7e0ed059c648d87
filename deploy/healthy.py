"""Exit code 0 when the app of this container answers: its port and path prefix are those it was started with."""

from __future__ import annotations

import os
import urllib.request

port = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
prefix = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
with urllib.request.urlopen(f"http://127.0.0.1:{port}/{prefix and f'{prefix}/'}_stcore/health", timeout=4) as answer:
    raise SystemExit(answer.status != 200)
