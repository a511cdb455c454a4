# SPDX-License-Identifier: GPL-2.0-or-later
"""The errors: one base class, one class per stage.

An error means "no verdict" and ends the program with exit code 2. A violation
is a result; it is a value (see ``vmemcheck.invariant``) and is never raised.
"""


class VmemcheckError(Exception):
    """No verdict. The message says what, where, and what to do.

    :param what: one sentence, lower case, without a full stop
    :param where: the input, file, function or option that it is about
    :param to_fix: what the reader can do next
    """

    def __init__(self, what: str, *, where: str = "", to_fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.to_fix = to_fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where    {self.where}")
        if self.to_fix:
            lines.append(f"  to fix   {self.to_fix}")
        return "\n".join(lines)


class OneLineError(VmemcheckError):
    """An error about few words of input: one line says what and what to do."""

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.what, self.where, self.to_fix)))


class UsageError(OneLineError):
    """The command line asks for something that does not exist."""


class GeometryError(OneLineError):
    """Sizes and shifts that do not fit each other."""


class PatchError(OneLineError):
    """A patch series that cannot be read, is refused, or does not apply."""


class SequenceError(VmemcheckError):
    """A sequence of operations, or a replay file, that cannot be read."""


class MachineError(VmemcheckError):
    """A machine that breaks the protocol: it and the model disagree on what was asked."""


class ProverError(VmemcheckError):
    """The provers disagree, or one of them could not decide."""


class TreeError(VmemcheckError):
    """Something that was given as a kernel tree is none, or lacks what is needed."""


class FetchError(VmemcheckError):
    """A kernel tree could not be fetched or unpacked."""


class UnreachableError(FetchError):
    """The package archive does not answer at all: to ask it for another kernel would be in vain too."""


class SliceError(VmemcheckError):
    """The wanted code could not be cut out of a kernel tree."""


class NoRemoveError(SliceError):
    """A tree that cannot remove memory on an architecture: there is nothing to check."""


class ShimGapError(VmemcheckError):
    """A slice needs names that neither the kernel tree nor the shim has."""


class BuildError(VmemcheckError):
    """The compiler is absent, or refuses what was cut out of a kernel tree."""


class ExecutorError(VmemcheckError):
    """A program that was built from a kernel tree cannot be started, died, or met a limit of the simulation."""


class ClusterError(VmemcheckError):
    """Other machines cannot be reached, differ from this one, or were lost."""


class RecordingError(VmemcheckError):
    """A recording of a booted kernel that cannot be read, or that no sequence of operations can replay."""
