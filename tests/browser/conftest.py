"""Chromium against a whole Oncue."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

from app.demo_video import make_video
from tests.house import ROOT, running_house

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]
OUTPUT = ROOT / "output" / "screenshots"


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    with running_house(tmp_path_factory.mktemp("browser") / "instance") as house:
        yield house


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    return make_video(tmp_path_factory.mktemp("clips") / "morning.mp4", seconds=5, width=540, height=960)


class Visitor:
    """A person with a browser; fails on errors of the page's own making."""

    def __init__(self, browser: Browser, house, **options):
        self.house = house
        self.context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce", **options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("response", self._check)

    def _check(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")

    def go(self, path: str) -> Page:
        self.page.goto(self.house.url + path)
        return self.page

    def sign_in(self) -> Page:
        login = self.house.demo_login()
        self.go("/login")
        self.page.get_by_label("E-mail address").fill(login["email"])
        self.page.get_by_label("Password").fill(login["password"])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/calendar")
        return self.page

    def connect(self, creator: str = "northbound", allow: bool = True) -> Page:
        """Through TikTok's own consent page and back."""
        self.go("/accounts/")
        self.page.get_by_role("button", name="Connect TikTok").click()
        self.page.wait_for_url("**/v2/auth/authorize/**")
        self.page.locator(f'input[name="creator"][value="{creator}"]').check(force=True)
        self.page.get_by_role("button", name="Allow" if allow else "Deny", exact=True).click()
        self.page.wait_for_url(re.compile(r"/accounts/$"))
        return self.page

    def shoot(self, name: str) -> None:
        """Keep the page as it looks now: wide and narrow, light and dark."""
        OUTPUT.mkdir(parents=True, exist_ok=True)
        for width, height in ((1440, 900), (390, 844)):
            self.page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)
                self.page.screenshot(path=OUTPUT / f"{name}-{width}-{scheme}.png")
            too_wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert too_wide <= 0, f"{name} scrolls sideways at {width} by {too_wide} px"
        self.page.set_viewport_size({"width": 1440, "height": 900})
        self.page.emulate_media(color_scheme="light")


@pytest.fixture
def visitor(browser, house, request):
    """A newcomer's browser with an empty profile; what went wrong is kept as a picture."""
    found = Visitor(browser, house)
    yield found
    if request.node.stash.get(FAILED, False):
        OUTPUT.mkdir(parents=True, exist_ok=True)
        found.page.screenshot(path=OUTPUT / f"failed-{request.node.name}.png")
    found.context.close()
    assert found.complaints == []


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report
