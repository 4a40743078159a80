"""Settings: read once, checked at once, and refused in words that name the variable."""

from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest

from app.settings import SANDBOX_CLIENT_KEY, Secret, Settings, SettingsError

PRODUCTION = {
    "ONCUE_ENV": "production", "SECRET_KEY": "long and secret", "TOKEN_KEYS": "k1", "PUBLIC_URL": "https://oncue.example.com",
    "TIKTOK_CLIENT_KEY": "aw-key", "TIKTOK_CLIENT_SECRET": "app-secret",
}
SECRET_NAMES = ["SECRET_KEY", "TIKTOK_CLIENT_SECRET", "S3_SECRET_ACCESS_KEY"]


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return str(caught.value)


def test_without_an_environment_everything_has_its_default():
    assert Settings.from_env({}) == Settings()
    assert (Settings().env, Settings().port, Settings().instance_dir) == ("development", 8000, Path("instance"))


@pytest.mark.parametrize(("name", "raw", "field", "value"), [
    ("ONCUE_INSTANCE", "data/oncue", "instance_dir", Path("data/oncue")),
    ("MEDIA_DIR", "data/media", "media_dir", Path("data/media")),
    ("ONCUE_HOST", "0.0.0.0", "host", "0.0.0.0"),
    ("ONCUE_PORT", "9000", "port", 9000),
    ("ONCUE_PORT", " 9000 ", "port", 9000),
    ("PUBLIC_URL", "https://oncue.example.com/", "public_url", "https://oncue.example.com"),
    ("PUBLIC_URL", "http://localhost:8000", "public_url", "http://localhost:8000"),
    ("SECRET_KEY", "s", "secret_key", Secret("s")),
    ("TOKEN_KEYS", "new, old ,", "token_keys", (Secret("new"), Secret("old"))),
    ("DATABASE_URL", "postgresql://oncue@db/oncue", "database_url", "postgresql://oncue@db/oncue"),
    ("REDIS_URL", "redis://redis:6379/0", "redis_url", "redis://redis:6379/0"),
    ("S3_ENDPOINT_URL", "https://s3.example.com/", "s3_endpoint_url", "https://s3.example.com"),
    ("S3_SECRET_ACCESS_KEY", "s", "s3_secret_access_key", Secret("s")),
    ("UPLOAD_MAX_BYTES", "1000", "upload_max_bytes", 1000),
    ("TIKTOK_VERIFICATION_FILES", "tiktokA1.txt, tiktokB.txt=b c", "tiktok_verification_files", ("tiktokA1.txt", "tiktokB.txt=b c")),
    ("FETCH_ALLOWED_HOSTS", "nas.lan:8080, [fd00::1]:80", "fetch_allowed_hosts", ("nas.lan:8080", "[fd00::1]:80")),
    ("LOG_FORMAT", "json", "log_format", "json"),
    ("TIKTOK_API_URL", "http://127.0.0.1:8100", "tiktok_api_url", "http://127.0.0.1:8100"),
    ("TIKTOK_UPLOAD_HOSTS", "*.tiktokapis.com, upload.example.com", "tiktok_upload_hosts", ("*.tiktokapis.com", "upload.example.com")),
    ("TIKTOK_SCOPES", "user.info.basic,video.publish", "tiktok_scopes", ("user.info.basic", "video.publish")),
    ("TIKTOK_PKCE", "hex", "tiktok_pkce", "hex"),
    ("TIKTOK_TIMEOUT_SECONDS", "10", "tiktok_timeout_seconds", 10),
    ("TIKTOK_UPLOAD_TIMEOUT_SECONDS", "600", "tiktok_upload_timeout_seconds", 600),
    ("SANDBOX_PROCESSING_SECONDS", "0.5", "sandbox_processing_seconds", 0.5),
    ("SANDBOX_PROCESSING_SECONDS", "0", "sandbox_processing_seconds", 0.0),
])
def test_each_setting_is_read_from_its_variable(name, raw, field, value):
    found = getattr(Settings.from_env({name: raw}), field)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("name", [f.metadata["env"] for f in fields(Settings)])
def test_an_empty_variable_counts_as_none(name):
    assert Settings.from_env({name: "  "}) == Settings()


