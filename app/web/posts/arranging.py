"""The composer's photos by plain buttons: what js/photos.js does in the page, for a browser without JavaScript."""

from __future__ import annotations

from app.domain.errors import DomainError
from app.queries.posts import media_of
from app.services import media
from app.web.access import member
from app.web.forms import apply_problems
from app.web.media import chosen
from app.web.posts.forms import PROBLEM_FIELDS, ComposerForm
from app.wiring import wiring

STEPS = {"earlier": -1, "later": 1}


def arrange(form: ComposerForm, action: str) -> None:
    """Carry out `earlier:ID`, `later:ID`, `remove:ID`, `convert:ID` or `convert:all`; anything else leaves all as it is."""
    verb, _, which = action.partition(":")
    media_ids, cover = form.media_ids, form.cover.data or 0
    if verb == "convert":
        form.media_ids = [_converted(form, media_id) if which in ("all", str(media_id)) else media_id for media_id in media_ids]
        return
    place = next((n for n, media_id in enumerate(media_ids) if str(media_id) == which), None)
    if place is None:
        return
    places = list(range(len(media_ids)))
    if verb == "remove":
        places.remove(place)
    elif verb in STEPS:
        places.insert(max(0, place + STEPS[verb]), places.pop(place))
    form.media_ids = [media_ids[n] for n in places]
    form.cover.data = places.index(cover) if cover in places else 0


def _converted(form: ComposerForm, media_id: int) -> int:
    who = member()
    if not any(chosen(file).may_convert for file in media_of(who.workspace_id, [media_id])):
        return media_id
    try:
        return media.convert_photo(media_id, workspace_id=who.workspace_id, actor_id=who.user_id, ports=wiring().media)
    except DomainError as error:
        apply_problems(form, error, PROBLEM_FIELDS)
        return media_id
