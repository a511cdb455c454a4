# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs of the gate on a Dask cluster: what is sent is run once it can be, and what cannot be is said in one message."""

import contextlib
import json
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clusters import ROOT, Processes, appeared, cluster_of, failing, held
from tests.unit.check_results import cell
from vmemcheck.check import Job, run_jobs
from vmemcheck.cli import main
from vmemcheck.commands import check
from vmemcheck.commands import cluster as module
from vmemcheck.commands.cluster import Cluster
from vmemcheck.errors import ClusterError, UsageError
from vmemcheck.kernel.confinement import Confinement
from vmemcheck.kernel.machine import Traits
from vmemcheck.kernel.tree import Tree
from vmemcheck.remote import Place, confined_on, place, run_sent
from vmemcheck.scope import Scope


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Return a cluster of one worker, for tests that leave it as it is."""
    with cluster_of(1, tmp_path_factory.mktemp("cluster")) as processes:
        yield processes


def test_cluster_runs_what_it_is_sent_on_its_worker(shared: Processes, tmp_path: Path) -> None:
    """Functions and arguments go there, results come back; a scheduler without this package is none the wiser."""
    (tmp_path / "go").touch()
    with Cluster(shared.address) as cluster:
        sent = [cluster.submit(held, tmp_path, "job"), cluster.submit(held, tmp_path, "job")]
        assert [shared.running[1].pid] * 2 == [one.result() for one in sent]
        assert place().confinement == cluster.confinement()


def test_cluster_runs_the_jobs_of_a_check(shared: Processes) -> None:
    """The worker builds the program; what its compiler says comes back as the result of the row."""
    jobs = [
        Job(cell("x86_64", "4K", size), f"int a{size}", f"linux {size}", Traits(), Scope(), 1, 0) for size in (56, 64)
    ]
    with Cluster(shared.address) as cluster:
        results = run_jobs(jobs, cluster)
    assert [job.cell for job in jobs] == [one.cell for one in results]
    assert [True, True] == [one.error.startswith(f"{job.name}: ") for job, one in zip(jobs, results, strict=True)]
    assert 2 == len(list(shared.cache(1).glob("programs/*/machine.c")))


def test_cluster_job_that_fails_is_one_message(shared: Processes) -> None:
    """A mistake of ours too; what a job says in our words stays in them."""
    with Cluster(shared.address) as cluster:
        with pytest.raises(ClusterError, match=r"^a job failed on a worker: TypeError: of ours\n  to fix   see"):
            cluster.submit(failing, "of ours\nsecond line").result()
        sender = replace(place(), sources="f" * 64)
        with pytest.raises(ClusterError, match="joined the cluster with another vmemcheck"):
            cluster.submit(run_sent, sender, b"").result()


def test_cluster_that_is_left_in_the_middle_runs_nothing_more(shared: Processes, tmp_path: Path) -> None:
    """By Ctrl-C for example: of what has not been handed to a worker, nothing ever begins."""
    with contextlib.suppress(KeyboardInterrupt), Cluster(shared.address) as cluster:
        sent = [cluster.submit(held, tmp_path, f"job{number}") for number in range(8)]
        appeared(tmp_path, "job*")
        raise KeyboardInterrupt
    assert [True] * 8 == [one.done() for one in sent]
    with Cluster(shared.address) as cluster:
        while any(cluster._client.processing().values()):
            pass
        (tmp_path / "go").touch()
        cluster.submit(held, tmp_path, "last").result()
    # A worker has the next one at hand while it works.
    assert len(list(tmp_path.glob("job*"))) <= 2


def test_cluster_runs_the_job_of_a_worker_that_is_killed_again(tmp_path: Path) -> None:
    """On the other one, and nobody notices."""
    with cluster_of(2, tmp_path) as processes, Cluster(processes.address) as cluster:
        _, victim, other = processes.running
        sent = [cluster.submit(held, tmp_path, f"job{number}") for number in range(4)]
        appeared(tmp_path, f"job*-{victim.pid}")
        victim.kill()
        (tmp_path / "go").touch()
        assert [other.pid] * 4 == [one.result() for one in sent]


def _held_until_the_scheduler_dies(processes: Processes, folder: Path) -> None:
    with Cluster(processes.address) as cluster:
        sent = cluster.submit(held, folder, "job")
        appeared(folder, "job-*")
        processes.running[0].kill()
        sent.result()


def test_cluster_whose_scheduler_dies_is_an_error(tmp_path: Path) -> None:
    """What it had to do is lost, and that is said."""
    with cluster_of(1, tmp_path) as processes, pytest.raises(ClusterError, match=r"^the scheduler \S+ is gone"):
        _held_until_the_scheduler_dies(processes, tmp_path)


def test_cluster_whose_workers_differ_is_refused(tmp_path: Path) -> None:
    """Each that has other sources, or cannot even import them, is named with the reason."""
    other, broken = tmp_path / "other", tmp_path / "broken"
    shutil.copytree(ROOT / "vmemcheck", other / "vmemcheck", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "vmemcheck" / "scope.py").open("a") as file:
        file.write("# changed\n")
    broken.mkdir()
    (broken / "vmemcheck.py").write_text("raise ImportError('no such thing')\n")
    with cluster_of(1, tmp_path) as processes:
        for sources in (other, broken):
            processes.worker(sources=sources)
        distributed = module._distributed()
        with distributed.Client(processes.address, set_as_default=False) as client:
            client.wait_for_workers(3)
        with pytest.raises(ClusterError) as error, Cluster(processes.address):
            pass
    assert f"2 of 3 workers of {processes.address} would not judge as this machine does" == error.value.what
    reasons = sorted(line.strip().partition(": ")[2] for line in error.value.where.splitlines())
    assert reasons[0].startswith("ImportError('no such thing')")
    assert reasons[1].startswith("another vmemcheck: its sources have the digest ")


def test_cluster_without_a_worker_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a while, in which one may come; and so is an address where nothing, or no scheduler, is."""
    monkeypatch.setattr(module, "_NO_WORKER_SECONDS", 1)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.1)
    with cluster_of(0, tmp_path) as processes:
        address = processes.address
        with pytest.raises(ClusterError, match="has had no worker for 1 s"), Cluster(address) as cluster:
            cluster.submit(held, tmp_path, "never").result()
    monkeypatch.setattr(module, "_CONNECT_SECONDS", 1)
    with pytest.raises(ClusterError, match=f"^no Dask scheduler answers at {address}: "), Cluster(address):
        pass
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"^no Dask scheduler answers at {address}: "), Cluster(address):
            pass
    assert ("", "") == capsys.readouterr()


