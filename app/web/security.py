"""CSRF, and the headers that keep a page to itself."""

from __future__ import annotations

from flask import Flask, request
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response

from app.wiring import wiring

CSP = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action {form_action}",
    "base-uri 'none'",
    "frame-ancestors 'none'",
))

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    csrf.init_app(app)
    app.after_request(_set_headers)


def _set_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP.format(form_action=_form_targets()))
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if request.endpoint != "static":
        response.vary.add("HX-Request")
        headers.setdefault("Cache-Control", "no-store")
    return response


def _form_targets() -> str:
    # Browsers apply form-action to redirects too: "Connect TikTok" is a form that leads to TikTok's consent page.
    return f"'self' {wiring().settings.tiktok_auth_url}"
