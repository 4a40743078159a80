"""The WSGI entry: `gunicorn wsgi:app`, and what the `flask` command finds."""

from app.factory import create_app

app = create_app()
