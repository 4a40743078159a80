"""The sandbox for a WSGI server: `gunicorn app.sandbox.wsgi:app --workers 1 --threads 16` (one process holds the state)."""

import os

from app.sandbox import SandboxConfig, create_sandbox

app = create_sandbox(SandboxConfig.from_env(os.environ))
