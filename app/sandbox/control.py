"""The JSON API that moves the sandbox: switches, creators, clock, reset. Not part of TikTok."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, request

from app.sandbox.creators import CreatorError, change_creator, new_creator
from app.sandbox.faults import FaultError
from app.sandbox.gateway import get_faults, get_ledger, json_response, limiter
from app.sandbox.records import Creator
from app.sandbox.switches import SwitchError
from app.sandbox.world import World, get_world

control = Blueprint("control", __name__, url_prefix="/sandbox/api")


class ControlError(ValueError):
    """A request to the control API that can't be carried out."""


@control.errorhandler(ControlError)
@control.errorhandler(SwitchError)
@control.errorhandler(CreatorError)
@control.errorhandler(FaultError)
def refuse(error: Exception) -> Response:
    return json_response({"error": str(error)}, 400)


def body_object() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


@control.get("/switches")
def show_switches() -> Response:
    return json_response(asdict(get_world().switches))


@control.patch("/switches")
def change_switches() -> Response:
    return json_response(asdict(get_world().change_switches(body_object())))


@control.get("/clock")
def show_clock() -> Response:
    clock = get_world().clock
    return json_response({"now": clock.now(), "offset_seconds": clock.offset, "frozen": clock.frozen_at is not None,
                          "speed": clock.speed})


@control.post("/clock")
def move_clock() -> Response:
    """`{"advance_seconds": n}` jumps ahead, `{"frozen": true}` holds time still, `{"speed": n}` lets n seconds pass in one."""
    body, world = body_object(), get_world()
    if not body or set(body) - {"advance_seconds", "frozen", "speed"}:
        raise ControlError("known fields: advance_seconds, frozen, speed")
    seconds, frozen, speed = body.get("advance_seconds", 0), body.get("frozen"), body.get("speed", 1)
    if not is_number(seconds) or not 0 <= seconds <= 1e9:
        raise ControlError("advance_seconds must be a number that is not negative")
    if not is_number(speed) or not 0.001 <= speed <= 1e4:
        raise ControlError("speed must be a number between 0.001 and 10000")
    if frozen is not None and not isinstance(frozen, bool):
        raise ControlError("frozen must be true or false")
    if frozen is not None:
        world.clock.freeze(frozen)
    if "speed" in body:
        world.clock.run_at(speed)
    world.advance(seconds)
    return show_clock()


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@control.get("/creators")
def list_creators() -> Response:
    world = get_world()
    return json_response({"creators": [describe(world, creator) for creator in world.creators]})


@control.post("/creators")
def add_creator() -> Response:
    body, world = body_object(), get_world()
    with world.lock:
        refuse_taken(world, body.get("username"))
        creator = world.save_creator(new_creator(body, world.now()))
    return json_response(describe(world, creator), 201)


@control.patch("/creators/<username>")
def patch_creator(username: str) -> Response:
    """Changes any field; a new username keeps the open_id (section 16)."""
    return json_response(update_creator(get_world(), username, body_object()))


@control.patch("/creators")
def patch_creator_by_body() -> Response:
    """The same with the creator's present username as `creator` in the body."""
    body = body_object()
    username = body.pop("creator", "")
    return json_response(update_creator(get_world(), str(username), body))


def update_creator(world: World, username: str, values: dict[str, Any]) -> dict[str, Any]:
    creator = world.creator(username)
    if creator is None:
        abort(404)
    with world.lock:
        if values.get("username", username) != username:
            refuse_taken(world, values["username"])
        change_creator(creator, values)
        world.save_creator(creator, old_username=username)
    return describe(world, creator)


def refuse_taken(world: World, username: object) -> None:
    if isinstance(username, str) and world.creator(username) is not None:
        raise ControlError(f"@{username} exists already")


def describe(world: World, creator: Creator) -> dict[str, Any]:
    grant = world.grants.get(creator.id)
    return {**vars(creator), "open_id": world.open_id(creator.id), "granted_scopes": grant.scopes if grant else []}


@control.post("/reset")
def reset() -> Response:
    """Forget everything; `{"keep": ["creators", "switches"]}` keeps accounts with their tokens, and the choices."""
    body = request.get_json(silent=True) or {}
    keep = body.get("keep", [])
    if not isinstance(keep, list) or set(keep) - {"creators", "switches"}:
        raise ControlError("keep takes creators and switches")
    reset_all(keep_creators="creators" in keep, keep_switches="switches" in keep)
    return json_response({"reset": True, "kept": keep})


def reset_all(*, keep_creators: bool, keep_switches: bool) -> None:
    get_world().reset(keep_creators=keep_creators, keep_switches=keep_switches)
    get_ledger().clear()
    limiter().clear()
    get_faults().clear()


@control.get("/faults")
def list_faults() -> Response:
    return json_response({"faults": [fault.describe() for fault in get_faults().all()]})


@control.post("/faults")
def add_fault() -> Response:
    return json_response(get_faults().add(body_object()).describe(), 201)


@control.delete("/faults")
def clear_faults() -> Response:
    get_faults().clear()
    return json_response({"faults": []})


@control.delete("/faults/<fault_id>")
def remove_fault(fault_id: str) -> Response:
    if not get_faults().remove(fault_id):
        abort(404)
    return list_faults()
