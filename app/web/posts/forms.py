"""The composer's form and the form that moves a post."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
    URLField,
)
from wtforms.validators import InputRequired, NumberRange, Optional

from app.domain.media_rules import MAX_SECONDS, MediaKind
from app.domain.post_rules import PRIVACY_LABELS, CreatorInfo, PrivacyLevel, TargetChoices
from app.domain.zones import exact_instant
from app.web.forms import MAX_INTEGER, Form

NOTHING = SelectChoice("", "Choose…")
PROBLEM_FIELDS = {"scheduled_local": "time", "media": "media_file_id", "cover": "media_file_id", "cover_timestamp_ms": "media_file_id"}
"""Where the composer shows problems whose domain field has another name."""
AUDIENCE_LABELS = {MediaKind.VIDEO: "Who can see this video", MediaKind.PHOTO: "Who can see these photos"}


class WhenForm(Form):
    """A date and a time in the workspace's zone."""

    date = DateField("Date", [InputRequired("Choose a date.")])
    time = TimeField("Time", [InputRequired("Choose a time.")])

    def scheduled_at(self, zone: str) -> datetime:
        """The instant that is meant. Raises DomainError `time_skipped` when a clock change leaves it out."""
        return exact_instant(datetime.combine(self.date.data, self.time.data), ZoneInfo(zone))


class LinkForm(Form):
    """A person's word that a post is live."""

    link = URLField("Link to the post", [Optional()])


class ComposerForm(WhenForm):
    """A post for one account. What TikTok wants a person to choose is never preselected.

    The media are one video, or photos in their order. A cover is the place of a photo, or the moment of a video, which
    comes in milliseconds from the scrubber and in seconds where there is no JavaScript.
    """

    creation_key = HiddenField()
    media_file_id = SelectMultipleField("Media", [InputRequired("Choose a video or photos first.")], coerce=int, choices=[],
                                        validate_choice=False)
    cover = IntegerField("Cover", [Optional()])
    cover_timestamp_ms = IntegerField("Cover frame", [Optional()])
    cover_seconds = DecimalField("Cover frame at second", [Optional(), NumberRange(0, MAX_SECONDS, "Enter a second of the video.")])
    account_id = RadioField("Account", coerce=int, choices=[], validators=[InputRequired("Choose the account that this goes out on.")],
                            validate_choice=False)
    title = StringField("Title", [Optional()])
    caption = TextAreaField("Caption", [Optional()], filters=[lambda text: (text or "").replace("\r\n", "\n")])
    privacy_level = SelectField("Who can see this video", choices=[NOTHING], validate_choice=False)
    allow_comment = BooleanField("Comment")
    allow_duet = BooleanField("Duet")
    allow_stitch = BooleanField("Stitch")
    auto_add_music = BooleanField("Let TikTok add music to the photos")

    @property
    def media_ids(self) -> list[int]:
        """The chosen files, in their order; what can be no id is left out."""
        return [media_id for media_id in self.media_file_id.data or () if 0 < media_id <= MAX_INTEGER]

    @media_ids.setter
    def media_ids(self, media_ids: list[int]) -> None:
        self.media_file_id.data, self.media_file_id.raw_data = media_ids, [str(media_id) for media_id in media_ids]

    @property
    def cover_ms(self) -> int | None:
        """The moment of the cover; none means the first frame."""
        seconds: Decimal | None = self.cover_seconds.data
        if seconds is not None and not self.cover_seconds.errors and seconds.is_finite():
            return int(seconds * 1000) or None
        found: int | None = self.cover_timestamp_ms.data
        return found

    def offer(self, creator: CreatorInfo) -> None:
        """Exactly the creator's own audiences, none chosen."""
        self.privacy_level.choices = [NOTHING, *(SelectChoice(o.value, PRIVACY_LABELS[o]) for o in creator.privacy_options)]

    def choices(self) -> TargetChoices:
        """What was chosen for the account; an unknown audience counts as none."""
        level = self.privacy_level.data
        return TargetChoices(
            PrivacyLevel(level) if level in set(PrivacyLevel) else None,
            self.allow_comment.data, self.allow_duet.data, self.allow_stitch.data, self.auto_add_music.data,
        )
