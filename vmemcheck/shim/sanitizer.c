// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With the address sanitizer: a page that was given back must not be read or written as memory, and what the
 * sanitizer says of the kernel code is an event like a WARN. Without it, nothing here does anything.
 */
#ifdef VMC_CHECKED
#define VMC_UNSEEN __attribute__((no_sanitize("address")))
extern void __asan_poison_memory_region(const volatile void *start, unsigned long bytes);
extern void __asan_unpoison_memory_region(const volatile void *start, unsigned long bytes);
extern void *__asan_get_report_pc(void);
extern const char *__asan_get_report_description(void);

/* Called before anything else. Signals are those of the machine, and a report does not end the program. */
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:use_sigaltstack=0:"
	       "detect_leaks=0:detect_stack_use_after_return=0:halt_on_error=0:symbolize=0:print_legend=0";
}

/* Called for each report. */
void __asan_on_error(void)
{
	unsigned long places[VMC_PLACES] = { (unsigned long)__asan_get_report_pc() };

	if (!vmc_in_operation)
		vmc_fail_at(__asan_get_report_description(), places);
	vmc_event(VMC_WARNED, places[0], (unsigned long)__asan_get_report_description(), 0, 0, 0);
}
#else
#define VMC_UNSEEN
#define __asan_poison_memory_region(start, bytes) ((void)(start))
#define __asan_unpoison_memory_region(start, bytes) ((void)(start))
#endif
