"""Typed rows with the constraints that make a broken one impossible."""

from app.models.accounts import Connection, TikTokAccount
from app.models.base import db
from app.models.bulk import BulkImport
from app.models.feeds import CalendarFeed
from app.models.media import ImportState, MediaFile, MediaImport
from app.models.posts import Event, Post, PostPhoto, PostTarget, PublishAttempt, Step
from app.models.team import Member, Role, User, Workspace
from app.models.uploads import Upload, UploadWay
from app.models.webhooks import IncomingWebhook

__all__ = [
    "BulkImport", "CalendarFeed", "Connection", "Event", "ImportState", "IncomingWebhook", "MediaFile", "MediaImport", "Member", "Post",
    "PostPhoto", "PostTarget", "PublishAttempt", "Role", "Step", "TikTokAccount", "Upload", "UploadWay", "User", "Workspace", "db",
]
