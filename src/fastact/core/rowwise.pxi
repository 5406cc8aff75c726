# softmax, log_softmax, logsumexp and their gradients, for rows that lie along memory and for rows that lie across it.
#
# Numbers that lie in memory as they should, none of them masked, are the business of straight.h and across.h. What is
# here takes all others: strided, masked and half-precision numbers are copied to a stage, where they stay for all passes,
# or, of long rows, a stretch at a time. Along memory up to BATCH rows are taken together, row by row in each pass;
# across memory WIDTH rows, a number of each at a time.
#
# Rows give the same bits in all cases, because sums are added up in one order. Number i of a row belongs to lane
# i mod 32. The eight numbers of a lane in one stretch of 256 are added pairwise in the row's own type, these sums
# are added from left to right in double, and in the end the lanes: 32 to 16, to 8, and then neighbours. Double is not
# enough for rows of doubles: those sums keep their rounding errors in a second double. The products of a gradient are
# added from left to right in double, and their own rounding errors, where they are floats, in float until eight lanes
# are left.
#
# Exponentials are e^(x-M)·2^UP. Where |m|, the maximum, is small, M is the multiple n·ln 2 next to m, so that M is
# nothing but an exponent and x-M is never rounded; where |m| is large M is m, and x-m is exact wherever it matters.
# The factor 2^UP keeps every number normal that is not 0 in the end, so that a result is rounded once.

from libc.math cimport INFINITY

cdef extern from "row.h" nogil:
    enum:
        WIDTH
        STRETCH
        ROWS
        SOFTMAX
        LOG_SOFTMAX
        LOGSUMEXP
        LOGSUMEXP_BACKWARD
    void scales_f4(npy_intp n, const float* top, float* part, float* power, float* c, float* low, float* shift) noexcept
    void factors_f4(int op, npy_intp n, float* top, const float* part, float* power, const float* gradient, const double* count,
                    const double* hi, const double* lo, float* a, float* b) noexcept
    float exponential_f4(float x, float c, float low, float shift) noexcept
    float gradient_of_f4(float e, float a, float b, float power) noexcept
    float softmax_gradient_f4(float dy, float y, float a, float b) noexcept
    float log_softmax_gradient_f4(float dy, float y, float a) noexcept
    void split_f4(npy_intp n, const double* sum, const double* sum_lo, float* a, float* b) noexcept
    void straight_rows_f4(int op, const char* dy, const char* x, char* out, npy_intp n_outer, npy_intp n,
                          npy_intp sdy, npy_intp sx, npy_intp so) noexcept
    void straight_gradients_f4(int op, const char* dy, const char* y, char* out, npy_intp n_outer, npy_intp n,
                               npy_intp sdy, npy_intp sy, npy_intp so) noexcept
    void rows_across_32_f4(int op, const char* dy, const char* x, char* out, npy_intp n,
                            npy_intp sdy, npy_intp so, npy_intp cx, npy_intp co) noexcept
    void gradients_across_32_f4(int op, const char* dy, const char* y, char* out, npy_intp n,
                                 npy_intp sdy, npy_intp sy, npy_intp cdy, npy_intp cy, npy_intp co) noexcept
    void rows_across_8_f4(int op, const char* dy, const char* x, char* out, npy_intp n,
                            npy_intp sdy, npy_intp so, npy_intp cx, npy_intp co) noexcept
    void gradients_across_8_f4(int op, const char* dy, const char* y, char* out, npy_intp n,
                                 npy_intp sdy, npy_intp sy, npy_intp cdy, npy_intp cy, npy_intp co) noexcept
    void scales_f8(npy_intp n, const double* top, double* part, double* power, double* c, double* low, double* shift) noexcept
    void factors_f8(int op, npy_intp n, double* top, const double* part, double* power, const double* gradient, const double* count,
                    const double* hi, const double* lo, double* a, double* b) noexcept
    double exponential_f8(double x, double c, double low, double shift) noexcept
    double gradient_of_f8(double e, double a, double b, double power) noexcept
    double softmax_gradient_f8(double dy, double y, double a, double b) noexcept
    double log_softmax_gradient_f8(double dy, double y, double a) noexcept
    void split_f8(npy_intp n, const double* sum, const double* sum_lo, double* a, double* b) noexcept
    void straight_rows_f8(int op, const char* dy, const char* x, char* out, npy_intp n_outer, npy_intp n,
                          npy_intp sdy, npy_intp sx, npy_intp so) noexcept
    void straight_gradients_f8(int op, const char* dy, const char* y, char* out, npy_intp n_outer, npy_intp n,
                               npy_intp sdy, npy_intp sy, npy_intp so) noexcept
    void rows_across_32_f8(int op, const char* dy, const char* x, char* out, npy_intp n,
                            npy_intp sdy, npy_intp so, npy_intp cx, npy_intp co) noexcept
    void gradients_across_32_f8(int op, const char* dy, const char* y, char* out, npy_intp n,
                                 npy_intp sdy, npy_intp sy, npy_intp cdy, npy_intp cy, npy_intp co) noexcept
    void rows_across_8_f8(int op, const char* dy, const char* x, char* out, npy_intp n,
                            npy_intp sdy, npy_intp so, npy_intp cx, npy_intp co) noexcept
    void gradients_across_8_f8(int op, const char* dy, const char* y, char* out, npy_intp n,
                                 npy_intp sdy, npy_intp sy, npy_intp cdy, npy_intp cy, npy_intp co) noexcept