@pytest.mark.parametrize(("name", "raw", "accepted"), [
    ("ONCUE_ENV", "staging", "development, production"),
    ("ONCUE_ENV", "Production", "development, production"),
    ("LOG_LEVEL", "verbose", "DEBUG, INFO, WARNING, ERROR"),
    ("LOG_FORMAT", "xml", "text, json"),
    ("TIKTOK_PKCE", "yes", "off, hex"),
    ("ONCUE_PORT", "eighty", "a number"),
    ("ONCUE_PORT", "80.5", "a number"),
    ("ONCUE_PORT", "0", "above zero"),
    ("ONCUE_PORT", "-1", "above zero"),
    ("UPLOAD_MAX_BYTES", "4 GB", "a number"),
    ("SESSION_DAYS", "0", "above zero"),
    ("WEB_THREADS", "many", "a number"),
    ("KEEP_WEBHOOKS_DAYS", "3", "4 or more"),
    ("KEEP_ATTEMPTS_DAYS", "1", "2 or more"),
    ("PUBLISH_WORKERS", "0", "above zero"),
    ("SANDBOX_PROCESSING_SECONDS", "-1", "above zero"),
    ("SANDBOX_PROCESSING_SECONDS", "nan", "a number"),
    ("SANDBOX_PROCESSING_SECONDS", "inf", "a number"),
    ("PUBLIC_URL", "oncue.example.com", "http or https"),
    ("PUBLIC_URL", "ftp://oncue.example.com", "http or https"),
    ("PUBLIC_URL", "https://", "http or https"),
    ("PUBLIC_URL", "https://[oncue", "http or https"),
    ("TIKTOK_API_URL", "open.tiktokapis.com", "http or https"),
])
def test_a_wrong_value_is_refused_with_the_variable_and_what_it_accepts(name, raw, accepted):
    message = refusal(**{name: raw})
    assert name in message and accepted in message and repr(raw) in message


@pytest.mark.parametrize(("name", "raw"), [("ONCUE_PORT", "65536"), ("SANDBOX_PORT", "100000")])
def test_a_port_that_does_not_exist_is_refused(name, raw):
    assert name in refusal(**{name: raw})


def test_a_call_must_end_before_its_lease_does():
    assert Settings.from_env({"TIKTOK_TIMEOUT_SECONDS": "25"}).tiktok_timeout_seconds == 25
    assert "TIKTOK_TIMEOUT_SECONDS must be 25 at most" in refusal(TIKTOK_TIMEOUT_SECONDS="26")


# Where files are kept

S3 = {"STORAGE": "s3", "S3_BUCKET": "oncue-media"}


def test_a_bucket_is_all_that_s3_needs():
    assert Settings.from_env(S3).storage == "s3"
    with_keys = Settings.from_env({**S3, "S3_ACCESS_KEY_ID": "k", "S3_SECRET_ACCESS_KEY": "s", "S3_PREFIX": "media/oncue"})
    assert with_keys.s3_prefix == "media/oncue"


@pytest.mark.parametrize(("environ", "words"), [
    ({"STORAGE": "tape"}, "STORAGE must be one of disk, s3, not 'tape'"),
    ({"STORAGE": "s3"}, "S3_BUCKET must be a bucket's name"),
    ({**S3, "S3_BUCKET": "My_Bucket"}, "not 'My_Bucket'"),
    ({**S3, "S3_ENDPOINT_URL": "s3.example.com"}, "S3_ENDPOINT_URL must be an http or https address"),
    ({**S3, "S3_ACCESS_KEY_ID": "k"}, "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set both, or neither"),
    ({**S3, "S3_SECRET_ACCESS_KEY": "s"}, "must be set both, or neither"),
    ({**S3, "S3_PREFIX": "/media"}, "S3_PREFIX must be names with single slashes"),
    ({**S3, "S3_PREFIX": "media/"}, "not 'media/'"),
    ({**S3, "S3_PREFIX": "media/../other"}, "not 'media/../other'"),
])
def test_what_can_not_lead_to_a_bucket_is_refused(environ, words):
    assert words in refusal(**environ)


def test_s3_without_its_library_is_refused_and_disk_needs_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert "STORAGE=s3 needs the package boto3" in refusal(**S3)
    assert Settings.from_env({}).storage == "disk"


# Secrets


@pytest.mark.parametrize("name", [*SECRET_NAMES, "TOKEN_KEYS"])
def test_a_secret_may_be_in_a_file(tmp_path, name):
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    settings = Settings.from_env({f"{name}_FILE": str(tmp_path / "secret")})
    field = next(f.name for f in fields(Settings) if f.metadata["env"] == name)
    assert getattr(settings, field) in ("from a file", ("from a file",))


def test_a_secret_s_file_wins_over_its_variable(tmp_path):
    (tmp_path / "secret").write_text("from a file", encoding="utf-8")
    assert Settings.from_env({"SECRET_KEY": "plain", "SECRET_KEY_FILE": str(tmp_path / "secret")}).secret_key == "from a file"