def test_cluster_whose_workers_do_not_answer_is_an_error(shared: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are waited for, but not for ever."""
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0)
    with (
        pytest.raises(ClusterError, match=r"^the workers of \S+ do not answer: TimeoutError: "),
        Cluster(shared.address),
    ):
        pass


def test_scheduler_without_the_package_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What to install is said before anything is done; so is what is wrong with an address."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'vmemcheck\[cluster\]'"):
        Cluster("tcp://127.0.0.1:8786")
    for address in ("127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://a", "tcp://a:b", "tcp://a:1/x", "tcp://:1"):
        assert main(["gate", "--tree", str(tmp_path), "--scheduler", address, "-"]) == 2
        assert capsys.readouterr().err.startswith(f"error: {address!r} is no address of a scheduler; give tcp://")


_CONFINED = Confinement(("a", "b", "c"), ())
_OPEN = Confinement(("b", "c"), ("a: there is none",))
_HERE = Place("here", "1", "gcc", _CONFINED)


def test_confinement_of_several_machines_is_what_all_have() -> None:
    """What one of them lacks is told with its name; machines that are alike are told as one."""
    there = replace(_HERE, host="there", confinement=_OPEN)
    assert _CONFINED == confined_on((_HERE, replace(_HERE, host="other")))
    assert Confinement(("b", "c"), ("there: a: there is none",)) == confined_on((_HERE, there))
    assert _OPEN == confined_on((replace(_HERE, confinement=_OPEN), there))


def test_machine_differs_in_what_decides_a_judgement() -> None:
    """The sources of this package and the compiler; neither its name nor how it confines."""
    assert _HERE.differs(replace(_HERE, host="there", confinement=_OPEN)) == ""
    assert replace(_HERE, sources="2").differs(_HERE).startswith("another vmemcheck: its sources have the digest 2")
    assert "another compiler: clang; here it is gcc" == replace(_HERE, compiler="clang").differs(_HERE)


class _Open(Cluster):
    """Stands for a cluster on which nothing can be confined; nothing is sent to it."""

    def __init__(self) -> None:
        pass

    def confinement(self) -> Confinement:
        return _OPEN


@pytest.mark.parametrize("is_remote", [True, False])
def test_check_says_how_the_code_was_confined_where_it_ran(
    is_remote: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """On the machines of the cluster, or on this one; in the text and for programs."""
    cluster = _Open() if is_remote else None
    monkeypatch.setattr(check, "cluster_at", lambda *_: contextlib.nullcontext(cluster))
    monkeypatch.setattr(check, "open_tree", lambda *_: Tree(tmp_path, "1.2.3", "here"))
    monkeypatch.setattr(check, "targets", lambda *_: ())
    said = {}
    for form in ("text", "json"):
        assert main(["check", "--tree", "T", "--quiet", "--format", form]) == 2
        said[form] = capsys.readouterr().out
    limits = _OPEN if is_remote else place().confinement
    data = json.loads(said["json"])
    assert [list(limits.confined), list(limits.unconfined)] == [data["confined"], data["unconfined"]]
    for text in (*limits.confined, *limits.unconfined):
        assert text in " ".join(said["text"].split())