cdef enum:
    BATCH = 8                   # rows along memory taken together
    STAGE = 2048                # numbers that are kept on the stack, if the rows fit
    SMALL = 16                  # rows up to this length are taken WIDTH at a time


# ---- access ---------------------------------------------------------------------------------------------------------

cdef struct Operand:
    int storage
    npy_intp outer, core                # strides in bytes: from row to row, and along the row
    npy_intp lane                       # the one between numbers that are taken together
    npy_intp mask_core, mask_lane
    bint ready                          # these lie together in memory


cdef struct Plan:
    bint across
    npy_intp n, rows                    # numbers in a row, rows taken together
    npy_intp units                      # how often each pass is made: for every row, or once for all of them
    bint there                          # numbers that are ready are used where they are
    bint ready                          # so are those of every operand
    bint place                          # the results are put where they belong, and nowhere else before
    npy_intp kept                       # so many exponentials of a row wait for their factor there, too
    npy_intp rest                       # room for the others or, where not ready, for all, in whole segments
    bint staged                         # they wait in the stage


cdef inline npy_intp whole(npy_intp n) noexcept nogil:
    return (n + WIDTH - 1) // WIDTH * WIDTH


cdef Operand operand(int storage, bint across, char* p, npy_intp outer, npy_intp core) noexcept nogil:
    cdef Operand a
    cdef npy_intp size = stored_size(storage)
    a.storage, a.outer, a.core, a.lane = storage, outer, core, outer if across else core
    a.mask_core = a.mask_lane = 0
    a.ready = storage != STORE_F2 and a.lane == size and (<size_t>p | <size_t>outer | <size_t>core) % <size_t>size == 0
    return a


cdef bint along_memory(int storage, char* p, npy_intp outer, npy_intp core) noexcept nogil:
    return operand(storage, False, p, outer, core).ready


cdef bint take_across(npy_intp n_outer, npy_intp n, npy_intp outer, npy_intp core) noexcept nogil:
    """Whether to take WIDTH rows at a time: where neighbours belong to different rows, or the rows are short."""
    return n_outer >= 8 and (n <= SMALL and n_outer >= 16 or (outer if outer > 0 else -outer) < (core if core > 0 else -core))


