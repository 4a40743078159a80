"""Typed rows with the constraints that make a broken one impossible."""

from app.models.accounts import Connection, TikTokAccount
from app.models.base import db
from app.models.media import MediaFile
from app.models.posts import Event, Post, PostTarget, PublishAttempt, Step
from app.models.team import Member, Role, User, Workspace
from app.models.webhooks import IncomingWebhook

__all__ = [
    "Connection", "Event", "IncomingWebhook", "MediaFile", "Member", "Post", "PostTarget", "PublishAttempt", "Role", "Step",
    "TikTokAccount", "User", "Workspace", "db",
]
