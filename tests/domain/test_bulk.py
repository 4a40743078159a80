"""Files of posts as spreadsheets write them: encodings, separators, columns, dates, and cells that would run as formulas."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.bulk import Column, check_mapping, guess_mapping, read_cover, read_rows
from app.domain.bulk_file import MAX_ROWS, Sheet, SheetRow, csv_lines, guarded, read_sheet, unguarded
from app.domain.bulk_times import DateOrder, read_instant, read_zone, written_time
from app.domain.errors import DomainError
from app.domain.media_rules import MediaKind
from app.domain.post_rules import PostMode, PrivacyLevel

C = Column
BERLIN = ZoneInfo("Europe/Berlin")


def refusal(call) -> tuple[str, str]:
    """Code and words of the first problem."""
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value.code, refused.value.message


# The file

TABLE = "account;caption\nnorthbound;Grüße aus Köln – „Café“\n"


@pytest.mark.parametrize(("codec", "name"), [
    ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16"),
    ("cp1252", "Windows-1252"),
])
def test_reads_what_spreadsheets_write_and_says_how_it_was_read(codec, name):
    sheet = read_sheet(TABLE.encode(codec))
    assert sheet == Sheet(("account", "caption"), (SheetRow(2, ("northbound", "Grüße aus Köln – „Café“")),),
                          f"{name}, separated by semicolons")


@pytest.mark.parametrize(("separator", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs")])
def test_the_separator_is_told_by_the_header(separator, name):
    text = f'account{separator}"text, with; all\tof them"{separator}date\na{separator}b;,\n'.replace(f"b;,{separator}", "b")
    sheet = read_sheet(text.encode())
    assert sheet.read_as.endswith(name) and len(sheet.header) == 3


def test_the_separator_that_excel_names_counts():
    assert read_sheet(b"sep=|\r\na,b|c\r\n1|2\r\n").header == ("a,b", "c")


def test_rows_have_the_numbers_that_a_spreadsheet_shows_and_blank_ones_are_left_out():
    sheet = read_sheet(b'a,b\r\n1,"two\r\nlines"\r\n\r\n , \r\n3,4\r\n')
    assert [(row.number, row.cells) for row in sheet.rows] == [(2, ("1", "two\nlines")), (5, ("3", "4"))]


def test_columns_without_a_name_are_counted():
    assert read_sheet(b"a,,c\n1,2,3\n").header == ("a", "Column 2", "c")


@pytest.mark.parametrize(("data", "code", "words"), [
    (b"", "csv_empty", "is empty"),
    (b" \n\n", "csv_empty", "is empty"),
    (b"a,b\n", "csv_no_rows", "taken for the header"),
    (b"a\n" * 1_000_001, "csv_too_large", "larger than 2 MB"),
    (b"a\n" + b"x\n" * (MAX_ROWS + 1), "csv_too_many_rows", "1,001 rows; 1,000"),
    (b"," * 60 + b"\n1\n", "csv_too_wide", "61 columns; at most 60"),
    (b"PK\x03\x04" + b"x" * 50, "csv_is_workbook", "CSV UTF-8"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "csv_encoding", "CSV UTF-8"),
    (b"a,b\n\x81\x8d,2\n", "csv_encoding", "CSV UTF-8"),
    (b"\xff\xfea", "csv_encoding", "CSV UTF-8"),
    (b'a,b\n1,2\n3,"never closed\n5,6\n', "csv_broken", "begins in line 3"),
    (b'a,b\n1,"two" three\n', "csv_broken", "begins in line 2"),
    (b'a,b\n1,"' + b"x" * 140_000 + b'"\n', "csv_broken", "begins in line 2"),
])
def test_what_can_t_be_read_is_refused_with_what_to_do(data, code, words):
    found, text = refusal(lambda: read_sheet(data))
    assert found == code and words in text


@given(st.binary(max_size=300))
@settings(max_examples=300, derandomize=True)
def test_no_bytes_bring_the_reader_down(data):
    try:
        sheet = read_sheet(data)
    except DomainError:
        return
    read_rows(sheet, guess_mapping(sheet.header) or {C.DATE: 0}, "UTC")


@pytest.mark.parametrize("cell", ["=1+1", "+49 30", "-5", "@northbound", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_written_as_text(cell):
    assert guarded(cell) == f"'{cell}" and unguarded(guarded(cell)) == cell


@given(st.text(alphabet=st.one_of(st.sampled_from("'=+-@\t\n,;\"a"), st.characters(exclude_categories=["Cs"]))))
@settings(max_examples=200, derandomize=True)
def test_every_cell_comes_back_as_it_was(text):
    assert unguarded(guarded(text)) == text
    written = "".join(csv_lines([["a", "b"], ["x", text]], with_bom=False))
    [_, (_, back)] = csv.reader(io.StringIO(written, newline=""))
    assert unguarded(back) == text


@pytest.mark.parametrize("text", ["'quoted", "it's", "O'=x", "'"])
def test_a_quote_sign_that_guards_nothing_stays(text):
    assert guarded(text) == text and unguarded(text) == text


# Columns


@pytest.mark.parametrize(("header", "expected"), [
    (["account", "date", "time", "time_zone", "caption", "media", "privacy"],
     [C.ACCOUNT, C.DATE, C.TIME, C.TIME_ZONE, C.CAPTION, C.MEDIA, C.PRIVACY]),
    (["Profile", "Publish Date", "Publish Time", "Text", "Image URLs", "Comments?"],
     [C.ACCOUNT, C.DATE, C.TIME, C.CAPTION, C.MEDIA, C.ALLOW_COMMENT]),
    (["@Username", "Scheduled at", "Message", "Video", "Thumbnail", "Visibility"],
     [C.ACCOUNT, C.DATETIME, C.CAPTION, C.MEDIA, C.COVER, C.PRIVACY]),
    (["text", "caption", "Likes", ""], [C.CAPTION, None, None, None]),
])
def test_columns_are_guessed_by_the_names_that_people_are_used_to(header, expected):
    assert guess_mapping(header) == {column: place for place, column in enumerate(expected) if column}


def test_every_column_is_guessed_by_its_own_name():
    assert guess_mapping([c.value for c in C if c is not C.DATETIME]) == {c: n for n, c in enumerate(c for c in C if c is not C.DATETIME)}
    assert guess_mapping([C.DATETIME.value]) == {C.DATETIME: 0}


def test_a_mapping_must_say_where_when_and_what_and_nothing_twice():
    with pytest.raises(DomainError) as refused:
        check_mapping([C.CAPTION, C.CAPTION, None])
    assert [(p.code, p.field) for p in refused.value.problems] == [
        ("column_twice", "caption"), ("column_missing", "account"), ("column_missing", "media"), ("column_missing", "date")]
    with pytest.raises(DomainError) as refused:
        check_mapping([C.ACCOUNT, C.MEDIA, C.DATE, C.DATETIME])
    assert [p.field for p in refused.value.problems] == ["datetime"]
    assert check_mapping([C.MEDIA, None, C.ACCOUNT, C.DATETIME]) == {C.MEDIA: 0, C.ACCOUNT: 2, C.DATETIME: 3}


# Times


@pytest.mark.parametrize(("day", "clock", "utc"), [
    ("2026-11-24", "09:00", "2026-11-24T08:00"),
    ("2026-11-24 09:00", "", "2026-11-24T08:00"),
    ("2026-11-24T09:00:30", "", "2026-11-24T08:00:30"),
    ("2026-11-24T09:00Z", "", "2026-11-24T09:00"),
    ("2026-11-24T09:00:00.000Z", "", "2026-11-24T09:00"),
    ("2026-11-24 09:00 -0500", "", "2026-11-24T14:00"),
    ("2026-11-24T09:00+05:30", "", "2026-11-24T03:30"),
    ("2026/11/24", "9:00", "2026-11-24T08:00"),
    ("24.11.2026", "09:00", "2026-11-24T08:00"),
    ("5.6.2026", "09:00", "2026-06-05T07:00"),
    ("24/11/2026", "9:00 am", "2026-11-24T08:00"),
    ("11/24/2026 9:00:00 AM", "", "2026-11-24T08:00"),
    ("24-11-2026", "9pm", "2026-11-24T20:00"),
    ("05/05/2026", "12:15 a.m.", "2026-05-04T22:15"),
    ("24 Nov 2026", "12 pm", "2026-11-24T11:00"),
    ("Tue, 24 November 2026", "09:00", "2026-11-24T08:00"),
    ("November 24th, 2026", "09:00", "2026-11-24T08:00"),
    ("Nov 24, 2026, 9:00 PM", "", "2026-11-24T20:00"),
])
def test_times_are_read_as_people_write_them(day, clock, utc):
    instant, warning = read_instant(day, clock, BERLIN, DateOrder.AS_WRITTEN)
    assert (instant, warning) == (datetime.fromisoformat(utc).replace(tzinfo=UTC), None)
    assert instant.utcoffset() == instant.astimezone(UTC).utcoffset()


@pytest.mark.parametrize(("day", "clock", "code", "words"), [
    ("", "09:00", "date_missing", "Write it like 2026-11-24"),
    ("2026-11-24", "", "time_missing", "Write it like 09:30"),
    ("05/06/2026", "09:00", "date_ambiguous", "may be 5 June or 6 May. Write 2026-06-05 or 2026-05-06"),
    ("05-06-2026", "09:00", "date_ambiguous", "may be 5 June or 6 May"),
    ("13/13/2026", "09:00", "date_unreadable", "13/13/2026"),
    ("00/05/2026", "09:00", "date_unreadable", "00/05/2026"),
    ("31.04.2026", "09:00", "date_unreadable", "31.04.2026"),
    ("24.11.26", "09:00", "date_unreadable", "24.11.26"),
    ("24 Nvo 2026", "09:00", "date_unreadable", "24 Nvo 2026"),
    ("soon", "09:00", "date_unreadable", "soon"),
    ("45985", "09:00", "date_unreadable", "45985"),
    ("2026-11-24", "25:00", "time_unreadable", "25:00"),
    ("2026-11-24", "13:00 pm", "time_unreadable", "13:00 pm"),
    ("2026-11-24", "9", "time_unreadable", "09:30 or 9:30 pm"),
    ("2026-11-24", "noon", "time_unreadable", "noon"),
    ("2026-11-24 09:00", "10:00", "time_twice", "Leave one of them away"),
    ("2026-03-29", "02:30", "time_skipped", "02:30 does not exist on that day in Europe/Berlin"),
    ("0001-01-01", "00:00", "time_impossible", "beyond the calendar"),
])
def test_what_can_be_read_in_two_ways_or_not_at_all_is_refused_with_how_to_write_it(day, clock, code, words):
    found, text = refusal(lambda: read_instant(day, clock, BERLIN, DateOrder.AS_WRITTEN))
    assert found == code and words in text


@pytest.mark.parametrize(("order", "month"), [(DateOrder.DAY_FIRST, 6), (DateOrder.MONTH_FIRST, 5)])
def test_a_file_may_say_what_comes_first_in_its_dates(order, month):
    assert read_instant("05/06/2026", "09:00", BERLIN, order)[0].month == month


def test_a_time_that_occurs_twice_is_the_first_and_a_warning_says_so():
    instant, warning = read_instant("2026-10-25", "02:30", BERLIN, DateOrder.AS_WRITTEN)
    assert instant == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert warning.code == "time_twice_that_day" and "occurs twice" in warning.message


@given(st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2037-01-01")),
       st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]))
@settings(max_examples=200, derandomize=True)
def test_an_instant_is_written_so_that_it_is_read_as_the_same(moment, zone):
    instant = moment.replace(microsecond=0, tzinfo=UTC)
    day, clock, name = written_time(instant, ZoneInfo(zone))
    assert read_instant(day, clock, read_zone(name), DateOrder.AS_WRITTEN)[0] == instant


def test_the_second_of_two_equal_wall_times_is_written_in_utc():
    assert written_time(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), BERLIN) == ("2026-10-25", "02:30", "Europe/Berlin")
    assert written_time(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), BERLIN) == ("2026-10-25", "01:30", "UTC")


@pytest.mark.parametrize(("name", "key"), [("Europe/Berlin", "Europe/Berlin"), ("america/new york", "America/New_York"), ("utc", "UTC")])
def test_zones_are_known_by_their_names_however_written(name, key):
    assert read_zone(name).key == key


def test_a_zone_that_is_none_is_refused_with_an_example():
    assert "Write it like Europe/Berlin" in refusal(lambda: read_zone("Berlin time"))[1]


# Rows


def rows_of(**cells: str):
    sheet = Sheet(tuple(cells), (SheetRow(2, tuple(cells.values())),), "")
    return read_rows(sheet, guess_mapping(sheet.header), "Europe/Berlin")[0]


GOOD = {"account": "@northbound", "date": "2026-11-24", "time": "09:00", "media": "clip.mp4"}


def test_a_row_becomes_typed_values():
    row = rows_of(**GOOD, caption="  Hello\n#fyp", privacy="everyone", allow_comment="Yes", allow_duet="0", allow_stitch="x", mode="Direct")
    assert (row.account, row.scheduled_at, row.caption, row.media) == (
        "@northbound", datetime(2026, 11, 24, 8, tzinfo=UTC), "  Hello\n#fyp", ("clip.mp4",))
    choices = row.choices
    assert (choices.privacy_level, choices.allow_comment, choices.allow_duet, choices.allow_stitch, choices.mode) == (
        PrivacyLevel.PUBLIC, True, False, True, PostMode.DIRECT)
    assert row.problems == row.warnings == ()


def test_nothing_that_tiktok_wants_chosen_has_a_default():
    choices = rows_of(**GOOD).choices
    assert choices.privacy_level is None
    assert not (choices.allow_comment or choices.allow_duet or choices.allow_stitch or choices.auto_add_music)


def test_several_photos_stand_in_one_cell_in_their_order():
    row = rows_of(**{**GOOD, "media": " one.jpg | https://example.com/two.jpg|three.jpg|"})
    assert row.media == ("one.jpg", "https://example.com/two.jpg", "three.jpg") and row.urls == ("https://example.com/two.jpg",)


@pytest.mark.parametrize(("changes", "field", "words"), [
    ({"account": ""}, "account", "Write its @name"),
    ({"media": " | "}, "media", "There is no file"),
    ({"date": "05/06/2026"}, "date", "may be 5 June or 6 May"),
    ({"time_zone": "Mars"}, "time_zone", "not a time zone"),
    ({"privacy": "nobody"}, "privacy", "one of: Everyone, Friends, Followers, Only me"),
    ({"allow_duet": "maybe"}, "allow_duet", "neither yes nor no"),
    ({"mode": "later"}, "mode", "direct or inbox"),
])
def test_a_bad_cell_is_a_problem_of_its_column(changes, field, words):
    [problem] = rows_of(**{**GOOD, **changes}).problems
    assert problem.field == field and words in problem.message


def test_all_problems_of_a_row_are_told_at_once():
    row = rows_of(account="", date="never", time="", media="", privacy="?", mode="?")
    assert {p.field for p in row.problems} == {"account", "date", "media", "privacy", "mode"}


def test_a_row_with_more_cells_than_the_header_is_told_and_not_cut():
    sheet = Sheet(("account", "date"), (SheetRow(2, ("a", "2026-11-24 09:00", "lost")), SheetRow(3, ("a",))), "")
    first, second = read_rows(sheet, {C.ACCOUNT: 0, C.DATE: 1}, "UTC")
    assert "row_too_long" in {p.code for p in first.problems}
    assert "row_too_long" not in {p.code for p in second.problems}


def test_what_the_inbox_ignores_is_said():
    row = rows_of(**GOOD, mode="inbox", privacy="everyone")
    assert row.problems == () and [w.code for w in row.warnings] == ["inbox_ignores"]


@pytest.mark.parametrize(("text", "kind", "expected"), [
    ("", MediaKind.PHOTO, (0, None)), ("2", MediaKind.PHOTO, (1, None)), ("b.jpg", MediaKind.PHOTO, (1, None)),
    ("", MediaKind.VIDEO, (0, None)), ("2.5", MediaKind.VIDEO, (0, 2500)), ("1:02.250", MediaKind.VIDEO, (0, 62_250)),
    ("3 s", MediaKind.VIDEO, (0, 3000)),
])
def test_a_cover_is_a_photo_or_a_moment(text, kind, expected):
    assert read_cover(text, kind, ["a.jpg", "b.jpg"]) == expected


@pytest.mark.parametrize(("text", "kind"), [("0", MediaKind.PHOTO), ("3", MediaKind.PHOTO), ("c.jpg", MediaKind.PHOTO),
                                            ("9" * 50, MediaKind.PHOTO), ("²", MediaKind.PHOTO), ("middle", MediaKind.VIDEO)])
def test_a_cover_that_is_none_of_them_is_refused(text, kind):
    assert refusal(lambda: read_cover(text, kind, ["a.jpg", "b.jpg"]))[0] == "cover_not_found"
