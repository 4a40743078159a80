"""Small real videos."""

from app.demo_video import make_video

__all__ = ["make_video"]
