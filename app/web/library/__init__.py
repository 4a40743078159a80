"""The media library: a page of files, and a page for each file."""

from app.web.library.routes import blueprint

__all__ = ["blueprint"]
