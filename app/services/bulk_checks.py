"""What would become of each row of a file of posts: its post, or what is in its way. Nothing is made here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.domain.bulk import Row, is_url, read_cover
from app.domain.errors import DomainError, ErrorKind, Problem
from app.domain.lifecycle import TargetState
from app.domain.media_rules import MediaKind, file_warnings
from app.domain.post_rules import (
    PRIVACY_LABELS,
    CreatorInfo,
    PostMode,
    caption_problems,
    choice_problems,
    media_set_problems,
    schedule_problems,
    title_problems,
)
from app.models import Connection, ImportState, MediaFile, MediaImport, PostTarget, TikTokAccount, db
from app.models.media import UNFINISHED
from app.services.accounts import AccountPorts, load_account
from app.services.media import facts_of, post_problems
from app.services.media_imports import ImportPorts
from app.services.ports import FetchError
from app.services.posts import NewPost, account_problems, check_post, creator_info
from app.services.transactions import let_go

HOSTS = 20
"""How many different hosts of a file's links are looked up for a preview; the others are when they are fetched."""
DAY = timedelta(hours=24)
NAMES_AT_ONCE = 500
GONE_OR_GOING = (TargetState.SCHEDULED, TargetState.PUBLISHING, TargetState.PROCESSING, TargetState.PUBLISHED, TargetState.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class BulkPorts:
    accounts: AccountPorts
    imports: ImportPorts
    posts_per_day: int


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account as the rows need it; `creator` is what TikTok allows it now, if a row asked and TikTok answered."""

    id: int
    username: str
    nickname: str
    is_connected: bool
    problems: Mapping[PostMode, tuple[Problem, ...]]
    creator: CreatorInfo | None = None
    unanswered: str | None = None
    """Why TikTok could not be asked; it is asked again before anything is made."""

    @property
    def name(self) -> str:
        return f"@{self.username}" if self.username else self.nickname


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """One file of a row: in the library, or on its way."""

    name: str
    media_file_id: int | None


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row with everything that is known about it. `new` is there when nothing but `waits_for` is in its way."""

    row: Row
    account: AccountFacts | None = None
    media: tuple[MediaFacts, ...] = ()
    new: NewPost | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    waits_for: tuple[str, ...] = ()
    """Addresses of files that are not here yet."""


@dataclass(slots=True)
class _Found:
    """What the rows name, as it is here."""

    accounts: Sequence[AccountFacts]
    files: dict[str, list[MediaFile]] = field(default_factory=dict)
    fetched: dict[str, MediaFile] = field(default_factory=dict)
    failed: dict[str, Problem] = field(default_factory=dict)


def check_rows(rows: Sequence[Row], *, workspace_id: int, fetches: Mapping[str, int], new_key: Callable[[int], str],
               consented_at: datetime | None, ports: BulkPorts) -> list[CheckedRow]:
    """Each row as it stands now. TikTok is asked once for each account that a row wants to post to directly.

    `fetches` are the imports of addresses that were begun; `new_key` makes the creation key of a row's post.
    """
    named = _accounts(workspace_id)
    wanted = {a.id for row in rows if row.choices.mode is PostMode.DIRECT for a in [_account_of(row, named)[0]] if a}
    asked = [_ask(a, workspace_id, ports) if a.id in wanted else a for a in named]
    refused = _refused_hosts({url for row in rows for url in row.urls if url not in fetches}, ports)
    found = _Found(asked, failed=refused)
    _load_files(found, rows, workspace_id)
    _load_fetched(found, fetches, workspace_id)
    now = ports.accounts.utcnow()
    return [_check(row, found, new_key, consented_at, now) for row in rows]


def unfinished(fetches: Mapping[str, int]) -> set[str]:
    """Addresses whose files are still on their way."""
    ids = set(db.session.scalars(sa.select(MediaImport.id).where(
        MediaImport.id.in_(set(fetches.values())), MediaImport.state.in_(UNFINISHED)))) if fetches else set()
    return {url for url, import_id in fetches.items() if import_id in ids}


def with_clashes(checked: Sequence[CheckedRow], *, workspace_id: int, posts_per_day: int) -> list[CheckedRow]:
    """The same rows with warnings of what goes together badly: in the file, and with what is planned already. One statement."""
    good = [(c.account, c.row.scheduled_at, c.row.choices.mode) for c in checked if c.account and c.row.scheduled_at and not c.problems]
    times = [at for _, at, _ in good]
    planned = _planned(workspace_id, {account.id for account, _, _ in good}, times) if times else []
    board = _Board({(account_id, at) for account_id, at, _ in planned}, posts_per_day)
    for account_id, at, mode in sorted([*planned, *((account.id, at, mode) for account, at, mode in good)]):
        if mode is PostMode.DIRECT:
            board.going.setdefault(account_id, []).append(at)
    return [replace(c, warnings=(*c.warnings, *board.clashes(c))) for c in checked]


@dataclass(slots=True)
class _Board:
    """What goes out when, and which row came first with what."""

    taken: set[tuple[int, datetime]]
    posts_per_day: int
    going: dict[int, list[datetime]] = field(default_factory=dict)
    """Direct posts of each account, in order of time."""
    first_row: dict[object, int] = field(default_factory=dict)

    def clashes(self, checked: CheckedRow) -> Iterator[Problem]:
        account, at, number = checked.account, checked.row.scheduled_at, checked.row.number
        if account is None or at is None or checked.problems:
            return
        media = (account.id, tuple(m.media_file_id or m.name for m in checked.media))
        if (first := self.first_row.setdefault(media, number)) != number:
            yield Problem("same_media", f"Row {first} posts the same on this account.", "media")
        if (first := self.first_row.setdefault((account.id, at), number)) != number:
            yield Problem("same_time", f"Row {first} goes out on this account at the same time; one of them waits for the other.", "date")
        if (account.id, at) in self.taken:
            yield Problem("time_taken", "A post of this account is planned for that very time already.", "date")
        if checked.row.choices.mode is PostMode.DIRECT:
            times = self.going[account.id]
            count = bisect_right(times, at) - bisect_right(times, at - DAY)
            if count > self.posts_per_day:
                yield Problem("day_full", f"It would be post {count} of {account.name} within 24 hours, and TikTok takes about"
                              f" {self.posts_per_day}. It would wait until there is room.", "date")


def _planned(workspace_id: int, account_ids: Iterable[int], times: Sequence[datetime]) -> list[tuple[int, datetime, PostMode]]:
    rows = db.session.execute(sa.select(PostTarget.account_id, PostTarget.scheduled_at, PostTarget.mode).where(
        PostTarget.workspace_id == workspace_id, PostTarget.account_id.in_(account_ids), PostTarget.state.in_(GONE_OR_GOING),
        PostTarget.scheduled_at >= min(times) - DAY, PostTarget.scheduled_at <= max(times)))
    return [(row[0], row[1], row[2]) for row in rows]


# What the rows name


def _accounts(workspace_id: int) -> list[AccountFacts]:
    rows = db.session.scalars(sa.select(TikTokAccount).where(TikTokAccount.workspace_id == workspace_id).order_by(TikTokAccount.id)).all()
    return [AccountFacts(a.id, a.username, a.nickname, a.connection is not Connection.DISCONNECTED,
                         {mode: tuple(account_problems(a, mode)) for mode in PostMode}) for a in rows]


def _account_of(row: Row, accounts: Sequence[AccountFacts]) -> tuple[AccountFacts | None, Problem | None]:
    """By @name, then by nickname; one that is connected before one that is not."""
    name = row.account.removeprefix("@").casefold()
    if not name:
        return None, None
    for names in ("username", "nickname"):
        found = [a for a in accounts if getattr(a, names).casefold() == name]
        found = [a for a in found if a.is_connected] or found
        if len(found) > 1:
            return None, Problem("account_ambiguous", f"{len(found)} accounts are called “{row.account}”. Write one's @name.", "account")
        if found:
            return found[0], None
    known = ", ".join(a.name for a in accounts if a.is_connected) or "none yet"
    return None, Problem("account_unknown", f"No account is called “{row.account}”. Connected: {known}.", "account")


def _ask(account: AccountFacts, workspace_id: int, ports: BulkPorts) -> AccountFacts:
    try:
        return replace(account, creator=creator_info(load_account(workspace_id, account.id), ports.accounts))
    except DomainError as error:
        return replace(account, unanswered=error.message) if error.kind is ErrorKind.UNAVAILABLE else account


def _refused_hosts(urls: Iterable[str], ports: BulkPorts) -> dict[str, Problem]:
    """Addresses that could never be fetched, as far as their hosts tell."""
    by_host: dict[str, list[str]] = {}
    for url in urls:
        by_host.setdefault(_host(url), []).append(url)
    let_go()
    found: dict[str, Problem] = {}
    for host in sorted(by_host)[:HOSTS]:
        try:
            ports.imports.web.check(by_host[host][0])
        except FetchError as error:
            if not error.may_retry:
                found.update(dict.fromkeys(by_host[host], Problem(error.code, error.text, "media")))
    return found


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:  # brackets that are no IPv6 address
        return url


def _load_files(found: _Found, rows: Sequence[Row], workspace_id: int) -> None:
    """Files of the library by name and by name#id, as the rows write them."""
    tokens = sorted({name for row in rows for name in row.media if not is_url(name)})
    ids = {int(end) for _, mark, end in (t.rpartition("#") for t in tokens) if mark and end.isascii() and end.isdecimal() and len(end) < 10}
    mine = sa.select(MediaFile).where(MediaFile.workspace_id == workspace_id, MediaFile.ended_at.is_(None)).order_by(MediaFile.id)
    by_name: dict[str, list[MediaFile]] = {}
    for start in range(0, len(tokens), NAMES_AT_ONCE):
        some = tokens[start:start + NAMES_AT_ONCE]
        for media in db.session.scalars(mine.where(sa.or_(MediaFile.name.in_(some), sa.func.lower(MediaFile.name).in_(
                [name.lower() for name in some])))):
            by_name.setdefault(media.name.casefold(), []).append(media)
    by_id = {media.id: media for media in db.session.scalars(mine.where(MediaFile.id.in_(ids)))} if ids else {}
    for token in tokens:
        alike = by_name.get(token.casefold(), [])
        exact = [media for media in alike if media.name == token]
        name, _, end = token.rpartition("#")
        chosen = by_id.get(int(end)) if end.isascii() and end.isdecimal() and len(end) < 10 else None
        is_chosen = chosen is not None and name in ("", chosen.name)
        found.files[token] = exact or alike or ([chosen] if chosen is not None and is_chosen else [])


def _load_fetched(found: _Found, fetches: Mapping[str, int], workspace_id: int) -> None:
    rows = db.session.execute(
        sa.select(MediaImport.id, MediaImport.state, MediaImport.problem_code, MediaImport.problem_text, MediaFile)
        .outerjoin(MediaFile, MediaFile.id == MediaImport.media_file_id)
        .where(MediaImport.workspace_id == workspace_id, MediaImport.id.in_(set(fetches.values())))).all() if fetches else []
    by_id = {row[0]: row for row in rows}
    for url, import_id in fetches.items():
        row = by_id.get(import_id)
        if row is None:
            found.failed[url] = Problem("import_not_found", "This file is not being fetched any more. Import the row again.", "media")
        elif row[1] is ImportState.FAILED:
            found.failed[url] = Problem(row[2] or "", row[3] or "", "media")  # the database refuses a failure without a reason
        elif row[4] is not None:
            found.fetched[url] = row[4]


# One row


def _check(row: Row, found: _Found, new_key: Callable[[int], str], consented_at: datetime | None, now: datetime) -> CheckedRow:
    account, unknown = _account_of(row, found.accounts)
    problems = [*row.problems, *([unknown] if unknown else [])]
    warnings = list(row.warnings)
    if account:
        problems += account.problems[row.choices.mode]
        if account.unanswered and row.choices.mode is PostMode.DIRECT:
            warnings.append(Problem("creator_unanswered", f"{account.unanswered} It is asked again before the post is made.", "account"))
    files = [_file_of(name, found, problems) for name in row.media]
    media = [m for m in files if m is not None]
    waits_for = tuple(u for u in row.urls if u not in found.fetched and u not in found.failed)
    shown = tuple(MediaFacts(m.name if m else name, m.id if m else None) for name, m in zip(row.media, files, strict=True))
    creator = account.creator if account else None
    for file in media:
        warnings += [Problem(w.code, w.message, w.field) for w in file_warnings(facts_of(file))]
    if len(media) < len(row.media) or not media:
        problems += _problems_without_files(row, media, creator, now)
        return CheckedRow(row, account, shown, None, _once(problems), tuple(warnings), waits_for)
    warnings += _ignored(row, media[0].kind)
    # Without a time the row has a problem already; some time keeps the other checks going.
    at = row.scheduled_at or now + DAY
    new = NewPost(account.id if account else 0, tuple(m.id for m in media), row.caption, at, row.choices, new_key(row.number), row.title,
                  consented_at=consented_at)
    try:
        cover, moment = read_cover(row.cover, media[0].kind, row.media)
        new = replace(new, cover=cover, cover_timestamp_ms=moment)
    except DomainError as error:
        problems += error.problems
    problems += _told(check_post(new, media, creator, now), row, creator)
    return CheckedRow(row, account, shown, None if problems else new, _once(problems), tuple(warnings))


def _file_of(name: str, found: _Found, problems: list[Problem]) -> MediaFile | None:
    """The file that a cell names; what is wrong with it is added to the problems."""
    if is_url(name):
        if name in found.failed:
            problems.append(found.failed[name])
        return found.fetched.get(name)
    files = found.files[name]
    if len(files) == 1:
        return files[0]
    if files:
        ways = ", ".join(f"{media.name}#{media.id} (of {media.created_at:%Y-%m-%d})" for media in files[:5])
        problems.append(Problem("media_ambiguous", f"{len(files)} files are called “{name}”. Write which: {ways}.", "media"))
    else:
        problems.append(Problem("media_unknown", f"The library has no file called “{name}”. Upload it first, or write its address.",
                                "media"))
    return None


def _problems_without_files(row: Row, known: Sequence[MediaFile], creator: CreatorInfo | None, now: datetime) -> list[Problem]:
    """What can be said while a file is missing: what would be wrong whatever it turns out to be."""
    kinds = [m.kind for m in known] + [MediaKind.PHOTO] * (len(row.media) - len(known))
    problems = list(media_set_problems(kinds)) if len(row.media) > 1 else []
    problems += [problem for media in known for problem in post_problems(media)]
    if row.scheduled_at:
        problems += schedule_problems(row.scheduled_at, now)
    possible = [MediaKind.PHOTO] if len(row.media) > 1 else list(MediaKind)
    each = [[*caption_problems(row.caption, kind), *title_problems(row.title, kind), *_choices(row, creator, kind)] for kind in possible]
    common = set.intersection(*({p.code for p in some} for some in each))
    return problems + _told([p for p in each[0] if p.code in common], row, creator)


def _choices(row: Row, creator: CreatorInfo | None, kind: MediaKind) -> Iterable[Problem]:
    return choice_problems(row.choices, creator, kind, None) if creator and row.choices.mode is PostMode.DIRECT else ()


def _told(problems: Iterable[Problem], row: Row, creator: CreatorInfo | None) -> list[Problem]:
    """As somebody who writes a file needs to hear it. Without TikTok's word on the creator one choice is still known to be missing."""
    found = [p for p in problems if p.code != "privacy_missing"]
    asks = row.choices.mode is PostMode.DIRECT and row.choices.privacy_level is None
    if asks and not any(p.field == "privacy" for p in row.problems):
        levels = creator.privacy_options if creator else tuple(PRIVACY_LABELS)
        found.append(Problem("privacy_missing", f"Say who can see it: {', '.join(PRIVACY_LABELS[level] for level in levels)}.", "privacy"))
    return found


def _ignored(row: Row, kind: MediaKind) -> Iterator[Problem]:
    if row.choices.mode is PostMode.INBOX and kind is MediaKind.VIDEO and row.caption:
        yield Problem("inbox_ignores_caption", "A video in the inbox gets its caption in TikTok's own app; this one is ignored.", "caption")


def _once(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Without repeats: several photos of a post may have the same fault."""
    return tuple(dict.fromkeys(problems))
