# SPDX-License-Identifier: GPL-2.0-or-later
"""The board in a real browser: Debian's Chromium, driven by Playwright, and checked with axe.

`--write-goldens` also takes the pictures in docs/pictures/.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from server_site import TOKENS, Served, event, report

CHECKOUT = Path(__file__).parents[2]
PICTURES = CHECKOUT / "docs" / "pictures"
AXE = Path(os.environ.get("NPM_DIRECTORY", CHECKOUT / ".npm")) / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = "/usr/bin/chromium"
# As root, without a GPU, and without looking for Google's servers.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
NAMES = ["node01", "node02", "node03"]
ERROR = "error: no-disk: no disk has the WWN 5000c500a1b2c3d4\ncure: correct node_disk, or replace the disk"


class Site:
    """A server with reports, at a URL."""

    def __init__(self, served: Served, url: str, tokens: Mapping[str, str] = TOKENS) -> None:
        self.served, self.url, self._tokens = served, url, tokens

    def tell(self, host: str, *events: dict[str, object]) -> None:
        self._send("POST", "/report", host, json.dumps(report(*events)).encode())

    def send_log(self, host: str, name: str, text: str) -> None:
        self._send("PUT", f"/report/logs/{name}", host, text.encode())

    def _send(self, method: str, path: str, host: str, body: bytes) -> None:
        headers = {"Authorization": f"Bearer {self._tokens[host]}"}
        urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers, method=method)).close()


@contextlib.contextmanager
def serving(served: Served) -> Iterator[str]:
    """The URL of a server that runs in this process."""
    server = uvicorn.Server(uvicorn.Config(served.application, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not (server.started and served.store.newest()):
        assert thread.is_alive()
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    served = Served(tmp_path, now=now())
    with serving(served) as url:
        yield Site(served, url)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def open_page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page that has logged in; everything that the console says is an error."""
    with browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        log_in(page, site)
        yield page
        assert said == []


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with open_page(browser, site) as page:
        yield page


