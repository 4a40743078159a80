"""Where media files are kept."""
