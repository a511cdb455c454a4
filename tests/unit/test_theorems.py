# SPDX-License-Identifier: GPL-2.0-or-later
"""The theorems: three provers, each hypothesis needed, and what they say of concrete sizes."""

import dataclasses
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cvc5
import pytest
import sympy

from vmemcheck.arches import ARCHES, Architecture, find
from vmemcheck.errors import ProverError
from vmemcheck.geometry import Geometry
from vmemcheck.theorems import THEOREMS, Theorem, bitvector
from vmemcheck.theorems.bitvector import Decision, decide, decide_all
from vmemcheck.theorems.derivation import above_zero, integer, natural, not_integer, proper_fraction, same
from vmemcheck.theorems.divisibility import needed_alignment
from vmemcheck.theorems.enumeration import Counted, count
from vmemcheck.theorems.page_multiple import PAGE_MULTIPLE
from vmemcheck.theorems.reachable_sizes import REACHABLE_SIZES
from vmemcheck.theorems.smtlib import to_smt2
from vmemcheck.theorems.sub_pmd import SUB_PMD
from vmemcheck.theorems.survey import subjects, survey
from vmemcheck.theorems.terms import const, equal, evaluate, negated
from vmemcheck.theorems.theorem import SUPPORTED_BYTES, Case, Deduction, Obligation, Verdict, distinct_obligations
from vmemcheck.theorems.unreachability import UNREACHABILITY, sub_page_iteration
from vmemcheck.theorems.walkers import WALKERS, addr_end

OBLIGATIONS = distinct_obligations(THEOREMS)
HYPOTHESES = [(obligation, index) for obligation in OBLIGATIONS for index in range(len(obligation.hypotheses))]
GOLDEN = Path(__file__).parent / "golden" / "theorems.json"


@pytest.fixture(scope="module")
def counted() -> list[Counted]:
    """All points of the box of the enumeration."""
    return list(count())


@pytest.mark.parametrize("theorem", THEOREMS, ids=lambda theorem: theorem.name)
def test_theorem_derivation_is_confirmed_by_sympy(theorem: Theorem) -> None:
    """Every step of every derivation is decided by sympy."""
    assert len(theorem.derive()) >= 2


@pytest.mark.parametrize("obligation", OBLIGATIONS, ids=lambda obligation: obligation.name)
def test_obligation_over_words_is_proved_by_z3(obligation: Obligation) -> None:
    """Each statement holds for all 2^64 values of each variable."""
    assert decide(obligation) == Decision(True, {})


@pytest.mark.parametrize("obligation", OBLIGATIONS, ids=lambda obligation: obligation.name)
def test_obligation_hypotheses_can_be_met(obligation: Obligation) -> None:
    """No statement holds only because its hypotheses contradict each other."""
    something = const(0)
    impossible = dataclasses.replace(obligation, conclusion=negated(equal(something, something)))
    assert not decide(impossible).holds


@pytest.mark.parametrize(("obligation", "index"), HYPOTHESES, ids=lambda value: getattr(value, "name", str(value)))
def test_obligation_without_one_hypothesis_is_refuted(obligation: Obligation, index: int) -> None:
    """No hypothesis is there for nothing: without it z3 finds a counterexample."""
    kept = obligation.hypotheses[:index] + obligation.hypotheses[index + 1 :]
    decision = decide(dataclasses.replace(obligation, hypotheses=kept))
    assert not decision.holds
    assert not evaluate(obligation.hypotheses[index][1], decision.counterexample)


def test_theorems_statements_are_those_of_the_golden_file() -> None:
    """Statements and hypotheses change only together with the golden file, so never by accident."""
    stated = {
        theorem.name: {
            "statement": theorem.statement,
            "hypotheses": list(theorem.hypotheses),
            "obligations": {o.name: [o.says, *(label for label, _ in o.hypotheses)] for o in theorem.obligations},
        }
        for theorem in THEOREMS
    }
    assert json.loads(GOLDEN.read_text()) == stated


def test_page_multiple_agrees_with_counting(counted: list[Counted]) -> None:
    """The condition of the theorem is what counting bytes finds, for all sizes and shifts of the box."""
    assert len(counted) > 4000
    for point in counted:
        judgement = PAGE_MULTIPLE.judge(Case(point.geometry))
        assert Verdict.of(point.whole) == judgement.verdict, point


