# 1 "include/linux/flags.h"
#define FLAG(name, bit) static inline int Page##name(int x) { return x >> bit & one(); }
#define OP(n) int op_##n(void);
#define LOCKTYPE(n) typedef struct n##_s { int raw; } n##_t;
#define __at(x) __attribute__((section(".at"))) x
static inline int one(void) { return 1; }
FLAG(Reserved, 3)
FLAG(Dirty, 4)
OP(add)
#undef OP
#define OP(n)
LOCKTYPE(seq)
extern int __at(placed);
struct holder { seq_t lock; };
int root(struct holder *h) { return PageReserved(h->lock.raw) + op_add() + placed; }
