"""The face towards a terminal: `flask COMMAND`."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import Flask, current_app
from flask.cli import FlaskGroup

from app import clock, instance, processes
from app.demo import DemoFailed, run_demo, running_instance
from app.domain.errors import DomainError
from app.infra.crypto import TokenCipher
from app.infra.task_queue import QueueName
from app.jobs.schedule import run_scheduler
from app.jobs.worker import run_worker
from app.models import TikTokAccount, User, db
from app.services import moving, team
from app.services.transactions import writing
from app.settings import SANDBOX_CLIENT_KEY, SANDBOX_CLIENT_SECRET, Settings, SettingsError
from app.wiring import Wiring, build_storage, wiring

DEMO_EMAIL = "demo@oncue.local"


def init_app(app: Flask) -> None:
    """Register the commands, and put the settings under `flask --help`."""
    for command in (up, demo, worker, scheduler, sandbox, secrets, rotate_keys, move_media):
        app.cli.add_command(command)
    context = click.get_current_context(silent=True)
    if context and isinstance(root := context.find_root().command, FlaskGroup):
        root.epilog = settings_help()


def settings_help() -> str:
    """Every setting with its default and meaning; ports and directories are among them."""
    lines = [f"{f.metadata['env']:<31}{f.metadata['about'].replace('`', '')} [{shown_default(f.default)}]" for f in fields(Settings)]
    return "\b\nSettings, read from the environment (secrets also from the file that NAME_FILE names):\n  " + "\n  ".join(lines)


def shown_default(value: object) -> str:
    """A default as the help and the README show it."""
    if value in (None, "", ()):
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else str(value)


@click.command()
@click.option("--web/--no-web", default=True, help="Leave the web process out.")
def up(web: bool) -> None:
    """Run everything on this machine: web, scheduler, workers, and what they need."""
    settings = _wiring().settings
    try:
        processes.check_ports(settings)
    except processes.PortTaken as error:
        raise click.ClickException(str(error)) from error
    processes.migrate()
    login = _demo_login(settings) if settings.uses_sandbox and not settings.is_production else None
    sys.exit(processes.run_house(settings, lambda: _print_welcome(settings, login), web=web))


@click.command()
@click.argument("queues", nargs=-1, required=True, type=click.Choice([q.value for q in QueueName]))
@click.option("--hands", default=2, show_default=True, help="Jobs that this process does side by side.")
def worker(queues: tuple[str, ...], hands: int) -> None:
    """Work through QUEUES, the most urgent first: beat, publish, media."""
    run_worker(current_app._get_current_object(), [QueueName(q) for q in queues], hands)  # type: ignore[attr-defined]  # a proxy


@click.command()
def scheduler() -> None:
    """Set the beat: run rq-scheduler. Of several one beats, and another takes over when it ends."""
    run_scheduler(_wiring().redis)


@click.command()
def sandbox() -> None:
    """Run the sandbox TikTok on SANDBOX_PORT."""
    settings = _wiring().settings
    url = f"127.0.0.1:{settings.sandbox_port}"
    environment = {
        **os.environ, "SANDBOX_DIR": str(settings.instance_dir.resolve() / "sandbox"), "SANDBOX_URL": f"http://{url}",
        "SANDBOX_CLIENT_KEY": SANDBOX_CLIENT_KEY, "SANDBOX_CLIENT_SECRET": SANDBOX_CLIENT_SECRET,
        "SANDBOX_PROCESSING_SECONDS": str(settings.sandbox_processing_seconds),
        "SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{settings.port}/hooks/events",
        # This Oncue's own address counts as verified, and may be a plain one on this machine.
        "SANDBOX_VERIFIED_PROPERTIES": urlsplit(settings.base_url).hostname or "", "SANDBOX_ALLOW_HTTP_PULL": "1",
    }
    # One process, because it holds its state in memory; it shares no code with Oncue, so it is started, not imported.
    command = [sys.executable, "-m", "gunicorn", "app.sandbox.wsgi:app", "--bind", url, "--workers", "1",
               "--worker-class", "gthread", "--threads", "32", "--no-control-socket", "--log-level", "warning"]
    os.execve(sys.executable, command, environment)


@click.command()
@click.option("--video", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A video of yours; one is made otherwise.")
@click.option("--in", "lead_seconds", default=5.0, show_default=True, help="Seconds until the post is due.")
def demo(video: Path | None, lead_seconds: float) -> None:
    """Publish a video to the sandbox, without a browser, and prove that it is there exactly once."""
    settings, started = _wiring().settings, time.monotonic()

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - started:7.2f} s  {text}")

    if not settings.uses_sandbox:
        raise click.ClickException("The demo publishes to the sandbox only; unset TIKTOK_CLIENT_KEY for it.")
    processes.migrate()
    try:
        with running_instance(_wiring(), say):
            permalink = run_demo(_wiring(), _demo_user(), video, lead_seconds, say)
    except (DemoFailed, DomainError) as error:
        raise click.ClickException(error.message if isinstance(error, DomainError) else str(error)) from error
    say(f"live: {permalink}")


@click.command()
def secrets() -> None:
    """Print fresh values for SECRET_KEY and TOKEN_KEYS."""
    for name, value in instance.new_secrets().items():
        click.echo(f"{name}={value}")


@click.command()
def rotate_keys() -> None:
    """Seal all stored tokens with the first of TOKEN_KEYS; afterwards the others can be removed."""
    try:
        count = _reseal_all(_wiring().cipher)
    except ValueError as error:
        raise click.ClickException(f"{error}. Nothing was changed; add the old key behind the new one in TOKEN_KEYS.") from error
    click.echo(f"{count} accounts sealed with the newest key.")


def _reseal_all(cipher: TokenCipher) -> int:
    count = 0
    with writing() as session:
        for account in session.query(TikTokAccount).filter(TikTokAccount.access_token_sealed.is_not(None)):
            account.access_token_sealed = cipher.reseal(account.access_token_sealed or "")
            account.refresh_token_sealed = cipher.reseal(account.refresh_token_sealed or "")
            count += 1
    return count


@click.command()
@click.option("--to", "target", required=True, type=click.Choice(["disk", "s3"]), help="Where the files shall be.")
@click.option("--delete-source", is_flag=True, help="Delete each file where it was, once its copy was checked.")
def move_media(target: str, delete_source: bool) -> None:
    """Copy every stored file to disk or S3 and check each copy; may be stopped and run again at any time."""
    settings = _wiring().settings
    if delete_source and settings.storage != target:
        raise click.ClickException(f"Oncue still reads what would be deleted. Move, set STORAGE={target}, restart, then delete.")
    try:
        other = {"disk": "s3", "s3": "disk"}[target]
        with closing(build_storage(settings, other)) as source, closing(build_storage(settings, target)) as to:
            report = moving.move_media(moving.Move(source, to, target_in_use=settings.storage == target, delete_source=delete_source,
                                                   say=click.echo))
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error}. What was copied stays; run this again.") from error
    for problem in report.problems:
        click.echo(problem, err=True)
    click.echo(f"{report.copied} files copied ({report.copied_bytes} bytes), {report.already_there} were there already, "
               f"{report.deleted} deleted where they were, {len(report.problems)} could not be moved.")
    if report.problems:
        sys.exit(1)


def _wiring() -> Wiring:
    return wiring()


def _demo_login(settings: Settings) -> dict[str, str]:
    """The demo workspace's login, made on first start and kept in the instance directory."""
    path = settings.instance_dir / "demo-login.json"
    if _find_demo_user() is None:
        login = {"email": DEMO_EMAIL, "password": instance.new_secrets()["SECRET_KEY"][:16]}
        team.sign_up(workspace_name="Riverside Studio", time_zone="Europe/Berlin", name="Riva Santos", email=login["email"],
                     password=login["password"], passwords=_wiring().passwords, now=clock.utcnow(), is_demo=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(login, indent=2), encoding="utf-8")
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _demo_user() -> User:
    _demo_login(_wiring().settings)
    user = _find_demo_user()
    assert user is not None
    return user


def _find_demo_user() -> User | None:
    return db.session.query(User).filter_by(email=DEMO_EMAIL).first()


def _print_welcome(settings: Settings, login: dict[str, str] | None) -> None:
    lines = ["", f"  Oncue is up:      {settings.base_url}"]
    if login:
        lines.append(f"  Demo login:       {login['email']}  /  {login['password']}")
    if settings.uses_sandbox:
        lines.append(f"  Sandbox TikTok:   {settings.sandbox_url}")
    lines += [f"  Data:             {settings.instance_dir.resolve()}", "  Stop:             Ctrl-C", ""]
    click.echo("\n".join(lines))
