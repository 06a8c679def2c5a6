"""UI: the interactive docs at `/docs`, Swagger UI with all of its files, so that it works without internet access."""

import gzip
import html
from functools import cache
from hashlib import sha256
from pathlib import Path
from string import Template

from litestar import MediaType, Response, Router
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.status_codes import HTTP_302_FOUND

from aether.api.http.problems import AnyRequest
from aether.api.http.public_url import prefix_of
from aether.api.http.route_handler import get

_ASSETS = Path(__file__).parent / "assets"
_MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "start.js": "text/javascript", "swagger-ui.css": "text/css"}
_FILES = {name: (_ASSETS / name).read_bytes() for name in _MEDIA_TYPES}
_PAGE = Template((_ASSETS / "page.html").read_text())
# Part of every URL, so that browsers can cache the files forever and still get new versions.
_DIGEST = sha256(b"".join(_FILES.values())).hexdigest()[:16]
# Only what Swagger UI needs; its icons are data: images.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-cache",
}


@get("/", media_type=MediaType.HTML, sync_to_thread=False)
def show_docs(request: AnyRequest) -> Response[str]:
    """Return the page."""
    root = html.escape(prefix_of(request))
    page = _PAGE.substitute(root=root, assets=f"{root}/docs/{_DIGEST}")
    return Response(page, headers=_HEADERS)


@get("/", status_code=HTTP_302_FOUND, include_in_schema=False, sync_to_thread=False, opt={"public": True})
def redirect_to_docs(request: AnyRequest) -> Redirect:
    """Redirect from the root of the service to its docs."""
    return Redirect(f"{prefix_of(request)}/docs")


@get("/{digest:str}/{name:str}", sync_to_thread=False)
def send_asset(digest: FromPath[str], name: FromPath[str], request: AnyRequest) -> Response[bytes]:
    """Return a file of the page, compressed if the browser accepts that."""
    if digest != _DIGEST or name not in _FILES:
        raise NotFoundException
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(
            _compressed(name), media_type=_MEDIA_TYPES[name], headers=headers | {"Content-Encoding": "gzip"}
        )
    return Response(_FILES[name], media_type=_MEDIA_TYPES[name], headers=headers)


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_FILES[name], mtime=0)


docs_router = Router("/docs", route_handlers=[show_docs, send_asset], include_in_schema=False, opt={"public": True})
