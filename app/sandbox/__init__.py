"""Sandbox TikTok: a local stand-in for TikTok's developer platform.

It is a WSGI app of its own, with its own port and storage, and shares no code with the rest of the product: only what
crosses the wire connects the two. `create_sandbox(config)` builds it, `app.sandbox.wsgi:app` builds it from `SANDBOX_*`.

The authorise page (`GET /v2/auth/authorize/`) works without a browser too. Its consent form is a plain
`POST /v2/auth/authorize/` with these fields:

* `creator`: username of the creator who decides,
* `scopes`: one value per scope that is granted (`user.info.basic` is always part of it),
* `decision`: `allow` or `deny`,
* the request's own parameters, as in its query string: `client_key`, `redirect_uri`, `scope`, `response_type`, `state`
  and, where sent, `code_challenge`, `code_challenge_method`, `disable_auto_auth`.

The answer is a 302 to `redirect_uri` with `code`, `scopes`, `state`, or `error`, `error_description`, `state`. A mistake in
the request is answered with a page (400) that names the parameter and never reaches `redirect_uri`.
`POST /v2/auth/authorize/creators/` with `username`, `nickname`, `private`, `comment_disabled`, `max_seconds` and the same
parameters makes a further creator and returns to the page.
"""

from app.sandbox.config import SandboxConfig
from app.sandbox.factory import create_sandbox

__all__ = ["SandboxConfig", "create_sandbox"]