def test_a_secret_s_file_that_is_not_there_is_refused_by_name(tmp_path):
    message = refusal(SECRET_KEY_FILE=str(tmp_path / "nothing"))
    assert "SECRET_KEY_FILE" in message and "No such file" in message


def test_secrets_show_themselves_nowhere():
    settings = Settings.from_env(PRODUCTION)
    for shown in (repr(settings), str(settings), repr(settings.token_keys), repr([settings.secret_key]), f"{settings.secret_key!r}"):
        assert "long and secret" not in shown and "k1" not in shown and "app-secret" not in shown
        assert "***" in shown


def test_a_secret_is_still_the_text_that_it_is():
    assert Secret("abc") == "abc" and str(Secret("abc")) == "abc" and len(Secret("abc")) == 3


# Production


def test_production_starts_with_its_secrets():
    assert Settings.from_env(PRODUCTION).is_production


@pytest.mark.parametrize("missing", ["SECRET_KEY", "TOKEN_KEYS", "PUBLIC_URL", "TIKTOK_CLIENT_SECRET"])
def test_production_is_refused_without_each_of_its_secrets(missing):
    message = refusal(**{name: value for name, value in PRODUCTION.items() if name != missing})
    assert missing in message
    assert not [name for name in PRODUCTION if name != missing and f"{name}," in message.split(".")[0]]


def test_production_names_everything_that_is_missing_at_once():
    message = refusal(ONCUE_ENV="production", TIKTOK_CLIENT_KEY="aw-key")
    assert "SECRET_KEY, TOKEN_KEYS, PUBLIC_URL, TIKTOK_CLIENT_SECRET" in message
    assert "flask secrets" in message


@pytest.mark.parametrize("key", ["", SANDBOX_CLIENT_KEY])
def test_on_the_sandbox_production_needs_no_app_of_tiktok_s(key):
    environ = {name: value for name, value in PRODUCTION.items() if not name.startswith("TIKTOK")}
    assert Settings.from_env({**environ, "TIKTOK_CLIENT_KEY": key}).uses_sandbox


# What follows from them


def test_settings_can_not_be_changed():
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1


@pytest.mark.parametrize(("url", "used"), [
    ("postgres://u@h/d", "postgresql+psycopg://u@h/d"), ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
    ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"), ("sqlite:///x.sqlite3", "sqlite:///x.sqlite3"),
])
def test_a_database_s_plain_address_gets_its_driver(url, used):
    assert Settings(database_url=url).sqlalchemy_url == used


def test_without_a_database_there_is_one_in_the_instance_directory(tmp_path):
    assert Settings(instance_dir=tmp_path).sqlalchemy_url == f"sqlite:///{tmp_path}/oncue.sqlite3"
    assert Settings(instance_dir=tmp_path).media_path == tmp_path / "media"
    assert Settings(instance_dir=tmp_path, media_dir=tmp_path / "other").media_path == tmp_path / "other"


@pytest.mark.parametrize(("settings", "url"), [
    (Settings(), "http://localhost:8000"), (Settings(port=9000), "http://localhost:9000"),
    (Settings(public_url="https://oncue.example.com"), "https://oncue.example.com"),
    (Settings(public_url="https://oncue.example.com/"), "https://oncue.example.com"),
])
def test_people_reach_it_under_its_public_address_or_on_this_machine(settings, url):
    assert settings.base_url == url


def test_the_sandbox_is_used_until_an_app_of_tiktok_s_is_named():
    assert Settings().uses_sandbox
    assert not replace(Settings(), tiktok_client_key="aw-key").uses_sandbox
    assert Settings(sandbox_port=8200).sandbox_url == "http://127.0.0.1:8200"


@pytest.mark.parametrize("field", fields(Settings), ids=lambda f: f.name)
def test_every_setting_says_what_it_is_for(field):
    assert len(field.metadata["about"].split()) >= 3
    assert not field.metadata["about"].endswith(".")


@pytest.mark.parametrize("raw", ["ABC123", "tiktok.txt", "tiktokA B.txt", "tiktokA.html", "../tiktokA.txt", "tiktokA.txt="])
def test_a_verification_file_has_the_name_that_tiktok_gave_it(raw):
    assert "TIKTOK_VERIFICATION_FILES must list names" in refusal(TIKTOK_VERIFICATION_FILES=f"tiktokA.txt,{raw}")


@pytest.mark.parametrize("raw", ["nas.lan", "http://nas.lan:80", "nas.lan:", "nas.lan:80/x", "*:80"])
def test_an_allowed_host_has_a_port_so_that_nothing_else_there_is_opened(raw):
    assert refusal(FETCH_ALLOWED_HOSTS=f"files.lan:80,{raw}") == f"FETCH_ALLOWED_HOSTS must list host:port, not {raw!r}"
