"""Posts: the list, the composer, and a page for each."""

from app.web.posts.routes import blueprint

__all__ = ["blueprint"]
