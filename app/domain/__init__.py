"""The rules of Oncue, pure: standard library only, no clock, no database, no web."""
