"""The bytes of a video to the address that TikTok gave: how they are sent, what its answers mean, and to whom they are never sent."""

from __future__ import annotations

import traceback

import httpx
import pytest

from app.domain.upload_plan import Chunk
from app.infra.tiktok.client import TikTokClient
from app.services.ports import TikTokError
from tests.infra.tiktok.refusals import refusal
from tests.servers import free_port


@pytest.fixture
def client_with():
    """A client without a network: `answer` says what each request gets."""
    made = []

    def make(answer, upload_hosts):
        made.append(TikTokClient(api_url="", web_url="", upload_hosts=upload_hosts, transport=httpx.MockTransport(answer)))
        return made[-1]

    yield make
    for client in made:
        client.close()


def url_of(stand_in) -> str:
    return f"{stand_in.url}/video/?upload_id=6974&upload_token=Xza1%2Bsecret%3D"


def test_a_chunk_goes_to_the_address_as_it_was_given_with_its_range_and_no_token(stand_in, client):
    stand_in.answers(b"", 206)
    client.put_chunk(url_of(stand_in), Chunk(10, 14), 30, "video/quicktime", iter([b"he", b"llo"]))
    seen = stand_in.last
    assert (seen.method, seen.path, seen.body) == ("PUT", "/video/", b"hello")
    assert seen.query == {"upload_id": ["6974"], "upload_token": ["Xza1+secret="]}
    assert seen.headers["Content-Range"] == "bytes 10-14/30"
    assert seen.headers["Content-Type"] == "video/quicktime"
    assert seen.headers["Content-Length"] == "5"
    assert "Transfer-Encoding" not in seen.headers
    assert "Authorization" not in seen.headers


def test_the_address_is_not_rebuilt(client_with):
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(206)

    url = "https://open-upload.tiktokapis.com/upload/?upload_token=a%2Fb+c%7E&upload_id=1&&x="
    client_with(answer, ["*.tiktokapis.com"]).put_chunk(url, Chunk(0, 0), 1, "video/mp4", [b"x"])
    assert str(asked[0].url) == url


@pytest.mark.parametrize(("status", "complete"), [(201, True), (206, False)])
def test_the_status_says_whether_all_of_the_file_is_there(stand_in, client, status, complete):
    stand_in.answers(b"", status)
    assert client.put_chunk(url_of(stand_in), Chunk(0, 4), 5, "video/mp4", [b"hello"]) is complete


@pytest.mark.parametrize("status", [200, 204, 301, 307, 308, 400, 403, 404, 416, 429, 500, 502, 503])
def test_any_other_status_is_an_error_of_that_number(stand_in, client, status):
    stand_in.answers(b"", status, Content_Range="bytes 0-32000000/64000001", x_tt_logid="LOG-UP", Location=f"{stand_in.url}/elsewhere")
    error = refusal(client.put_chunk, url_of(stand_in), Chunk(0, 4), 5, "video/mp4", [b"hello"])
    assert (error.code, error.http_status, error.log_id, error.received) == (f"upload_{status}", status, "LOG-UP", 32_000_000)
    assert len(stand_in.seen) == 1, "a redirect is not followed"


def test_an_upload_into_silence_times_out(stand_in, client, monkeypatch):
    monkeypatch.setattr(client, "_upload_timeout", httpx.Timeout(0.1))
    stand_in.manner = "silence"
    assert refusal(client.put_chunk, url_of(stand_in), Chunk(0, 4), 5, "video/mp4", [b"hello"]).code == "timeout"


def test_an_upload_that_is_cut_is_broken(stand_in, client):
    stand_in.manner = "hang_up"
    assert refusal(client.put_chunk, url_of(stand_in), Chunk(0, 4), 5, "video/mp4", [b"hello"]).code == "broken"


def test_an_upload_to_nobody_is_unreachable():
    port = free_port()
    client = TikTokClient(api_url="", web_url="", upload_hosts=[f"127.0.0.1:{port}"])
    assert refusal(client.put_chunk, f"http://127.0.0.1:{port}/", Chunk(0, 0), 1, "video/mp4", [b"x"]).code == "unreachable"
    client.close()


