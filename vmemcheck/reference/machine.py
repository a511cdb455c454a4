# SPDX-License-Identifier: GPL-2.0-or-later
"""ReferenceMachine: sections, doors and operations over the reference vmemmap."""

import errno
from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.by_design import ByDesign
from vmemcheck.geometry import Geometry
from vmemcheck.model import ANY_ORDER, LiveRange, requested_ranges
from vmemcheck.observation import (
    BOOT,
    BUDDY,
    AltmapReleased,
    Content,
    Event,
    Observation,
    Owner,
    OwnerKind,
    State,
)
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    Door,
    Initialise,
    Operation,
    Refused,
    Remove,
    Sequence,
)
from vmemcheck.reference.ledger import Ledger, OutOfMemoryError
from vmemcheck.reference.tables import PageFaultError, PageTables
from vmemcheck.reference.vmemmap import Vmemmap


class ReferenceMachine:
    """A correct vmemmap; see ``vmemcheck.machine.Machine``.

    :param geometry: sizes
    :param poison: fill the memmap of what is added with poison (CONFIG_DEBUG_VM); else it stays as it was found
    """

    def __init__(self, geometry: Geometry, *, poison: bool = True) -> None:
        self._geometry = geometry
        self.poison = poison
        self._reset()

    @property
    def name(self) -> str:
        """``reference``."""
        return "reference"

    @property
    def geometry(self) -> Geometry:
        """The sizes that it was built with."""
        return self._geometry

    @property
    def by_design(self) -> tuple[ByDesign, ...]:
        """Nothing: it keeps all invariants."""
        return ()

    @property
    def boot_stays(self) -> bool:
        """It can be removed."""
        return False

    @property
    def max_folio_order(self) -> int:
        """Any."""
        return ANY_ORDER

    @property
    def never_met(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run the operations in order, from an empty machine."""
        self._reset()
        observations: list[Observation] = []
        for operation in sequence:
            self.events.clear()
            try:
                pfns, returned = self._perform(operation)
            except PageFaultError:
                observations.append(Observation(True, self.target, -errno.EFAULT, tuple(self.events), self._state()))
                break
            observations.append(Observation(bool(pfns), pfns, returned, tuple(self.events), self._state()))
        return tuple(observations)

    # The parts of the machine, to be replaced by variants of it.
    ledger_class = Ledger
    tables_class = PageTables
    vmemmap_class = Vmemmap

    def _reset(self) -> None:
        self.events: list[Event] = []
        self.ledger = self.ledger_class(self._geometry.page_bytes, self.events)
        self.tables = self.tables_class(self._geometry, self.ledger)
        self.vmemmap = self.vmemmap_class(self._geometry, self.ledger, self.tables)
        self.live: list[LiveRange] = []
        self.present: intervals.Intervals = ()
        self.early: set[int] = set()
        self.running = False
        self.target = range(0)

    def _perform(self, operation: Operation) -> tuple[range, int]:
        """Return the pfns acted on (empty when skipped) and 0 or a negative errno."""
        if isinstance(operation, Boot):
            return self._boot(operation)
        if isinstance(operation, AddMemory | AddDevice):
            new = requested_ranges(self._geometry, operation)
            if not new:
                return range(0), 0
            self.running = True
            self.ledger.start_operation(operation.fault)
            return new[0].pfns, self.add_all(new)
        if isinstance(operation, Refused):
            return self._request(operation)
        if not self.live:
            return range(0), 0
        self.running = True
        index = operation.victim % len(self.live)
        live = self.live[index]
        self.target = live.pfns
        if isinstance(operation, Initialise):
            self.bring_to_life(live)
        else:
            assert isinstance(operation, Remove)
            self.ledger.start_operation(operation.fault)
            for one in [one for one in self.live if one.start_pfn in (live.start_pfn, live.other_pfn)]:
                self.live.remove(one)
                self.remove(one)
        return live.pfns, 0

    def _boot(self, operation: Boot) -> tuple[range, int]:
        geometry = self._geometry
        count = min(operation.count, geometry.subsections_per_section - operation.first)
        if self.running or operation.section in self.early or count < 1:
            return range(0), 0
        start = operation.section * geometry.pages_per_section
        first = start + operation.first * geometry.pages_per_subsection
        live = LiveRange(Door.BOOT, first, count * geometry.pages_per_subsection)
        self.ledger.start_operation(None)
        self.populate_section(start, geometry.pages_per_section, BOOT, 0)
        self.early.add(operation.section)
        self.mark_present(live.pfns)
        self.live.append(live)
        self.bring_to_life(live)
        return live.pfns, 0

    def _request(self, operation: Refused) -> tuple[range, int]:
        """A request that ought to be refused; skipped where it is a valid one."""
        geometry = self._geometry
        pfns = range(operation.start_pfn, operation.start_pfn + operation.nr_pages)
        unit = geometry.pages_per_block if operation.door is Door.MEMORY else geometry.pages_per_subsection
        adding = operation.action is Action.ADD
        overlaps = intervals.touches(pfns, self.present)
        if not (pfns.start % unit or pfns.stop % unit) and adding != overlaps:
            return range(0), 0
        self.running = True
        self.target = pfns
        error = self.refusal(pfns, unit, adding=adding)
        if not error and adding:
            error = self._add_accepted(LiveRange(operation.door, pfns.start, len(pfns)))
        elif not error:
            self.remove(LiveRange(operation.door, pfns.start, len(pfns)))
        return pfns, error

    def refusal(self, pfns: range, unit: int, *, adding: bool) -> int:
        """Return why a request must be refused, as a negative errno, or 0."""
        if pfns.start % unit or pfns.stop % unit:
            return -errno.EINVAL
        if adding and intervals.touches(pfns, self.present):
            return -errno.EEXIST
        if not adding and not intervals.touches(pfns, self.present):
            return -errno.ENOENT
        return 0

    def add_all(self, new: tuple[LiveRange, ...]) -> int:
        """Add the ranges of an operation, all of them or none; return 0 or a negative errno."""
        for number, live in enumerate(new):
            error = self.add(live)
            if error:
                self.target = new[0].pfns
                self.take_back(new[:number])
                return error
        self.target = new[0].pfns
        return 0

    def take_back(self, added: tuple[LiveRange, ...]) -> None:
        """Remove the ranges of a device before the one that failed."""
        for live in added:
            self.live.remove(live)
            self.remove(live)

    def add(self, live: LiveRange) -> int:
        """Add a range; return 0 or a negative errno."""
        self.target = live.pfns
        error = self.refusal(live.pfns, self._geometry.pages_per_subsection, adding=True)
        if error:
            return error
        for start_pfn, altmap in self._altmaps_of(live):
            self.ledger.open_altmap(start_pfn, altmap)
        error = self._add_accepted(live)
        if error:
            self._release_altmaps(live)
        return error

    def _altmaps_of(self, live: LiveRange) -> Iterator[tuple[int, Altmap]]:
        """Yield first pfn and altmap: of a device, or of each block whose memmap is whole leaves and not all of it."""
        if live.altmap is None:
            return
        if live.door is Door.DEVICE:
            yield live.start_pfn, live.altmap
            return
        geometry, pages = self._geometry, self._geometry.pages_per_block
        unit = geometry.pmd_bytes if geometry.leaves_pay else geometry.page_bytes
        span = geometry.memmap_range(live.start_pfn, pages)
        if span.start % unit == 0 and span.stop % unit == 0 and live.altmap.free_pages < pages:
            yield from ((start, live.altmap) for start in range(live.start_pfn, live.pfns.stop, pages))

    def _owner(self, live: LiveRange, pfn: int) -> Owner:
        """Return where the memmap of ``pfn`` comes from."""
        start = pfn - pfn % self._geometry.pages_per_block if live.door is Door.MEMORY else live.start_pfn
        return Owner(OwnerKind.ALTMAP, start) if live.altmap and start in self.ledger.altmaps else BUDDY

    def _add_accepted(self, live: LiveRange) -> int:
        done: list[tuple[int, int]] = []
        for section, start_pfn, nr_pages in self._geometry.sections(live.start_pfn, live.nr_pages):
            if section not in self.early:
                done.append((start_pfn, nr_pages))
                try:
                    self.populate_section(start_pfn, nr_pages, self._owner(live, start_pfn), live.vmemmap_shift)
                except OutOfMemoryError:
                    self.undo(done, live.pfns)
                    return -errno.ENOMEM
            self.mark_present(range(start_pfn, start_pfn + nr_pages))
        self.live.append(live)
        if self.poison:
            self.poison_memmap(self._geometry.memmap_range(live.start_pfn, live.nr_pages))
        return 0

    def undo(self, done: list[tuple[int, int]], pfns: range) -> None:
        """Take back an add that failed in the last section of ``done``."""
        self.mark_absent(pfns)
        for start_pfn, nr_pages in reversed(done):
            self.free_section(start_pfn, nr_pages)

    def populate_section(self, start_pfn: int, nr_pages: int, owner: Owner, vmemmap_shift: int) -> None:
        """Map the memmap of pages of one section, as far as nobody else has mapped it."""
        geometry = self._geometry
        own = geometry.memmap_range(start_pfn, nr_pages)
        span = self.pages_to_populate(own)
        if not span:
            return
        if owner == BUDDY and self.vmemmap.can_share(span, vmemmap_shift):
            self.vmemmap.populate_compound(span, vmemmap_shift)
        else:
            whole = nr_pages == geometry.pages_per_section
            self.vmemmap.populate(span, owner, own, leaves=whole and geometry.leaves_pay)

    def pages_to_populate(self, own: range) -> range:
        """Return the whole pages of memmap ``own`` that nobody else uses."""
        return self._own_pages(own)

    def pages_to_free(self, own: range) -> range:
        """Return the whole pages of memmap ``own`` that nobody else uses."""
        return self._own_pages(own)

    def _own_pages(self, own: range) -> range:
        geometry = self._geometry
        pages = geometry.page_aligned_outward(own)
        others = [geometry.memmap_range(span.start, len(span)) for span in self.present]
        size = geometry.pages_per_section
        others += [geometry.memmap_range(section * size, size) for section in self.early]
        remaining = intervals.union(others)
        remaining = intervals.subtract(remaining, (own,))
        left = intervals.subtract([pages], intervals.union(map(geometry.page_aligned_outward, remaining)))
        return left[0] if left else range(0)

    def remove(self, live: LiveRange) -> None:
        """Remove a range."""
        for section, start_pfn, nr_pages in self._geometry.sections(live.start_pfn, live.nr_pages):
            self.mark_absent(range(start_pfn, start_pfn + nr_pages))
            if section not in self.early:
                self.free_section(start_pfn, nr_pages)
            elif self.is_section_empty(section):
                self.drop_early_section(section)
        self._release_altmaps(live)

    def is_section_empty(self, section: int) -> bool:
        """Return whether no page of a section is present."""
        pages = self._geometry.pages_per_section
        return not intervals.touches(range(section * pages, (section + 1) * pages), self.present)

    def drop_early_section(self, section: int) -> None:
        """Free the memmap of an early section, all of it."""
        pages = self._geometry.pages_per_section
        self.early.discard(section)
        self.free_section(section * pages, pages)

    def free_section(self, start_pfn: int, nr_pages: int) -> None:
        """Unmap the memmap of pages of one section, as far as nobody else uses it."""
        span = self.pages_to_free(self._geometry.memmap_range(start_pfn, nr_pages))
        if span:
            self.vmemmap.free(span)

    def mark_present(self, pfns: range) -> None:
        """Remember that pages are present."""
        self.present = intervals.union([*self.present, pfns])

    def mark_absent(self, pfns: range) -> None:
        """Forget pages."""
        self.present = intervals.subtract(self.present, (pfns,))

    def poison_memmap(self, span: range) -> None:
        """Fill new memmap with poison."""
        self.tables.write(span, Content.POISON, "poison_memmap")

    def bring_to_life(self, live: LiveRange) -> None:
        """Initialise all struct pages of a range."""
        span = self._geometry.memmap_range(live.start_pfn, live.nr_pages)
        self.tables.write(span, Content.LIVE, "bring_to_life")

    def _release_altmaps(self, live: LiveRange) -> None:
        if live.altmap:
            for start_pfn in [pfn for pfn in self.ledger.altmaps if pfn in live.pfns]:
                self.events.append(AltmapReleased(self.ledger.altmaps.pop(start_pfn)))

    def _state(self) -> State:
        return State(
            present=self.present,
            mappings=self.tables.mappings(),
            tables=tuple(self.tables.tables()),
            blocks=tuple(sorted(self.ledger.blocks.values(), key=lambda block: block.pfn)),
            contents=tuple(self.tables.extents()),
            altmaps=tuple(self.ledger.altmaps[pfn] for pfn in sorted(self.ledger.altmaps)),
            constructed=tuple(sorted(self.tables.constructed)),
            counters=(("nr_memmap_pages", self.vmemmap.populated_pages),),
        )
