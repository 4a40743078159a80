"""The door for TikTok's servers: what it refuses, and a sandbox that comes through it over real HTTP."""

from __future__ import annotations

import itertools
import json
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from app import clock
from app.models import IncomingWebhook, PostTarget, TikTokAccount, db
from app.queries.due import due_targets
from app.sandbox.webhooks import sign
from app.settings import SANDBOX_CLIENT_KEY, SANDBOX_CLIENT_SECRET
from tests import factories
from tests.servers import QuietHandler, wait_for
from tests.steps import load, step

URL = "/hooks/events"


def envelope(**changes):
    values = {"client_key": SANDBOX_CLIENT_KEY, "event": "post.publish.complete", "create_time": 1633174586,
              "user_openid": "-000abc", "content": json.dumps({"publish_id": "v_pub_file~v2-1.1", "publish_type": "DIRECT_PUBLISH"})}
    return {k: v for k, v in {**values, **changes}.items() if v is not ...}


def send(client, body, secret=SANDBOX_CLIENT_SECRET, age=timedelta(0), **options):
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    signature = sign(secret, int((clock.utcnow() - age).timestamp()), body)
    options.setdefault("headers", {"TikTok-Signature": signature})
    return client.post(URL, data=body, content_type="application/json", **options)


def kept(app):
    with app.app_context():
        return db.session.scalars(sa.select(IncomingWebhook).order_by(IncomingWebhook.id)).all()


# What is refused

def test_is_answered_at_once_without_login_cookie_or_csrf_token(app, client):
    app.config["WTF_CSRF_ENABLED"] = True
    answer = send(client, envelope())
    assert (answer.status_code, answer.json) == (200, {"status": "received"})
    assert "Set-Cookie" not in answer.headers
    [row] = kept(app)
    assert (row.event, row.open_id, row.publish_id) == ("post.publish.complete", "-000abc", "v_pub_file~v2-1.1")
    assert row.happened_at == datetime.fromtimestamp(1633174586, UTC)


def test_its_address_can_be_registered_with_tiktok(app):
    [rule] = [rule for rule in app.url_map.iter_rules() if rule.endpoint == "hooks.events"]
    assert "tiktok" not in rule.rule.lower() and rule.methods == {"POST", "OPTIONS"}


@pytest.mark.parametrize(("options", "code"), [
    ({"headers": {}}, "signature_missing"), ({"headers": {"TikTok-Signature": "t=1"}}, "signature_malformed"),
    ({"secret": "another secret"}, "signature_wrong"), ({"secret": ""}, "signature_wrong"),
    ({"age": timedelta(hours=73)}, "signature_expired"), ({"age": timedelta(minutes=-6)}, "signature_early"),
], ids=itertools.count())
def test_without_tiktok_s_signature_nothing_is_read(app, client, options, code):
    for body in (envelope(), b"garbage", b""):
        answer = send(client, body, **options)
        assert (answer.status_code, answer.json) == (401, {"error": code})
    assert kept(app) == []


def test_an_altered_body_is_refused(app, client):
    signature = sign(SANDBOX_CLIENT_SECRET, int(clock.utcnow().timestamp()), json.dumps(envelope()).encode())
    answer = send(client, envelope(event="authorization.removed"), headers={"TikTok-Signature": signature})
    assert (answer.status_code, answer.json["error"], kept(app)) == (401, "signature_wrong", [])


def test_a_delivery_that_kept_its_signature_for_three_days_is_taken(app, client):
    assert send(client, envelope(), age=timedelta(hours=71)).status_code == 200


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b'"x"', b"1", b"{", b"{}", b"\xff\xfe", b"\x00", b"[" * 30_000, b'{"a":' * 900, b"9" * 5000,
    envelope(event=...), envelope(event=""), envelope(event=7), envelope(event=None), envelope(event="a\x00b"), envelope(event="\ud800"),
    envelope(event="e" * 256), envelope(create_time=...), envelope(create_time="1633174586"), envelope(create_time=1.5),
    envelope(create_time=True), envelope(create_time=-1), envelope(create_time=10**30), envelope(create_time=2**33),
    envelope(client_key=...), envelope(client_key=["x"]), envelope(content={"publish_id": "x"}), envelope(content="[]"),
    envelope(content="{"),
    envelope(content="null"), envelope(content=None), envelope(content='{"a": NaN}'), envelope(content='{"a": 1e999}'),
    envelope(content='{"a": -Infinity}'), envelope(content='{"a":' * 600 + "1" + "}" * 600), envelope(content='{"a": %s}' % ("9" * 5000)),
], ids=itertools.count())
def test_garbage_is_refused_even_with_a_good_signature(app, client, body):
    answer = send(client, body)
    assert (answer.status_code, answer.json) == (400, {"error": "body_malformed"})
    assert kept(app) == []


