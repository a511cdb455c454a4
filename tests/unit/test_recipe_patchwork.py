# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipe for patchwork in docs/ci: what is posted, with a server of this machine."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.unit.gate_results import RESULTS, replays
from tests.unit.test_recipes import RECIPES, Json
from vmemcheck.reports.gate_b4 import series_status
from vmemcheck.reports.gate_json import gate_json

SECRET = "not one"  # noqa: S105  # it opens nothing


@pytest.fixture
def patchwork() -> Iterator[tuple[str, list[tuple[str, str, Json]]]]:
    """Return the address of a server of this machine, and what was posted there."""
    posted: list[tuple[str, str, Json]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posted.append((self.path, self.headers["Authorization"], body))
            self.send_response(201 if "/patches/" in self.path else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/api", posted
        running.shutdown()
        thread.join()


def check_of(report: str, *arguments: str, password: str = "") -> subprocess.CompletedProcess[str]:
    """Run the poster on a report."""
    command = [str(RECIPES / "patchwork-check"), *arguments]
    environment = os.environ | ({"PATCHWORK_TOKEN": password} if password else {})
    return subprocess.run(command, input=report, env=environment, capture_output=True, text=True, check=False)


STATES = {"pass": "success", "warn": "warning", "fail": "fail"}


@pytest.mark.parametrize("name", RESULTS)
def test_patchwork_check_has_the_state_of_the_judgement(name: str) -> None:
    """As b4 is told; the context and the length are those that patchwork takes."""
    result = RESULTS[name]
    done = check_of(gate_json(result, replays(result), False), "--target-url", "https://ci.example.org/1")
    check = json.loads(done.stdout)
    assert done.returncode == 0
    assert check["state"] == STATES[series_status(result, latent=False)]
    assert {"state", "context", "description", "target_url"} == set(check)
    assert check["context"] == "vmemcheck"
    assert check["description"].startswith(f"{result.answer().value}: ")


def test_patchwork_check_can_warn_only_of_what_the_series_touches() -> None:
    """A base with known violations need not make each check a warning; they are told all the same."""
    for name, state in (
        ("already there", "success"),
        ("touched", "warning"),
        ("unchanged", "success"),
        ("breaks", "fail"),
    ):
        done = check_of(gate_json(RESULTS[name], {}, False), "--pass-untouched")
        check = json.loads(done.stdout)
        assert (state, name != "unchanged") == (check["state"], "1 already there, " in check["description"]), name


def test_patchwork_check_is_posted_only_when_asked_for(patchwork: tuple[str, list[tuple[str, str, Json]]]) -> None:
    """To the address of the patch, with the token; errors are one line."""
    address, posted = patchwork
    report = gate_json(RESULTS["breaks"], {}, False)
    check = json.loads(check_of(report).stdout)
    assert posted == []
    url = f"{address}/patches/7/checks/"
    assert check_of(report, "--post", url, password=SECRET).returncode == 0
    assert [("/api/patches/7/checks/", f"Token {SECRET}", check)] == posted
    for arguments, password, text in (
        (("--post", f"{address}/nothing/"), SECRET, report),
        (("--post", "http://example.org/"), SECRET, report),
        (("--post", url), "", report),
        ((), "", "{}"),
        ((), "", "no JSON"),
        ((), "", "[]"),
        ((), "", "null"),
        ((), "", "[" * 100_000),
    ):
        done = check_of(text, *arguments, password=password)
        assert (2, 1) == (done.returncode, done.stderr.count("\n")), arguments
        assert done.stderr.startswith("error: ")
