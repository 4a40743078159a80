"""The part of the control API that stands for creators with the TikTok app in their hands, and for TikTok's portal."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.sandbox import drafts
from app.sandbox.control import ControlError, body_object
from app.sandbox.events import queue_webhook
from app.sandbox.gateway import json_response
from app.sandbox.grants import remove_authorization
from app.sandbox.ledger import describe_post
from app.sandbox.ledger_pages import describe_publish
from app.sandbox.lifecycle import settle_all
from app.sandbox.records import FOLLOWERS, MUTUAL, PUBLIC, SELF_ONLY, Creator, Post
from app.sandbox.webhooks import Dispatcher
from app.sandbox.world import World, get_world

creator_actions = Blueprint("creator_actions", __name__, url_prefix="/sandbox")

_BY_USER = 1  # section 10.2: the user disconnected in the app


@creator_actions.errorhandler(ControlError)
@creator_actions.errorhandler(drafts.DraftError)
def refuse(error: Exception) -> Response:
    return json_response({"error": str(error)}, 400)


def creator_named(username: str) -> Creator:
    creator = get_world().creator(username)
    if creator is None:
        abort(404)
    return creator


def post_with(post_id: int) -> Post:
    post = get_world().posts.get(str(post_id))
    if post is None or post.deleted:
        abort(404)
    return post


@creator_actions.get("/api/drafts")
def list_drafts() -> Response:
    """Drafts that wait; `?username=` for one creator's."""
    world = get_world()
    settle_all(world)
    wanted = request.args.get("username", "")
    creators = [creator_named(wanted)] if wanted else list(world.creators)
    found = [item for creator in creators for item in drafts.drafts_of(world, creator.id)]
    return json_response({"drafts": [describe_publish(world, item) for item in found]})


@creator_actions.post("/api/drafts/<path:publish_id>/post")
def post_draft(publish_id: str) -> Response:
    """`{"title", "description", "privacy_level"}`, all optional: what the creator chooses in the editor."""
    world = get_world()
    post = drafts.post_draft(world, publish_id, request.get_json(silent=True) or {})
    return json_response(describe_post(world, post, world.base_url()), 201)


@creator_actions.post("/api/drafts/<path:publish_id>/discard")
def discard_draft(publish_id: str) -> Response:
    drafts.discard_draft(get_world(), publish_id)
    return json_response({"publish_id": publish_id, "discarded": True})


@creator_actions.patch("/api/posts/<int:post_id>")
def change_post(post_id: int) -> Response:
    """`{"privacy_level": …}`: the owner changes who sees the post."""
    level, world = body_object().get("privacy_level"), get_world()
    if level not in (PUBLIC, MUTUAL, FOLLOWERS, SELF_ONLY):
        raise ControlError("privacy_level is not one of TikTok's")
    post = post_with(post_id)
    drafts.change_visibility(world, post, level)
    return json_response(describe_post(world, post, world.base_url()))


@creator_actions.delete("/api/posts/<int:post_id>")
def delete_post(post_id: int) -> Response:
    drafts.delete_post(get_world(), post_with(post_id))
    return json_response({"deleted": str(post_id)})


@creator_actions.post("/api/creators/<username>/remove_authorization")
def remove(username: str) -> Response:
    """`{"reason": 0…5}` as in `authorization.removed`; 1, the user did it, is the default."""
    body = request.get_json(silent=True) or {}
    reason = body.get("reason", _BY_USER)
    if isinstance(reason, bool) or reason not in range(6):
        raise ControlError("reason is between 0 and 5")
    removed = remove_authorization(get_world(), creator_named(username).id, reason)
    return json_response({"username": username, "removed": removed})


# -- webhooks ----------------------------------------------------------------------------------------------------------


def get_dispatcher() -> Dispatcher:
    found: Dispatcher = current_app.extensions["sandbox_webhooks"]
    return found


@creator_actions.get("/api/webhooks")
def list_webhooks() -> Response:
    found = [vars(delivery) for delivery in get_world().deliveries]
    return json_response({"total": len(found), "webhooks": found[-1_000:]})


@creator_actions.post("/api/webhooks/deliver")
def deliver() -> Response:
    """Try what is due now, instead of waiting for the next round."""
    return json_response({"tried": get_dispatcher().deliver_due()})


@creator_actions.post("/api/webhooks/send")
def send() -> Response:
    """The portal's test button: any event, also those of the older family (`video.upload.failed`, …)."""
    body, world = body_object(), get_world()
    name, content = body.get("event"), body.get("content", {})
    if not isinstance(name, str) or not name or not isinstance(content, dict):
        raise ControlError("event is a name, content an object")
    if not world.switches.webhook_url:
        raise ControlError("the switch webhook_url is empty")
    creator = creator_named(str(body.get("username", "northbound")))
    queue_webhook(world, name, creator.id, world.now(), content)
    return json_response({"queued": name}, 201)


# -- buttons on the pages ----------------------------------------------------------------------------------------------


def back_to(creator: Creator, message: str) -> BaseResponse:
    flash(message)
    return redirect(url_for("pages.profile", username=creator.username, view="owner"), 303)


@creator_actions.post("/drafts/<path:publish_id>")
def draft_button(publish_id: str) -> BaseResponse:
    world, values = get_world(), request.form
    creator = owner_of(world, publish_id)
    try:
        if values.get("action") == "discard":
            drafts.discard_draft(world, publish_id)
            return back_to(creator, "The draft is gone.")
        drafts.post_draft(world, publish_id, dict(values))
    except drafts.DraftError as error:
        return back_to(creator, f"That didn't work: {error}.")
    return back_to(creator, "Posted.")


def owner_of(world: World, publish_id: str) -> Creator:
    publish = world.publishes.get(publish_id)
    creator: Any = world.creators.get(publish.creator_id) if publish else None
    if creator is None:
        abort(404)
    found: Creator = creator
    return found


@creator_actions.post("/creators/<username>/disconnect")
def disconnect_button(username: str) -> BaseResponse:
    creator = creator_named(username)
    remove_authorization(get_world(), creator.id, _BY_USER)
    return back_to(creator, "The app can no longer use this account.")


@creator_actions.post("/posts/<int:post_id>/delete")
def delete_button(post_id: int) -> BaseResponse:
    post, world = post_with(post_id), get_world()
    drafts.delete_post(world, post)
    owner = world.creators.get(post.creator_id)
    assert owner is not None
    return back_to(owner, "The post is deleted.")