cdef inline void make_plan(Plan* t, bint across, npy_intp n, npy_intp rows, bint ready, bint place) noexcept nogil:
    t.across, t.n = across, n
    if across:
        t.rows, t.units = min(rows, WIDTH), 1
        t.rest = n * WIDTH
        t.there, t.place = rows >= WIDTH, place and rows >= WIDTH
        t.kept = n if t.place else 0
    else:
        t.rows = t.units = max(1, min(min(rows, BATCH), STAGE // whole(max(n, 1))))
        t.there, t.place = True, place
        t.kept = 0 if not place else n if n % WIDTH == 0 else n - n % STRETCH
        t.rest = whole(n - t.kept if ready else n)
    t.ready = ready and t.there
    t.staged = t.ready or t.rest <= STAGE


cdef void load(const Operand* a, char* p, char* mask, npy_intp n, real pad, real* to) noexcept nogil:
    """Up to STRETCH numbers; `pad` for what is masked and up to a whole segment."""
    cdef npy_intp i = 0, j
    cdef real* last = to + whole(n) - WIDTH
    if n % WIDTH != 0:
        for j in range(WIDTH):
            last[j] = pad
    if a.lane == sizeof(real) and a.storage != STORE_F2 and n == WIDTH:
        memcpy(to, p, WIDTH * sizeof(real))
    elif a.lane == sizeof(real) and a.storage != STORE_F2:
        memcpy(to, p, n * sizeof(real))
    else:
        load_block(a.storage, to, p, a.lane, n)
    if mask != NULL:
        while a.mask_lane == 1 and i + WIDTH <= n:
            for j in range(WIDTH):
                to[i + j] = to[i + j] if mask[i + j] != 0 else pad
            i += WIDTH
        for j in range(i, n):
            to[j] = to[j] if mask[j * a.mask_lane] != 0 else pad


cdef void load_stage(const Plan* t, const Operand* a, char* p, char* mask, real pad, real* stage) noexcept nogil:
    cdef npy_intp i = 0
    while i < t.n and t.staged and not (t.there and a.ready):
        load(a, p + i * a.core, NULL if mask == NULL else mask + i * a.mask_core, t.rows if t.across else min(t.n - i, STRETCH), pad, stage)
        stage += WIDTH if t.across else STRETCH
        i += 1 if t.across else STRETCH


cdef void store(const Operand* a, char* p, npy_intp n, const real* v) noexcept nogil:
    if a.lane == sizeof(real) and a.storage != STORE_F2:
        memcpy(p, v, n * sizeof(real))
    else:
        store_block(a.storage, p, a.lane, v, n)


cdef inline real* numbers(const Plan* t, const Operand* a, char* p, char* mask, npy_intp i, real pad, real* stage, real* buffer) noexcept nogil:
    """Number i of all rows, or the numbers of one row from i on: a stretch if they are neither ready nor staged."""
    if t.there and a.ready:
        return <real*>(p + i * a.core)
    if t.staged:
        return stage + i * (WIDTH if t.across else 1)
    load(a, p + i * a.core, NULL if mask == NULL else mask + i * a.mask_core, t.rows if t.across else min(t.n - i, STRETCH), pad, buffer)
    return buffer


# ---- the passes over numbers of one row, and over one number of WIDTH rows ------------------------------------------

cdef inline void maximum(const real* x, npy_intp n, real* m) noexcept nogil:
    """The maximum of each lane. NaN is left out: it comes back through the exponentials."""
    cdef npy_intp i = 0, j
    cdef real most[4 * WIDTH]
    if n >= 8 * WIDTH:
        for j in range(4 * WIDTH):
            most[j] = <real>(-INFINITY)
        while i + 4 * WIDTH <= n:
            for j in range(4 * WIDTH):
                most[j] = x[i + j] if x[i + j] > most[j] else most[j]
            i += 4 * WIDTH
        for j in range(WIDTH):
            most[j] = most[j] if most[j] > most[j + 32] else most[j + 32]
            most[j + 64] = most[j + 64] if most[j + 64] > most[j + 96] else most[j + 96]
            most[j] = most[j] if most[j] > most[j + 64] else most[j + 64]
        greater(m, most)
    while i + WIDTH <= n:
        greater(m, x + i)
        i += WIDTH
    for j in range(n - i):
        m[j] = x[i + j] if x[i + j] > m[j] else m[j]


cdef inline void greater(real* m, const real* x) noexcept nogil:
    cdef npy_intp j
    for j in range(WIDTH):
        m[j] = x[j] if x[j] > m[j] else m[j]


cdef inline void greatest_across(real** x, real* m) noexcept nogil:
    cdef npy_intp j
    cdef real v
    for j in range(WIDTH):
        v = x[0][j] if x[0][j] > m[j] else m[j]
        v = x[1][j] if x[1][j] > v else v
        v = x[2][j] if x[2][j] > v else v
        m[j] = x[3][j] if x[3][j] > v else v


cdef inline void greatest(real* m, npy_intp rows, npy_intp half) noexcept nogil:
    """Lanes [0, half) become the greater of the halves, for each row. Level by level, so that rows do not wait."""
    cdef npy_intp u, j
    for u in range(rows):
        for j in range(half):
            m[j] = m[j + half] if m[j + half] > m[j] else m[j]
        m += WIDTH


cdef inline real exponential(real x, real c, real low, real shift) noexcept nogil:
    if real is float:
        return exponential_f4(x, c, low, shift)
    else:
        return exponential_f8(x, c, low, shift)


cdef inline void exponentials(const real* x, real* e, npy_intp n, real c, real low, real shift) noexcept nogil:
    cdef npy_intp j
    if INPLACE_LOOPS and x == e:
        for j in range(n):
            e[j] = exponential(e[j], c, low, shift)
    else:
        for j in range(n):
            e[j] = exponential(x[j], c, low, shift)


cdef inline int exponentials_but(const real* x, real* e, npy_intp n, real m, real c, real low, real shift) noexcept nogil:
    """The maximum left out: how often it occurs."""
    cdef npy_intp j
    cdef int count = 0
    cdef real v
    for j in range(n):
        v = exponential(x[j], c, low, shift)
        e[j] = <real>0 if x[j] == m else v
        count += x[j] == m
    return count


cdef inline void exponentials_across(const real* x, real* e, const real* c, const real* low, const real* shift) noexcept nogil:
    cdef npy_intp j
    for j in range(WIDTH):
        e[j] = exponential(x[j], c[j], low[j], shift[j])


cdef inline void leave_out(const real* x, real* e, const real* m, real* count) noexcept nogil:
    cdef npy_intp j
    for j in range(WIDTH):
        count[j] += <real>1 if x[j] == m[j] else <real>0
        e[j] = <real>0 if x[j] == m[j] else e[j]


cdef inline void products(const real* e, real* y, npy_intp n, real a, real b) noexcept nogil:
    cdef npy_intp j
    if INPLACE_LOOPS and e == y:
        for j in range(n):
            y[j] = fma(y[j], a, y[j] * b)
    else:
        for j in range(n):
            y[j] = fma(e[j], a, e[j] * b)


cdef inline real gradient_of(real e, real a, real b, real power) noexcept nogil:
    if real is float:
        return gradient_of_f4(e, a, b, power)
    else:
        return gradient_of_f8(e, a, b, power)


cdef inline void differences(const real* x, real* y, npy_intp n, real a, real b) noexcept nogil:
    cdef npy_intp j
    if INPLACE_LOOPS and x == y:
        for j in range(n):
            y[j] = (y[j] - a) - b
    else:
        for j in range(n):
            y[j] = (x[j] - a) - b


# ---- sums -----------------------------------------------------------------------------------------------------------

cdef inline void add_four(const real* e, npy_intp n, real* v) noexcept nogil:
    """Up to four segments, n numbers in all, pairwise."""
    cdef npy_intp j
    if n >= 4 * WIDTH:
        for j in range(WIDTH):
            v[j] = (e[j] + e[j + 32]) + (e[j + 64] + e[j + 96])
    elif n == 3 * WIDTH:
        for j in range(WIDTH):
            v[j] = (e[j] + e[j + 32]) + e[j + 64]
    elif n == 2 * WIDTH:
        for j in range(WIDTH):
            v[j] = e[j] + e[j + 32]
    else:
        for j in range(WIDTH):
            v[j] = e[j]


cdef inline void add_eight(const real* e, npy_intp n, real* v) noexcept nogil:
    cdef npy_intp j
    cdef real w[WIDTH]
    if n == STRETCH:
        for j in range(WIDTH):
            v[j] = ((e[j] + e[j + 32]) + (e[j + 64] + e[j + 96])) + ((e[j + 128] + e[j + 160]) + (e[j + 192] + e[j + 224]))
    else:
        add_four(e, n, v)
        if n > 4 * WIDTH:
            add_four(e + 4 * WIDTH, n - 4 * WIDTH, w)
            for j in range(WIDTH):
                v[j] += w[j]


cdef inline void accumulate(const real* v, double* hi, double* lo, bint first) noexcept nogil:
    cdef npy_intp j
    cdef double s
    if first:
        for j in range(WIDTH):
            hi[j] = <double>v[j]
            lo[j] = 0.0
    elif real is float:
        for j in range(WIDTH):
            hi[j] += <double>v[j]
    else:
        for j in range(WIDTH):
            s = hi[j] + v[j]
            lo[j] += sum_error_f8(hi[j], v[j], s)
            hi[j] = s


cdef inline void fold(real tag, double* hi, double* lo, npy_intp from_, npy_intp n) noexcept nogil:
    """Sums [0, n) += sums [from_, from_ + n)."""
    cdef npy_intp j
    cdef double s
    for j in range(n):
        s = hi[j] + hi[j + from_]
        if real is double:
            lo[j] = (lo[j] + lo[j + from_]) + sum_error_f8(hi[j], hi[j + from_], s)
        else:
            lo[j] = <double>(<float>lo[j] + <float>lo[j + from_])
        hi[j] = s


cdef inline void fold_lanes(real tag, double* hi, double* lo) noexcept nogil:
    """32 lanes to eight."""
    fold(tag, hi, lo, 16, 16)
    fold(tag, hi, lo, 8, 8)


cdef inline void add_pairs(real tag, double* hi, double* lo, npy_intp n) noexcept nogil:
    """Sums [0, n) are those of neighbours among [0, 2n)."""
    cdef double s[4 * ROWS]
    cdef double r[4 * ROWS]
    cdef npy_intp j
    for j in range(n):
        s[j] = hi[2 * j] + hi[2 * j + 1]
        if real is double:
            r[j] = (lo[2 * j] + lo[2 * j + 1]) + sum_error_f8(hi[2 * j], hi[2 * j + 1], s[j])
    for j in range(n):
        hi[j] = s[j]
        if real is double:
            lo[j] = r[j]


cdef inline void add_eights(real tag, double* hi, double* lo) noexcept nogil:
    """The sum of each of ROWS rows from eight lanes each."""
    cdef npy_intp j
    add_pairs(tag, hi, lo, 4 * ROWS)
    add_pairs(tag, hi, lo, 2 * ROWS)
    add_pairs(tag, hi, lo, ROWS)
    if real is float:
        for j in range(ROWS):
            lo[j] = 0.0


cdef inline void add_errors(real tag, double* hi, double* lo, npy_intp n) noexcept nogil:
    """The errors of floats' products, to the sums."""
    cdef npy_intp j
    if real is float:
        for j in range(n):
            hi[j] += lo[j]
            lo[j] = 0.0


cdef inline void add_lanes(real tag, const Plan* t, double* hi, double* lo) noexcept nogil:
    """The sum of each row, at hi[row] and lo[row]: along memory from WIDTH lanes each, across memory from n."""
    cdef npy_intp u, l, half = 16, n = min(t.n, WIDTH), step = 1
    if t.across:
        while half >= 8:
            for l in range(n - half):
                fold(tag, hi + l * WIDTH, lo + l * WIDTH, half * WIDTH, WIDTH)
            n, half = min(n, half), half >> 1
        add_errors(tag, hi, lo, n * WIDTH)
        while step < n:
            l = 0
            while l + step < n:
                fold(tag, hi + l * WIDTH, lo + l * WIDTH, step * WIDTH, WIDTH)
                l += 2 * step
            step *= 2
    else:
        for u in range(t.units):
            fold_lanes(tag, hi + u * WIDTH, lo + u * WIDTH)
            for l in range(8):
                hi[8 * u + l] = hi[WIDTH * u + l]
                lo[8 * u + l] = lo[WIDTH * u + l]
        for l in range(8 * t.units, 8 * ROWS):
            hi[l] = 1.0
            lo[l] = 0.0
        add_errors(tag, hi, lo, 8 * t.units)
        add_eights(tag, hi, lo)
    if real is float:
        for u in range(WIDTH):
            lo[u] = 0.0


# ---- exponentials ---------------------------------------------------------------------------------------------------

cdef bint all_masked(const char* mask, npy_intp stride, npy_intp n) noexcept nogil:
    cdef npy_intp i
    for i in range(n):
        if mask[i * stride] != 0:
            return False
    return True


cdef int exponential_rows(real tag, int op, int storage, char* dy, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n,
                          npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    cdef real stage[STAGE]
    cdef real buffer[STRETCH]
    cdef real e[STRETCH]
    cdef real m[BATCH * WIDTH]
    cdef double hi[WIDTH * WIDTH]
    cdef double lo[WIDTH * WIDTH]
    cdef real four[WIDTH]
    cdef real counted[WIDTH]
    # per row
    cdef double count[WIDTH]
    cdef real top[WIDTH]
    cdef real part[WIDTH]
    cdef real power[WIDTH]
    cdef real c[WIDTH]
    cdef real low[WIDTH]
    cdef real shift[WIDTH]
    cdef real a[WIDTH]
    cdef real b[WIDTH]
    cdef real gradient[WIDTH]
    cdef real* p
    cdef real* q
    cdef real* xs[8]
    cdef char* px
    cdef char* po
    cdef char* pm
    cdef bint across = take_across(n_outer, n, sx, cx), wants_log = op == LOG_SOFTMAX or op == LOGSUMEXP
    cdef bint in_place = x == out and op != LOGSUMEXP
    cdef npy_intp row = 0, u, i, j, k, l, d, back, lanes = WIDTH if across else BATCH
    cdef int depth
    cdef Operand X = operand(storage, across, x, sx, cx), O = operand(storage, across, out, so, co)
    cdef Plan t

    if n == 0 and op != LOGSUMEXP:
        return 0
    X.mask_core, X.mask_lane = cm, sm if across else cm
    X.ready = X.ready and mask == NULL and (O.ready or op == LOGSUMEXP)
    if X.ready and n > 0 and across:
        while row < n_outer:
            back = WIDTH if n_outer - row >= WIDTH else 8
            if n_outer - row < 8:
                if row == 0 or in_place:
                    break
                row = n_outer - 8                       # some rows again
            px, po = x + row * sx, out + row * so
            if real is float:
                if back == WIDTH:
                    rows_across_32_f4(op, dy + row * sdy, px, po, n, sdy, so, cx, co)
                else:
                    rows_across_8_f4(op, dy + row * sdy, px, po, n, sdy, so, cx, co)
            elif back == WIDTH:
                rows_across_32_f8(op, dy + row * sdy, px, po, n, sdy, so, cx, co)
            else:
                rows_across_8_f8(op, dy + row * sdy, px, po, n, sdy, so, cx, co)
            row += back
        x, out, dy = x + row * sx, out + row * so, NULL if dy == NULL else dy + row * sdy
    elif X.ready and n > 0:
        if real is float:
            straight_rows_f4(op, dy, x, out, n_outer, n, sdy, sx, so)
        else:
            straight_rows_f8(op, dy, x, out, n_outer, n, sdy, sx, so)
        return 0
    while row < n_outer:
        if across and n_outer - row < WIDTH and row > 0 and not in_place:
            back = WIDTH - (n_outer - row)              # some rows again, rather than a part of a segment
            row, x, out = row - back, x - back * sx, out - back * so
            mask = NULL if mask == NULL else mask - back * sm
            dy = NULL if dy == NULL else dy - back * sdy
        make_plan(&t, across, n, n_outer - row, X.ready, O.ready)

        # the maximum
        for u in range(t.units):
            px, pm, q = x + u * sx, NULL if mask == NULL else mask + u * sm, stage + u * t.rest
            for j in range(WIDTH):
                m[u * WIDTH + j] = <real>(-INFINITY)
            load_stage(&t, &X, px, pm, <real>(-INFINITY), q)
            i = 0
            while i < n:
                if across:
                    for k in range(4):                  # the last again changes nothing
                        xs[k] = numbers(&t, &X, px, pm, min(i + k, n - 1), <real>(-INFINITY), q, buffer + k * WIDTH)
                    greatest_across(xs, m)
                    i += 4
                else:
                    d = n if t.staged else min(n - i, STRETCH)
                    maximum(numbers(&t, &X, px, pm, i, <real>(-INFINITY), q, buffer), d, m + u * WIDTH)
                    i += d
        if across:
            for j in range(WIDTH):
                top[j] = m[j]
        else:
            greatest(m, t.units, 16)
            greatest(m, t.units, 8)
            greatest(m, t.units, 4)
            greatest(m, t.units, 2)
            greatest(m, t.units, 1)
            for u in range(t.units):
                top[u] = m[u * WIDTH]
            for u in range(t.units, BATCH):
                top[u] = <real>0
        if mask != NULL and op != LOGSUMEXP:
            for j in range(t.rows):
                if top[j] == <real>(-INFINITY) and all_masked(mask + j * sm, cm, n):
                    top[j] = <real>0
        if real is float:
            scales_f4(lanes, top, part, power, c, low, shift)
        else:
            scales_f8(lanes, top, part, power, c, low, shift)

        # exponentials and their sum
        for j in range(lanes):
            count[j] = 0.0
        for u in range(0 if across else t.units):
            px, po, pm = x + u * sx, out + u * so, NULL if mask == NULL else mask + u * sm
            for i in range(0, n, 256):
                d = min(n - i, STRETCH)
                p = numbers(&t, &X, px, pm, i, <real>(-INFINITY), stage + u * t.rest, buffer)
                q = &e[0] if wants_log else <real*>(po + i * co) if i + d <= t.kept else &stage[u * t.rest] if t.ready else p
                if d % WIDTH != 0:
                    if t.ready:
                        for j in range(WIDTH):
                            q[whole(d) - WIDTH + j] = <real>0
                    else:
                        d = whole(d)
                if wants_log:
                    count[u] += <double>exponentials_but(p, q, d, top[u], c[u], low[u], shift[u])
                else:
                    exponentials(p, q, d, c[u], low[u], shift[u])
                add_eight(q, whole(d), four)
                accumulate(four, hi + u * WIDTH, lo + u * WIDTH, i == 0)
        for j in range(WIDTH):
            counted[j] = <real>0
        for i in range(0, n if across else 0, 256):
            for l in range(i, min(i + WIDTH, n)):
                depth = <int>((min(n, i + STRETCH) - l + WIDTH - 1) // WIDTH)
                for k in range(depth):
                    xs[k] = numbers(&t, &X, x, mask, l + k * WIDTH, <real>(-INFINITY), stage, buffer + k * WIDTH)
                for k in range(depth):
                    exponentials_across(xs[k], e + k * WIDTH, c, low, shift)
                if wants_log:
                    for k in range(depth):
                        leave_out(xs[k], e + k * WIDTH, top, counted)
                elif t.kept > 0 or t.staged:
                    for k in range(depth):
                        p = <real*>(out + (l + k * WIDTH) * co) if t.kept > 0 else xs[k]
                        for j in range(WIDTH):
                            p[j] = e[k * WIDTH + j]
                add_eight(e, depth * WIDTH, four)
                accumulate(four, hi + (l - i) * WIDTH, lo + (l - i) * WIDTH, i == 0)
            if wants_log:
                for j in range(WIDTH):
                    count[j] += <double>counted[j]
                    counted[j] = <real>0
        if n > 0:
            add_lanes(tag, &t, hi, lo)
        else:
            for j in range(WIDTH):
                hi[j] = lo[j] = 0.0

        if op == LOGSUMEXP_BACKWARD:
            load_block(storage, gradient, dy, sdy, t.rows)
            for j in range(t.rows, lanes):
                gradient[j] = <real>1
        if real is float:
            factors_f4(op, lanes, top, part, power, gradient, count, hi, lo, a, b)
        else:
            factors_f8(op, lanes, top, part, power, gradient, count, hi, lo, a, b)

        # the results
        if op == LOGSUMEXP:
            store_block(storage, out, so, top, t.rows)
        for u in range(t.units if op != LOGSUMEXP else 0):
            px, po, pm = x + u * sx, out + u * so, NULL if mask == NULL else mask + u * sm
            i = 0
            while i < n:
                d = 1 if across else min(n - i, STRETCH)
                if i < t.kept and not wants_log:
                    d = d if across else t.kept
                    p = <real*>(po + i * co)
                elif t.ready and not wants_log:
                    p = stage + u * t.rest
                else:
                    p = numbers(&t, &X, px, pm, i, <real>(-INFINITY), stage + u * t.rest, buffer)
                    if across and not t.staged and not wants_log:
                        exponentials_across(p, p, c, low, shift)
                    elif not t.staged and not wants_log:
                        exponentials(p, p, whole(d), c[u], low[u], shift[u])
                    elif t.ready and not across:
                        d = n
                q = <real*>(po + i * co) if t.place else p
                if across:
                    if op == LOG_SOFTMAX:
                        for j in range(WIDTH):
                            e[j] = (p[j] - a[j]) - b[j]
                        p = e
                    elif op == SOFTMAX:
                        for j in range(WIDTH):
                            p[j] = fma(p[j], a[j], p[j] * b[j])
                    else:
                        for j in range(WIDTH):
                            p[j] = gradient_of(p[j], a[j], b[j], power[j])
                    if p != q:
                        memcpy(q, p, WIDTH * sizeof(real))
                elif op == LOG_SOFTMAX:
                    differences(p, q, d, a[u], b[u])
                elif op == SOFTMAX:
                    products(p, q, d, a[u], b[u])
                else:
                    for j in range(d):
                        q[j] = gradient_of(p[j], a[u], b[u], power[u])
                if not t.place:
                    store(&O, po + i * co, t.rows if across else d, q)
                i += d
        row += t.rows
        x += t.rows * sx
        out += t.rows * so
        mask = NULL if mask == NULL else mask + t.rows * sm
        dy = NULL if dy == NULL else dy + t.rows * sdy
    return 0


# ---- gradients from the result --------------------------------------------------------------------------------------

cdef inline void add_gradients(real** dy, real** y, int depth, npy_intp n, int op, bint wild, double* hi, double* lo) noexcept nogil:
    """Add `depth` segments, one after the other, to the sums of n lanes: dy·y, or dy alone."""
    cdef npy_intp j
    cdef int k
    cdef real d, w
    cdef double v, s
    for k in range(depth):
        for j in range(min(n - k * WIDTH, WIDTH)):
            d = dy[k][j]
            if op == SOFTMAX and (wild or real is double):
                d = <real>0 if y[k][j] == <real>0 else d            # masked
            if op != SOFTMAX:
                v = <double>d
                w = <real>0
            elif wild and real is float:
                v = <double>d * <double>y[k][j]
                w = <real>0
            else:
                v = <double>(d * y[k][j])
                w = fma(d, y[k][j], -<real>v)
            s = hi[j] + v
            if real is double:
                lo[j] += sum_error_f8(hi[j], v, s) + w
            else:
                lo[j] = <double>(<float>lo[j] + w)
            hi[j] = s


cdef inline real gradient_at(int op, real d, real y, real a, real b) noexcept nogil:
    if real is float:
        return softmax_gradient_f4(d, y, a, b) if op == SOFTMAX else log_softmax_gradient_f4(d, y, a)
    else:
        return softmax_gradient_f8(d, y, a, b) if op == SOFTMAX else log_softmax_gradient_f8(d, y, a)


cdef int backward_y_rows(real tag, int op, int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n,
                         npy_intp sd, npy_intp sy, npy_intp so, npy_intp cd, npy_intp cy, npy_intp co) noexcept nogil:
    cdef real stage_d[STAGE]
    cdef real stage_y[STAGE]
    cdef real buffer_d[STRETCH]
    cdef real buffer_y[STRETCH]
    cdef real e[WIDTH]
    cdef double hi[WIDTH * WIDTH]
    cdef double lo[WIDTH * WIDTH]
    cdef real a[WIDTH]
    cdef real b[WIDTH]
    cdef real* d
    cdef real* v
    cdef real* q
    cdef real* ds[8]
    cdef real* vs[8]
    cdef bint across = take_across(n_outer, n, sd, cd)
    cdef bint in_place = out == dy or out == y
    cdef npy_intp row = 0, u, i, j, k, l, step, back
    cdef int depth, wild
    cdef bint finite
    cdef double sums[WIDTH]
    cdef double sums_lo[WIDTH]
    cdef Operand D = operand(storage, across, dy, sd, cd), Y = operand(storage, across, y, sy, cy), O = operand(storage, across, out, so, co)
    cdef Plan t

    if n == 0:
        return 0
    if across and O.ready and (D.ready or along_memory(storage, dy, sd, cd)) and (Y.ready or along_memory(storage, y, sy, cy)):
        while row < n_outer:
            step = WIDTH if n_outer - row >= WIDTH else 8
            if n_outer - row < 8:
                if row == 0 or in_place:
                    break
                row = n_outer - 8                       # some rows again
            if real is float:
                if step == WIDTH:
                    gradients_across_32_f4(op, dy + row * sd, y + row * sy, out + row * so, n, sd, sy, cd, cy, co)
                else:
                    gradients_across_8_f4(op, dy + row * sd, y + row * sy, out + row * so, n, sd, sy, cd, cy, co)
            elif step == WIDTH:
                gradients_across_32_f8(op, dy + row * sd, y + row * sy, out + row * so, n, sd, sy, cd, cy, co)
            else:
                gradients_across_8_f8(op, dy + row * sd, y + row * sy, out + row * so, n, sd, sy, cd, cy, co)
            row += step
        dy, y, out = dy + row * sd, y + row * sy, out + row * so
    elif not across and D.ready and Y.ready and O.ready:
        if real is float:
            straight_gradients_f4(op, dy, y, out, n_outer, n, sd, sy, so)
        else:
            straight_gradients_f8(op, dy, y, out, n_outer, n, sd, sy, so)
        return 0
    D.ready = D.ready and O.ready
    while row < n_outer:
        if across and n_outer - row < WIDTH and row > 0 and not in_place:
            back = WIDTH - (n_outer - row)
            row, dy, y, out = row - back, dy - back * sd, y - back * sy, out - back * so
        make_plan(&t, across, n, n_outer - row, D.ready and Y.ready, O.ready)

        # the sums; a second time where one is not finite
        for u in range(t.units):
            load_stage(&t, &D, dy + u * sd, NULL, <real>0, stage_d + u * t.rest)
            load_stage(&t, &Y, y + u * sy, NULL, <real>0, stage_y + u * t.rest)
        for j in range(WIDTH):
            sums[j] = <double>INFINITY
        for wild in range(2 if op == SOFTMAX and real is float else 1):
            finite = True
            for j in range(t.rows):
                finite = finite and abs_f8(sums[j]) < <double>INFINITY
            if finite:
                break
            for j in range((min(n, WIDTH) if across else t.units) * WIDTH):
                hi[j] = lo[j] = 0.0
            for u in range(t.units):
                for i in range(0, n, 256):
                    for l in range(i, min(i + WIDTH, n) if across else i + 1):
                        depth = <int>((min(n, i + STRETCH) - l + WIDTH - 1) // WIDTH)
                        for k in range(depth):
                            if across or k == 0:
                                ds[k] = numbers(&t, &D, dy + u * sd, NULL, l + k * WIDTH, <real>0, stage_d + u * t.rest, buffer_d + k * WIDTH)
                                vs[k] = ds[k]
                                if op == SOFTMAX:
                                    vs[k] = numbers(&t, &Y, y + u * sy, NULL, l + k * WIDTH, <real>0, stage_y + u * t.rest, buffer_y + k * WIDTH)
                            else:
                                ds[k], vs[k] = ds[0] + k * WIDTH, vs[0] + k * WIDTH
                        k = (l - i if across else u) * WIDTH
                        add_gradients(ds, vs, depth, STRETCH if across else n - i, op, wild, hi + k, lo + k)
            add_lanes(tag, &t, hi, lo)
            for j in range(WIDTH):
                if not abs_f8(sums[j]) < <double>INFINITY:
                    sums[j], sums_lo[j] = hi[j], lo[j]
        if real is float:
            split_f4(WIDTH if across else BATCH, sums, sums_lo, a, b)
        else:
            split_f8(WIDTH if across else BATCH, sums, sums_lo, a, b)

        # the results
        for u in range(t.units):
            i = 0
            while i < n:
                d = numbers(&t, &D, dy + u * sd, NULL, i, <real>0, stage_d + u * t.rest, buffer_d)
                v = numbers(&t, &Y, y + u * sy, NULL, i, <real>0, stage_y + u * t.rest, buffer_y)
                q = <real*>(out + u * so + i * co) if t.place else d
                step = 1 if across else n if t.staged else min(n - i, STRETCH)
                if across:
                    for j in range(WIDTH):
                        e[j] = gradient_at(op, d[j], v[j], a[j], b[j])
                    memcpy(q, e, WIDTH * sizeof(real))
                elif op == SOFTMAX:
                    for j in range(step):
                        q[j] = gradient_at(SOFTMAX, d[j], v[j], a[u], b[u])
                else:
                    for j in range(step):
                        q[j] = gradient_at(LOG_SOFTMAX, d[j], v[j], a[u], b[u])
                if not t.place:
                    for l in range(0, step, 256):
                        store(&O, out + u * so + (i + l) * co, t.rows if across else min(step - l, STRETCH), q + l)
                i += step
        row += t.rows
        dy += t.rows * sd
        y += t.rows * sy
        out += t.rows * so
    return 0


# ---- one driver for each operation: pointers, number of rows, length, strides from row to row, strides along the row ----

cdef int softmax_rows(int storage, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    if storage == STORE_F8:
        return exponential_rows(<double>0, SOFTMAX, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, co)
    return exponential_rows(<float>0, SOFTMAX, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, co)


cdef int log_softmax_rows(int storage, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    if storage == STORE_F8:
        return exponential_rows(<double>0, LOG_SOFTMAX, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, co)
    return exponential_rows(<float>0, LOG_SOFTMAX, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, co)


cdef int logsumexp_rows(int storage, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm) noexcept nogil:
    if storage == STORE_F8:
        return exponential_rows(<double>0, LOGSUMEXP, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, 0)
    return exponential_rows(<float>0, LOGSUMEXP, storage, NULL, x, mask, out, n_outer, n, 0, sx, sm, so, cx, cm, 0)


cdef int logsumexp_backward_rows(int storage, char* dy, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    if storage == STORE_F8:
        return exponential_rows(<double>0, LOGSUMEXP_BACKWARD, storage, dy, x, mask, out, n_outer, n, sdy, sx, sm, so, cx, cm, co)
    return exponential_rows(<float>0, LOGSUMEXP_BACKWARD, storage, dy, x, mask, out, n_outer, n, sdy, sx, sm, so, cx, cm, co)


cdef int softmax_backward_y_rows(int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept nogil:
    if storage == STORE_F8:
        return backward_y_rows(<double>0, SOFTMAX, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)
    return backward_y_rows(<float>0, SOFTMAX, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)


cdef int log_softmax_backward_y_rows(int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n, npy_intp sdy, npy_intp sy, npy_intp so, npy_intp cdy, npy_intp cy, npy_intp co) noexcept nogil:
    if storage == STORE_F8:
        return backward_y_rows(<double>0, LOG_SOFTMAX, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)
    return backward_y_rows(<float>0, LOG_SOFTMAX, storage, dy, y, out, n_outer, n, sdy, sy, so, cdy, cy, co)
