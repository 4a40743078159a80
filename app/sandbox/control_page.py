"""The control page: the same levers as the JSON API, for people, with plain forms."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.sandbox.authorize import creator_from_form
from app.sandbox.control import reset_all, update_creator
from app.sandbox.creators import CreatorError
from app.sandbox.faults import ENDPOINTS, KINDS, FaultError
from app.sandbox.gateway import get_faults
from app.sandbox.switches import SwitchError, describe
from app.sandbox.world import get_world

control_page = Blueprint("control_page", __name__, url_prefix="/sandbox/control")


@control_page.get("")
def show() -> str:
    world = get_world()
    return render_template(
        "control.html", switches=describe(world.switches), creators=list(world.creators), now=world.now(),
        faults=get_faults().all(), kinds=KINDS, endpoints=ENDPOINTS,
    )


def back(message: str, anchor: str) -> BaseResponse:
    flash(message)
    return redirect(url_for("control_page.show", _anchor=anchor), 303)


@control_page.errorhandler(CreatorError)
@control_page.errorhandler(SwitchError)
@control_page.errorhandler(FaultError)
@control_page.errorhandler(ValueError)
def say_what_is_wrong(error: Exception) -> BaseResponse:
    flash(str(error), "bad")
    return redirect(url_for("control_page.show"), 303)


@control_page.post("/switches")
def switches() -> BaseResponse:
    """Only what differs from the present is sent on; an unticked box is not part of a form, so it counts as off."""
    world = get_world()
    changes: dict[str, Any] = {}
    for row in describe(world.switches):
        name, value = str(row["name"]), row["value"]
        new: object = name in request.form if isinstance(value, bool) else request.form.get(name, value)
        if str(new) != str(value):
            changes[name] = new
    world.change_switches(changes)
    return back(f"{len(changes)} switch{'' if len(changes) == 1 else 'es'} changed.", "switches")


@control_page.post("/clock")
def clock() -> BaseResponse:
    seconds = float(request.form.get("advance_seconds") or 0)
    if not 0 <= seconds <= 1e9:
        raise ValueError("The clock only moves forward.")
    get_world().advance(seconds)
    return back(f"The clock moved {seconds:,.0f} seconds ahead.", "clock")


@control_page.post("/creators")
def creators() -> BaseResponse:
    return back(f"@{creator_from_form(get_world()).username} exists now.", "creators")


@control_page.post("/creators/<username>")
def creator(username: str) -> BaseResponse:
    """Every field of the row; a box that is not ticked is off."""
    form = request.form
    flags = ("private", "comment_disabled", "duet_disabled", "stitch_disabled", "banned", "capped")
    update_creator(get_world(), username, {
        "username": form.get("username", username).strip(), "nickname": form.get("nickname", "").strip(),
        "max_seconds": int(form.get("max_seconds") or 0), **{flag: flag in form for flag in flags},
    })
    return back(f"@{form.get('username', username)} changed.", "creators")


@control_page.post("/faults")
def faults() -> BaseResponse:
    form = request.form
    numbers: dict[str, Any] = {name: float(form[name]) for name in
                               ("after", "times", "probability", "seed", "status", "seconds", "bytes") if form.get(name)}
    get_faults().add({"kind": form.get("kind"), "code": form.get("code", ""), **numbers,
                      "match": {"endpoint": form.get("endpoint", ""), "username": form.get("username", "").strip()}})
    return back("The fault is in force.", "faults")


@control_page.post("/faults/<fault_id>/delete")
def delete_fault(fault_id: str) -> BaseResponse:
    get_faults().remove(fault_id)
    return back("The fault is gone.", "faults")


@control_page.post("/reset")
def reset() -> BaseResponse:
    reset_all(keep_creators="creators" in request.form, keep_switches="switches" in request.form)
    return back("Everything is as on the first day.", "reset")
