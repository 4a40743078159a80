"""What would keep a post from going out as it stands: asked ahead, and again at the moment of publishing."""

from __future__ import annotations

from app.domain.errors import Problem
from app.domain.post_rules import PostMode, TargetChoices, choice_problems
from app.domain.retry import decide
from app.models import Connection, Step
from app.services.accounts import SCOPES, with_token
from app.services.ports import TikTokError
from app.services.publishing.attempts import attempt
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import Work


def find_obstacle(work: Work, ports: PublishingPorts) -> Problem | None:
    """Connection, permission, media, and the creator's settings as TikTok tells them now, against what was chosen.

    Raises TikTokError when TikTok can't be asked (`media_missing` when the file is gone), NotYet when it may not be yet.
    """
    if work.connection is not Connection.CONNECTED:
        return Problem("token_missing", decide("token_missing", 1).text)
    if SCOPES[work.mode] not in work.scopes:
        return Problem("scope_not_authorized", decide("scope_not_authorized", 1).text)
    if any(ports.storage.size(file.storage_key) != file.size_bytes for file in work.files):
        raise TikTokError("media_missing")
    if work.mode is PostMode.INBOX:
        # Caption, audience and interactions are chosen in TikTok's own editor; there is nothing to compare.
        return None
    creator = attempt(work, Step.CREATOR_INFO, lambda: with_token(
        work.account_id, ports.tiktok.creator_info, ports.accounts), ports)
    choices = TargetChoices(work.privacy_level, work.allow_comment, work.allow_duet, work.allow_stitch, work.auto_add_music, work.mode)
    return next(choice_problems(choices, creator, work.kind, work.duration_seconds, is_audited=ports.is_audited), None)
