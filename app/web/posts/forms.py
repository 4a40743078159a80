"""The composer's form and the form that moves a post."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    TextAreaField,
    TimeField,
    URLField,
)
from wtforms.validators import InputRequired, Optional

from app.domain.post_rules import PRIVACY_LABELS, CreatorInfo, PrivacyLevel, TargetChoices
from app.domain.zones import exact_instant
from app.web.forms import Form

NOTHING = SelectChoice("", "Choose…")
PROBLEM_FIELDS = {"scheduled_local": "time", "media": "media_file_id"}
"""Where the composer shows problems whose domain field has another name."""


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
    """A post for one account. What TikTok wants a person to choose is never preselected."""

    creation_key = HiddenField()
    media_file_id = IntegerField("Video", [InputRequired("Choose a video first.")])
    account_id = RadioField("Account", coerce=int, choices=[], validators=[InputRequired("Choose the account that this goes out on.")],
                            validate_choice=False)
    caption = TextAreaField("Caption", [Optional()], filters=[lambda text: (text or "").replace("\r\n", "\n")])
    privacy_level = SelectField("Who can see this video", choices=[NOTHING], validate_choice=False)
    allow_comment = BooleanField("Comment")
    allow_duet = BooleanField("Duet")
    allow_stitch = BooleanField("Stitch")

    def offer(self, creator: CreatorInfo) -> None:
        """Exactly the creator's own audiences, none chosen."""
        self.privacy_level.choices = [NOTHING, *(SelectChoice(o.value, PRIVACY_LABELS[o]) for o in creator.privacy_options)]

    def choices(self) -> TargetChoices:
        """What was chosen for the account; an unknown audience counts as none."""
        level = self.privacy_level.data
        return TargetChoices(
            PrivacyLevel(level) if level in set(PrivacyLevel) else None,
            self.allow_comment.data, self.allow_duet.data, self.allow_stitch.data,
        )
