# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipes of docs/ci, run as they stand, with a gate that says what it is told to."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

RECIPES = Path(__file__).parents[2] / "docs" / "ci"
GATE = """\
#!{python}
import json, os, pathlib, sys
place = pathlib.Path({place!r})
call = {{"argv": sys.argv[1:], "stdin": sys.stdin.read(), "git_dir": os.environ.get("GIT_DIR", "")}}
with place.joinpath("calls").open("a") as file:
    file.write(json.dumps(call) + "\\n")
outputs = [sys.argv[at + 1] for at, word in enumerate(sys.argv) if word == "--output"] or ["-"]
for output in outputs:
    text = place.joinpath("answer").read_text()
    sys.stdout.write(text) if output == "-" else pathlib.Path(output).write_text(text)
sys.exit(int(place.joinpath("code").read_text()))
"""
Json = dict[str, Any]


class Machine:
    """A folder with a repository of three commits, and a vmemcheck in PATH that notes how it is called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repository = folder, folder / "linux"
        self.answer("the judgement\n")
        program = folder / "bin" / "vmemcheck"
        program.parent.mkdir()
        program.write_text(GATE.format(python=sys.executable, place=str(folder)))
        program.chmod(0o755)
        self.repository.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commits = [self.commit(name) for name in ("base", "first", "second")]

    def environment(self, **more: str) -> dict[str, str]:
        """Return variables with that vmemcheck in front, and nothing of the git around the tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        path = f"{self.folder / 'bin'}:{kept['PATH']}"
        return kept | {"PATH": path, "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"} | more

    def answer(self, text: str, code: int = 0) -> None:
        """Set what the gate prints and returns."""
        (self.folder / "answer").write_text(text)
        (self.folder / "code").write_text(str(code))

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ["git", *who, *arguments]
        return subprocess.run(
            command, cwd=self.repository, env=self.environment(), check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, name: str) -> str:
        """Make a commit and return it."""
        (self.repository / name).write_text(name)
        self.git("add", name)
        self.git("commit", "-q", "-m", name)
        return self.git("rev-parse", "HEAD")

    def calls(self) -> list[Json]:
        """Return how the gate was called."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def shell(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run lines of a recipe, as a CI does: the first that fails is the last."""
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        environment = self.environment(**more)
        return subprocess.run(
            command, cwd=self.repository, env=environment, check=False, capture_output=True, text=True
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine."""
    return Machine(tmp_path)


def recipe(name: str) -> Json:
    """Return a recipe in YAML."""
    return dict(YAML(typ="safe").load((RECIPES / name).read_text()))


@pytest.mark.parametrize(("name", "schema"), [("github.yml", "github-workflows"), ("gitlab.yml", "gitlab-ci")])
def test_recipe_is_what_the_schema_of_the_service_says(name: str, schema: str) -> None:
    """The schema that is published for the service accepts it, and no other key."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(RECIPES / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_recipe_has_its_licence() -> None:
    """Whoever copies one knows under which licence."""
    for path in RECIPES.iterdir():
        if path.suffix != ".md":
            assert "SPDX-License-Identifier: GPL-2.0-or-later" in "".join(path.read_text().splitlines()[:2]), path.name


def test_github_workflow_judges_the_commits_of_the_pull_request(machine: Machine) -> None:
    """From the merge base to the head, whatever was merged into the base since; the summary and the files are made."""
    (job,) = recipe("github.yml")["jobs"].values()
    (step,) = [step for step in job["steps"] if step.get("name") == "Judge"]
    machine.git("checkout", "-q", "-b", "other", machine.commits[0])
    other = machine.commit("other")
    (machine.folder / "venv").symlink_to(machine.folder)
    summary = machine.folder / "summary"
    variables = {"BASE": other, "HEAD": machine.commits[2], "RUNNER_TEMP": str(machine.folder)}
    assert set(step["env"]) <= set(variables)
    done = machine.shell(step["run"], GITHUB_STEP_SUMMARY=str(summary), **variables)
    assert (0, "the judgement\n") == (done.returncode, done.stdout), done.stderr
    (call,) = machine.calls()
    assert f"{machine.commits[0]}..{machine.commits[2]}" == call["argv"][call["argv"].index("--range") + 1]
    assert summary.read_text() == "the judgement\n"
    paths = [step["with"].get("sarif_file") or step["with"]["path"] for step in job["steps"][-2:]]
    assert [True, True] == [(machine.repository / path).exists() for path in paths]


def test_github_workflow_takes_nothing_of_the_pull_request_into_its_commands() -> None:
    """A branch name is text of a stranger: it may not become a part of a script."""
    (job,) = recipe("github.yml")["jobs"].values()
    assert not [step for step in job["steps"] if "${{" in step.get("run", "")]
    assert recipe("github.yml")["permissions"] == {"contents": "read", "security-events": "write"}


@pytest.mark.parametrize("code", [0, 1, 2])
def test_recipe_of_a_ci_ends_with_the_exit_code_of_the_gate(machine: Machine, code: int) -> None:
    """What breaks, and what was not exercised, does not pass."""
    machine.answer("", code)
    (github,) = recipe("github.yml")["jobs"].values()
    scripts = [step["run"] for step in github["steps"] if step.get("name") == "Judge"]
    scripts.append("\n".join(recipe("gitlab.yml")["vmemmap"]["script"]).replace("/opt/vmemcheck/bin/", ""))
    (machine.folder / "venv").symlink_to(machine.folder)
    variables = {"BASE": machine.commits[0], "HEAD": machine.commits[2], "RUNNER_TEMP": str(machine.folder)}
    variables |= {"CI_MERGE_REQUEST_DIFF_BASE_SHA": machine.commits[0], "CI_COMMIT_SHA": machine.commits[2]}
    (machine.repository / "out").mkdir()
    for script in scripts:
        assert machine.shell(script, GITHUB_STEP_SUMMARY="summary", **variables).returncode == code


def test_gitlab_job_judges_the_commits_of_the_merge_request(machine: Machine) -> None:
    """The files that it keeps are those that the gate writes."""
    job = recipe("gitlab.yml")["vmemmap"]
    script = "\n".join(job["script"]).replace("/opt/vmemcheck/bin/", "")
    (machine.repository / "out").mkdir()
    base, head = machine.commits[0], machine.commits[2]
    done = machine.shell(script, CI_MERGE_REQUEST_DIFF_BASE_SHA=base, CI_COMMIT_SHA=head)
    assert done.returncode == 0, done.stderr
    # In a pipeline for merged results.
    merged = {"CI_COMMIT_SHA": "0" * 40, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head}
    assert machine.shell(script, CI_MERGE_REQUEST_DIFF_BASE_SHA=base, **merged).returncode == 0
    for call in machine.calls():
        assert f"{base}..{head}" == call["argv"][call["argv"].index("--range") + 1]
    assert (machine.repository / job["artifacts"]["reports"]["junit"]).exists()


def push(machine: Machine, commit: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the hook as git does for a branch."""
    line = f"refs/heads/x {commit} refs/heads/x {'0' * 40}\n"
    environment = machine.environment(**{"VMEMCHECK_BASE": machine.commits[0], "GIT_DIR": ".git"} | more)
    hook = str(RECIPES / "pre-push")
    return subprocess.run(
        [hook], cwd=machine.repository, env=environment, input=line, capture_output=True, text=True, check=False
    )


def test_hook_stops_what_breaks_and_lets_pass_what_has_no_verdict(machine: Machine) -> None:
    """A developer may not be kept from work by a gap of a tool."""
    for code, stopped in ((0, 0), (1, 1), (2, 0)):
        machine.answer("", code)
        done = push(machine, machine.commits[2])
        assert done.returncode == stopped
        assert ("has no verdict" in done.stderr) == (code == 2)
    for call in machine.calls():
        assert f"{machine.commits[0]}..{machine.commits[2]}" in call["argv"]
        assert (call["stdin"], call["git_dir"]) == ("", "")


def test_hook_asks_nothing_where_nothing_is_new(machine: Machine) -> None:
    """A deleted branch, and a branch at its base."""
    machine.answer("", 1)
    assert push(machine, "0" * 40).returncode == 0
    assert push(machine, machine.commits[0]).returncode == 0
    assert machine.calls() == []


def test_hook_judges_the_commit_of_a_tag(machine: Machine) -> None:
    """Signed tags are objects of their own; what tags something else, or is based on something else, is not judged."""
    for name, place in (("new", machine.commits[2]), ("old", machine.commits[0]), ("tree", "HEAD^{tree}")):
        machine.git("tag", "-a", "-m", name, name, place)
        assert push(machine, machine.git("rev-parse", name)).returncode == 0
    (call,) = machine.calls()
    assert f"{machine.commits[0]}..{machine.commits[2]}" in call["argv"]
    done = push(machine, machine.commits[2], VMEMCHECK_BASE="origin/main")
    assert (0, 1) == (done.returncode, len(machine.calls()))
    assert "is not based on origin/main, so it is pushed unjudged; set VMEMCHECK_BASE\n" in done.stderr


def test_hook_runs_when_git_pushes(machine: Machine) -> None:
    """Installed as the recipe says, it keeps a branch from another repository."""
    machine.git("init", "-q", "--bare", str(machine.folder / "remote"))
    (machine.repository / ".git" / "hooks" / "pre-push").symlink_to(RECIPES / "pre-push")
    machine.git("update-ref", "refs/remotes/origin/master", machine.commits[0])
    machine.answer("breaks\n", 1)
    command = ["git", "push", str(machine.folder / "remote"), "main"]
    environment = machine.environment()
    done = subprocess.run(command, cwd=machine.repository, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "breaks\n" in done.stdout + done.stderr
    assert len(machine.calls()) == 1


B4 = """
import argparse, email, email.policy, json, sys
import b4
from b4.review import checks
b4.setup_config(argparse.Namespace(config={}))
kind, environment, *texts = json.load(sys.stdin)
policy = email.policy.EmailPolicy()
messages = [(str(n), email.message_from_string(text, policy=policy)) for n, text in enumerate(texts)]
perpatch, series = checks.load_check_cmds()
if kind == "series":
    found = checks.run_series_checks(messages[0], series, ".", extra_env=environment)
else:
    found = list(checks.run_perpatch_checks(messages, perpatch, ".", extra_env=environment).values())
print(json.dumps(found))
"""


def b4(machine: Machine, kind: str, environment: Mapping[str, str], *subjects: str) -> Any:
    """Return what b4 makes of the check commands that are configured."""
    texts = [f"From: A <a@example.org>\nSubject: {subject}\n\nthe patch\n" for subject in subjects]
    given = json.dumps([kind, environment, *texts])
    done = subprocess.run(
        [sys.executable, "-c", B4],
        cwd=machine.repository,
        env=machine.environment(),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def configured(machine: Machine) -> None:
    """Set up b4 by the lines of the recipe."""
    (machine.folder / "bin" / "b4-check").symlink_to(RECIPES / "b4-check")
    lines = [line.strip() for line in (RECIPES / "README.md").read_text().splitlines()]
    commands = [line for line in lines if line.startswith("git config b4.")]
    assert len(commands) == 2
    for command in commands:
        machine.git(*shlex.split(command)[1:])


@pytest.fixture
def tracked(machine: Machine) -> dict[str, str]:
    """Return the environment of a check command of b4, with a series of two patches on its review branch."""
    machine.git("checkout", "-q", "-b", "b4/review/20260101-x")
    machine.git("commit", "-q", "--allow-empty", "-m", "b4's own")
    path = machine.folder / "tracking.json"
    series = {"first-patch-commit": machine.commits[1], "change-id": "20260101-x"}
    path.write_text(json.dumps({"series": series}))
    return {"B4_TRACKING_FILE": str(path)}


def test_b4_shows_the_checks_of_the_gate(machine: Machine, tracked: dict[str, str]) -> None:
    """b4 reads the real report, for the series and for a patch, and nothing of it gets lost."""
    configured(machine)
    report = (Path(__file__).parent / "golden" / "gate_breaks.b4.json").read_text()
    machine.answer(report, 1)
    assert json.loads(report) == b4(machine, "series", tracked, "[PATCH v2 0/2] cover")
    assert [json.loads(report)] == b4(machine, "patch", tracked, "[PATCH v2 2/2] second")


def test_b4_check_judges_a_patch_on_top_of_those_before_it(machine: Machine, tracked: dict[str, str]) -> None:
    """One commit of the review branch for each patch, and all of them for the series."""
    configured(machine)
    machine.answer("[]")
    b4(machine, "patch", tracked, "[PATCH v2 1/2] first", "[PATCH v2 02/02] a\n second", "[PATCH] single")
    b4(machine, "series", tracked, "[PATCH v2 0/2] cover")
    b4(machine, "series", tracked, "[PATCH v2 1/2] first")
    base, first, second = machine.commits
    ranges = [call["argv"][call["argv"].index("--range") + 1] for call in machine.calls()]
    whole = f"{first}~1..{second}"
    assert [f"{first}~1..{first}", f"{second}~1..{second}", whole, whole, whole] == ranges
    assert base == machine.git("rev-parse", f"{first}~1")
    assert all("--format" in call["argv"] and "b4" in call["argv"] for call in machine.calls())
    assert ["quick" in call["argv"] for call in machine.calls()] == [True, True, True, False, False]


def test_b4_check_judges_the_message_where_b4_tracks_nothing(machine: Machine) -> None:
    """A patch that is not under review is handed over as it came."""
    configured(machine)
    machine.answer("[]")
    assert [[]] == b4(machine, "patch", {}, "[PATCH] x")
    (call,) = machine.calls()
    assert call["argv"][-1] == "-"
    assert call["stdin"].rstrip().endswith("\n\nthe patch")


def test_b4_check_that_has_no_verdict_is_shown_as_such(machine: Machine) -> None:
    """Without JSON, b4 tells the exit code: nothing passes silently."""
    configured(machine)
    machine.answer("", 2)
    ((check,),) = b4(machine, "patch", {}, "[PATCH] x")
    assert ("fail", "exited with error code 2") == (check["status"], check["summary"])


def test_b4_check_that_finds_no_branch_says_so_in_one_line(machine: Machine, tracked: dict[str, str]) -> None:
    """What b4 tracks may be damaged, or its branch gone."""
    path = Path(tracked["B4_TRACKING_FILE"])
    machine.git("branch", "-m", "gone")
    for damaged in (path.read_text(), "", "{}", "[]"):
        path.write_text(damaged)
        command, environment = [str(RECIPES / "b4-check")], machine.environment(**tracked)
        done = subprocess.run(
            command, cwd=machine.repository, env=environment, check=False, capture_output=True, text=True, input=""
        )
        assert (2, "") == (done.returncode, done.stdout)
        assert done.stderr.startswith("error: b4-check: ")
        assert "Traceback" not in done.stderr
