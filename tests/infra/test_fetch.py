"""The guarded download: what is public arrives whole, and nothing inside one's own network is ever reached."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.infra.fetch import Limits, WebFetcher
from app.services.ports import Begun, Fetched, FetchError
from tests.websites import serving

PUBLIC = "93.184.215.14"
MB = 1_000_000

FORGED = [
    # Loopback, in every notation.
    "http://127.0.0.1/", "http://127.0.0.1:8080/", "http://127.1/", "http://127.0.1/", "http://127.255.255.254/", "http://2130706433/",
    "http://017700000001/", "http://0177.0.0.1/", "http://0177.0.0.01/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://0x7F.1/",
    "http://127.0.0.1./", "http://127.0.0.1../", "http://127.000.000.001/", "http://00000127.0.0.1/", "http://localhost/",
    "http://LOCALHOST./", "http://foo.localhost/", "http://127.0.0.1%2f@example.com/", "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%00.example.com/", "http://１２７.０.０.１/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://127．1/",
    "http://ｌｏｃａｌｈｏｓｔ/", "http://lo\u00adcalhost/",
    # No address at all, private, link-local, CGNAT, benchmark, documentation, multicast, reserved.
    "http://0/", "http://0.0.0.0/", "http://0x0/", "http://0.0.0.0./", "http://10.0.0.1/", "http://10.1/", "http://172.16.0.1/",
    "http://172.31.255.255/", "http://192.168.1.1/", "http://192.168.257/", "http://3232235777/", "http://169.254.1.1/",
    "http://100.64.0.1/", "http://100.127.255.255/", "http://198.18.0.1/", "http://198.19.255.255/", "http://192.0.0.8/",
    "http://192.0.2.1/", "http://198.51.100.7/", "http://203.0.113.7/", "http://224.0.0.1/", "http://239.255.255.250/",
    "http://240.0.0.1/", "http://255.255.255.255/", "http://256.1.1.1/", "http://1.2.3.4.5/", "http://08.8.8.8/", "http://0xg.1/1.0x",
    # Clouds' metadata.
    "http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/",
    "http://169.254.43518/", "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/", "http://metadata.google.internal/",
    "http://metadata.google.internal./", "http://metadata/", "http://metadata.goog/", "http://instance-data/",
    "http://100.100.100.200/", "http://168.63.129.16/", "http://192.0.0.192/",
    # IPv6, and IPv4 inside it.
    "http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::127.0.0.1]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[::ffff:0:127.0.0.1]/", "http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::7f00:1]/", "http://[2002:7f00:1::]/", "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:53aa:64c:0:fbff:80ff:fffe]/", "http://[2606:4700::5efe:127.0.0.1]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/", "http://[fec0::1]/", "http://[fc00::1]/", "http://[fd12:3456::1]/", "http://[ff02::1]/", "http://[100::1]/",
    "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[v1.127.0.0.1]/", "http://[127.0.0.1]/", "http://[::1", "http://::1/",
    # Other schemes, credentials, ports, and addresses that programs read in different ways.
    "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:,x", "javascript:1", "//example.com/", "example.com", "",
    "http:example.com", "http:/example.com", "http:///example.com", "http://", "http://user@example.com/", "http://user:pass@example.com/",
    "http://@example.com/", "http://example.com@127.0.0.1/", "http://127.0.0.1\\@example.com/", "http://example.com\\@127.0.0.1/",
    "http://exa mple.com/", "http://example.com/\r\nHost: inside", "http://example.com\t.evil/", "http://exam\nple.com/",
    "http://example.com:22/", "http://example.com:25/", "http://example.com:6379/", "http://example.com:0/", "http://example.com:99999/",
    "http://example.com:80:81/", "http://example.com:-80/", "http://a..example.com/", "http://.example.com/", "http://-a.example.com/",
    "http://example.com/" + "x" * 2000, "http://redis/", "http://db.internal/", "http://printer.local/", "http://nas.home.arpa/",
]

ANSWERS_INSIDE = [
    ["127.0.0.1"], ["10.1.2.3"], ["169.254.169.254"], ["100.64.0.1"], ["198.18.0.1"], ["0.0.0.0"], ["::1"], ["::ffff:127.0.0.1"],
    ["fd00:ec2::254"], ["fe80::1%eth0"], ["64:ff9b::10.0.0.1"], ["2002:7f00:1::1"], ["2001:0:53aa:64c:0:fbff:80ff:fffe"],
    [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"], ["127.1"], ["nonsense"],
]


@pytest.fixture
def site():
    with serving() as found:
        yield found


class Router(httpcore.SyncBackend):
    """The internet: leads one public address to a server on loopback, and writes down who was called."""

    def __init__(self, site) -> None:
        self.site, self.called = site, []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.called.append((host, port))
        if host != PUBLIC:
            raise httpcore.ConnectError("nobody lives here")
        return super().connect_tcp("127.0.0.1", self.site.port, timeout)


class Names:
    """A resolver whose answers are given in turn; the last one stays."""

    def __init__(self, *answers) -> None:
        self.answers, self.asked = list(answers), []

    def __call__(self, host, port):
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def fetcher(site=None, *, names=None, router=None, tls=None, allowed=None, **limits):
    hosts = allowed if allowed is not None else [site.netloc] if site else []
    more = {"resolver": names} if names else {}
    return WebFetcher(Limits(**{"max_bytes": 10 * MB, "idle_seconds": 2, **limits}), hosts, network=router, tls=tls, **more)


def fetch(found, url):
    blocks = []
    return found.fetch(url, blocks.append), b"".join(blocks)


def refusal(found, url) -> FetchError:
    with pytest.raises(FetchError) as caught:
        found.fetch(url, lambda _block: None)
    assert caught.value.text[-1] == "."
    return caught.value


# Addresses


@pytest.mark.parametrize("url", FORGED)
def test_what_is_not_plainly_a_public_web_address_is_refused_before_anybody_is_asked(site, url):
    names, router = Names([PUBLIC]), Router(site)
    for attempt in (fetcher(names=names, router=router).check, lambda u: fetch(fetcher(names=names, router=router), u)):
        with pytest.raises(FetchError) as caught:
            attempt(url)
        assert caught.value.code in ("url_invalid", "url_forbidden") and not caught.value.may_retry
    assert names.asked == router.called == []


@pytest.mark.parametrize("answer", ANSWERS_INSIDE)
def test_a_name_of_which_one_address_is_inside_is_refused(site, answer):
    router = Router(site)
    assert refusal(fetcher(names=Names(answer), router=router), "http://videos.example.com/clip.mp4").code == "url_forbidden"
    assert router.called == []


@pytest.mark.parametrize(("url", "called"), [
    ("http://videos.example.com/clip.mp4", (PUBLIC, 80)), ("http://VIDEOS.example.com.:8080/clip.mp4", (PUBLIC, 8080)),
    (f"http://{PUBLIC}/clip.mp4", (PUBLIC, 80)), ("  http://videos.example.com/clip.mp4#now  ", (PUBLIC, 80)),
    ("http://vidéos.example.com/clip.mp4", (PUBLIC, 80)),
])
def test_what_is_public_arrives(site, url, called):
    site.pages["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, b"x" * MB)
    router = Router(site)
    assert fetch(fetcher(names=Names([PUBLIC]), router=router), url) == (Fetched("clip.mp4", MB), b"x" * MB)
    assert router.called == [called]


def test_a_resolver_that_changes_its_mind_after_the_check_is_not_asked_again(site):
    site.pages["/clip.mp4"] = (200, {}, b"film")
    names, router = Names([PUBLIC], ["127.0.0.1"]), Router(site)
    assert fetch(fetcher(names=names, router=router), "http://rebind.example.com/clip.mp4")[1] == b"film"
    assert names.asked == ["rebind.example.com"] and router.called == [(PUBLIC, 80)]
    assert site.asked == [("/clip.mp4", "rebind.example.com")]


def test_the_next_address_is_tried_when_one_does_not_answer(site):
    site.pages["/clip.mp4"] = (200, {}, b"film")
    router = Router(site)
    found = fetcher(names=Names(["2606:4700::1111", PUBLIC]), router=router)
    assert fetch(found, "http://videos.example.com/clip.mp4")[1] == b"film"
    assert [host for host, _ in router.called] == ["2606:4700::1111", PUBLIC]


def test_a_proxy_of_the_environment_is_not_used(site, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    site.pages["/a"] = (200, {}, b"film")
    assert fetch(fetcher(site), f"http://{site.netloc}/a")[1] == b"film"


# Hosts that the settings allow


def test_an_allowed_host_is_allowed_at_its_port_only(site):
    site.pages["/a"] = (200, {}, b"film")
    with serving() as other:
        found = fetcher(site)
        assert fetch(found, f"http://{site.netloc}/a")[1] == b"film"
        assert refusal(found, f"http://{other.netloc}/a").code == "url_forbidden"
        assert other.asked == []


def test_an_allowed_name_may_be_inside_and_another_name_for_it_may_not(site):
    site.pages["/a"] = (200, {}, b"film")
    found = fetcher(allowed=[f"NAS.lan:{site.port}"], names=Names(["127.0.0.1"]))
    assert fetch(found, f"http://nas.lan:{site.port}/a")[1] == b"film"
    for other in (f"http://127.0.0.1:{site.port}/a", f"http://nas.example.com:{site.port}/a", "http://nas.example.com/a"):
        assert refusal(found, other).code == "url_forbidden"
    assert len(site.asked) == 1


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_the_last_name_counts(site, status):
    site.pages |= {"/a": (status, {"Location": "b/c%20d.mp4?x=1"}, b"moved"), "/b/c%20d.mp4?x=1": (200, {}, b"film")}
    assert fetch(fetcher(site), f"http://{site.netloc}/a") == (Fetched("c d.mp4", 4), b"film")


@pytest.mark.parametrize("location", [
    "http://127.0.0.1/", "//127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://169.254.169.254/latest/", "file:///etc/passwd",
    "http://localhost:6379/", "http:\\\\127.0.0.1\\", "http://metadata.google.internal/", "http://u:p@videos.example.com/", "gopher://x.com/",
])
def test_a_redirect_to_the_inside_is_refused(site, location):
    site.pages["/a"] = (302, {"Location": location}, b"")
    router = Router(site)
    assert refusal(fetcher(names=Names([PUBLIC]), router=router), "http://videos.example.com/a").code in ("url_forbidden", "url_invalid")
    assert router.called == [(PUBLIC, 80)]


def test_the_name_is_asked_anew_at_each_redirect_and_checked_anew(site):
    site.pages["/a"] = (302, {"Location": "/b"}, b"")
    names, router = Names([PUBLIC], ["127.0.0.1"]), Router(site)
    assert refusal(fetcher(names=names, router=router), "http://videos.example.com/a").code == "url_forbidden"
    assert len(names.asked) == 2 and len(router.called) == 1


def test_an_allowed_host_can_not_send_elsewhere_inside(site):
    with serving() as other:
        site.pages["/a"] = (302, {"Location": f"http://{other.netloc}/secret"}, b"")
        assert refusal(fetcher(site), f"http://{site.netloc}/a").code == "url_forbidden"
        assert other.asked == []


def test_five_redirects_are_followed_and_a_sixth_is_not(site):
    site.pages |= {f"/{n}": (302, {"Location": f"/{n - 1}"}, b"") for n in range(1, 7)} | {"/0": (200, {}, b"film")}
    assert fetch(fetcher(site), f"http://{site.netloc}/5")[1] == b"film"
    assert refusal(fetcher(site), f"http://{site.netloc}/6").code == "url_redirects"


# Answers


@pytest.mark.parametrize(("status", "code", "may_retry"), [
    (404, "url_not_found", False), (410, "url_not_found", False), (401, "url_denied", False), (403, "url_denied", False),
    (400, "url_refused", False), (206, "url_refused", False), (304, "url_refused", False), (429, "url_unavailable", True),
    (500, "url_unavailable", True), (503, "url_unavailable", True),
])
def test_each_status_has_its_code(site, status, code, may_retry):
    site.pages["/a"] = (status, {}, b"")
    error = refusal(fetcher(site), f"http://{site.netloc}/a")
    assert (error.code, error.may_retry) == (code, may_retry)


def test_a_page_is_not_a_file(site):
    site.pages["/a"] = (200, {"Content-Type": "Text/HTML; charset=utf-8"}, b"<html>")
    assert refusal(fetcher(site), f"http://{site.netloc}/a").code == "url_is_page"


def test_nothing_is_unpacked_that_was_not_asked_for(site):
    site.pages["/a"] = (200, {"Content-Encoding": "gzip"}, b"bomb")
    assert refusal(fetcher(site), f"http://{site.netloc}/a").code == "url_refused"
    assert site.headers["Accept-Encoding"] == "identity" and "Cookie" not in site.headers


def test_a_host_that_nobody_knows_or_where_nobody_listens_may_be_tried_again():
    def unknown(_host, _port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        netloc = f"127.0.0.1:{bound.getsockname()[1]}"
        for found, url in ((fetcher(names=unknown), "http://nowhere.example.com/"), (fetcher(allowed=[netloc]), f"http://{netloc}/")):
            error = refusal(found, url)
            assert (error.code, error.may_retry) == ("url_unreachable", True)


# Limits


def test_a_file_that_says_it_is_too_large_is_not_begun(site):
    site.pages["/a"] = (200, {}, b"x" * 1001)
    written = []
    with pytest.raises(FetchError) as caught:
        fetcher(site, max_bytes=1000).fetch(f"http://{site.netloc}/a", written.append)
    assert caught.value.code == "url_too_large" and not caught.value.may_retry and written == []


def test_a_file_that_does_not_say_how_large_it_is_ends_at_the_limit(site):
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:
            handler.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
    site.pages["/a"] = endless
    written = []
    with pytest.raises(FetchError, match="url_too_large"):
        fetcher(site, max_bytes=MB).fetch(f"http://{site.netloc}/a", lambda block: written.append(len(block)))
    assert sum(written) <= MB and max(written) <= 65536


def test_progress_hears_what_has_arrived_and_of_how_much(site):
    site.pages["/a"] = (200, {}, b"x" * MB)
    heard = []
    fetcher(site).fetch(f"http://{site.netloc}/a", lambda _block: None, lambda *found: heard.append(found))
    assert heard[0] == (0, None) and heard[1] == (0, MB) and heard[-1] == (MB, MB)
    assert heard[1:] == sorted(heard[1:])


def test_a_callable_that_raises_ends_it_at_once(site):
    site.pages["/a"] = (200, {}, b"x" * MB)
    with pytest.raises(KeyError):
        fetcher(site).fetch(f"http://{site.netloc}/a", lambda _block: {}["stop"])


def test_a_server_that_is_silent_is_given_up(site):
    over = threading.Event()
    site.pages["/a"] = lambda _handler: over.wait(10)
    error = refusal(fetcher(site, idle_seconds=0.2), f"http://{site.netloc}/a")
    over.set()
    assert (error.code, error.may_retry) == ("url_too_slow", True)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_server_that_drips_is_given_up_when_the_time_is_over(site, start):
    over = threading.Event()

    def drip(handler):
        handler.wfile.write(start)
        while not over.wait(0.05):
            handler.wfile.write(b"x")
    site.pages["/a"] = drip
    begun = time.monotonic()
    assert refusal(fetcher(site, total_seconds=0.5), f"http://{site.netloc}/a").code == "url_too_slow"
    assert time.monotonic() - begun < 2
    over.set()


def test_a_file_that_ends_early_is_not_taken_for_whole(site):
    def cut(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        handler.close_connection = True
    site.pages["/a"] = cut
    error = refusal(fetcher(site), f"http://{site.netloc}/a")
    assert (error.code, error.may_retry) == ("url_broken", True)


# Going on where it broke

BODY = bytes(range(256)) * 100


def rest(site, headers, content_range="bytes 20000-25599/25600", status=206, body=BODY[20_000:]):
    """A page that answers a request for the rest so, and one without a range with the whole."""
    def page(handler):
        asked_for_rest = "Range" in handler.headers
        found = {"Content-Range": content_range, **headers} if asked_for_rest else headers
        content = body if asked_for_rest else BODY
        handler.send_response(status if asked_for_rest else 200)
        for name, value in {**found, "Content-Length": str(len(content))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)
    site.pages["/a"] = page


BEGUN = Begun(20_000, '"v1"')


def go_on(site, begun=BEGUN, **limits):
    """What was heard of the beginning, what was written, and what it is called."""
    opened, blocks, heard = [], [], []
    found = fetcher(site, **limits).fetch(f"http://{site.netloc}/a", blocks.append, lambda *at: heard.append(at), begun,
                                          lambda *at: opened.append(at))
    return opened, b"".join(blocks), found, heard


def test_the_rest_of_the_same_version_is_asked_for(site):
    rest(site, {"ETag": '"v1"'})
    assert go_on(site) == ([(20_000, '"v1"')], BODY[20_000:], Fetched("a", 25_600), [(20_000, None), (20_000, 25_600), (25_600, 25_600)])
    assert (site.headers["Range"], site.headers["If-Range"]) == ("bytes=20000-", '"v1"')


def test_another_version_comes_from_its_beginning(site):
    rest(site, {"ETag": '"v2"'}, status=200, body=BODY)
    opened, written, found, _ = go_on(site)
    assert (opened, written, found) == ([(0, '"v2"')], BODY, Fetched("a", 25_600)) and len(site.asked) == 1


@pytest.mark.parametrize(("content_range", "status"), [("bytes 0-25599/25600", 206), ("bytes 20001-25599/25600", 206), ("nonsense", 206),
                                                       ("bytes */25600", 416)])
def test_what_is_not_the_rest_that_was_asked_for_is_not_taken_for_it(site, content_range, status):
    rest(site, {"ETag": '"v1"'}, content_range, status)
    opened, written, _, _ = go_on(site)
    assert (opened, written) == ([(0, '"v1"')], BODY) and len(site.asked) == 2


def test_a_rest_counts_with_what_is_there_already(site):
    rest(site, {"ETag": '"v1"'})
    with pytest.raises(FetchError, match="url_too_large"):
        go_on(site, max_bytes=25_599)


DATE = "Sat, 21 Nov 2026 11:00:00 GMT"


@pytest.mark.parametrize(("headers", "version"), [
    ({"ETag": '"v1"'}, '"v1"'), ({"ETag": 'W/"v1"'}, None), ({"ETag": "v1"}, None), ({}, None),
    ({"ETag": '"v1"', "Accept-Ranges": "none"}, None),
    ({"Last-Modified": "Sat, 21 Nov 2026 10:59:59 GMT", "Date": DATE}, "Sat, 21 Nov 2026 10:59:59 GMT"),
    ({"Last-Modified": DATE, "Date": DATE}, None), ({"Last-Modified": "yesterday", "Date": DATE}, None),
    ({"ETag": 'W/"v1"', "Last-Modified": "Sat, 21 Nov 2026 09:00:00 GMT", "Date": DATE}, "Sat, 21 Nov 2026 09:00:00 GMT"),
    ({"ETag": f'"{"x" * 400}"'}, None),
])
def test_a_version_is_what_names_the_very_same_bytes(site, headers, version):
    def page(handler):
        handler.send_response_only(200)
        for name, value in {**headers, "Content-Length": "4"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"film")
    site.pages["/a"] = page
    assert go_on(site, None)[0] == [(0, version)]


def test_a_rest_is_asked_for_behind_redirects_too_and_each_is_checked(site):
    rest(site, {"ETag": '"v1"'})
    site.pages["/b"] = (302, {"Location": "/a"}, b"")
    opened = []
    fetcher(site).fetch(f"http://{site.netloc}/b", len, lambda *_: None, BEGUN, lambda *at: opened.append(at))
    assert opened == [(20_000, '"v1"')]
    site.pages["/b"] = (302, {"Location": "http://169.254.169.254/"}, b"")
    with pytest.raises(FetchError, match="url_forbidden"):
        fetcher(site).fetch(f"http://{site.netloc}/b", len, lambda *_: None, BEGUN)


def test_what_is_not_http_is_an_error_in_words(site):
    site.pages["/a"] = lambda handler: handler.wfile.write(b"220 smtp.example.com ESMTP\r\n")
    assert refusal(fetcher(site), f"http://{site.netloc}/a").code == "url_broken"


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for videos.example.com that signs itself: its file, with the key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "videos.example.com")])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("videos.example.com")]), critical=False)
            .sign(key, hashes.SHA256()))
    path = tmp_path_factory.mktemp("tls") / "site.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return path


@pytest.fixture
def secure_site(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    seen: list[str] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    with serving(context) as found:
        found.server_names = seen
        found.pages["/a"] = (200, {}, b"film")
        yield found


def test_the_certificate_is_checked_by_name_though_an_address_is_connected_to(secure_site, certificate):
    trusting = ssl.create_default_context(cafile=certificate)
    router = Router(secure_site)
    found = fetcher(names=Names([PUBLIC]), router=router, tls=trusting)
    assert fetch(found, "https://videos.example.com/a")[1] == b"film"
    assert secure_site.server_names == ["videos.example.com"] and router.called == [(PUBLIC, 443)]
    error = refusal(found, "https://other.example.com/a")
    assert (error.code, error.may_retry) == ("url_untrusted", False)
    assert len(secure_site.asked) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_site):
    found = fetcher(names=Names([PUBLIC]), router=Router(secure_site))
    assert refusal(found, "https://videos.example.com/a").code == "url_untrusted"
    assert secure_site.asked == []
