"""What to do when a step of publishing does not succeed: one table, compared by exact match.

Source: TikTok's error tables of creator info, direct post, media transfer and status; codes of our own for
what never became an answer are described at `services.ports.TikTokError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Action(StrEnum):
    WAIT = "wait"
    """Transient: the same step again later."""
    RESTART = "restart"
    """What was begun at TikTok is dead without having become a post: begin anew."""
    HOLD = "hold"
    """A person must decide or change something; nothing was sent."""
    RECONNECT = "reconnect"
    """The creator must connect again; nothing was sent."""
    FAIL = "fail"
    """TikTok will not take this post as it is."""


@dataclass(frozen=True, slots=True)
class Rule:
    action: Action
    text: str
    """What a person reads: what happened, and the next step."""
    delay: timedelta | None = None
    """How long to wait, where it is not the usual back-off."""


@dataclass(frozen=True, slots=True)
class Decision:
    action: Action
    text: str
    delay: timedelta


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GUIDELINES = "TikTok refused it under its posting rules"
APP_REFUSED = "TikTok does not know this Oncue. Whoever runs it should check TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET."

RULES: dict[str, Rule] = {
    # Never became an answer.
    "unreachable": Rule(Action.WAIT, "TikTok could not be reached. Oncue tries again by itself."),
    "timeout": Rule(Action.WAIT, "TikTok took too long to answer. Oncue tries again by itself."),
    "broken": Rule(Action.WAIT, "The connection to TikTok broke. Oncue tries again by itself."),
    "unreadable": Rule(Action.WAIT, "TikTok has trouble at the moment. Oncue tries again by itself."),
    # TikTok's generic codes.
    "internal_error": Rule(Action.WAIT, "TikTok has trouble at the moment. Oncue tries again by itself."),
    "internal": Rule(Action.RESTART, "TikTok failed while it processed the video. Oncue sends it again."),
    "rate_limit_exceeded": Rule(Action.WAIT, "TikTok asks to slow down. Oncue waits its turn.", MINUTE + timedelta(seconds=5)),
    "access_token_invalid": Rule(Action.RECONNECT, "TikTok no longer accepts this connection. Reconnect the account."),
    "token_missing": Rule(Action.RECONNECT, "The account is not connected. Reconnect it, then choose a new time."),
    "scope_not_authorized": Rule(Action.RECONNECT, "The permission to post is missing. Reconnect the account and allow it."),
    "scope_permission_missed": Rule(Action.RECONNECT, "A permission is missing. Reconnect the account and allow all."),
    "auth_removed": Rule(Action.RECONNECT, "The creator took Oncue's permission back in TikTok. Reconnect the account."),
    "invalid_params": Rule(Action.FAIL, "TikTok did not accept the request. Please report this with the log id below."),
    "invalid_param": Rule(Action.FAIL, "TikTok did not accept the request. Please report this with the log id below."),
    "invalid_file_upload": Rule(Action.FAIL, "TikTok did not accept the file. Export the video anew as MP4 with H.264."),
    # The token endpoint's, when a refresh in the middle of a step does not succeed.
    "server_error": Rule(Action.WAIT, "TikTok has trouble at the moment. Oncue tries again by itself."),
    "temporarily_unavailable": Rule(Action.WAIT, "TikTok has trouble at the moment. Oncue tries again by itself."),
    "invalid_client": Rule(Action.HOLD, APP_REFUSED),
    "unauthorized_client": Rule(Action.HOLD, APP_REFUSED),
    "invalid_request": Rule(Action.HOLD, "TikTok did not renew the connection. Please report this with the log id below."),
    "unsupported_grant_type": Rule(Action.HOLD, "TikTok did not renew the connection. Please report this with the log id below."),
    # Caps and bans.
    "spam_risk_too_many_posts": Rule(
        Action.WAIT, "This creator has reached TikTok's limit of posts for 24 hours. It goes out as soon as there is room.", HOUR),
    "spam_risk_too_many_pending_share": Rule(
        Action.WAIT, "As many drafts wait in the creator's TikTok app as TikTok allows. It follows when the creator has posted one.", HOUR),
    "spam_risk_user_banned_from_posting": Rule(
        Action.HOLD, "TikTok has banned this creator from posting. The creator has to settle that in TikTok."),
    "reached_active_user_cap": Rule(
        Action.WAIT, "This Oncue's TikTok app has reached its number of creators for 24 hours. It waits for room.", HOUR),
    "unaudited_client_can_only_post_to_private_accounts": Rule(
        Action.HOLD, "TikTok has not audited this app yet, so it may only post to private accounts. Make the account private in TikTok."),
    "privacy_level_option_mismatch": Rule(
        Action.HOLD, "The chosen audience is no longer open to this creator. Choose again who can see the video."),
    "app_version_check_failed": Rule(Action.HOLD, "The creator's TikTok app is too old for this. Update it, then choose a new time."),
    "url_ownership_unverified": Rule(Action.FAIL, "TikTok does not know the address of the media. Whoever runs this Oncue must verify it."),
    "spam_risk": Rule(Action.FAIL, f"{GUIDELINES} (spam risk). Change the post before you try again."),
    "spam_risk_text": Rule(Action.FAIL, f"{GUIDELINES}: the caption looks like spam. Change it before you try again."),
    # The upload host's statuses.
    "upload_400": Rule(Action.FAIL, "TikTok did not accept the upload. Please report this with the attempt below."),
    "upload_403": Rule(Action.RESTART, "The upload took longer than TikTok's hour. Oncue starts it anew."),
    "upload_404": Rule(Action.RESTART, "TikTok has forgotten the upload. Oncue starts it anew."),
    "upload_416": Rule(Action.WAIT, "TikTok and Oncue disagree on how much has arrived. Oncue asks and goes on.", timedelta(seconds=2)),
    "upload_host_refused": Rule(
        Action.FAIL, "TikTok named an upload address that is not allowed. Whoever runs this Oncue should look at TIKTOK_UPLOAD_HOSTS."),
    # Publish ids.
    "invalid_publish_id": Rule(Action.WAIT, "TikTok does not know this post yet. Oncue asks again.", timedelta(seconds=20)),
    "token_not_authorized_for_specified_publish_id": Rule(
        Action.RECONNECT, "The connection belongs to another creator now. Reconnect the account."),
    # fail_reason of a FAILED status.
    "file_format_check_failed": Rule(Action.FAIL, "TikTok can't read the video's format. Export it as MP4 with H.264."),
    "duration_check_failed": Rule(Action.FAIL, "The video is too long or too short for this creator. Change its length."),
    "frame_rate_check_failed": Rule(Action.FAIL, "TikTok takes 23 to 60 frames per second. Export the video with 30."),
    "picture_size_check_failed": Rule(Action.FAIL, "TikTok takes pictures of 360 to 4,096 pixels a side. Export the video as 1080 × 1920."),
    "video_pull_failed": Rule(Action.RESTART, "TikTok could not fetch the video. Oncue tries again."),
    "photo_pull_failed": Rule(Action.RESTART, "TikTok could not fetch the photos. Oncue tries again."),
    "publish_cancelled": Rule(Action.FAIL, "The post was canceled at TikTok."),
    # Ours, before anything is sent.
    "media_missing": Rule(Action.FAIL, "The video is no longer in Oncue's storage. Upload it again in a new post."),
}

TOKEN_IS_GONE = frozenset({"invalid_grant", "access_denied", "invalid_scope"})
"""Answers to a refresh after which only the creator can help."""

MAX_TRIES = 30
BASE_DELAY = timedelta(seconds=10)
MAX_DELAY = timedelta(minutes=30)
UNKNOWN = Rule(Action.FAIL, "TikTok refused the post for a reason that Oncue does not know ({code}).")


def decide(code: str, failed_tries: int) -> Decision:
    """What follows the `failed_tries`-th failure in a row (1 is the first) with that code.

    Anything that asks for another try becomes a failure after MAX_TRIES; unknown codes are never retried,
    but server errors of the upload host (`upload_5xx`) are.
    """
    rule = RULES.get(code) or (RULES["unreadable"] if code.startswith("upload_5") else None)
    if rule is None:
        return Decision(Action.FAIL, UNKNOWN.text.format(code=code), timedelta(0))
    if rule.action in (Action.WAIT, Action.RESTART) and failed_tries >= MAX_TRIES:
        return Decision(Action.FAIL, f"Oncue tried {failed_tries} times without success. Try again when TikTok is well.", timedelta(0))
    return Decision(rule.action, rule.text, rule.delay or back_off(failed_tries))


def back_off(failed_tries: int) -> timedelta:
    """10 s, 20 s, 40 s … up to 30 min."""
    doublings = min(failed_tries - 1, 20)
    return min(BASE_DELAY * (1 << doublings), MAX_DELAY)


POLLS = (5, 10, 20)
POLL_EVERY = MINUTE
POLL_SLOWLY_AFTER, POLL_SLOWLY = timedelta(minutes=30), timedelta(minutes=5)
PROCESSING_PATIENCE = timedelta(hours=6)
"""TikTok has been seen to stay silent for good; after this long a post in processing is `unconfirmed`."""
FOLLOW_FOR = timedelta(hours=24)
"""How long the post id is asked for after publishing (moderation takes a minute, at times hours)."""


def next_poll(polls_done: int, waiting_for: timedelta) -> timedelta:
    """The pause before the next status call: 5, 10, 20, then every 60 s, after half an hour every 5 min."""
    if polls_done < len(POLLS):
        return timedelta(seconds=POLLS[polls_done])
    return POLL_SLOWLY if waiting_for > POLL_SLOWLY_AFTER else POLL_EVERY


INBOX_LOOKS = ((timedelta(minutes=10), MINUTE), (HOUR, timedelta(minutes=5)), (timedelta(days=1), timedelta(minutes=15)),
               (timedelta(days=30), timedelta(hours=2)))


def next_inbox_look(waiting_for: timedelta) -> timedelta | None:
    """The pause before a draft is asked about again, longer the longer it waits; None after 30 days: a webhook may still tell."""
    return next((pause for until, pause in INBOX_LOOKS if waiting_for < until), None)