@pytest.mark.parametrize("body", [
    envelope(event="brand.new"), envelope(user_openid=...), envelope(user_openid=7), envelope(user_openid="x" * 300),
    envelope(user_openid="a\x00b"), envelope(user_openid="\ud800"), envelope(content=...), envelope(content="{}"), envelope(create_time=0),
    envelope(create_time=2**33 - 1), envelope(content='{"publish_id": 7, "post_id": 7602997517160123666}'), envelope(further=[1]),
    envelope(content='{"publish_id": {"a": 1}, "post_id": [], "reason": {}}'), envelope(content='{"a": "\\u0000 \\ud800", "\\u0000": 1}'),
    envelope(content='{"publish_id": "%s"}' % ("p" * 300)), envelope(content='{"a":' * 300 + "1" + "}" * 300),
    envelope(event="authorization.removed", content='{"reason": 99}'), envelope(event="authorization.removed", user_openid=...),
], ids=itertools.count())
def test_whatever_else_tiktok_says_is_taken(app, client, body):
    assert send(client, body).status_code == 200
    assert len(kept(app)) == 1
    assert send(client, body).status_code == 200
    assert len(kept(app)) == 1


def test_another_app_s_webhook_is_refused(app, client):
    for key in ("another", "ünïcode", SANDBOX_CLIENT_KEY + "x"):
        answer = send(client, envelope(client_key=key))
        assert (answer.status_code, answer.json) == (403, {"error": "client_key_unknown"})
    assert kept(app) == []


def test_a_body_has_a_limit(app, client):
    fits = json.dumps(envelope(content=json.dumps({"a": "x" * 60_000}))).encode()
    assert send(client, fits).status_code == 200
    answer = send(client, b" " * (64 * 1024 + 1 - len(fits)) + fits)
    assert (answer.status_code, answer.json) == (413, {"error": "body_too_large"})


def test_no_secret_is_kept(app, client):
    send(client, envelope(content=json.dumps({"access_token": "act.verysecret", "text": "Bearer act.verysecret", "reason": 1})))
    [row] = kept(app)
    assert row.content == {"access_token": "***", "text": row.content["text"], "reason": 1}
    assert "verysecret" not in str(vars(row)) and SANDBOX_CLIENT_SECRET not in str(vars(row))


def test_what_can_not_be_kept_is_asked_for_again(app, client):
    with app.app_context():
        db.session.execute(sa.text("ALTER TABLE incoming_webhooks RENAME TO elsewhere"))
        db.session.commit()
    try:
        answer = send(client, envelope())
    finally:
        with app.app_context():
            db.session.execute(sa.text("ALTER TABLE elsewhere RENAME TO incoming_webhooks"))
            db.session.commit()
    assert (answer.status_code, answer.json) == (503, {"error": "not_kept"})
    assert send(client, envelope()).status_code == 200


# The sandbox, over real HTTP

@pytest.fixture
def together(app, tiktok):
    """Our clock goes with the sandbox's; `advance` moves both."""
    ahead = timedelta(seconds=tiktok.get("/sandbox/api/clock")["now"]) - (datetime.now(UTC) - datetime.fromtimestamp(0, UTC))

    class Together:
        offset = ahead

        def advance(self, **span):
            self.offset += timedelta(**span)
            tiktok.advance(timedelta(**span).total_seconds())
    source = Together()
    clock.set_source(lambda: datetime.now(UTC) + source.offset)
    return source


