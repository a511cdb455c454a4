# SPDX-License-Identifier: GPL-2.0-or-later
"""both-doors: what is aligned to memory blocks is aligned to sections and subsections."""

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Obligation, Theorem, Verdict


def _derive() -> tuple[Deduction, ...]:
    from vmemcheck.theorems.derivation import integer, natural, quotient, shown

    i, subsection, d, e = natural("i"), natural("B"), natural("d"), natural("e")
    section = subsection + e
    address = i * 2 ** (section + d)
    return (
        shown("SECTION_SIZE_BITS = B + e; a memory block has 2^(B + e + d) bytes; an aligned address is", "x", address),
        integer("it is aligned to sections: x / 2^(B + e)", quotient(address, 2**section)),
        integer("and to subsections: x / 2^B", quotient(address, 2**subsection)),
    )


def _obligations() -> tuple[Obligation, ...]:
    address, block, section, subsection = t.var("x"), t.var("block"), t.var("M"), t.var("B")
    power_of_two = (
        "the memory block size is a power of two",
        t.both(t.equal(block & (block - t.const(1)), t.const(0)), t.negated(t.equal(block, t.const(0)))),
    )
    large = ("it is MIN_MEMORY_BLOCK_SIZE or more", t.at_most(t.power(section), block))
    on_block = ("x is aligned to memory blocks", t.equal(address & (block - t.const(1)), t.const(0)))
    in_words = ("a section is smaller than the address space", t.below(section, t.const(t.BITS)))
    order = ("SUBSECTION_SHIFT <= SECTION_SIZE_BITS", t.at_most(subsection, section))
    return (
        Obligation(
            "both-doors-section",
            "x is aligned to sections",
            (power_of_two, large, on_block, in_words),
            t.aligned(address, section),
        ),
        Obligation(
            "both-doors-subsection",
            "what is aligned to sections is aligned to subsections",
            (("x is aligned to sections", t.aligned(address, section)), order),
            t.aligned(address, subsection),
        ),
    )


def _judge(case: Case) -> Judgement:
    geometry = case.geometry
    shifts = (geometry.subsection_shift, geometry.section_shift, geometry.memory_block_shift)
    words = "2^{} (subsection), 2^{} (section), 2^{} and all larger powers of two (memory block)".format(*shifts)
    return Judgement(Verdict.of(list(shifts) == sorted(shifts)), f"each divides the next: {words}")


BOTH_DOORS = Theorem(
    "both-doors",
    "alignment to memory blocks implies alignment to sections, and that implies alignment to subsections, for every"
    " memory block size that the kernel accepts",
    (
        "the memory block size is a power of two and MIN_MEMORY_BLOCK_SIZE or more",
        "SUBSECTION_SHIFT <= SECTION_SIZE_BITS < 64",
    ),
    ("SUBSECTION_SHIFT", "SECTION_SIZE_BITS"),
    "drivers/base/memory.c: memory_dev_init(); mm/memory_hotplug.c: check_hotplug_memory_range()",
    _derive,
    _obligations(),
    _judge,
)
