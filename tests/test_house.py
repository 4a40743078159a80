"""`flask up`, `flask demo` and what a terminal sees."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
from pathlib import Path

import httpx
import pytest
from redis import Redis

from app.instance import redis_socket
from tests.house import House, running_house
from tests.servers import wait_for


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with running_house(tmp_path_factory.mktemp("house") / "instance") as house:
        yield house


def test_prints_the_address_and_a_demo_login_that_works(house):
    assert house.url in house.log
    login = re.search(r"Demo login:\s+(\S+)\s+/\s+(\S+)", house.log)
    assert {"email": login[1], "password": login[2]} == house.demo_login()
    with httpx.Client(base_url=house.url) as client:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)[1]
        answer = client.post("/login", data={**house.demo_login(), "csrf_token": token})
        assert answer.status_code == 303
        assert client.get("/calendar").status_code == 200


def test_runs_every_process(house):
    for name in ("redis", "sandbox", "web", "scheduler", "beat", "publish.1", "media"):
        assert re.search(rf"{re.escape(name)} started \(pid=\d+\)", house.log), name


def test_every_process_is_known_to_whoever_asks(house):
    def ready():
        found = httpx.get(f"{house.url}/readyz").json()
        living = {tuple(worker["queues"]) for worker in found["workers"] if not worker["silent"]}
        beating = [scheduler["beating"] for scheduler in found["schedulers"] if not scheduler["silent"]]
        return living == {("beat",), ("publish",), ("media",)} and beating == [True]
    assert wait_for(ready)  # whoever was killed by another test is shown for a while, and who came after it not at once


def test_the_secrets_it_makes_are_readable_by_its_owner_only(house):
    for name in ("secrets.json", "demo-login.json"):
        assert stat.S_IMODE((house.instance / name).stat().st_mode) == 0o600


def test_nothing_listens_beyond_loopback(house):
    listening = [line.split() for path in ("/proc/net/tcp", "/proc/net/tcp6") for line in Path(path).read_text().splitlines()[1:]]
    ports = {f"{house.port:04X}", f"{house.sandbox_port:04X}"}
    ours = [row[1] for row in listening if row[3] == "0A" and row[1].split(":")[1] in ports]
    assert len(ours) >= 2 and all(address.startswith("0100007F:") for address in ours)


def test_a_taken_port_is_told_with_the_setting_that_moves_it(house, tmp_path):
    second = House(tmp_path / "second", port=house.port)
    (tmp_path / "second").mkdir()
    done = second.command("up")
    assert done.returncode != 0
    assert f"Port {house.port}" in done.stderr and "ONCUE_PORT" in done.stderr and "Traceback" not in done.stderr


def test_a_process_that_dies_is_started_again(house):
    pids = re.findall(r"publish\.2 started \(pid=(\d+)\)", house.log)
    os.kill(int(pids[-1]), signal.SIGKILL)
    wait_for(lambda: len(re.findall(r"publish\.2 started", house.log)) > len(pids))
    assert "publish.2 | ended with -9, starting it again" in re.sub(r" +", " ", house.log)


def test_an_emptied_redis_is_filled_again_by_the_scheduler(house):
    redis = Redis(unix_socket_path=str(redis_socket(house.instance)))
    redis.flushall()
    wait_for(lambda: redis.get("oncue:beat"), seconds=20)
    redis.close()


def test_an_upload_that_is_cut_off_leaves_nothing_behind(house):
    with httpx.Client(base_url=house.url) as client:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)[1]
        client.post("/login", data={**house.demo_login(), "csrf_token": token})
        token = re.search(r"X-CSRFToken&#34;: &#34;([^&]+)|X-CSRFToken\": \"([^\"]+)", client.get("/calendar").text)
        cookie = f"oncue_session={client.cookies['oncue_session']}"
        csrf = token[1] or token[2]
    incoming = house.instance / "media" / "incoming"
    head = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\nContent-Type: video/mp4\r\n\r\n')
    with socket.create_connection(("127.0.0.1", house.port)) as connection:
        connection.sendall((f"POST /media/ HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nX-CSRFToken: {csrf}\r\n"
                            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 50000000\r\n\r\n").encode() + head)
        for _ in range(20):
            connection.sendall(os.urandom(250_000))
        wait_for(lambda: any(incoming.iterdir()))
    wait_for(lambda: not any(incoming.iterdir()))
    assert httpx.get(f"{house.url}/healthz").status_code == 200
    assert "unexpected error" not in house.log


def test_the_demo_publishes_once_on_the_running_instance(house):
    done = house.command("demo", "--in", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the instance is running" in done.stdout and "exactly once" in done.stdout
    permalink = re.search(r"live: (\S+)", done.stdout)[1]
    assert permalink.startswith(house.sandbox.url) and httpx.get(permalink).status_code == 200
    assert all(re.match(r" *\d+\.\d\d s  ", line) for line in done.stdout.strip().splitlines())
    assert re.search(r"^\d\d:\d\d:\d\d publish\.\d +\| .* published ", house.log, re.MULTILINE), "logs carry their process's name"


def test_the_demo_takes_a_video_and_fails_loudly_on_one_that_cannot_be_posted(house, tmp_path):
    (tmp_path / "notes.mp4").write_text("not a video")
    done = house.command("demo", "--video", str(tmp_path / "notes.mp4"))
    assert done.returncode != 0 and "not a video file" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_leaves_nothing_running_and_data_outlives_a_restart(tmp_path):
    house = House(tmp_path / "instance").start()
    login = house.demo_login()
    redis = Redis(unix_socket_path=str(redis_socket(house.instance)))
    redis.set("kept", "yes")
    redis.close()
    assert house.stop(signal.SIGINT) == 0
    assert house.processes() == {}
    assert (house.instance / "oncue.sqlite3").exists()
    house.start()
    redis = Redis(unix_socket_path=str(redis_socket(house.instance)))
    assert redis.get("kept") == b"yes"
    redis.close()
    assert house.demo_login() == login
    assert house.stop(signal.SIGTERM) == 0
    assert house.processes() == {}


def test_production_without_its_secrets_does_not_start(tmp_path):
    done = House(tmp_path / "instance", {"ONCUE_ENV": "production"}).command("up")
    assert done.returncode != 0
    for name in ("SECRET_KEY", "TOKEN_KEYS", "PUBLIC_URL"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_malformed_setting_is_named(tmp_path):
    done = House(tmp_path / "instance", {"ONCUE_PORT": "eighty"}).command("up")
    assert done.returncode != 0 and "ONCUE_PORT must be a number" in done.stderr and "Traceback" not in done.stderr


def test_help_tells_every_setting(tmp_path):
    from dataclasses import fields

    from app.settings import Settings
    done = House(tmp_path / "instance").command("--help")
    for f in fields(Settings):
        assert f.metadata["env"] in done.stdout
    assert "flask" in done.stdout.lower()
