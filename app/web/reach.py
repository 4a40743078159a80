"""The page that says whether TikTok could fetch photos from here, for owners."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from app.domain.reach import CheckState
from app.infra.own_address import OwnAddressOverHttp
from app.services.reach import PREFIX, ReachPorts, check_reach
from app.web.access import member
from app.web.pull import check_photo_path
from app.wiring import wiring

blueprint = Blueprint("reach", __name__, url_prefix="/settings/photos")


@blueprint.get("/")
def index() -> str:
    if not member().is_owner:
        abort(403)
    settings = wiring().settings
    ports = ReachPorts(settings.base_url, OwnAddressOverHttp(settings.base_url), settings.verification_files,
                       check_photo_path().read_bytes())
    checks = check_reach(ports)
    states = {check.state for check in checks}
    worst = next(state for state in (CheckState.FAILED, CheckState.UNKNOWN, CheckState.OK) if state in states)
    return render_template("reach/index.html", checks=checks, worst=worst, prefix=settings.base_url + PREFIX,
                           uses_sandbox=settings.uses_sandbox)
