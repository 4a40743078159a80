"""TikTok accounts: connect, look at, disconnect."""

from __future__ import annotations

import hmac

from authlib.common.security import generate_token
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for

from app import clock
from app.domain.errors import DomainError, ErrorKind, refuse
from app.queries.accounts import list_accounts
from app.services import accounts
from app.web.access import member
from app.web.errors import flash_problem
from app.web.pictures import picture
from app.web.times import shown
from app.wiring import wiring

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts")

PENDING = "connect"


@blueprint.get("/")
def index() -> Response:
    who, now = member(), clock.utcnow()
    rows = [(row, shown(row.next_post_at, who.time_zone, now) if row.next_post_at else None)
            for row in list_accounts(who.workspace_id)]
    return make_response(render_template("accounts/index.html", rows=rows, uses_sandbox=wiring().settings.uses_sandbox))


@blueprint.post("/connect")
def connect() -> Response:
    """Lead to TikTok's consent page; what comes back must carry the state that is kept here."""
    login = wiring().login
    state, verifier = generate_token(40), login.new_verifier()
    session[PENDING] = {"state": state, "verifier": verifier}
    url = login.authorization_url(state=state, redirect_uri=_callback_url(), verifier=verifier,
                                  ask_again="ask_again" in request.form)
    return make_response(redirect(url, 303))


@blueprint.get("/connected")
def connected() -> Response:
    """TikTok's redirect: checked, exchanged, stored. The path must not contain the word "tiktok"."""
    pending = session.pop(PENDING, None)
    try:
        code = _checked_code(pending)
        account = accounts.connect_account(
            code=code, redirect_uri=_callback_url(), verifier=pending["verifier"], workspace_id=member().workspace_id,
            actor_id=member().user_id, ports=wiring().accounts,
        )
    except DomainError as error:
        return flash_problem(error, url_for("accounts.index"))
    if accounts.PUBLISH_SCOPE in account.scopes:
        flash(f"{account.nickname} is connected.", "success")
    else:
        flash(f"{account.nickname} is connected, but without the permission to post. Connect once more and leave it on.", "warning")
    return make_response(redirect(url_for("accounts.index"), 303))


@blueprint.get("/<int:account_id>/disconnect")
def confirm_disconnect(account_id: int) -> Response:
    account = accounts.load_account(member().workspace_id, account_id)
    return make_response(render_template("accounts/disconnect.html", account=account, waiting=accounts.count_waiting(account_id)))


@blueprint.post("/<int:account_id>/disconnect")
def disconnect(account_id: int) -> Response:
    account = accounts.load_account(member().workspace_id, account_id)
    nickname = account.nickname
    if accounts.disconnect_account(account=account, actor_id=member().user_id, ports=wiring().accounts):
        flash(f"{nickname} is disconnected, and TikTok has withdrawn the permission. Its posts and history stay.", "success")
    else:
        flash(f"{nickname} is disconnected here, but TikTok could not be told. The creator can remove Oncue in TikTok's "
              "settings under “Apps and services permissions”.", "warning")
    return make_response(redirect(url_for("accounts.index"), 303))


@blueprint.get("/<int:account_id>/avatar")
def avatar(account_id: int) -> Response:
    account = accounts.load_account(member().workspace_id, account_id)
    if account.avatar_key is None:
        raise refuse("avatar_missing", "This account has no picture.", kind=ErrorKind.NOT_FOUND)
    return picture(account.avatar_key)


def _callback_url() -> str:
    return wiring().settings.base_url + url_for("accounts.connected")


def _checked_code(pending: dict[str, str] | None) -> str:
    """The code of a callback that this very session asked for. Raises DomainError in the person's words."""
    state = request.args.get("state", "")
    if not pending or not hmac.compare_digest(pending["state"].encode(), state.encode()):
        raise refuse("connect_forged", "That answer does not belong to a connection that you started here. Connect once more.")
    if request.args.get("error_type") == "non_sandbox_target":
        raise refuse("connect_not_target", "This TikTok app is in its sandbox, and that account is not one of its target users.")
    if request.args.get("error") == "access_denied":
        raise refuse("connect_denied", "TikTok's question was answered with no, so nothing was connected. Connect once more "
                     "and allow Oncue to post, or ask the creator to.")
    if request.args.get("error") or not (code := request.args.get("code", "")):
        raise refuse("connect_refused", "TikTok did not let the connection through. Try again in a minute.")
    return code