def log_in(page: Page, site: Site) -> None:
    """By keyboard alone."""
    page.goto("/")
    expect(page.locator("#token")).to_be_focused()
    page.keyboard.type(site.served.token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def row(page: Page, host: str) -> Any:
    return page.locator(f"#host-{host}")


def complaints(page: Page) -> list[str]:
    """What axe says against a page, with the rules of WCAG 2.2 and its best practices."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [f"{one['id']}: {one['help']}: {node['html']}" for one in found for node in one["nodes"]]


def test_page_follows_the_machines(page: Page, site: Site) -> None:
    expect(page.locator("#connection")).to_have_text("live")
    page.evaluate("window.kept = true")
    site.tell("node01", event(1, "preparing"), event(2, "copying", done=30, total=100))
    expect(row(page, "node01")).to_contain_text("copying")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "30")
    site.tell("node02", event(1, "failed", step="disks", message=ERROR))
    expect(row(page, "node02")).to_contain_text("error: no-disk")
    expect(page.locator("#counts")).to_contain_text("failed 1")
    # It is the same page.
    assert page.evaluate("window.kept")


def test_rows_are_filtered(page: Page, site: Site) -> None:
    site.tell("node02", event(1, "failed", step="disks", message=ERROR))
    expect(row(page, "node02")).to_contain_text("failed")
    page.get_by_label("Filter").fill("RACK_A node03")
    expect(row(page, "node03")).to_be_visible()
    expect(row(page, "node01")).to_be_hidden()
    expect(page.locator("#shown")).to_have_text("1 of 3 hosts")
    page.get_by_label("Filter").fill("")
    page.get_by_label("needs a person").check()
    expect(row(page, "node02")).to_be_visible()
    expect(row(page, "node01")).to_be_hidden()
    # What changes while the filter is on is filtered, too.
    site.tell("node01", event(1, "failed", step="disks", message=ERROR))
    expect(row(page, "node01")).to_be_visible()


def test_everything_is_reached_by_keyboard(page: Page, site: Site) -> None:
    seen = []
    for _ in range(10):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    first = seen.index("Log out")
    assert [one for one in seen[first:] if len(one) < 10][:6] == ["Log out", "filter", "needs", *NAMES]
    row(page, "node01").get_by_role("link").focus()
    # A row that is replaced keeps the focus.
    site.tell("node01", event(1, "preparing"))
    expect(row(page, "node01")).to_contain_text("preparing")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="node01", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(page: Page, site: Site, scheme: str, request: pytest.FixtureRequest) -> None:
    site.tell("node01", event(1, "preparing"), event(2, "copying", done=30, total=100))
    log = "\n".join(f"12:00:{n:02},000 INF storage: look at device {n}" for n in range(60))
    site.send_log("node02", "anaconda.log", f"{log}\n12:01:00,000 ERR no-disk: no disk has the WWN\n")
    site.tell("node02", event(1, "failed", step="disks", message=ERROR, facts={"firmware": "uefi"}))
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    places = {
        "board": "/board/",
        "host": "/board/hosts/node02",
        "logs": "/board/attempts/2/logs?words=wwn",
        "kickstart": "/board/attempts/2/kickstart",
    }
    for name, place in places.items():
        page.goto(place)
        # The stream of changes never ends, so the page is never idle.
        page.wait_for_load_state("load")
        assert complaints(page) == [], name
        if request.config.getoption("--write-goldens") and scheme == "light" and name in ("host", "logs"):
            page.screenshot(path=PICTURES / f"board-{name}-{scheme}.png")
    page.get_by_role("link", name="node02").click()
    page.goto("/board/")
    page.get_by_role("button", name="Log out").click()
    assert complaints(page) == []


def test_page_fits_a_phone(page: Page, site: Site, request: pytest.FixtureRequest) -> None:
    site.tell("node02", event(1, "failed", step="disks", message=ERROR))
    page.set_viewport_size({"width": 390, "height": 800})
    for place in ("/board/", "/board/hosts/node02", "/board/attempts/2/kickstart"):
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto("/board/")
    assert complaints(page) == []
    if request.config.getoption("--write-goldens"):
        page.screenshot(path=PICTURES / "board-phone.png")


RACK = {
    "node01": [("up", "", 0)],
    "node02": [("copying", "Payload installation", 71)],
    "node03": [("failed", "the disks", 0)],
    "node04": [("copying", "Payload installation", 12)],
    "node05": [("layering", "the first layer", 0)],
    "node06": [("partitioning", "Early storage configuration", 0)],
    "node07": [("installed", "the machine restarts", 0)],
    "node08": [],
}


def test_rack_is_seen_at_a_glance(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The picture in the README."""
    tokens = {host: f"{number:064}" for number, host in enumerate(RACK)}
    began = now() - datetime.timedelta(minutes=20)
    served = Served(tmp_path, tokens, ("node09",), began, lambda host: "rack_a" if host < "node06" else "rack_b")
    with serving(served) as url:
        site = Site(served, url, tokens)
        for number, (host, told) in enumerate(RACK.items()):
            served.clock.now = began + datetime.timedelta(minutes=17, seconds=17 * number)
            for state, step, done in told:
                progress = {"done": done * 2**24, "total": 100 * 2**24} if done else {}
                message = {"message": ERROR} if state == "failed" else {}
                site.tell(host, event(1, state, step=step, **progress, **message))
        served.clock.now = now()
        with open_page(browser, site) as page:
            rows = [row.get_attribute("id") for row in page.locator("tbody tr").all()]
            assert rows[:6] == ["host-node03", *(f"host-node0{number}" for number in (1, 2, 4, 5)), "host-node06"]
            expect(page.locator("#counts")).to_contain_text("copying 2")
            assert complaints(page) == []
            if request.config.getoption("--write-goldens"):
                page.screenshot(path=PICTURES / "board.png", clip={"x": 0, "y": 0, "width": 1280, "height": 640})
