"""Serves the page and its files, under a policy that lets the browser load nothing else."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from string import Template

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api.playground.assets import ASSETS, SCRIPTS, STYLES, Asset, are_fetched

_ROOM = Path(__file__).parent
_OWN_FILES = {"page.js": "text/javascript", "page.css": "text/css", "icon.svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


def routes() -> list[BaseRoute]:
    """Give the routes of the playground."""
    return [
        Route("/", answer_page, methods=["GET"]),
        Route("/playground", lead_to_page, methods=["GET"]),
        Route("/playground/{name}", answer_file, methods=["GET"]),
    ]


async def answer_page(_: Request) -> Response:
    """Answer the page."""
    local = await run_in_threadpool(are_fetched)
    headers = {"Content-Security-Policy": policy(local=local), "Cache-Control": "no-cache"}
    return HTMLResponse(render(local=local), headers=headers)


async def lead_to_page(_: Request) -> Response:
    """Lead to the page."""
    return RedirectResponse("/", 308)


async def answer_file(request: Request) -> Response:
    """Answer one of the page's own files, or of the editor's."""
    name = request.path_params["name"]
    if name in _OWN_FILES:
        return FileResponse(_ROOM / name, media_type=_OWN_FILES[name], headers={"Cache-Control": "no-cache"})
    asset = next((asset for asset in ASSETS if asset.name == name), None)
    if asset is None or not asset.file.is_file():
        raise HTTPException(404)
    return FileResponse(asset.file, headers={"Cache-Control": _FOR_EVER})


def policy(*, local: bool) -> str:
    """Give the Content-Security-Policy: the files of the page, and no other code.

    The editor sets styles in the page itself, hence 'unsafe-inline' for these; never for scripts.
    """
    scripts = " ".join(["'self'", *_sources(SCRIPTS, local=local)])
    styles = " ".join(["'self'", "'unsafe-inline'", *_sources(STYLES, local=local)])
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            f"style-src {styles}",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _sources(assets: tuple[Asset, ...], *, local: bool) -> list[str]:
    return [] if local else [asset.cdn_url for asset in assets]


@cache
def render(*, local: bool) -> str:
    """Fill the page with where the editor's files are to be had."""
    template = Template((_ROOM / "page.html").read_text(encoding="utf-8"))
    scripts = [f"<script {_source('src', asset, local=local)}></script>" for asset in SCRIPTS]
    styles = [f'<link rel="stylesheet" {_source("href", asset, local=local)}>' for asset in STYLES]
    return template.substitute(scripts="\n    ".join(scripts), styles="\n    ".join(styles))


def _source(attribute: str, asset: Asset, *, local: bool) -> str:
    url = f"/playground/{asset.name}" if local else asset.cdn_url
    return f'{attribute}="{escape(url)}" integrity="{asset.integrity}" crossorigin="anonymous"'
