"""What pages say about who can see them: a warning where anybody can, a way out where one has logged in."""

from __future__ import annotations

from ipaddress import ip_address

import streamlit as st
from streamlit import config

from ui.gate.sessions import PASSWORD_VARIABLE, has_password

_WAY_OUT = """<style>
.vl-out { display: flex; justify-content: flex-end; margin-top: 1.2rem; }
.vl-out button { font: inherit; font-size: .86rem; color: inherit; background: none; cursor: pointer; opacity: .75;
  padding: .2em .8em; border: 1px solid color-mix(in srgb, currentColor 30%, transparent); border-radius: 6px; }
.vl-out button:hover { opacity: 1; }
</style>
<form class="vl-out" method="post" action="./logout"><button>Log out</button></form>"""


def access_notice() -> None:
    """A warning while the app listens to other machines without a password; nothing otherwise."""
    if is_public(config.get_option("server.address")) and not has_password():
        st.warning(
            "Everybody who reaches this machine's port can see these pages, start and delete runs. Set "
            f"`{PASSWORD_VARIABLE}` and start the app again, or let it listen to 127.0.0.1 only (docs/access.md).",
            icon=":material/lock_open:",
        )


def way_out() -> None:
    """The button to log out, at a page's end; nothing where there is no log-in."""
    if has_password():
        st.html(_WAY_OUT)


def is_public(address: str | None) -> bool:
    """Whether other machines reach an app that listens at this address; none means at all addresses."""
    if not address:
        return True
    if address.startswith("unix://"):
        return False
    try:
        return not ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address != "localhost"
