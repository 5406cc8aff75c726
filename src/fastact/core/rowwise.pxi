# softmax, log_softmax, logsumexp and their gradients: one driver for each operation. row.h has all the rest.
#
# Rows give the same bits wherever they lie and whatever lies beside them, because sums are added up in one order (rows.h).
#
# Exponentials are e^(x-M)·2^UP. Where |m|, the maximum, is small, M is the multiple n·ln 2 next to m, so that M is
# nothing but an exponent and x-M is never rounded; where |m| is large M is m, and x-m is exact wherever it matters.
# The factor 2^UP keeps every number normal that is not 0 in the end, so that a result is rounded once.

cdef extern from "row.h" nogil:
    enum:
        SOFTMAX
        LOG_SOFTMAX
        LOGSUMEXP
        LOGSUMEXP_BACKWARD
    void any_rows_f4(int op, int storage, const char* dy, const char* x, const char* mask, char* out, npy_intp n_outer, npy_intp n,
                     npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept
    void any_gradients_f4(int op, int storage, const char* dy, const char* y, char* out, npy_intp n_outer, npy_intp n,
                          npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept
    void any_rows_f8(int op, int storage, const char* dy, const char* x, const char* mask, char* out, npy_intp n_outer, npy_intp n,
                     npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept
    void any_gradients_f8(int op, int storage, const char* dy, const char* y, char* out, npy_intp n_outer, npy_intp n,
                          npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept


# Pointers, number of rows, length, strides from row to row, strides along the row

cdef struct Rows:
    int op
    int storage
    npy_intp n
    char* dy
    char* x                     # or y
    char* mask
    char* out
    npy_intp sdy, sx, sm, so
    npy_intp cdy, cx, cm, co


cdef void some_rows(const void* job, npy_intp first, npy_intp rows) noexcept nogil:
    cdef const Rows* r = <const Rows*>job
    cdef char* dy = r.dy + first * r.sdy
    cdef char* x = r.x + first * r.sx
    cdef char* mask = r.mask + first * r.sm if r.mask != NULL else NULL
    cdef char* out = r.out + first * r.so
    if r.storage == STORE_F8:
        any_rows_f8(r.op, r.storage, dy, x, mask, out, rows, r.n, r.sdy, r.sx, r.sm, r.so, r.cx, r.cm, r.co)
    else:
        any_rows_f4(r.op, r.storage, dy, x, mask, out, rows, r.n, r.sdy, r.sx, r.sm, r.so, r.cx, r.cm, r.co)


cdef void some_gradients(const void* job, npy_intp first, npy_intp rows) noexcept nogil:
    cdef const Rows* r = <const Rows*>job
    cdef char* dy = r.dy + first * r.sdy
    cdef char* y = r.x + first * r.sx
    cdef char* out = r.out + first * r.so
    if r.storage == STORE_F8:
        any_gradients_f8(r.op, r.storage, dy, y, out, rows, r.n, r.sdy, r.sx, r.so, r.cdy, r.cx, r.co)
    else:
        any_gradients_f4(r.op, r.storage, dy, y, out, rows, r.n, r.sdy, r.sx, r.so, r.cdy, r.cx, r.co)


cdef npy_intp row_share(npy_intp rows, int parts) noexcept nogil:
    """Rows across memory are taken 64 and 8 at a time: parts of many rows hold whole multiples."""
    return part_length(rows, parts, 64 if rows >= 512 * parts else 8 if rows >= 64 * parts else 1)


cdef void rows_in_parts(part_t work, const Rows* job, npy_intp n_outer) noexcept nogil:
    cdef int parts = max(min(parts_of(n_outer * job.n), n_outer), 1)
    in_parts(work, job, n_outer, parts, row_share(n_outer, parts))


cdef void rows_of(int op, int storage, char* dy, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    cdef Rows job = Rows(op, storage, n, dy, x, mask, out, sdy, sx, sm, so, 0, cx, cm, co)
    rows_in_parts(some_rows, &job, n_outer)


cdef void gradients_of(int op, int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept nogil:
    cdef Rows job = Rows(op, storage, n, dy, y, NULL, out, sdy, sy, 0, so, cdy, cy, 0, co)
    rows_in_parts(some_gradients, &job, n_outer)


cdef void softmax_rows(int storage, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    rows_of(SOFTMAX, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, co)


cdef void log_softmax_rows(int storage, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    rows_of(LOG_SOFTMAX, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, co)


cdef void logsumexp_rows(int storage, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm) noexcept nogil:
    rows_of(LOGSUMEXP, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, 0)


cdef void logsumexp_backward_rows(int storage, char* dy, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    rows_of(LOGSUMEXP_BACKWARD, storage, dy, x, mask, out, n_outer, n, sdy, sx, sm, so, cx, cm, co)


cdef void softmax_backward_y_rows(int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept nogil:
    gradients_of(SOFTMAX, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)


cdef void log_softmax_backward_y_rows(int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept nogil:
    gradients_of(LOG_SOFTMAX, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)


# ---- the functions of family.h, which take what NumPy passes ----------------------------------------------------------------

cdef enum:
    MOST_SIZES = 4              # of outer loop and core dimensions

ctypedef int (*family_t)(int storage, char** data, const npy_intp* n, const npy_intp* strides) noexcept nogil


cdef struct Family:
    family_t work
    int storage
    int operands                # and results
    int sizes
    char** data
    const npy_intp* n
    const npy_intp* strides
    int* failed


cdef void some_of_family(const void* job, npy_intp first, npy_intp rows) noexcept nogil:
    cdef const Family* f = <const Family*>job
    cdef char* data[MAX_OPERANDS + 2]
    cdef npy_intp n[MOST_SIZES]
    cdef int k
    cdef unsigned status = fp_status()
    for k in range(f.operands):
        data[k] = f.data[k] + first * f.strides[k]
    for k in range(f.sizes):
        n[k] = f.n[k]
    n[0] = rows
    if f.work(f.storage, data, n, f.strides):
        f.failed[0] = 1                                     # whichever part it was: the result is the same
    fp_restore(status)


cdef int drive_rows(family_t work, int storage, int operands, int sizes, char** data, const npy_intp* n, const npy_intp* strides) noexcept nogil:
    """Rows of any function of family.h, in parts; whether memory was lacking."""
    cdef int failed = 0
    cdef Family job = Family(work, storage, operands, sizes, data, n, strides, &failed)
    cdef npy_intp rows = n[0]
    cdef int parts = max(min(parts_of(rows * n[1]), rows), 1)
    in_parts(some_of_family, &job, rows, parts, row_share(rows, parts))
    return failed
