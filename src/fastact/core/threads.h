/* How many threads a loop takes: one, unless the user asked for more. */
#ifndef FASTACT_THREADS_H
#define FASTACT_THREADS_H

#include <stddef.h>

#if defined(_OPENMP)
#include <omp.h>
#if !defined(_WIN32)
#include <pthread.h>
#endif

enum { HAS_THREADS = 1 };
enum { FEWEST_EACH = 16384 };                      /* numbers for which waking a thread pays */

static int threads_of_process = 1;                 /* read by loops while another thread may set it: atomic */
static int threads_allowed, is_child;
static __thread int threads_of_caller;             /* 0: as the process */

/* A forked child has the pool's memory without its threads: it would wait for them forever. */
static void after_fork(void) { is_child = 1; }

static inline int threads_shared(void) { return __atomic_load_n(&threads_of_process, __ATOMIC_RELAXED); }

/* for the process (0: as it is) and for the calling thread */
static void threads_set(int of_process, int of_caller)
{
    if (of_process)
        __atomic_store_n(&threads_of_process, of_process, __ATOMIC_RELAXED);
    threads_of_caller = of_caller;
}

static void threads_start(int n)
{
    threads_set(n, threads_of_caller);
    threads_allowed = omp_get_max_threads();
#if !defined(_WIN32)
    static int registered;
    if (!registered)
        registered = pthread_atfork(NULL, NULL, after_fork) == 0;
#endif
}

static inline int threads_wanted(void)
{
    int wanted = threads_of_caller ? threads_of_caller : threads_shared();
    return is_child ? 1 : wanted;
}

/* into how many parts `size` numbers are cut */
static inline int parts_of(ptrdiff_t size)
{
    int n = threads_wanted();
    if (n <= 1 || size < 2 * FEWEST_EACH || omp_in_parallel())
        return 1;
    const int limit = omp_get_max_threads();
    if (limit < threads_allowed && limit < n)      /* threadpoolctl, or omp_set_num_threads, has lowered it since */
        n = limit;
    return size / FEWEST_EACH < n ? (int)(size / FEWEST_EACH) : n;
}
#else
enum { HAS_THREADS = 0, FEWEST_EACH = 0 };
static int threads_of_process = 1, threads_of_caller;
static int threads_shared(void) { return threads_of_process; }
static void threads_set(int of_process, int of_caller)
{
    threads_of_process = of_process ? of_process : threads_of_process;
    threads_of_caller = of_caller;
}
static void threads_start(int n) { (void)n; }
static inline int threads_wanted(void) { return 1; }
static inline int parts_of(ptrdiff_t size) { (void)size; return 1; }
#endif

/* the length of each part but the last: whole multiples of `grain` */
static inline ptrdiff_t part_length(ptrdiff_t n, int parts, ptrdiff_t grain)
{
    ptrdiff_t each = (n + parts - 1) / parts;
    return (each + grain - 1) / grain * grain;
}
#endif
