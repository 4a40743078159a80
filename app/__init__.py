"""Oncue: schedules TikTok posts and gets them out on cue. The application is built by `app.factory`."""
