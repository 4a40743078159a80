"""The calendar by mouse, keyboard and touch, on one instance with posts made for it."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from app import clock
from app.domain.moving import wall_time
from app.models import Post, PostTarget, db
from app.services.transactions import writing
from tests import factories, videos
from tests.bench.scene import Scene
from tests.browser.conftest import Visitor
from tests.conftest import close_app

pytestmark = pytest.mark.browser
BERLIN = ZoneInfo("Europe/Berlin")


class Planner:
    """Scheduled posts of the instance's own workspace, written past the composer."""

    def __init__(self, house, directory):
        self.scene = Scene(house)
        [self.account_id] = self.scene.connect(1)
        self.media_id = factories.make_media(self.scene.app, self.scene.person, videos.make_photo(directory / "photo.jpg", 1))
        self.person = self.scene.person

    def post(self, at, caption):
        with self.scene.app.app_context(), writing() as session:
            post = Post(workspace_id=self.person.workspace_id, media_file_id=self.media_id, title="", caption=caption,
                        creation_key=secrets.token_hex(8), created_by_id=self.person.user_id, created_at=clock.utcnow())
            session.add(post)
            session.flush()
            target = PostTarget(workspace_id=self.person.workspace_id, post_id=post.id, account_id=self.account_id, state="scheduled",
                                scheduled_at=at, due_at=at, privacy_level="SELF_ONLY", consent_at=clock.utcnow(),
                                consent_by_id=self.person.user_id)
            session.add(target)
            session.flush()
            return target.id

    def when(self, target_id, zone=BERLIN):
        with self.scene.app.app_context():
            return wall_time(db.session.get_one(PostTarget, target_id).scheduled_at, zone)


@pytest.fixture(scope="module")
def planner(house, tmp_path_factory):
    planner = Planner(house, tmp_path_factory.mktemp("calendar"))
    yield planner
    close_app(planner.scene.app)


# A month of its own for each test, far enough ahead that nothing of it goes out, so that no test sees another's posts.
def month_ahead(number):
    first = clock.utcnow().astimezone(BERLIN).date().replace(day=1)
    for _ in range(number):
        first = (first + timedelta(days=32)).replace(day=1)
    return first


def local(day, hour=9, minute=0, zone=BERLIN):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)


@pytest.fixture
def calendar(visitor):
    visitor.sign_in()

    def open_at(day, view="", **query):
        extra = "".join(f"&{name}={value}" for name, value in query.items())
        return visitor.go(f"/calendar{view}?date={day}{extra}")
    return open_at


def drag(page, card, to, steps=6):
    """By mouse, from the card's upper left to the middle of an element or to a point."""
    box = card.bounding_box()
    x, y = to if isinstance(to, tuple) else ((t := to.bounding_box())["x"] + t["width"] / 2, t["y"] + t["height"] / 2)
    page.mouse.move(box["x"] + 12, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 14, steps=3)
    page.mouse.move(x, y, steps=steps)
    page.mouse.up()


def cell(page, day):
    return page.locator(f"#day-{day}")


def card_of(page, target_id):
    return page.locator(f"#target-{target_id}")


def told(page, text):
    expect(page.locator("[data-toasts]")).to_contain_text(text)


def refused_is_fine(visitor):
    """The browser's own note of a refusal is no complaint."""
    visitor.complaints = [c for c in visitor.complaints if not re.search(r"(status of|Error Code) 4(09|22)", c)]


def test_a_drag_in_the_month_keeps_the_time_and_undo_takes_it_back(planner, calendar):
    day = month_ahead(1).replace(day=10)
    target_id = planner.post(local(day, 9, 7), "Dragged by mouse")
    page = calendar(day)
    drag(page, card_of(page, target_id), cell(page, day.replace(day=12)))
    told(page, "09:07.")
    expect(cell(page, day.replace(day=12)).locator(f"#target-{target_id}")).to_contain_text("09:07")
    assert planner.when(target_id) == datetime.combine(day.replace(day=12), datetime.min.time().replace(hour=9, minute=7))
    page.get_by_role("button", name="Undo").click()
    told(page, "Moved back to")
    expect(cell(page, day).locator(f"#target-{target_id}")).to_be_visible()
    assert planner.when(target_id).day == 10


def test_a_drop_in_the_past_glides_back_and_says_why(planner, calendar, visitor):
    soon = clock.utcnow().astimezone(BERLIN).date() + timedelta(days=1)
    target_id = planner.post(local(soon, 9, 7), "Not into the past")
    page = calendar(soon)
    drag(page, card_of(page, target_id), page.locator(".day").first if soon.day > 1 else page.locator(".day--past").last)
    told(page, "That time has passed")
    expect(cell(page, soon).locator(f"#target-{target_id}")).to_be_visible()
    expect(page.locator(".drag-picture")).to_have_count(0)
    assert planner.when(target_id).date() == soon
    refused_is_fine(visitor)


def test_a_drag_in_the_week_snaps_to_quarters_of_an_hour(planner, calendar):
    day = month_ahead(2).replace(day=10)
    target_id = planner.post(local(day, 10, 7), "By the hour")
    page = calendar(day, "/week")
    card = card_of(page, target_id)
    card.scroll_into_view_if_needed()
    box = card.bounding_box()
    drag(page, card, (box["x"] + 12, box["y"] + 8 + 13 * 5 + 3))
    told(page, "Moved to")
    found = planner.when(target_id)
    assert found.date() == day and found.minute % 15 == 0 and found.hour == 11
    expect(card_of(page, target_id)).to_contain_text(f"{found:%H:%M}")


