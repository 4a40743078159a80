"""TikTok accounts: connecting, keeping their tokens fresh, disconnecting."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.domain.lifecycle import TargetState
from app.domain.post_rules import PostMode
from app.domain.retry import TOKEN_IS_GONE
from app.models import Connection, PostTarget, TikTokAccount, db
from app.services.history import record_event
from app.services.ports import Cipher, Clock, CreatorProfile, Storage, TikTok, TikTokError, TikTokOAuth, TokenGrant
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)
T = TypeVar("T")

PUBLISH_SCOPE, INBOX_SCOPE = "video.publish", "video.upload"
SCOPES = {PostMode.DIRECT: PUBLISH_SCOPE, PostMode.INBOX: INBOX_SCOPE}
"""The permission that each way of posting needs."""
REFRESH_MARGIN = timedelta(hours=2)
"""Tokens live 24 hours; with this much left a new one is fetched, so that none dies in the middle of a post."""
REFRESH_LEASE = timedelta(seconds=45)
REFRESH_WAIT_SECONDS = 50
DISCONNECTED: dict[str, Any] = {
    "connection": Connection.DISCONNECTED, "access_token_sealed": None, "refresh_token_sealed": None,
    "access_expires_at": None, "refresh_expires_at": None, "refresh_lease_until": None, "scopes": [],
}
"""Columns of an account that is left without its tokens; the rest is history and stays."""


TOKENS = sa.select(TikTokAccount.connection, TikTokAccount.access_token_sealed, TikTokAccount.refresh_token_sealed,
                   TikTokAccount.access_expires_at).where(TikTokAccount.id == sa.bindparam("account_id"))


@dataclass(frozen=True, slots=True)
class AccountPorts:
    tiktok: TikTok
    oauth: TikTokOAuth
    cipher: Cipher
    storage: Storage
    utcnow: Clock


def posting_problem(nickname: str, connection: Connection, scopes: Sequence[str], mode: PostMode) -> Problem | None:
    """Why nothing can be posted in that way on an account as it is connected now."""
    if connection is not Connection.CONNECTED:
        return Problem("account_not_connected", f"{nickname} is not connected. Reconnect the account first.", "account_id")
    if SCOPES[mode] not in scopes:
        return Problem("account_may_not_publish", f"{nickname} has not allowed Oncue to post. Reconnect the account "
                       "and leave that permission switched on.", "account_id")
    return None


def connect_account(*, code: str, redirect_uri: str, verifier: str | None, workspace_id: int, actor_id: int,
                    ports: AccountPorts) -> TikTokAccount:
    """Exchange the code of a callback and store the creator; an account known already is renewed in place.

    Raises DomainError `connect_failed` with what to do. A missing grant of video.publish is no error: the
    account is stored and shows what it lacks.
    """
    let_go()
    try:
        grant = ports.oauth.exchange(code=code, redirect_uri=redirect_uri, verifier=verifier)
        profile = ports.tiktok.user_info(grant.access_token, grant.scopes)
        username = profile.username or _username_by_creator_info(grant, ports)
    except TikTokError as error:
        log.warning("connecting failed", extra={"code": error.code, "log_id": error.log_id})
        raise _connect_refusal(error) from error
    avatar_key = _keep_avatar(workspace_id, profile, ports)
    now = ports.utcnow()
    with writing() as session:
        account = session.scalar(sa.select(TikTokAccount).where(
            TikTokAccount.workspace_id == workspace_id, TikTokAccount.open_id == grant.open_id
        ).with_for_update())
        kind = "account.reconnected" if account else "account.connected"
        if account is None:
            account = TikTokAccount(workspace_id=workspace_id, open_id=grant.open_id, connected_at=now)
            session.add(account)
        account.username, account.nickname = username, profile.nickname
        account.avatar_key = avatar_key or account.avatar_key
        account.scopes = list(grant.scopes)
        account.connection, account.authorized_at = Connection.CONNECTED, now
        for column, value in _token_columns(grant, ports.cipher).items():
            setattr(account, column, value)
        session.flush()
        # What stood in a post's way may be gone: each is checked anew.
        session.execute(sa.update(PostTarget).where(*_scheduled_of(account.id), PostTarget.finding_code.is_not(None)).values(due_at=now))
        record_event(session, kind, workspace_id=workspace_id, at=now, actor_id=actor_id, account_id=account.id,
                     username=username, scopes=list(grant.scopes))
    return account


def disconnect_account(*, account: TikTokAccount, actor_id: int, ports: AccountPorts) -> bool:
    """Revoke at TikTok and forget the tokens; posts and history stay. False when TikTok could not be told.

    Whatever of this account is scheduled is held, with the reason, when its time comes.
    """
    account_id, workspace_id = account.id, account.workspace_id
    revoked = _revoke(account, ports)
    now = ports.utcnow()
    with writing() as session:
        session.execute(sa.update(TikTokAccount).where(TikTokAccount.id == account_id).values(**DISCONNECTED))
        record_event(session, "account.disconnected", workspace_id=workspace_id, at=now, actor_id=actor_id,
                     account_id=account_id, revoked=revoked)
    return revoked


def end_authorization(session: Session, open_id: str, *, ended_at: datetime, reason: str, is_final: bool, now: datetime) -> None:
    """TikTok says that it ended a creator's authorisation: every workspace must reconnect, or, when final, loses the tokens.

    An account that was authorised after `ended_at` stays as it is. The history of each workspace says why.
    """
    values = DISCONNECTED if is_final else {"connection": Connection.NEEDS_RECONNECT}
    left = session.execute(sa.update(TikTokAccount).where(
        TikTokAccount.open_id == open_id, TikTokAccount.authorized_at <= ended_at,
        TikTokAccount.connection != Connection.DISCONNECTED,
    ).values(**values).returning(TikTokAccount.id, TikTokAccount.workspace_id).execution_options(synchronize_session=False)).all()
    for account_id, workspace_id in left:
        record_event(session, "account.left", workspace_id=workspace_id, at=now, account_id=account_id, reason=reason)
        # Told with each post at once, not a day ahead; the last check holds them if nobody reconnects.
        session.execute(sa.update(PostTarget).where(*_scheduled_of(account_id)).values(
            finding_code="account_left", finding_text=f"{reason}. Reconnect the account, or this post will be held.", checked_at=now))


def _scheduled_of(account_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return PostTarget.account_id == account_id, PostTarget.state == TargetState.SCHEDULED


def count_waiting(account_id: int) -> int:
    """How many scheduled posts a disconnect would strand."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(PostTarget).where(
        PostTarget.account_id == account_id, PostTarget.state == TargetState.SCHEDULED)) or 0


