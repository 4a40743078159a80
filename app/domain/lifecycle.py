"""The states of a post target and the only legal moves between them."""

from __future__ import annotations

from enum import StrEnum


class TargetState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    PROCESSING = "processing"
    IN_INBOX = "in_inbox"
    PUBLISHED = "published"
    FAILED = "failed"
    MISSED = "missed"
    UNCONFIRMED = "unconfirmed"
    CANCELED = "canceled"


S = TargetState

TRANSITIONS: dict[TargetState, frozenset[TargetState]] = {
    S.DRAFT: frozenset({S.IN_REVIEW, S.SCHEDULED, S.CANCELED}),
    S.IN_REVIEW: frozenset({S.DRAFT, S.CHANGES_REQUESTED, S.SCHEDULED, S.MISSED, S.CANCELED}),
    S.CHANGES_REQUESTED: frozenset({S.DRAFT, S.IN_REVIEW, S.MISSED, S.CANCELED}),
    S.SCHEDULED: frozenset({S.DRAFT, S.IN_REVIEW, S.PUBLISHING, S.MISSED, S.CANCELED}),
    # Back to scheduled: nothing has been sent yet and it waits its turn, so people may still edit it.
    S.PUBLISHING: frozenset({S.SCHEDULED, S.PROCESSING, S.FAILED, S.MISSED, S.UNCONFIRMED}),
    # Back to publishing: TikTok said FAILED for a reason of its own, which alone permits a new init.
    S.PROCESSING: frozenset({S.PUBLISHING, S.PUBLISHED, S.IN_INBOX, S.FAILED, S.UNCONFIRMED}),
    S.IN_INBOX: frozenset({S.PUBLISHED, S.FAILED}),
    S.UNCONFIRMED: frozenset({S.PUBLISHED, S.IN_INBOX, S.FAILED}),
    S.FAILED: frozenset({S.DRAFT, S.SCHEDULED, S.CANCELED}),
    S.MISSED: frozenset({S.DRAFT, S.IN_REVIEW, S.SCHEDULED, S.CANCELED}),
    S.PUBLISHED: frozenset(),
    S.CANCELED: frozenset(),
}

IN_FLIGHT = frozenset({S.PUBLISHING, S.PROCESSING})
"""Work that goes on by itself; pages that show it keep themselves up to date."""

EDITABLE = frozenset({S.DRAFT, S.IN_REVIEW, S.CHANGES_REQUESTED, S.SCHEDULED, S.MISSED, S.FAILED})
"""Content and time may be changed by a person."""

CANCELABLE = frozenset(state for state, following in TRANSITIONS.items() if S.CANCELED in following)

NEEDS_MEDIA = frozenset(state for state, following in TRANSITIONS.items() if following)
"""Something may still become of it, be it that a person schedules it anew, so the bytes of its media must stay."""

NEEDS_DUE_AT = frozenset({S.SCHEDULED, S.PUBLISHING, S.PROCESSING})
"""States that would be forgotten by the beat without a `due_at`; the database refuses them without one."""


def is_legal(current: TargetState, following: TargetState) -> bool:
    """Whether the one table of transitions allows this move."""
    return following in TRANSITIONS[current]