def test_page_multiple_words_agree_with_counting(counted: list[Counted]) -> None:
    """The statements over 64-bit words, computed, are what counting finds."""
    iff, bound = (next(o for o in OBLIGATIONS if o.name == n) for n in ("divisibility-iff", "page-multiple-bound"))
    fills, condition = iff.conclusion.arguments
    for point in counted:
        p, shift = point.geometry.page_shift, point.geometry.subsection_shift
        values = {"S": point.geometry.struct_page_bytes, "k": shift - p, "q": p, "p": p, "B": shift}
        assert all(evaluate(term, values) for _, term in (*iff.hypotheses, *bound.hypotheses))
        assert point.whole == evaluate(fills, values) == evaluate(condition, values)
        assert evaluate(bound.conclusion, values)


def test_page_multiple_quotient_of_sympy_agrees_with_counting(counted: list[Counted]) -> None:
    """The quotient that the derivation is about is an integer exactly where counting says so."""
    size, k, q = sympy.symbols("S k q", integer=True, positive=True)
    quotient = sympy.lambdify((size, k, q), size * 2**k / 2**q, modules=[{"S": sympy.Integer}, "sympy"])
    for point in counted:
        geometry = point.geometry
        pages = quotient(
            sympy.Integer(geometry.struct_page_bytes),
            sympy.Integer(geometry.subsection_shift - geometry.page_shift),
            sympy.Integer(geometry.page_shift),
        )
        assert point.whole == pages.is_integer


def test_page_multiple_bound_is_tight(counted: list[Counted]) -> None:
    """For each shift, the largest power of two below the bound is a counterexample."""
    for geometry in {dataclasses.replace(point.geometry, struct_page_bytes=64) for point in counted}:
        bound = needed_alignment(geometry.subsection_shift - geometry.page_shift, geometry.page_shift)
        if bound > 1:
            smaller = dataclasses.replace(geometry, struct_page_bytes=bound // 2)
            assert PAGE_MULTIPLE.judge(Case(smaller)).verdict is Verdict.REFUTED


@pytest.mark.parametrize(("size", "pages"), [(56, 7), (64, 8), (72, 9), (80, 10), (88, 11), (96, 12)])
def test_page_multiple_x86_64_is_an_eighth_of_the_size(size: int, pages: int) -> None:
    """The numbers of the discussion: 7, 8 and 9 pages for 56, 64 and 72 bytes."""
    judgement = PAGE_MULTIPLE.judge(Case(find("x86_64").page_sizes[0].geometry(size)))
    assert (Verdict.PROVED, Fraction(pages)) == (judgement.verdict, judgement.quantity)


@pytest.mark.parametrize(("size", "needs"), [(56, True), (64, False), (72, True), (80, True)])
def test_sub_pmd_x86_64_needs_tracking_unless_64_bytes(size: int, needs: bool) -> None:
    """With 4K pages and 128 MiB sections, only 64 bytes fill whole PMD leaves."""
    judgement = SUB_PMD.judge(Case(find("x86_64").page_sizes[0].geometry(size)))
    assert needs == (judgement.verdict is Verdict.REFUTED)


@pytest.mark.parametrize("architecture", ARCHES, ids=lambda architecture: architecture.name)
def test_sub_pmd_agrees_with_division(architecture: Architecture) -> None:
    """The condition on struct page is the same as dividing the memmap of a section by the leaf."""
    for subject in subjects(architecture, [], range(8, 129, 8)):
        geometry = subject.case.geometry
        whole = geometry.section_memmap_bytes % geometry.pmd_bytes == 0
        assert Verdict.of(whole) == SUB_PMD.judge(subject.case).verdict


def test_unreachability_witness_takes_the_branch() -> None:
    """Where the claim is refuted, the range that is named reaches the sub-page branch, and no aligned one does."""
    geometry = Geometry(struct_page_bytes=60)
    assert UNREACHABILITY.judge(Case(geometry)).verdict is Verdict.REFUTED
    assert sub_page_iteration(geometry.memmap_range(0, geometry.pages_per_subsection), 4096) == (0x7000, 0x7800)
    aligned = Geometry(struct_page_bytes=56)
    assert sub_page_iteration(aligned.memmap_range(512, 512), 4096) is None


def test_unreachability_agrees_with_range_alignment(counted: list[Counted]) -> None:
    """The branch is reached exactly where some subsection's memmap is not whole pages."""
    for point in counted:
        assert Verdict.of(point.whole) == UNREACHABILITY.judge(Case(point.geometry)).verdict, point


@pytest.mark.parametrize(("address", "end"), [(0x1000, 0x400000), (-0x2000, 0), (-0x200000, -0x1000), (0, 0x1000)])
def test_walkers_term_stops_at_boundary_or_end(address: int, end: int) -> None:
    """The term for pmd_addr_end() gives the next 2 MiB border or the end, also at the top of the address space."""
    got = evaluate(addr_end(const(address), const(end), const(21)), {})
    top = 1 << 64
    border = (address % top // 0x200000 + 1) * 0x200000
    assert min(border, end % top or top) % top == got


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("x86_64", [64, 80, 96]),
        ("s390x", [64, 80, 96]),
        ("arm64", [64, 80]),
        ("riscv64", [64, 80]),
        ("loongarch64", [64, 80]),
        ("powerpc64", [56, 64, 72]),
    ],
)
def test_reachable_sizes_by_architecture(name: str, sizes: list[int]) -> None:
    """Alignment to 16 bytes leaves 64, 80 and 96; KMSAN, which gives 96, is on x86 and s390 only."""
    found = subjects(find(name), ["4K"], SUPPORTED_BYTES)
    judged = {s.case.geometry.struct_page_bytes: REACHABLE_SIZES.judge(s.case).verdict for s in found}
    assert sizes == [size for size, verdict in judged.items() if verdict is Verdict.PROVED]


