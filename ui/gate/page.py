"""The log-in page: plain HTML in the look of the app, light and dark, that needs no script and no other file."""

from __future__ import annotations

from html import escape

CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} · VOS Lab</title><link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; --back: #FBFBF9; --card: #fff; --text: #1B2429; --line: #D9DDDA; --wrong: #B3261E; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --back: #11161A; --card: #1A2126; --text: #E4E9EA; --line: #3A464D; --wrong: #FF9A8F; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.2rem; background: var(--back);
  color: var(--text); font: 15px/1.5 "Source Sans", "Source Sans Pro", system-ui, Helvetica, Arial, sans-serif; }}
main {{ width: 100%; max-width: 22rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.8rem 1.7rem 1.6rem; }}
h1 {{ font-size: 1.3rem; font-weight: 650; letter-spacing: -.015em; margin: 0 0 1rem; display: flex; gap: .6rem;
  align-items: center; }}
p {{ margin: 0 0 1rem; }} p.wrong {{ color: var(--wrong); }}
label {{ display: block; font-size: .9rem; margin: 0 0 .3rem; }}
input[type=password] {{ width: 100%; font: inherit; color: inherit; background: var(--back); padding: .5rem .65rem;
  border: 1px solid #7C8B91; border-radius: 6px; margin: 0 0 1rem; }}
button {{ font: inherit; font-weight: 600; width: 100%; padding: .55rem; border: 0; border-radius: 6px; color: #fff;
  background: #0B7A8F; cursor: pointer; }}
button:hover {{ background: #096779; }}
a {{ color: inherit; display: block; text-align: center; margin-top: .9rem; }}
:focus-visible {{ outline: 2px solid #0B8CA5; outline-offset: 2px; }}
</style></head><body><main>
<h1><svg aria-hidden="true" width="24" height="24" viewBox="0 0 22 24"><rect x="1" y="2" width="20" height="20" rx="5"
fill="#0FA3BF"/><path d="M5.5 14.5c2.2-5 4.6-6 7-3.4s3.4 1 4.5-1.6v9H5.5z" fill="#fff" fill-opacity=".92"/>
<circle cx="15.6" cy="7.2" r="1.9" fill="#EE7733"/></svg>{heading}</h1>
{body}
</main></body></html>
"""
_FORM = """{problem}<form method="post" action="{action}">
<input type="hidden" name="next" value="{next}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus{described}>
<button>Log in</button>
</form>"""
_INSIDE = """<p>You are logged in.</p>
<form method="post" action="{action}"><button>Log out</button></form><a href="{back}">Back to the app</a>"""


def login_page(up: str, after: str = "", problem: str = "") -> str:
    """HTML of the log-in. `up` leads from the page's address to the app's (`./`, `../`); `after`: where to go."""
    told = f'<p class="wrong" id="problem" role="alert">{escape(problem)}</p>' if problem else ""
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    form = _FORM.format(problem=told, action=f"{up}login", next=escape(after, quote=True), described=described)
    return _PAGE.format(title="Log in", heading="VOS Lab", body=form)


def logout_page() -> str:
    """HTML for who is logged in already; at `login`."""
    return _PAGE.format(title="Logged in", heading="VOS Lab", body=_INSIDE.format(action="./logout", back="./"))
