"""The Launch page as tests fill and read it."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from db.models import Intent
from db.session import reading
from vos_core.home import Home


def intents(here: Home) -> list[Intent]:
    with reading(here.database) as session:
        return list(session.query(Intent).order_by(Intent.id))


def command_of(test: AppTest) -> str:
    """The command that the plan shows."""
    shown = [json.loads(element.proto.json) for element in test.get("bidi_component")]
    return str(next(data["command"] for data in shown if "command" in data))


def choose(test: AppTest, models: list[str], sizes: list[int] | None = None) -> AppTest:
    test.pills(key="launch-models-cpu").set_value([name for name in models if not name.startswith("sam2")])
    test.pills(key="launch-models-sam2").set_value([name for name in models if name.startswith("sam2_")])
    test.run()
    if sizes is not None:
        test.pills(key="launch-sizes").set_value(sizes).run()
    return test


def parts(test: AppTest) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in test.query_params.items()}