def test_walkers_claim_holds_for_every_architecture() -> None:
    """Every entry of every level maps whole pages."""
    for architecture in ARCHES:
        for subject in subjects(architecture, [], [64]):
            assert WALKERS.judge(subject.case).verdict is Verdict.PROVED


def test_survey_provers_that_disagree_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counterexample of z3 to what sympy derived ends in an error, never in a choice."""
    monkeypatch.setattr(
        bitvector, "decide_all", lambda obligations: {o.name: Decision(False, {"S": 60}) for o in obligations}
    )
    with pytest.raises(ProverError, match=r"disagree on divisibility-iff(.|\n)*S = 0x3c"):
        survey(THEOREMS, [])


def test_z3_counterexample_is_computed_before_it_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that answers nonsense is an error."""
    wrong = dataclasses.replace(OBLIGATIONS[0], hypotheses=())
    monkeypatch.setattr(bitvector, "is_counterexample", lambda *_: False)
    with pytest.raises(ProverError, match="that is none"):
        decide(wrong)


def test_z3_that_gives_up_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out is not a proof."""
    monkeypatch.setattr(bitvector, "TIMEOUT_MS", 1)
    hard = next(o for o in OBLIGATIONS if o.name == "divisibility-iff")
    with pytest.raises(ProverError, match="did not decide"):
        decide(hard)


@pytest.mark.parametrize("obligation", OBLIGATIONS, ids=lambda obligation: obligation.name)
def test_smtlib_file_is_proved_by_another_solver(obligation: Obligation) -> None:
    """cvc5 reads the files, which are written without any solver, and proves each."""
    assert cvc5_answers(to_smt2(obligation)) == ["unsat"]


def test_smtlib_file_of_a_weaker_obligation_is_refuted_by_another_solver() -> None:
    """The other solver would notice a claim that does not hold."""
    weaker = dataclasses.replace(OBLIGATIONS[0], hypotheses=())
    assert cvc5_answers(to_smt2(weaker).replace("(set-info :status unsat)", "")) == ["sat"]


def cvc5_answers(text: str) -> list[str]:
    """Return what cvc5 says to each check-sat of a script."""
    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "script")
    symbols = parser.getSymbolManager()
    answers: list[str] = []
    while not (command := parser.nextCommand()).isNull():
        answers.append(str(command.invoke(solver, symbols)).strip())
    return [answer for answer in answers if answer]


def test_decide_all_names_each_obligation() -> None:
    """Deciding side by side gives the same as one by one."""
    some = [*WALKERS.obligations, *UNREACHABILITY.obligations]
    assert {obligation.name: decide(obligation) for obligation in some} == decide_all(some)


def test_derivation_step_that_does_not_hold_is_an_error() -> None:
    """What sympy cannot confirm is never recorded as confirmed."""
    n = natural("n")
    steps: list[Callable[[], Deduction]] = [
        lambda: integer("half", n / 2),
        lambda: not_integer("whole", n),
        lambda: above_zero("maybe zero", n),
        lambda: proper_fraction("maybe zero", n / (n + 1)),
        lambda: same("different", n, n + 1),
    ]
    for step in steps:
        with pytest.raises(ProverError, match="does not confirm"):
            step()
