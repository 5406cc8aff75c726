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

cdef inline void some_rows(int op, int storage, char* dy, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    if storage == STORE_F8:
        any_rows_f8(op, storage, dy, x, mask, out, n_outer, n, sdy, sx, sm, so, cx, cm, co)
    else:
        any_rows_f4(op, storage, dy, x, mask, out, n_outer, n, sdy, sx, sm, so, cx, cm, co)


cdef inline void some_gradients(int op, int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept nogil:
    if storage == STORE_F8:
        any_gradients_f8(op, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)
    else:
        any_gradients_f4(op, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)


cdef inline npy_intp rows_each(npy_intp n_outer, int parts) noexcept nogil:
    """Rows of each part. Rows across memory are taken 64 and 8 at a time: parts of many rows hold whole multiples."""
    return part_length(n_outer, parts, 64 if n_outer >= 512 * parts else 8 if n_outer >= 64 * parts else 1)


cdef void rows_of(int op, int storage, char* dy, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    cdef int part, parts = min(parts_of(n_outer * n), n_outer)
    cdef npy_intp each, first
    if parts <= 1:
        some_rows(op, storage, dy, x, mask, out, n_outer, n, sdy, sx, sm, so, cx, cm, co)
        return
    each = rows_each(n_outer, parts)
    for part in prange(parts, num_threads=parts, schedule="static", chunksize=1):
        first = part * each
        if first < n_outer:
            some_rows(op, storage, dy + first * sdy, x + first * sx, mask + first * sm if mask != NULL else NULL, out + first * so,
                      min(each, n_outer - first), n, sdy, sx, sm, so, cx, cm, co)


cdef void gradients_of(int op, int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept nogil:
    cdef int part, parts = min(parts_of(n_outer * n), n_outer)
    cdef npy_intp each, first
    if parts <= 1:
        some_gradients(op, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)
        return
    each = rows_each(n_outer, parts)
    for part in prange(parts, num_threads=parts, schedule="static", chunksize=1):
        first = part * each
        if first < n_outer:
            some_gradients(op, storage, dy + first * sdy, y + first * sy, out + first * so, min(each, n_outer - first), n, sdy, sy, so, cdy, cy, co)


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
