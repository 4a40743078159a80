"""Delivering webhooks (sections 10.1, 10.3): signed, at least once, retried with backoff for up to 72 hours."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import logging
import threading
from urllib.parse import urlsplit

from app.sandbox.lifecycle import settle_all
from app.sandbox.pull import PullError, connect
from app.sandbox.records import Delivery
from app.sandbox.world import World

_GIVE_UP = 72 * 3_600.0
_LONGEST_PAUSE = 3_600.0
_ROUND_SECONDS = 0.2

log = logging.getLogger(__name__)


def sign(secret: str, signed_at: int, body: bytes) -> str:
    """The value of `TikTok-Signature`: t=<unix seconds>,s=<hex HMAC-SHA256 of "t.body" under the client secret>."""
    digest = hmac.new(secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={signed_at},s={digest}"


class Dispatcher:
    """Sends what is due. A thread does so in rounds; the control API can ask for a round at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._round = threading.Lock()
        threading.Thread(target=self._loop, name="sandbox-webhooks", daemon=True).start()

    def deliver_due(self) -> int:
        """Try every delivery whose time has come once; returns how many were tried."""
        with self._round:
            settle_all(self._world)  # nobody polls for the sake of a webhook
            due = self._due()
            for delivery in due:
                self._try(delivery)
            return len(due)

    def _due(self) -> list[Delivery]:
        now = self._world.now()
        due = [item for item in self._world.deliveries if item.is_open and item.due_at <= now]
        newest_first = self._world.switches.webhook_out_of_order
        return sorted(due, key=lambda item: item.created_at, reverse=newest_first)

    def _try(self, delivery: Delivery) -> None:
        world = self._world
        status = self._send(delivery)
        now = world.now()
        with world.lock:
            delivery.attempts += 1
            delivery.last_status = status
            if status == 200:
                delivery.delivered_at = now
            elif now - delivery.created_at >= _GIVE_UP:
                delivery.dropped = True
            else:
                pause = world.switches.webhook_backoff_seconds * 2 ** (delivery.attempts - 1)
                delivery.due_at = now + min(pause, _LONGEST_PAUSE)
            world.deliveries.save(delivery.id, delivery)

    def _send(self, delivery: Delivery) -> int:
        """The HTTP status, 0 when there was none. Whether `t` is renewed on retries is UNCONFIRMED."""
        world, body = self._world, delivery.body.encode()
        if world.switches.webhook_renew_t or not delivery.signed_at:
            delivery.signed_at = int(world.now())
        headers = {"Content-Type": "application/json",
                   "TikTok-Signature": sign(world.config.client_secret, delivery.signed_at, body)}
        parts = urlsplit(world.switches.webhook_url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            with contextlib.closing(connect(parts)) as connection:
                connection.request("POST", target, body, headers)
                with connection.getresponse() as response:
                    return response.status
        except (PullError, OSError, ValueError, http.client.HTTPException) as error:
            log.info("webhook not delivered: %s", error)
            return 0

    def _loop(self) -> None:
        pause = threading.Event()
        while not self._world.store.closed:
            pause.wait(_ROUND_SECONDS)
            if self._world.switches.webhooks and self._world.switches.webhook_url:
                try:
                    self.deliver_due()
                except Exception:  # one bad round must not end all further ones
                    log.exception("webhook round")