@pytest.fixture
def listening(app, tiktok, together):
    """The application on a port of its own, and its address in the sandbox's portal."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    tiktok.switch(webhook_url=f"http://127.0.0.1:{server.server_port}{URL}")
    yield together
    tiktok.reset()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sent(app, tiktok, listening, alice, video_path):
    """A post whose bytes are in at TikTok, next to be asked about in five hours; webhooks wait until `deliver`."""
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)
    tiktok.switch(webhooks=True, processing_seconds=10, moderation_seconds=20)
    post = factories.make_post(app, alice, account_id=account_id, media_file_id=media_id,
                               scheduled_at=clock.utcnow() + timedelta(minutes=2))
    listening.advance(minutes=2)
    step(app, post.target_id)
    postpone(app, post.target_id)
    return SimpleNamespace(account_id=account_id, **vars(post))


def postpone(app, target_id):
    with app.app_context():
        db.session.execute(sa.update(PostTarget).where(PostTarget.id == target_id).values(due_at=clock.utcnow() + timedelta(hours=5)))
        db.session.commit()


def due(app):
    with app.app_context():
        return due_targets(clock.utcnow())


def deliver(tiktok, count):
    """Until that many webhooks have been delivered, which takes an answer of 200."""
    def delivered():
        tiktok.post("/sandbox/api/webhooks/deliver")
        return sum(item["delivered_at"] is not None for item in tiktok.get("/sandbox/api/webhooks")["webhooks"]) == count
    wait_for(delivered)


def test_a_post_is_followed_by_webhooks_while_polling_is_far_away(app, tiktok, listening, sent):
    assert due(app) == []
    listening.advance(seconds=11)
    deliver(tiktok, 1)
    assert load(app, sent.target_id).state == "processing", "told, not yet asked"
    assert due(app) == [sent.target_id]
    found = step(app, sent.target_id)
    assert (found.state, found.permalink) == ("published", None)
    postpone(app, sent.target_id)
    listening.advance(seconds=21)
    deliver(tiktok, 2)
    assert due(app) == [sent.target_id]
    found = step(app, sent.target_id)
    assert (found.permalink, found.due_at) == (tiktok.posts()[0]["url"], None)
    assert [row.event for row in kept(app)] == ["post.publish.complete", "post.publish.publicly_available"]
    assert len(tiktok.posts()) == 1


def test_three_copies_in_the_wrong_order_end_the_same(app, tiktok, listening, sent):
    tiktok.switch(webhook_copies=3, webhook_out_of_order=True, webhooks=True)
    listening.advance(seconds=60)
    deliver(tiktok, 6)
    assert len(kept(app)) == 2
    found = step(app, sent.target_id)
    assert (found.state, found.permalink) == ("published", tiktok.posts()[0]["url"])
    tiktok.post("/sandbox/api/webhooks/send", event="post.publish.failed", content={"publish_id": found.publish_id, "reason": "internal"})
    deliver(tiktok, 9)
    assert due(app) == [] and load(app, sent.target_id).state == "published"


def test_a_failure_is_told_and_then_asked_about(app, tiktok, listening, sent):
    tiktok.post("/sandbox/api/creators/northbound/remove_authorization", reason=1)
    deliver(tiktok, 2)
    assert {row.event for row in kept(app)} == {"post.publish.failed", "authorization.removed"}
    assert due(app) == [sent.target_id]
    assert step(app, sent.target_id).state == "processing", "it can be asked about once the creator is back"


@pytest.mark.parametrize(("reason", "badge", "words"), [
    (1, "Reconnect", "The creator removed Oncue in TikTok"), (4, "Disconnected", "TikTok says that this account was banned"),
])
def test_the_accounts_page_says_why_an_account_left(app, as_alice, alice, tiktok, listening, reason, badge, words):
    factories.connect_account(app, alice, tiktok)
    assert words not in as_alice.get("/accounts/").text
    listening.advance(minutes=1)
    tiktok.post("/sandbox/api/creators/northbound/remove_authorization", reason=reason)
    deliver(tiktok, 1)
    page = as_alice.get("/accounts/").text
    assert words in page and badge in page
    listening.advance(minutes=1)
    factories.connect_account(app, alice, tiktok)
    assert words not in as_alice.get("/accounts/").text


def test_a_removal_that_comes_late_does_not_undo_a_new_consent(app, tiktok, listening, alice):
    account_id = factories.connect_account(app, alice, tiktok)
    address = tiktok.get("/sandbox/api/switches")["webhook_url"]
    tiktok.switch(webhook_url="http://127.0.0.1:9/nobody")
    listening.advance(minutes=1)
    tiktok.post("/sandbox/api/creators/northbound/remove_authorization", reason=4)
    listening.advance(minutes=1)
    factories.connect_account(app, alice, tiktok)
    tiktok.switch(webhook_url=address)
    listening.advance(hours=1)
    deliver(tiktok, 1)
    with app.app_context():
        assert db.session.get_one(TikTokAccount, account_id).connection == "connected"
    assert len(kept(app)) == 1


def test_our_own_revoke_comes_back_and_changes_nothing(app, as_alice, alice, tiktok, listening):
    account_id = factories.connect_account(app, alice, tiktok)
    listening.advance(minutes=1)
    as_alice.post(f"/accounts/{account_id}/disconnect", data={"csrf_token": as_alice.csrf})
    deliver(tiktok, 1)
    [row] = kept(app)
    assert (row.event, row.content) == ("authorization.removed", {"reason": 5})
    assert "withdrawn through" not in as_alice.get("/accounts/").text


def test_older_families_of_events_are_kept_and_do_nothing(app, tiktok, listening, sent):
    tiktok.post("/sandbox/api/webhooks/send", event="video.upload.failed", content={"share_id": "video.1"})
    deliver(tiktok, 1)
    assert [(row.event, row.content) for row in kept(app)] == [("video.upload.failed", {"share_id": "video.1"})]
    assert due(app) == []
