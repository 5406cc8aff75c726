/* OpenMP's few entries that the kernels use, by starting and joining threads: what a checker of threads understands.
 * libgomp waits on futexes, of which helgrind and ThreadSanitizer know nothing, so that each result that one thread writes
 * and another reads would be a race to them. Preloaded before libgomp, it makes real races the only ones reported. */
#include <pthread.h>
#include <stdlib.h>

typedef struct {
    void (*work)(void *);
    void *data;
    unsigned number, count;
    pthread_barrier_t *barrier;
} share;

static __thread share mine = {0, 0, 0, 1, 0};

static void *run(void *p)
{
    mine = *(share *)p;
    mine.work(mine.data);
    return NULL;
}

void GOMP_parallel(void (*work)(void *), void *data, unsigned threads, unsigned flags)
{
    (void)flags;
    const unsigned count = threads ? threads : 1;
    const share before = mine;
    pthread_t *started = calloc(count, sizeof *started);
    share *shares = calloc(count, sizeof *shares);
    pthread_barrier_t barrier;
    if (started == NULL || shares == NULL || pthread_barrier_init(&barrier, NULL, count))
        abort();
    for (unsigned k = 0; k < count; k++)
        shares[k] = (share){work, data, k, count, &barrier};
    for (unsigned k = 1; k < count; k++)
        if (pthread_create(&started[k], NULL, run, &shares[k]))
            abort();
    run(&shares[0]);
    for (unsigned k = 1; k < count; k++)
        pthread_join(started[k], NULL);
    pthread_barrier_destroy(&barrier);
    free(started);
    free(shares);
    mine = before;
}

void GOMP_barrier(void) { if (mine.barrier) pthread_barrier_wait(mine.barrier); }
int omp_get_thread_num(void) { return (int)mine.number; }
int omp_get_num_threads(void) { return (int)mine.count; }
int omp_in_parallel(void) { return mine.count > 1; }
int omp_get_max_threads(void) { return 8; }