def load_account(workspace_id: int, account_id: int) -> TikTokAccount:
    """The account, if it is this workspace's. Raises DomainError `account_not_found`."""
    account = db.session.scalar(sa.select(TikTokAccount).where(
        TikTokAccount.id == account_id, TikTokAccount.workspace_id == workspace_id))
    if account is None:
        raise refuse("account_not_found", "Choose an account.", "account_id", ErrorKind.NOT_FOUND)
    return account


def with_token(account_id: int, call: Callable[[str], T], ports: AccountPorts) -> T:
    """Make a call with a fresh token; a token that TikTok no longer takes is renewed once and the call repeated.

    Only for calls that create nothing when they answer `access_token_invalid`, which is all of TikTok's.
    Raises TikTokError; `token_missing` when the account has none.
    """
    token = access_token(account_id, ports)
    try:
        return call(token)
    except TikTokError as error:
        if error.code != "access_token_invalid":
            raise
    return call(access_token(account_id, ports, refused=token))


def access_token(account_id: int, ports: AccountPorts, refused: str | None = None) -> str:
    """A token good for a while yet. One refresh at a time per account: others wait for its result.

    `refused` is a token that TikTok has just turned down: it counts as expired.
    """
    deadline = time.monotonic() + REFRESH_WAIT_SECONDS
    while True:
        sealed, refresh_sealed, expires_at = _stored_tokens(account_id)
        token, now = ports.cipher.open(sealed), ports.utcnow()
        if token != refused and expires_at - now > REFRESH_MARGIN:
            return token
        if _lease_refresh(account_id, sealed, now):
            return _refresh(account_id, ports.cipher.open(refresh_sealed), token, token != refused and expires_at > now, ports)
        if time.monotonic() > deadline:
            raise TikTokError("timeout", message="another process is refreshing the token")
        time.sleep(0.1)


def accounts_to_refresh(now: datetime) -> list[int]:
    """Connected accounts whose token is within the margin of its end."""
    ids = db.session.scalars(sa.select(TikTokAccount.id).where(
        TikTokAccount.connection == Connection.CONNECTED, TikTokAccount.access_expires_at < now + REFRESH_MARGIN,
    ).order_by(TikTokAccount.access_expires_at).limit(100)).all()
    return list(ids)


def _stored_tokens(account_id: int) -> tuple[str, str, datetime]:
    row = db.session.execute(TOKENS, {"account_id": account_id}).one()
    let_go()
    if row.connection is not Connection.CONNECTED:
        raise TikTokError("token_missing", message=f"the account is {row.connection.value}")
    return row.access_token_sealed, row.refresh_token_sealed, row.access_expires_at