def test_keys_move_a_card_and_lead_through_the_calendar(planner, calendar):
    day = month_ahead(3).replace(day=10)
    target_id = planner.post(local(day, 9, 7), "By keys")
    page = calendar(day)
    card_of(page, target_id).focus()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowRight")
    expect(cell(page, day.replace(day=12)).locator(f"#target-{target_id}")).to_be_focused()
    told(page, "09:07.")
    page.keyboard.press("Alt+ArrowDown")
    told(page, "09:22.")
    assert planner.when(target_id) == datetime.combine(day.replace(day=12), datetime.min.time().replace(hour=9, minute=22))
    page.keyboard.press("Enter")
    expect(page.locator("#quick").get_by_role("link", name="Open", exact=True)).to_be_focused()
    page.locator("#quick").get_by_role("link", name="Move…").click()
    form = page.locator("#move-form")
    form.get_by_label("Date").fill(str(day.replace(day=14)))
    form.get_by_label("Time").fill("18:30")
    form.get_by_role("button", name="Move", exact=True).click()
    expect(cell(page, day.replace(day=14)).locator(f"#target-{target_id}")).to_contain_text("18:30")
    expect(page.locator("#panel")).not_to_be_visible()
    page.locator("body").press("w")
    expect(page).to_have_url(re.compile("/calendar/week"))
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"date={(day - timedelta(days=day.weekday() - 7)):%Y-%m-%d}"))
    page.keyboard.press("l")
    expect(page.locator("#agenda")).to_be_visible()
    page.locator("#calendar-search").fill("mwt")
    assert "/calendar/list" in page.url, "keys mean nothing while somebody types"
    page.go_back()
    expect(page.locator(".timegrid")).to_be_visible()


def test_several_cards_move_together(planner, calendar):
    day = month_ahead(4).replace(day=10)
    keys = [planner.post(local(day.replace(day=10 + n), 9, 7 * n), f"Together {n}") for n in range(3)]
    page = calendar(day)
    for key in keys[:2]:
        card_of(page, key).click(modifiers=["Control"])
    expect(page.locator("[data-selection-count]")).to_have_text("2 selected")
    drag(page, card_of(page, keys[0]), cell(page, day.replace(day=17)))
    told(page, "2 posts moved.")
    assert [planner.when(key).day for key in keys] == [17, 18, 12]
    page.get_by_role("button", name="A day later").click()
    expect(cell(page, day.replace(day=18)).locator(f"#target-{keys[0]}")).to_be_visible()
    assert [planner.when(key).day for key in keys] == [18, 19, 12]


def test_of_two_browsers_the_second_is_told_and_sees_the_new_state(planner, calendar, browser, house, visitor):
    day = month_ahead(5).replace(day=10)
    target_id = planner.post(local(day, 9, 7), "Wanted by two")
    page = calendar(day)
    other = Visitor(browser, house)
    other.sign_in()
    theirs = other.go(f"/calendar?date={day}")
    drag(theirs, card_of(theirs, target_id), cell(theirs, day.replace(day=12)))
    told(theirs, "Moved to")
    drag(page, card_of(page, target_id), cell(page, day.replace(day=14)))
    told(page, "Somebody else moved this post")
    expect(cell(page, day.replace(day=12)).locator(f"#target-{target_id}")).to_be_visible()
    expect(cell(page, day).locator(f"#target-{target_id}")).to_have_count(0)
    assert planner.when(target_id).day == 12
    other.context.close()
    refused_is_fine(visitor)


def test_a_drag_over_a_clock_change_keeps_the_time_on_the_wall(planner, calendar):
    zone = ZoneInfo("America/New_York")
    day = (clock.utcnow() + timedelta(days=3)).astimezone(zone).replace(hour=12, minute=0, second=0, microsecond=0)
    while day.utcoffset() == (day + timedelta(days=1)).utcoffset():
        day += timedelta(days=1)
    target_id = planner.post(day.replace(hour=9, minute=7), "Across the change")
    after = (day + timedelta(days=1)).date()
    page = calendar(day.date(), zone=zone.key)
    drag(page, card_of(page, target_id), cell(page, after))
    told(page, "09:07 (New York")
    assert planner.when(target_id, zone) == datetime.combine(after, datetime.min.time().replace(hour=9, minute=7))


def test_a_long_press_drags_on_touch(planner, browser, house):
    day = month_ahead(7).replace(day=10)
    target_id = planner.post(local(day, 9, 7), "By finger")
    finger = Visitor(browser, house, has_touch=True)
    finger.sign_in()
    page = finger.go(f"/calendar?date={day}")
    box, goal = card_of(page, target_id).bounding_box(), cell(page, day.replace(day=12)).bounding_box()
    touch = finger.context.new_cdp_session(page)

    def send(kind, x=None, y=None):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}] if x else []})
    x, y = box["x"] + 20, box["y"] + 10
    send("touchStart", x, y)
    page.wait_for_timeout(400)
    for n in range(1, 7):
        send("touchMove", x + (goal["x"] + 30 - x) * n / 6, y + (goal["y"] + 60 - y) * n / 6)
    send("touchEnd")
    told(page, "Moved to")
    assert planner.when(target_id).day == 12 and finger.complaints == []
    finger.context.close()


def test_the_day_opens_from_its_number_and_looks_right_everywhere(planner, calendar, visitor):
    day = month_ahead(8).replace(day=10)
    for n in range(5):
        planner.post(local(day, 9, 11 * n), f"Crowd {n}")
    page = calendar(day)
    visitor.shoot("calendar-month")
    cell(page, day).get_by_role("link", name="+3 more").click()
    panel = page.locator("#panel")
    expect(panel.get_by_text("Crowd 4")).to_be_visible()
    panel.get_by_role("link", name="Crowd 4").click()
    expect(page.locator("#quick")).to_contain_text("09:44")
    for view in ("week", "list"):
        calendar(day, f"/{view}")
        visitor.shoot(f"calendar-{view}")
