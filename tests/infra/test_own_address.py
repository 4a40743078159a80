"""Oncue's own address, asked as TikTok asks it: every trouble in words, and within its time."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from app.domain.reach import Standing
from app.infra.own_address import OwnAddressOverHttp
from tests.servers import free_port
from tests.websites import serving

PUBLIC = "93.184.215.14"


@pytest.fixture
def site():
    with serving() as found:
        yield found


@pytest.mark.parametrize(("url", "found", "expected"), [
    ("https://oncue.example.com", [PUBLIC], Standing.PUBLIC), ("https://oncue.example.com", [PUBLIC, "10.0.0.5"], Standing.LEADS_INSIDE),
    ("https://oncue.example.com", [], Standing.NOT_FOUND), (f"https://{PUBLIC}:8000", [PUBLIC], Standing.ADDRESS),
    ("https://[2606:4700::1111]", [PUBLIC], Standing.ADDRESS), ("http://localhost:8000", ["127.0.0.1"], Standing.INSIDE),
    ("http://oncue", ["127.0.0.1"], Standing.INSIDE), ("http://oncue.local", ["127.0.0.1"], Standing.INSIDE),
])
def test_knows_what_a_host_is(url, found, expected):
    assert OwnAddressOverHttp(url, resolver=lambda *_: found).standing() is expected


def test_a_name_that_nobody_knows_is_said_to_be_one():
    def unknown(_host, _port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    assert OwnAddressOverHttp("https://oncue.example.com", resolver=unknown).standing() is Standing.NOT_FOUND


def test_a_resolver_that_hangs_is_not_waited_for():
    over, begun = threading.Event(), time.monotonic()
    own = OwnAddressOverHttp("https://oncue.example.com", total_seconds=0.2, resolver=lambda *_: over.wait(5) and [])
    assert own.standing() is Standing.NOT_FOUND and time.monotonic() - begun < 2
    over.set()


def test_gets_what_is_there_and_follows_nothing(site):
    site.pages |= {"/a": (200, {"Content-Type": "image/jpeg"}, b"photo"), "/b": (302, {"Location": "/a"}, b"")}
    own = OwnAddressOverHttp(f"http://{site.netloc}")
    answer = own.get("/a")
    assert (answer.status, answer.body, answer.header("content-type"), answer.trouble) == (200, b"photo", "image/jpeg", "")
    assert (own.get("/b").status, own.get("/b").header("location")) == (302, "/a")
    own.get("/a", first_bytes=100)
    assert site.headers["Range"] == "bytes=0-99"


def test_does_not_swallow_whatever_is_sent(site):
    site.pages["/a"] = (200, {}, bytes(5_000_000))
    assert len(OwnAddressOverHttp(f"http://{site.netloc}").get("/a").body) < 1_000_000


def test_what_does_not_answer_is_told_in_words_and_in_time(site):
    over, begun = threading.Event(), time.monotonic()
    site.pages["/slow"] = lambda _handler: over.wait(10)
    own = OwnAddressOverHttp(f"http://{site.netloc}", total_seconds=0.4, each_seconds=0.1)
    assert "too long" in own.get("/slow").trouble
    site.pages["/drip"] = lambda handler: [handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: "), *(
        handler.wfile.write(b"x") for _ in range(200) if not over.wait(0.05))]
    assert "too long" in own.get("/drip").trouble and "too long" in own.get("/slow").trouble
    assert time.monotonic() - begun < 2
    over.set()
    assert "connected" in OwnAddressOverHttp(f"http://127.0.0.1:{free_port()}").get("/").trouble
    site.pages["/odd"] = lambda handler: handler.wfile.write(b"220 smtp.example.com ESMTP\r\n")
    assert "broke" in OwnAddressOverHttp(f"http://{site.netloc}").get("/odd").trouble
