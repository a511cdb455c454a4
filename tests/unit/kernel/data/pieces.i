# 10 "include/linux/a.h"
#define __init __attribute__((section(".init")))
#define __weak __attribute__((__weak__))
#define __must_hold(x)
#define ALIGN_UP(x, a) (((x) + (a) - 1) & ~MASK(a))
#define MASK(a) ((a) - 1)
#define start WRONG_START
#define IS_ON(option) ON_##option
#define ON_ONE 1
#define rcu_head callback_head
struct callback_head { struct callback_head *next; };
struct inner { int value; };
struct unused { int x; };
struct outer { struct inner in; struct far *far; struct rcu_head rcu; int page; };
struct far { struct inner *other; };
enum zone { ZONE_A, ZONE_B = 4, };
typedef struct { unsigned long pte; } pte_t;
static inline int page(int x) { return x; }
extern int counter;
int helper(struct outer *o, int page);
int __weak pick(void);
# 40 "mm/one.c"
int __weak pick(void)
{
	return 1;
}
static int __init unused_function(void) { return never(); }
int counter = ZONE_B;
static const char *message = "helper2() { /* not code";
/* int ghost(void) { return 0; } */
# 60 "mm/two.c"
int pick(void) { return 2; }
int __must_hold(lock) helper(struct outer *o, int page)
{
	pte_t pte = { 0 };
	if (o->page == page)
# 70 "mm/two.c"
		return ALIGN_UP(pick(), 8) + counter + IS_ON(ONE) + pte.pte;
	return outside(o->in.value);
}
EXPORT_SYMBOL(helper);