def _lease_refresh(account_id: int, seen_sealed: str, now: datetime) -> bool:
    with writing() as session:
        taken = session.execute(sa.update(TikTokAccount).where(
            TikTokAccount.id == account_id, TikTokAccount.access_token_sealed == seen_sealed,
            sa.or_(TikTokAccount.refresh_lease_until.is_(None), TikTokAccount.refresh_lease_until < now),
        ).values(refresh_lease_until=now + REFRESH_LEASE))
    return bool(taken.rowcount)  # type: ignore[attr-defined]  # a CursorResult, typed as Result


def _refresh(account_id: int, refresh_token: str, old_token: str, old_is_good: bool, ports: AccountPorts) -> str:
    try:
        grant = ports.oauth.refresh(refresh_token)
    except TikTokError as error:
        log.warning("refresh failed", extra={"account_id": account_id, "code": error.code, "log_id": error.log_id})
        gone = error.code in TOKEN_IS_GONE
        _after_failed_refresh(account_id, gone, ports.utcnow())
        if old_is_good and not gone:
            return old_token
        raise TikTokError("token_missing" if gone else error.code, log_id=error.log_id, message=error.message) from error
    with writing() as session:
        session.execute(sa.update(TikTokAccount).where(*_still_there(account_id)).values(**_token_columns(grant, ports.cipher)))
    log.info("token refreshed", extra={"account_id": account_id})
    return grant.access_token


def _after_failed_refresh(account_id: int, gone: bool, now: datetime) -> None:
    with writing() as session:
        values: dict[str, object] = {"refresh_lease_until": None}
        if gone:
            values["connection"] = Connection.NEEDS_RECONNECT
        workspace_id = session.execute(sa.update(TikTokAccount).where(*_still_there(account_id)).values(**values)
                                       .returning(TikTokAccount.workspace_id)).scalar_one_or_none()
        if gone and workspace_id is not None:
            record_event(session, "account.lost", workspace_id=workspace_id, at=now, account_id=account_id)


def _still_there(account_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    # A webhook or a person may end the connection during a refresh; tokens must not come back then.
    return TikTokAccount.id == account_id, TikTokAccount.connection != Connection.DISCONNECTED


def _token_columns(grant: TokenGrant, cipher: Cipher) -> dict[str, object]:
    return {
        "access_token_sealed": cipher.seal(grant.access_token), "refresh_token_sealed": cipher.seal(grant.refresh_token),
        "access_expires_at": grant.access_expires_at, "refresh_expires_at": grant.refresh_expires_at,
        "refresh_lease_until": None,
    }


def _revoke(account: TikTokAccount, ports: AccountPorts) -> bool:
    if account.access_token_sealed is None:
        return True
    token = ports.cipher.open(account.access_token_sealed)
    let_go()
    try:
        ports.oauth.revoke(token)
    except TikTokError as error:
        log.warning("revoking failed", extra={"code": error.code})
        return False
    return True


def _username_by_creator_info(grant: TokenGrant, ports: AccountPorts) -> str:
    """The handle for permalinks, when user.info.profile was not granted; empty when nothing tells it."""
    if PUBLISH_SCOPE not in grant.scopes:
        return ""
    return ports.tiktok.creator_info(grant.access_token).username


def _keep_avatar(workspace_id: int, profile: CreatorProfile, ports: AccountPorts) -> str | None:
    # TikTok's addresses end after hours, and a page that loads pictures from elsewhere tells who looks at it.
    if not profile.avatar_url:
        return None
    key = f"{workspace_id}/avatars/{profile.open_id}"
    try:
        ports.storage.write(key, ports.tiktok.fetch_avatar(profile.avatar_url))
    except (TikTokError, ValueError, OSError) as error:
        log.info("no avatar", extra={"reason": type(error).__name__})
        return None
    return key


def _connect_refusal(error: TikTokError) -> DomainError:
    if error.code in ("invalid_grant", "invalid_request"):
        text = "TikTok's answer had expired or was used already. Connect once more."
    elif error.code in ("invalid_client", "unauthorized_client"):
        text = "TikTok does not know this Oncue. Whoever runs it should check TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET."
    elif error.code in ("unreachable", "timeout", "broken", "unreadable", "server_error", "temporarily_unavailable"):
        text = "TikTok could not be reached. Nothing is wrong with your account; try again in a minute."
    else:
        text = f"TikTok refused the connection ({error.code}). Connect once more and allow everything that is asked."
    return DomainError(Problem("connect_failed", text), ErrorKind.UNAVAILABLE)
