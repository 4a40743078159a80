"""Settings of the workspace and of the person."""

from __future__ import annotations


def test_renames_the_workspace_and_moves_its_zone(as_alice):
    answer = as_alice.post("/settings/workspace", data={"name": "Harbour", "time_zone": "Asia/Kathmandu", "csrf_token": as_alice.csrf})
    assert answer.status_code == 303
    assert "Harbour" in (page := as_alice.get("/settings/").text) and "Kathmandu" in page
    assert "Kathmandu, UTC+5:45" in as_alice.get("/calendar").text


def test_refuses_an_empty_name_and_an_unknown_zone(as_alice):
    for data in ({"name": "", "time_zone": "Europe/Berlin"}, {"name": "Harbour", "time_zone": "Nowhere/Land"}):
        answer = as_alice.post("/settings/workspace", data={**data, "csrf_token": as_alice.csrf})
        assert answer.status_code == 422


def test_remembers_the_look(as_alice):
    as_alice.post("/settings/theme", data={"theme": "dark", "csrf_token": as_alice.csrf})
    assert 'data-theme="dark"' in as_alice.get("/calendar").text
    assert as_alice.post("/settings/theme", data={"theme": "pink", "csrf_token": as_alice.csrf}).status_code == 422
