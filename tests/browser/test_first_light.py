"""The main job, as a newcomer does it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.servers import wait_for
from tests.videos import fill_up

pytestmark = pytest.mark.browser
BERLIN = ZoneInfo("Europe/Berlin")


def next_minute_but(seconds: int) -> datetime:
    """The next full minute that is at least so far ahead: nearer ones would be live before anybody sees them wait."""
    return (datetime.now(BERLIN) + timedelta(minutes=1, seconds=seconds)).replace(second=0, microsecond=0)


def test_a_newcomer_s_video_goes_out_on_time_and_plays(visitor, house, clip):
    page = visitor.go("/")
    page.get_by_role("link", name="Make your own workspace").click()
    visitor.shoot("setup")
    page.get_by_label("Workspace").fill("Harbour Coffee")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Your name").fill("Nora Newcomer")
    page.get_by_label("E-mail address").fill("nora@example.com")
    page.get_by_label("Password").fill("four words are enough")
    page.get_by_role("button", name="Make the workspace").click()
    page.wait_for_url("**/calendar")
    expect(page.get_by_text("Connect a TikTok account first")).to_be_visible()
    visitor.shoot("calendar-empty")

    visitor.go("/accounts/")
    visitor.shoot("accounts-empty")
    visitor.connect("northbound")
    expect(page.get_by_text("Northbound ☀ is connected.")).to_be_visible()
    visitor.shoot("accounts")

    visitor.go("/posts/new")
    visitor.shoot("composer-empty")
    page.locator("input[type=file]").set_input_files(clip)
    expect(page.get_by_text("morning.mp4")).to_be_visible()
    page.get_by_label("Caption").fill("The first tray of the day ☕ #coffee")
    expect(page.locator("#caption-counter")).to_contain_text("35 / 2,200")
    expect(page.locator("[data-preview-target=caption]")).to_contain_text("The first tray")
    page.get_by_label("Who can see this video").select_option(label="Everyone")
    page.get_by_label("Comment").check()
    visitor.shoot("composer")
    due = next_minute_but(seconds=35)
    page.get_by_label("Date").fill(f"{due:%Y-%m-%d}")
    page.get_by_label("Time").fill(f"{due:%H:%M}")
    page.get_by_role("button", name="Schedule").click()
    page.wait_for_url(re.compile(r"/posts/\d+$"))
    expect(page.get_by_text(f"{due:%H:%M}").first).to_be_visible()
    post_url = page.url
    visitor.shoot("post-scheduled")

    visitor.go("/calendar")
    card = page.locator(".month .post-card").first
    expect(card).to_contain_text(f"{due:%H:%M}")
    expect(card).to_have_class(re.compile("state-scheduled"))
    # From here on nobody touches the page: it moves by itself until the post is live.
    expect(page.locator(".month .post-card.state-published")).to_be_visible(timeout=180_000)
    visitor.shoot("calendar")

    visitor.go("/posts/")
    visitor.shoot("posts")
    visitor.go("/settings/")
    visitor.shoot("settings")
    page.goto(post_url)
    link = page.get_by_role("link", name="View on TikTok")
    expect(link).to_be_visible(timeout=30_000)
    visitor.shoot("post-published")
    permalink = link.get_attribute("href")
    page.goto(permalink)
    page.wait_for_function("document.querySelector('video').readyState >= 2")
    played = page.evaluate("""async () => {
        const video = document.querySelector("video"); video.muted = true; await video.play();
        await new Promise((done) => { video.ontimeupdate = () => video.currentTime > 0.3 && done(); });
        return [video.currentTime, video.duration, video.videoWidth, video.videoHeight];
    }""")
    assert played[0] > 0.3 and round(played[1]) == 5 and played[2:] == [540, 960]
    visitor.shoot("sandbox-video")
    [post] = [p for p in house.sandbox.posts() if p["url"] == permalink]
    assert (post["caption"], post["username"]) == ("The first tray of the day ☕ #coffee", "northbound")
    assert len([p for p in house.sandbox.posts() if p["caption"] == post["caption"]]) == 1


def test_a_denied_consent_and_a_bad_file_are_told_where_they_happen(visitor, house, tmp_path):
    visitor.sign_in()
    page = visitor.connect(allow=False)
    expect(page.get_by_text("answered with no")).to_be_visible()
    visitor.connect("kabinet")
    (tmp_path / "notes.mp4").write_text("Only words.")
    visitor.go("/posts/new")
    page.locator('label:has-text("@kabinet") input').check(force=True)
    with page.expect_response("**/media/uploads/*/result") as refused:
        page.locator("input[type=file]").set_input_files(tmp_path / "notes.mp4")
    assert refused.value.status == 422
    expect(page.get_by_role("alert").filter(has_text="This is not a video file")).to_be_visible()
    visitor.complaints = [c for c in visitor.complaints if "422" not in c]  # the browser's own note of the refusal
    visitor.shoot("composer-refused")
    expect(page.get_by_text("turned off in TikTok")).to_be_visible()


def test_schedules_without_javascript(browser, house, clip):
    visitor = Visitor(browser, house, java_script_enabled=False)
    visitor.sign_in()
    visitor.go("/accounts/")
    page = visitor.connect("lumen.studio")
    page.goto(house.url + "/posts/new")
    page.locator('label:has-text("@lumen.studio") input').check(force=True)
    page.get_by_role("button", name="Show what TikTok allows this account").click()
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_label("Caption").fill("No script at all")
    page.get_by_label("Who can see this video").select_option(label="Followers")
    tomorrow = datetime.now(BERLIN) + timedelta(days=1)
    page.get_by_label("Date").fill(f"{tomorrow:%Y-%m-%d}")
    page.get_by_label("Time").fill("09:00")
    page.get_by_role("button", name="Schedule").click()
    page.wait_for_url(re.compile(r"/posts/\d+$"))
    expect(page.get_by_text("Scheduled").first).to_be_visible()
    page.get_by_role("button", name="Cancel post").click()
    expect(page.get_by_text("Canceled").first).to_be_visible()
    visitor.context.close()


def test_an_upload_shows_its_progress_and_can_be_stopped(visitor, house, tmp_path, clip):
    big = tmp_path / "big.mp4"
    with big.open("wb") as file:
        file.write(clip.read_bytes())
        file.truncate(400_000_000)
    visitor.sign_in()
    page = visitor.go("/posts/new")
    client = visitor.context.new_cdp_session(page)
    client.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4_000_000}
    client.send("Network.emulateNetworkConditions", slow)
    page.locator("input[type=file]").set_input_files(big)
    expect(page.locator("[data-dropzone-status]")).to_contain_text(re.compile(r"\d+ % · .* of 400\.0 MB"), timeout=20_000)
    visitor.shoot("composer-uploading")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-dropzone-progress]")).to_be_hidden()
    incoming = house.instance / "media" / "incoming"
    page.wait_for_timeout(200)
    for _ in range(100):
        if not any(incoming.iterdir()):
            break
        page.wait_for_timeout(100)
    assert not any(incoming.iterdir()), "a canceled upload leaves nothing"
    visitor.complaints = [c for c in visitor.complaints if "423" not in c]  # it is asked again until the server has seen the end


def test_an_upload_goes_on_after_a_pause_a_killed_server_and_a_reload(visitor, house, tmp_path, clip):
    big = fill_up(clip, tmp_path / "afternoon.mp4", 60_000_000)
    visitor.sign_in()
    page = visitor.go("/posts/new")
    starts = []
    page.on("request", lambda request: starts.append(int(request.headers["upload-offset"])) if request.method == "PATCH" else None)
    client = visitor.context.new_cdp_session(page)
    client.send("Network.enable")

    def network(upload: int) -> None:
        conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        client.send("Network.emulateNetworkConditions", conditions)

    status = page.locator("[data-dropzone-status]")
    network(upload=4_000_000)
    page.locator("input[type=file]").set_input_files(big)
    expect(status).to_contain_text(re.compile(r"[1-9]\d* % · "), timeout=20_000)
    page.get_by_role("button", name="Pause").click()
    expect(status).to_contain_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(status).to_contain_text(re.compile(r"\d+ % · "), timeout=20_000)
    page.wait_for_timeout(1000)
    before = len(starts)
    for process_id in web_processes(house):
        os.kill(process_id, signal.SIGKILL)  # `flask up` starts another
    wait_for(lambda: page.wait_for_timeout(100) or len(starts) > before)
    expect(status).to_contain_text(re.compile(r"\d+ % · "), timeout=20_000)
    page.wait_for_timeout(1000)
    page.reload()
    network(upload=-1)
    page.locator("input[type=file]").set_input_files(big)
    expect(page.locator("#media-chosen")).to_contain_text("afternoon.mp4", timeout=30_000)
    assert len(starts) >= 4 and starts[0] == 0 and starts[1:] == sorted(starts[1:]) and starts[1] > 0, starts
    visitor.complaints = [c for c in visitor.complaints if not re.search(r"net::ERR_|423|409", c)]  # the browser's own notes


def web_processes(house) -> list[int]:
    found = subprocess.run(["pgrep", "-f", f"wsgi:app --bind 127.0.0.1:{house.port}"], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]
