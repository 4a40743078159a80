"""Read models: frozen dataclasses ready for a page, made with a constant number of statements."""
