# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine of a cluster does: say what it is, and run what it was sent, if that gives what it gives elsewhere.

Knows nothing of clusters; ``vmemcheck.commands.cluster`` sends and receives.
"""

import pickle
import platform
from collections.abc import Iterable
from dataclasses import dataclass

from vmemcheck.errors import ClusterError, VmemcheckError
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.confinement import Confinement, confinement
from vmemcheck.kernel.makers import sources_digest

SAME = "install the same vmemcheck and the same gcc on all machines of the cluster and here; start the workers again"
"""What helps against machines that differ."""


@dataclass(frozen=True, slots=True)
class Place:
    """A machine on which jobs run.

    :param host: its name
    :param sources: digest of this package as it is there
    :param compiler: what the compiler says of itself; why there is none in brackets
    :param confinement: how sliced code is confined there
    """

    host: str
    sources: str
    compiler: str
    confinement: Confinement

    def differs(self, here: "Place") -> str:
        """Return why a job may not give there what it gives here; nothing where it does."""
        if self.sources != here.sources:
            return f"another vmemcheck: its sources have the digest {self.sources[:12]}, here it is {here.sources[:12]}"
        if self.compiler != here.compiler:
            return f"another compiler: {self.compiler}; here it is {here.compiler}"
        return ""


def place() -> Place:
    """Return the machine that this process runs on."""
    return Place(platform.node(), sources_digest(), _compiler(), confinement())


def run_sent(sender: Place, sent: bytes) -> bytes:
    """Run a function with its arguments, and return what it returns and where it ran, pickled.

    :param sent: both, pickled; not looked at where this machine is not like that of the sender
    :raises ClusterError: when it is not
    """
    here = place()
    why = here.differs(sender)
    if why:
        raise ClusterError(f"{here.host} joined the cluster with {why}", to_fix=SAME)
    function, arguments = pickle.loads(sent)  # noqa: S301  # whoever reaches a worker of Dask runs code there anyway
    return pickle.dumps((function(*arguments), here))


def confined_on(places: Iterable[Place]) -> Confinement:
    """Return what was taken from sliced code on all machines, and what could not be taken on some, with their names."""
    known = list(dict.fromkeys(places))
    if len({one.confinement for one in known}) == 1:
        return known[0].confinement
    common = [text for text in known[0].confinement.confined if all(text in one.confinement.confined for one in known)]
    missing = sorted({f"{one.host}: {text}" for one in known for text in one.confinement.unconfined})
    return Confinement(tuple(common), tuple(missing))


def _compiler() -> str:
    try:
        _, _, says = compiler_version().partition("\n")
    except VmemcheckError as error:
        return f"({error.what})"
    return says.partition("\n")[0]
