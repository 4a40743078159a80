"""Posts in bulk: CSV files in, with a look at every row before anything is made, and CSV files out."""

from app.web.bulk.routes import blueprint

__all__ = ["blueprint"]