def test_what_goes_wrong_while_reading_the_file_is_told_as_it_is(stand_in, client):
    def blocks():
        yield b"he"
        raise TikTokError("media_missing")

    assert refusal(client.put_chunk, url_of(stand_in), Chunk(0, 4), 5, "video/mp4", blocks()).code == "media_missing"


@pytest.mark.parametrize("trouble", ["hang_up", "silence", "status", "refused"])
def test_no_error_shows_an_upload_address(stand_in, client, monkeypatch, trouble):
    monkeypatch.setattr(client, "_upload_timeout", httpx.Timeout(0.1))
    url = url_of(stand_in)
    if trouble == "status":
        stand_in.answers(b"", 403)
    elif trouble == "refused":
        url = "https://evil.example/video/?upload_token=Xza1%2Bsecret%3D"
    else:
        stand_in.manner = trouble
    error = refusal(client.put_chunk, url, Chunk(0, 4), 5, "video/mp4", [b"hello"])
    assert "Xza1" not in "".join([str(error), repr(error), *traceback.format_exception(error)])


@pytest.mark.parametrize(("hosts", "url"), [
    (["*.tiktokapis.com"], "https://open-upload.tiktokapis.com/video/?upload_id=1"),
    (["*.tiktokapis.com"], "https://upload.us.tiktokapis.com/upload/?upload_id=1"),
    (["*.tiktokapis.com"], "https://OPEN-UPLOAD.TikTokAPIs.com/video/"),
    (["*.example.org", "open-upload.tiktokapis.com"], "https://open-upload.tiktokapis.com/"),
    (["127.0.0.1:8100"], "http://127.0.0.1:8100/video/"),
    (["localhost"], "http://localhost:8100/video/"),
])
def test_uploads_to_hosts_that_the_settings_allow(client_with, hosts, url):
    client = client_with(lambda request: httpx.Response(201), hosts)
    assert client.put_chunk(url, Chunk(0, 0), 1, "video/mp4", [b"x"]) is True


@pytest.mark.parametrize(("hosts", "url"), [
    (["*.tiktokapis.com"], "https://tiktokapis.com/video/"),
    (["*.tiktokapis.com"], "https://eviltiktokapis.com/video/"),
    (["*.tiktokapis.com"], "https://open-upload.tiktokapis.com.evil.example/"),
    (["*.tiktokapis.com"], "https://evil.example/open-upload.tiktokapis.com"),
    (["*.tiktokapis.com"], "https://evil.example/?.tiktokapis.com"),
    (["*.tiktokapis.com"], "https://evil.example#.tiktokapis.com"),
    (["*.tiktokapis.com"], "https://open-upload.tiktokapis.com@evil.example/"),
    (["*.tiktokapis.com"], "https://evil.example:80.tiktokapis.com/"),
    (["*.tiktokapis.com"], "http://open-upload.tiktokapis.com/video/"),
    (["*.tiktokapis.com"], "ftp://open-upload.tiktokapis.com/video/"),
    (["*.tiktokapis.com"], "file:///etc/passwd"),
    (["*.tiktokapis.com"], "https://169.254.169.254/latest/"),
    (["*.tiktokapis.com"], "https://[::1]/"),
    (["*.tiktokapis.com"], "https://[broken/"),
    (["*.tiktokapis.com"], "//open-upload.tiktokapis.com/video/"),
    (["*.tiktokapis.com"], "open-upload.tiktokapis.com/video/"),
    (["*.tiktokapis.com"], ""),
    (["127.0.0.1:8100"], "http://127.0.0.1:8101/"),
    (["127.0.0.1:8100"], "http://127.0.0.1/"),
    (["127.0.0.1:8100"], "http://localhost:8100/"),
    ([], "https://open-upload.tiktokapis.com/video/"),
])
def test_refuses_to_upload_anywhere_else(client_with, hosts, url):
    asked = []
    client = client_with(lambda request: asked.append(request) or httpx.Response(201), hosts)
    assert refusal(client.put_chunk, url, Chunk(0, 0), 1, "video/mp4", [b"x"]).code == "upload_host_refused"
    assert asked == []
