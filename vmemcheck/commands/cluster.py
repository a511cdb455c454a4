# SPDX-License-Identifier: GPL-2.0-or-later
"""The workers of a Dask cluster as an executor. What they run, and whether they may, is in ``vmemcheck.remote``.

A job whose worker dies is run again on another one: that is the cluster's doing.
"""

import argparse
import contextlib
import importlib
import logging
import pickle
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from vmemcheck.commands.workers import Workers
from vmemcheck.errors import ClusterError, UsageError, VmemcheckError
from vmemcheck.kernel.confinement import Confinement
from vmemcheck.remote import SAME, Place, confined_on, place, run_sent

_CONNECT_SECONDS = 20
_NO_WORKER_SECONDS = 300
"""How long there may be no worker at all; a cluster that grows by itself needs a moment."""
_ANSWER_SECONDS = 60
_LOOK_SECONDS = 2.0
_P = ParamSpec("_P")
_T = TypeVar("_T")


def add_scheduler_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the cluster."""
    parser.add_argument(
        "--scheduler",
        type=_address,
        metavar="tcp://HOST:PORT",
        help="run the jobs on the Dask cluster with this scheduler; needs vmemcheck[cluster]",
    )


def _address(text: str) -> str:
    if not re.fullmatch(r"(?:tcp|tls)://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}", text):
        raise UsageError(f"{text!r} is no address of a scheduler", to_fix="give tcp://HOST:PORT, or tls://HOST:PORT")
    return text


class Cluster(Executor):
    """The workers of a cluster; what was sent and is not done is called off when the block ends, also by Ctrl-C."""

    def __init__(self, address: str) -> None:
        """Take the address of a scheduler; nothing is sent yet.

        :raises UsageError: when there is no client for it on this machine
        """
        self._address = address
        self._distributed = _distributed()
        self._here = place()
        self._places = {self._here: None}
        self._sent: dict[Any, Future[Any]] = {}
        self._over = threading.Event()
        self._why = ""
        self._client: Any = None

    def __enter__(self) -> Self:
        self._client = _connected(self._distributed, self._address)
        try:
            self._check_workers()
        except BaseException:
            self._close()
            raise
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._close()
        if isinstance(error, CancelledError):
            raise ClusterError(
                self._why or f"the scheduler {self._address} is gone: what it had to do is lost",
                to_fix="start the cluster again, or leave out --scheduler",
            ) from None

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        """Send a function of this package to a worker.

        :param args: all that it needs; nothing of this machine is there
        """
        assert not kwargs, "positional arguments only"
        result: Future[_T] = Future()
        call = pickle.dumps((run_sent, (self._here, pickle.dumps((fn, args)))))
        sent = self._client.submit(_caller(), call, pure=False)
        self._sent[sent] = result
        sent.add_done_callback(self._received)
        return result

    def confinement(self) -> Confinement:
        """Tell how sliced code was confined, on this machine and on those that have run something."""
        return confined_on(self._places)

    def _received(self, sent: Any) -> None:
        result = self._sent.pop(sent, None)
        if result is None or result.done():
            return
        with contextlib.suppress(InvalidStateError):  # it has just been called off
            self._answer(sent, result)

    def _answer(self, sent: Any, result: "Future[Any]") -> None:
        try:
            answer, where = pickle.loads(sent.result())  # noqa: S301  # from a cluster that the user named
        except CancelledError as error:
            result.set_exception(error)
        except Exception as error:
            result.set_exception(_explained(error))
        else:
            self._places[where] = None
            result.set_result(answer)

    def _check_workers(self) -> None:
        """See that all workers that are there are like this machine.

        :raises ClusterError: with each that is not
        """
        try:
            found = _within(_ANSWER_SECONDS, partial(self._client.run, place, on_error="return"))
        except Exception as error:
            raise ClusterError(
                f"the workers of {self._address} do not answer: {_first_line(error)}",
                to_fix="see the logs of the scheduler and of the workers; or leave out --scheduler",
            ) from None
        told = {name: _difference(one, self._here) for name, one in sorted(found.items())}
        wrong = [f"{name}: {why}" for name, why in told.items() if why]
        if wrong:
            raise ClusterError(
                f"{len(wrong)} of {len(told)} workers of {self._address} would not judge as this machine does",
                where="\n           ".join(wrong),
                to_fix=SAME,
            )

    def _look(self) -> None:
        """Call everything off when there has been no worker for too long."""
        last = time.monotonic()
        while not self._over.wait(_LOOK_SECONDS):
            with contextlib.suppress(Exception):  # the client itself says that the scheduler is gone
                if self._client.nthreads():
                    last = time.monotonic()
            if time.monotonic() - last > _NO_WORKER_SECONDS:
                self._why = f"{self._address} has had no worker for {_NO_WORKER_SECONDS} s"
                self._call_off()

    def _call_off(self) -> None:
        for sent, result in list(self._sent.items()):
            with contextlib.suppress(InvalidStateError):  # it has just come
                result.set_exception(CancelledError())
            with contextlib.suppress(Exception):
                sent.cancel()

    def _close(self) -> None:
        self._call_off()
        with contextlib.suppress(Exception):
            self._client.close(timeout=_LOOK_SECONDS)


@contextlib.contextmanager
def cluster_at(address: str | None, workers: Workers) -> Iterator[Cluster | None]:
    """Give the cluster that was asked for; None where none was.

    :param workers: the processes of this machine, which are to be started before
    """
    if address is None:
        yield None
        return
    cluster = Cluster(address)
    workers.start()
    with cluster:
        yield cluster


def _caller() -> Callable[[bytes], object]:
    """Return a function that goes over the wire itself, since it is one inside of another: the scheduler looks at it.

    So a scheduler need not have this package; only workers need it.
    """

    def call(sent: bytes) -> object:
        loads = __import__("pickle").loads
        function, arguments = loads(sent)
        return function(*arguments)

    return call


def _distributed() -> Any:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise UsageError(
            "--scheduler needs the package distributed, which is not installed",
            to_fix="pip install 'vmemcheck[cluster]', or leave out --scheduler",
        ) from None
    # What there is to say is said here, once.
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
    return distributed


def _connected(distributed: Any, address: str) -> Any:
    try:
        return _within(
            2 * _CONNECT_SECONDS, partial(distributed.Client, address, timeout=_CONNECT_SECONDS, set_as_default=False)
        )
    except Exception as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address}: {_first_line(error)}",
            to_fix="see that it runs, that this machine can reach it, and that it is of the same version of"
            f" distributed ({distributed.__version__}); or leave out --scheduler",
        ) from None


def _within(seconds: float, work: Callable[[], _T]) -> _T:
    """Return what comes of work that may hang, such as a greeting of something that is no scheduler.

    :raises TimeoutError: when it does
    """
    result: Future[_T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        raise TimeoutError(f"no answer in {seconds} s") from None


def _difference(found: object, here: Place) -> str:
    if not isinstance(found, Place):
        return _first_line(found)
    return found.differs(here)


def _explained(error: Exception) -> VmemcheckError:
    if isinstance(error, VmemcheckError):
        return error
    if type(error).__name__ == "KilledWorker":
        return ClusterError(
            "each worker that took one of the jobs died",
            to_fix="see the logs of the workers; a worker needs 1 GB of memory",
        )
    return ClusterError(
        f"a job failed on a worker: {_first_line(error)}",
        to_fix="see whether it does without --scheduler; if not, whether the worker has gcc and a folder to write to",
    )


def _first_line(error: object) -> str:
    name = (
        "" if type(error) is Exception else f"{type(error).__name__}: "
    )  # the name of one that cannot be sent is inside
    return f"{name}{error}".partition("\n")[0]
