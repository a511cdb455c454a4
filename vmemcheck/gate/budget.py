# SPDX-License-Identifier: GPL-2.0-or-later
"""How much a judgement may cost: which sizes are run, and how many sequences."""

from dataclasses import dataclass

from vmemcheck.check import Cell, Job
from vmemcheck.scope import Scope


@dataclass(frozen=True, slots=True)
class Budget:
    """What is run.

    :param examples: sequences for each size
    :param faults: allocations fail half-way through an add too
    :param latent: sizes that cannot occur are run too
    """

    name: str
    examples: int
    faults: bool = False
    latent: bool = False

    @property
    def scope(self) -> Scope:
        """What the sequences are made of."""
        return Scope(faults=self.faults)

    def takes(self, cell: Cell, *, latent: bool) -> bool:
        """Tell whether a geometry is run."""
        return cell.reachable or self.latent or latent


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("quick", 100),
        Budget("ci", 300, faults=True),
        Budget("deep", 3000, faults=True, latent=True),
    )
}


def key_of(job: Job) -> tuple[str, int, int, int, str]:
    """Return what two jobs have in common that run the same geometry before and after a series."""
    geometry = job.cell.geometry
    return job.cell.arch, geometry.page_shift, geometry.struct_page_bytes, geometry.levels, job.cell.memory_model
