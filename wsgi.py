"""The WSGI entry: `gunicorn wsgi:app`, and what the `flask` command finds."""

import sys

from app.factory import create_app
from app.settings import SettingsError

try:
    app = create_app()
except SettingsError as error:
    sys.exit(f"Oncue can't start. {error}")
