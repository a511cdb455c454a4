# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a mutant that nothing kills need not be killed, or cannot be, in this machine: a table of reasons.

Each row names functions, macros and variables of the kernel, and says why. It is asked only about mutants
that survived; whether a row is right is for a reader of the kernel to judge, so each stands in the report with
its count.
"""

import re
from dataclasses import dataclass, field

from vmemcheck.mutation.mutant import Mutant, Operator

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Reason:
    """One row: a mutant fits when it fits everything that is given.

    :param says: why, for the report
    :param is_equivalent: the kernel does the same; else it does not, and the machine cannot tell
    :param calls: it drops a call of one of these, or is in the arguments of one
    :param functions: it is in one of these
    :param words: its text starts with one of these
    :param operators: it is made by one of these
    """

    name: str
    says: str
    is_equivalent: bool
    calls: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    operators: frozenset[Operator] = field(default_factory=frozenset)

    def fits(self, mutant: Mutant) -> bool:
        """Tell whether a mutant fits."""
        return (
            (not self.calls or not self.calls.isdisjoint(mutant.calls))
            and (not self.functions or mutant.function in self.functions)
            and (not self.words or mutant.text.split("=")[0].split("+")[0].strip(" !") in self.words)
            and (not self.operators or mutant.operator in self.operators)
        )


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MESSAGES = _set(
    "printk printk_once pr_emerg pr_err pr_err_once pr_warn pr_warn_once pr_notice pr_info pr_debug pr_cont"
    " mminit_dprintk warn_alloc dump_stack dump_page vmemmap_verify vmemmap_populate_print_last"
)
_ASSERTIONS = _set("BUG_ON VM_BUG_ON VM_BUG_ON_PAGE WARN_ON WARN_ON_ONCE WARN WARN_ONCE VM_WARN_ON VM_WARN_ON_ONCE")
_LOCKS = _set(
    "spin_lock spin_unlock spin_lock_irq spin_unlock_irq spin_lock_irqsave spin_unlock_irqrestore"
    " mutex_lock mutex_unlock"
    " read_lock read_unlock write_lock write_unlock rcu_read_lock rcu_read_unlock local_irq_save local_irq_restore"
)
_FLUSHES = _set(
    "__flush_tlb_all local_flush_tlb_kernel_range __flush_tlb_kernel_pgtable"
    " flush_tlb_one_kernel local_flush_tlb_all local_flush_tlb_page flush_cache_vmap flush_cache_vunmap"
)

REASONS: tuple[Reason, ...] = (
    Reason("message", "only a message, or what is printed in it", True, calls=_MESSAGES),
    Reason(
        "message",
        "only a message, or what is printed in it",
        True,
        functions=_set("vmemmap_verify vmemmap_populate_print_last"),
    ),
    Reason(
        "message",
        "only a message, or what is printed in it",
        True,
        functions=_set("vmemmap_set_pmd vmemmap_alloc_block vmemmap_populate_hugepages"),
        words=_set("addr_start addr_end p_start p_end node_start warned")
        | {"p_end != p || node_start != node"}
        | {"p_end != p", "node_start != node"},
    ),
    Reason(
        "assertion",
        "drops or loosens an assertion, which cannot fail where nothing else is wrong",
        True,
        calls=_ASSERTIONS,
        operators=frozenset((Operator.DROP_STATEMENT, Operator.OFF_BY_ONE, Operator.DROP_CALL)),
    ),
    Reason(
        "scheduling",
        "lets others run, or says that it may",
        True,
        calls=_set("cond_resched might_sleep touch_nmi_watchdog"),
    ),
    Reason(
        "allocator flags",
        "how hard the page allocator tries, and whether it complains",
        True,
        functions=_set("vmemmap_alloc_block"),
        operators=frozenset((Operator.DROP_FLAG,)),
    ),
    Reason("one thread", "locks and barriers: operations happen one after the other", False, calls=_LOCKS),
    Reason("one CPU", "flushes of one CPU's TLB, of table walkers and of caches", False, calls=_FLUSHES),
    Reason(
        "one node",
        "which node memory is on, and what is kept about it",
        False,
        calls=_set("early_pfn_to_nid cpu_to_node node_distance set_section_nid sparse_encode_early_nid"),
    ),
    Reason(
        "one node",
        "which node memory is on, and what is kept about it",
        False,
        functions=_set("sparse_encode_early_nid"),
    ),
    Reason("no direct map", "statistics of the direct map, which is not made", False, calls=_set("update_page_count")),
    Reason("no direct map", "statistics of the direct map, which is not made", False, words=_set("direct pages")),
    Reason("no page-table isolation", "PTI is off in this machine", False, functions=_set("__pti_set_user_pgtbl")),
)
"""The first that fits counts."""


def reason_for(mutant: Mutant) -> Reason | None:
    """Return the reason why a mutant that survived is not held against the check, or None."""
    return next((reason for reason in REASONS if reason.fits(mutant)), None)
