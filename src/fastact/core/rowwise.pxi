# softmax, log_softmax, logsumexp: one set of passes for rows that lie along memory and for rows that lie across it.
#
# A row is cut into segments of WIDTH numbers. Along memory a segment is WIDTH neighbours of one row. Across memory
# it is one number of WIDTH rows each. Every pass works on whole segments, lane by lane, so it is the same code for
# both, and a tail or a strided, masked or half-precision segment is first copied into a full one.
#
# Rows give the same bits in both cases, because sums are added up in one order. Number i of a row belongs to lane
# i mod 32. The eight numbers of a lane in one stretch of 256 are added pairwise in the row's own type, these sums
# are added from left to right in double, and in the end the lanes are added by halving. Double is not enough for
# rows of doubles: those sums keep their rounding errors in a second double.
#
# Exponentials are e^(x-M)·2^UP. Where |m|, the maximum, is small, M is the multiple n·ln 2 next to m, so that M is
# nothing but an exponent and x-M is never rounded; where |m| is large M is m, and x-m is exact wherever it matters.
# The factor 2^UP keeps every number normal that is not 0 in the end, so that a result is rounded once.

from libc.math cimport INFINITY

cdef enum:
    WIDTH = 32                  # lanes
    DEPTH = 8                   # segments added pairwise
    BATCH = 8                   # rows along memory taken together
    STAGE = 64                  # segments that are kept on the stack, if the rows fit
    SMALL = 16                  # rows up to this length are taken WIDTH at a time

cdef enum:
    SOFTMAX
    LOG_SOFTMAX
    LOGSUMEXP
    LOGSUMEXP_BACKWARD


cdef struct Cut:                # one row along memory, or WIDTH rows across it
    npy_intp segments
    npy_intp shift              # segments that add up to one sum are 1 << shift apart
    npy_intp sums               # how many sums that gives
    npy_intp width, last        # lanes in use: in every segment but the last, in the last


cdef struct Operand:
    int storage
    npy_intp row, segment, lane                 # strides, in bytes
    npy_intp ready                              # this many segments can be used where they are
    npy_intp mask_row, mask_segment, mask_lane


cdef inline void cut_rows(Cut* cut, bint across, npy_intp n, npy_intp rows) noexcept nogil:
    if across:
        cut.segments, cut.shift, cut.sums = n, 5, min(n, WIDTH)
        cut.width = cut.last = min(rows, WIDTH)
    else:
        cut.segments, cut.shift, cut.sums = (n + WIDTH - 1) // WIDTH, 0, 1
        cut.width, cut.last = WIDTH, n - (cut.segments - 1) * WIDTH


cdef inline void lay_out(Operand* a, int storage, bint across, char* p, npy_intp outer, npy_intp core) noexcept nogil:
    a.storage = storage
    a.row = outer * WIDTH if across else outer
    a.segment = core if across else core * WIDTH
    a.lane = outer if across else core
    a.ready = 0
    if storage != STORE_F2 and a.lane == stored_size(storage) and (<size_t>p | <size_t>outer | <size_t>core) % <size_t>a.lane == 0:
        a.ready = -1            # all of them


cdef inline void lay_mask(Operand* a, bint across, npy_intp outer, npy_intp core) noexcept nogil:
    a.mask_row = outer * WIDTH if across else outer
    a.mask_segment = core if across else core * WIDTH
    a.mask_lane = outer if across else core
    a.ready = 0


cdef inline npy_intp ready_segments(const Operand* a, const Cut* cut) noexcept nogil:
    if a.ready == 0 or cut.width < WIDTH:
        return 0
    return cut.segments - (cut.last < WIDTH)


cdef void load_segment(const Operand* a, char* p, char* mask, npy_intp width, npy_intp s, real pad, real* to) noexcept nogil:
    cdef npy_intp j
    p += s * a.segment
    if a.lane == sizeof(real) and a.storage != STORE_F2:
        if width == WIDTH:
            memcpy(to, p, WIDTH * sizeof(real))
        else:
            memcpy(to, p, width * sizeof(real))
    else:
        load_block(a.storage, to, p, a.lane, width)
    for j in range(width, WIDTH):
        to[j] = pad
    if mask != NULL:
        mask += s * a.mask_segment
        if a.mask_lane == 1 and width == WIDTH:
            for j in range(WIDTH):
                to[j] = to[j] if mask[j] != 0 else pad
        else:
            for j in range(width):
                to[j] = to[j] if mask[j * a.mask_lane] != 0 else pad


cdef inline npy_intp width_of(const Cut* cut, npy_intp s) noexcept nogil:
    return cut.last if s == cut.segments - 1 else cut.width


cdef inline real* segment(const Operand* a, const Cut* cut, char* p, char* mask, npy_intp s, real pad, real* buffer) noexcept nogil:
    if s < a.ready:
        return <real*>(p + s * a.segment)
    load_segment(a, p, mask, width_of(cut, s), s, pad, buffer)
    return buffer


cdef inline void put(const Operand* a, const Cut* cut, char* p, npy_intp s, const real* v) noexcept nogil:
    cdef npy_intp j
    cdef real* to = <real*>(p + s * a.segment)
    if s < a.ready:
        for j in range(WIDTH):
            to[j] = v[j]
    elif a.lane == sizeof(real) and a.storage != STORE_F2:
        memcpy(to, v, width_of(cut, s) * sizeof(real))
    else:
        store_block(a.storage, to, a.lane, v, width_of(cut, s))


cdef inline void maximum(const Operand* a, const Cut* cut, char* p, char* mask, real* m, real* buffer) noexcept nogil:
    """The maximum of each lane. NaN is left out: it comes back through the exponentials."""
    cdef npy_intp s = 0, j
    cdef int k
    cdef real* x[DEPTH]
    cdef real u, v
    for j in range(WIDTH):
        m[j] = <real>(-INFINITY)
    while cut.shift == 0 and s + 4 <= a.ready:
        x[0] = <real*>(p + s * a.segment)
        for j in range(WIDTH):
            u = x[0][j] if x[0][j] > m[j] else m[j]
            u = x[0][j + 32] if x[0][j + 32] > u else u
            u = x[0][j + 64] if x[0][j + 64] > u else u
            m[j] = x[0][j + 96] if x[0][j + 96] > u else u
        s += 4
    while s + 4 <= cut.segments:
        for k in range(4):
            x[k] = segment(a, cut, p, mask, s + k, <real>(-INFINITY), buffer + k * WIDTH)
        for j in range(WIDTH):
            u = x[0][j] if x[0][j] > m[j] else m[j]
            u = x[1][j] if x[1][j] > u else u
            u = x[2][j] if x[2][j] > u else u
            m[j] = x[3][j] if x[3][j] > u else u
        s += 4
    while s < cut.segments:
        x[0] = segment(a, cut, p, mask, s, <real>(-INFINITY), buffer)
        for j in range(WIDTH):
            m[j] = x[0][j] if x[0][j] > m[j] else m[j]
        s += 1


cdef inline void greatest(real* m, npy_intp rows) noexcept nogil:
    """The greatest of the lanes, in the first lane, for each row. Level by level, so that rows do not wait."""
    greater_half(m, rows, 16)
    greater_half(m, rows, 8)
    greater_half(m, rows, 4)
    greater_half(m, rows, 2)
    greater_half(m, rows, 1)


cdef inline void greater_half(real* m, npy_intp rows, npy_intp n) noexcept nogil:
    cdef npy_intp u, j
    for u in range(rows):
        for j in range(n):
            m[j] = m[j + n] if m[j + n] > m[j] else m[j]
        m += WIDTH


cdef inline void exponentials(real** x, real* e, int depth, const real* c, const real* low, const real* shift) noexcept nogil:
    cdef npy_intp j
    cdef int k
    cdef real* p
    cdef real s, w
    for k in range(depth):
        p = x[k]
        for j in range(WIDTH):
            s = exp_parts(at_least(p[j] - c[j], low[j]), <real>(-0.0), shift[j], &w)
            e[k * WIDTH + j] = fma(s, w, s)


# Stretches of one row that lie in memory as they should: the same arithmetic as segment by segment.

cdef inline void stretch_exponentials(real* x, real* e, npy_intp n, real c, real low, real shift) noexcept nogil:
    cdef npy_intp j
    cdef real s, w
    if x == e:
        for j in range(n):
            s = exp_parts(at_least(e[j] - c, low), <real>(-0.0), shift, &w)
            e[j] = fma(s, w, s)
    else:
        for j in range(n):
            s = exp_parts(at_least(x[j] - c, low), <real>(-0.0), shift, &w)
            e[j] = fma(s, w, s)


cdef inline void stretch_products(real* e, npy_intp n, real a, real b) noexcept nogil:
    cdef npy_intp j
    for j in range(n):
        e[j] = fma(e[j], a, e[j] * b)


cdef inline void stretch_differences(real* x, real* e, npy_intp n, real a, real b) noexcept nogil:
    cdef npy_intp j
    if x == e:
        for j in range(n):
            e[j] = (e[j] - a) - b
    else:
        for j in range(n):
            e[j] = (x[j] - a) - b


cdef inline void take_out(real** x, real* e, int depth, const real* m, double* count, bint first) noexcept nogil:
    """Count the maxima, and leave them out of the sum."""
    cdef npy_intp j
    cdef int k
    cdef real* p
    cdef real n[WIDTH]
    for j in range(WIDTH):
        n[j] = <real>0
    for k in range(depth):
        p = x[k]
        for j in range(WIDTH):
            n[j] += <real>1 if p[j] == m[j] else <real>0
            e[k * WIDTH + j] = <real>0 if p[j] == m[j] else e[k * WIDTH + j]
    if first:
        for j in range(WIDTH):
            count[j] = <double>n[j]
    else:
        for j in range(WIDTH):
            count[j] += <double>n[j]


cdef inline void accumulate(real tag, const double* v, double* hi, double* lo, bint first) noexcept nogil:
    cdef npy_intp j
    cdef double s
    if first:
        for j in range(WIDTH):
            hi[j] = v[j]
            if real is double:
                lo[j] = 0.0
    elif real is float:
        for j in range(WIDTH):
            hi[j] += v[j]
    else:
        for j in range(WIDTH):
            s = hi[j] + v[j]
            lo[j] += sum_error_f8(hi[j], v[j], s)
            hi[j] = s


cdef inline void add_pairwise(real* e, int depth, double* hi, double* lo, bint first) noexcept nogil:
    """Add `depth` segments pairwise, as if there were eight, to the sums of each lane."""
    cdef double v[WIDTH]
    cdef npy_intp j
    cdef int full = 1 if depth == 1 else 2 if depth == 2 else 4 if depth <= 4 else 8
    for j in range(depth * WIDTH, full * WIDTH):
        e[j] = <real>0
    if full == 8:
        for j in range(WIDTH):
            v[j] = <double>(((e[j] + e[j + 32]) + (e[j + 64] + e[j + 96])) + ((e[j + 128] + e[j + 160]) + (e[j + 192] + e[j + 224])))
    elif full == 4:
        for j in range(WIDTH):
            v[j] = <double>((e[j] + e[j + 32]) + (e[j + 64] + e[j + 96]))
    elif full == 2:
        for j in range(WIDTH):
            v[j] = <double>(e[j] + e[j + 32])
    else:
        for j in range(WIDTH):
            v[j] = <double>e[j]
    accumulate(e[0], v, hi, lo, first)


cdef inline void halve(real tag, double* hi, double* lo, npy_intp rows, npy_intp n) noexcept nogil:
    """Lanes [0, n) += lanes [n, 2n), for each row."""
    cdef npy_intp u, j
    cdef double s
    for u in range(rows):
        for j in range(n):
            s = hi[j] + hi[j + n]
            if real is double:
                lo[j] = (lo[j] + lo[j + n]) + sum_error_f8(hi[j], hi[j + n], s)
            hi[j] = s
        hi += WIDTH
        lo += WIDTH


cdef inline void add_lanes(real tag, double* hi, double* lo, npy_intp rows) noexcept nogil:
    halve(tag, hi, lo, rows, 16)
    halve(tag, hi, lo, rows, 8)
    halve(tag, hi, lo, rows, 4)
    halve(tag, hi, lo, rows, 2)
    halve(tag, hi, lo, rows, 1)


cdef inline double total(double* v) noexcept nogil:
    """The sum of WIDTH small integers."""
    cdef npy_intp j
    for j in range(16):
        v[j] += v[j + 16]
    for j in range(8):
        v[j] += v[j + 8]
    for j in range(4):
        v[j] += v[j + 4]
    return (v[0] + v[1]) + (v[2] + v[3])


cdef inline void add_sums(real tag, double* hi, double* lo, npy_intp n) noexcept nogil:
    """The same across memory: n sums of each of WIDTH rows, the other WIDTH - n being 0."""
    cdef npy_intp h = 16, l
    while h > 0:
        if n > h:
            for l in range(n - h):
                fold(tag, hi + l * WIDTH, lo + l * WIDTH, hi + (l + h) * WIDTH, lo + (l + h) * WIDTH)
            n = h
        h >>= 1


cdef inline void fold(real tag, double* hi, double* lo, const double* hi2, const double* lo2) noexcept nogil:
    cdef npy_intp j
    cdef double s
    for j in range(WIDTH):
        s = hi[j] + hi2[j]
        if real is double:
            lo[j] = (lo[j] + lo2[j]) + sum_error_f8(hi[j], hi2[j], s)
        hi[j] = s


cdef inline void spread(real* to, real value) noexcept nogil:
    cdef npy_intp j
    for j in range(WIDTH):
        to[j] = value


cdef bint all_masked(const char* mask, npy_intp stride, npy_intp n) noexcept nogil:
    cdef npy_intp i
    for i in range(n):
        if mask[i * stride] != 0:
            return False
    return True


cdef inline bint take_across(npy_intp n_outer, npy_intp n, npy_intp outer, npy_intp core) noexcept nogil:
    """Whether to take WIDTH rows at a time: where neighbours belong to different rows, or the rows are short."""
    return n_outer >= 16 and (n <= SMALL or (outer if outer > 0 else -outer) < (core if core > 0 else -core))


cdef int exponential_rows(real tag, int op, int storage, char* dy, char* x, char* mask, char* out, npy_intp n_outer, npy_intp n,
                          npy_intp sdy, npy_intp sx, npy_intp sm, npy_intp so, npy_intp cx, npy_intp cm, npy_intp co) noexcept nogil:
    cdef real stage[STAGE * WIDTH]
    cdef real e[DEPTH * WIDTH]
    cdef real buffer[DEPTH * WIDTH]
    cdef double hi[WIDTH * WIDTH]
    cdef double lo[WIDTH * WIDTH]
    cdef double count[BATCH * WIDTH]
    # per row, and the same for each lane
    cdef real top[WIDTH]
    cdef real part[WIDTH]
    cdef real power[WIDTH]
    cdef real ahead[WIDTH]
    cdef real behind[WIDTH]
    cdef real last_power[WIDTH]
    cdef real m[BATCH * WIDTH]
    cdef real c[BATCH * WIDTH]
    cdef real low[BATCH * WIDTH]
    cdef real shift[BATCH * WIDTH]
    cdef real a[BATCH * WIDTH]
    cdef real b[BATCH * WIDTH]
    cdef real gradient[WIDTH]
    cdef real* p[DEPTH]
    cdef real* q
    cdef char* px
    cdef char* po
    cdef char* pm
    cdef Cut cut
    cdef Operand X, O, S
    cdef Operand* from_
    cdef Operand* to
    cdef bint across = take_across(n_outer, n, sx, cx), staged, keep, wants_log = op == LOG_SOFTMAX or op == LOGSUMEXP
    cdef bint in_place = x == out and op != LOGSUMEXP
    cdef npy_intp row = 0, units, rows, u, j, s, s0, l, k, lead, back, flat
    cdef int depth
    cdef real big, up, depth_of_0
    cdef double value[WIDTH]
    cdef double rest[WIDTH]
    cdef real t
    cdef double r, unscale, least

    if n == 0 and op != LOGSUMEXP:
        return 0
    if real is float:
        big, up, depth_of_0, unscale, least = 256, 32, 159, 1 / 4294967296.0, 5.048709793414476e-29     # 2^-94
    else:
        big, up, depth_of_0, unscale, least = 2048, 64, 1087, 1 / 18446744073709551616.0, 4.1045368012983762e-289   # 2^-958

    lay_out(&X, storage, across, x, sx, cx)
    if mask != NULL:
        lay_mask(&X, across, sm, cm)
    lay_out(&O, storage, across, out, so, co)
    if n == 0:
        top[0] = <real>(-INFINITY)
        for row in range(n_outer):
            store_block(storage, out + row * so, so, top, 1)
        return 0

    while row < n_outer:
        if across and n_outer - row < WIDTH and row > 0 and not in_place:
            back = WIDTH - (n_outer - row)              # some rows again, rather than a part of a segment
            row, x, out = row - back, x - back * sx, out - back * so
            if mask != NULL:
                mask -= back * sm
            if op == LOGSUMEXP_BACKWARD:
                dy -= back * sdy
        cut_rows(&cut, across, n, n_outer - row)
        X.ready = ready_segments(&X, &cut)
        O.ready = ready_segments(&O, &cut) if op != LOGSUMEXP else cut.segments
        units = 1 if across else min(BATCH, n_outer - row)
        lead = cut.segments - 1 if not across and cut.segments > 3 else cut.segments
        staged = cut.segments <= STAGE and (X.ready < lead or O.ready < lead)
        if not across:
            units = min(units, max(1, STAGE // cut.segments))
        rows = cut.width if across else units
        keep = staged or (O.lane == sizeof(real) and storage != STORE_F2)

        # the maximum
        if staged:
            S.storage, S.row, S.segment, S.lane, S.ready = STORE_F8 if real is double else STORE_F4, cut.segments * WIDTH * sizeof(real), WIDTH * sizeof(real), sizeof(real), cut.segments
            for u in range(units):
                for s in range(cut.segments):
                    load_segment(&X, x + u * X.row, NULL if mask == NULL else mask + u * X.mask_row, width_of(&cut, s), s, <real>(-INFINITY), stage + (u * cut.segments + s) * WIDTH)
        from_, to = &S if staged else &X, &S if staged else &O
        for u in range(units):
            px = <char*>stage + u * S.row if staged else x + u * X.row
            pm = NULL if mask == NULL else mask + u * X.mask_row
            maximum(from_, &cut, px, pm, m + u * WIDTH, buffer)
        if across:
            for j in range(WIDTH):
                top[j] = m[j]
        else:
            for u in range(BATCH):
                top[u] = <real>0
            greatest(m, units)
            for u in range(units):
                top[u] = m[u * WIDTH]
        if mask != NULL and op != LOGSUMEXP:
            for j in range(rows):
                if top[j] == <real>(-INFINITY) and all_masked(mask + j * sm, cm, n):
                    top[j] = <real>0

        # what is subtracted
        for j in range(WIDTH if across else BATCH):
            part[j] = top[j] if abs(top[j]) < big else <real>0
            ahead[j] = <real>0 if abs(top[j]) < big else top[j]
            power[j] = exponent(part[j])
            behind[j] = (power[j] - depth_of_0) * <real>0.6931471805599453
            last_power[j] = up - power[j]
        if across:
            for j in range(WIDTH):
                m[j], c[j], low[j], shift[j] = top[j], ahead[j], behind[j], last_power[j]
        else:
            for u in range(units):
                spread(m + u * WIDTH, top[u])
                spread(c + u * WIDTH, ahead[u])
                spread(low + u * WIDTH, behind[u])
                spread(shift + u * WIDTH, last_power[u])

        # exponentials and their sum
        for u in range(units):
            px = <char*>stage + u * S.row if staged else x + u * X.row
            po = <char*>stage + u * S.row if staged else out + u * O.row
            pm = NULL if mask == NULL else mask + u * X.mask_row
            s0 = 0
            while s0 < cut.segments:
                for l in range(min(cut.sums, cut.segments - s0)):
                    depth = <int>min(DEPTH, ((cut.segments - s0 - l - 1) >> cut.shift) + 1)
                    if cut.shift == 0 and s0 + DEPTH <= from_.ready and (wants_log or not keep or s0 + DEPTH <= to.ready):
                        p[0] = <real*>(px + s0 * from_.segment)
                        q = &e[0] if wants_log or not keep else <real*>(po + s0 * to.segment)
                        stretch_exponentials(p[0], q, DEPTH * WIDTH, c[u * WIDTH], low[u * WIDTH], shift[u * WIDTH])
                        if wants_log:
                            for k in range(1, DEPTH):
                                p[k] = p[0] + k * WIDTH
                            take_out(p, e, DEPTH, m + u * WIDTH, count + u * WIDTH, s0 == 0)
                        add_pairwise(q, DEPTH, hi + u * WIDTH, lo + u * WIDTH, s0 == 0)
                        continue
                    for k in range(depth):
                        p[k] = segment(from_, &cut, px, pm, s0 + l + (k << cut.shift), <real>(-INFINITY), buffer + k * WIDTH)
                    exponentials(p, e, depth, c + u * WIDTH, low + u * WIDTH, shift + u * WIDTH)
                    if wants_log:
                        take_out(p, e, depth, m + u * WIDTH, count + u * WIDTH, s0 + l == 0)
                    elif keep:
                        for k in range(depth):
                            put(to, &cut, po, s0 + l + (k << cut.shift), e + k * WIDTH)
                    add_pairwise(e, depth, hi + (u + l) * WIDTH, lo + (u + l) * WIDTH, s0 == 0)
                s0 += DEPTH << cut.shift
        if across:
            add_sums(tag, hi, lo, cut.sums)
        else:
            add_lanes(tag, hi, lo, units)
            for u in range(units):
                hi[u], lo[u] = hi[u * WIDTH], lo[u * WIDTH]
            if wants_log:
                for u in range(units):
                    count[u] = total(count + u * WIDTH)
            for u in range(units, BATCH):
                hi[u] = lo[u] = count[u] = 1.0

        # what the row is multiplied by, or what is subtracted from it, as a[j] + b[j]
        if op == LOGSUMEXP_BACKWARD:
            load_block(storage, gradient, dy, sdy, rows)
        if real is float:
            for j in range(WIDTH):
                lo[j] = 0.0
        if wants_log:
            for j in range(WIDTH if across else BATCH):
                value[j] = log_sum_f8(<double>top[j], <double>part[j], <double>power[j], count[j] if count[j] > 1.0 else 1.0, hi[j] * unscale, lo[j] * unscale, &rest[j])
        elif op == SOFTMAX:
            for j in range(WIDTH if across else BATCH):
                value[j] = quotient_f8(1.0, hi[j], lo[j], &rest[j])
        else:
            for j in range(rows):
                value[j] = quotient_f8(without_exponent_f8(<double>gradient[j], least, &r) / unscale, hi[j], lo[j], &rest[j])
                power[j] = <real>(r * unscale)
        if op == LOG_SOFTMAX:
            for j in range(WIDTH):
                value[j] += <double>(top[j] - top[j])                       # NaN where the maximum is infinite
        for j in range(WIDTH if across else BATCH):
            ahead[j] = <real>value[j]
            behind[j] = <real>((value[j] - <double>ahead[j]) + rest[j])
        if op == LOGSUMEXP:
            for j in range(rows):
                top[j] = <real>(value[j] + rest[j])
        if op == LOGSUMEXP:
            store_block(storage, out, so, top, rows)
        else:
            if across:
                for j in range(WIDTH):
                    a[j], b[j] = ahead[j], behind[j]
                    if op == LOGSUMEXP_BACKWARD:
                        m[j] = power[j]
            else:
                for u in range(units):
                    spread(a + u * WIDTH, ahead[u])
                    spread(b + u * WIDTH, behind[u])
                    if op == LOGSUMEXP_BACKWARD:
                        spread(m + u * WIDTH, power[u])

            # the results
            for u in range(units):
                px = <char*>stage + u * S.row if staged else x + u * X.row
                po = <char*>stage + u * S.row if staged else out + u * O.row
                pm = NULL if mask == NULL else mask + u * X.mask_row
                flat = 0
                if cut.shift == 0 and op == SOFTMAX and keep:
                    flat = to.ready
                    stretch_products(<real*>po, flat * WIDTH, a[u * WIDTH], b[u * WIDTH])
                elif cut.shift == 0 and op == LOG_SOFTMAX:
                    flat = min(from_.ready, to.ready)
                    stretch_differences(<real*>px, <real*>po, flat * WIDTH, a[u * WIDTH], b[u * WIDTH])
                for s in range(flat, cut.segments):
                    if op == LOG_SOFTMAX:
                        p[0] = segment(from_, &cut, px, pm, s, <real>(-INFINITY), buffer)
                        for j in range(WIDTH):
                            e[j] = (p[0][j] - a[u * WIDTH + j]) - b[u * WIDTH + j]
                        put(to, &cut, po, s, e)
                        continue
                    if keep:
                        q = segment(to, &cut, po, <char*>NULL, s, <real>0, buffer)
                    else:
                        p[0] = segment(from_, &cut, px, pm, s, <real>(-INFINITY), buffer)
                        exponentials(p, e, 1, c + u * WIDTH, low + u * WIDTH, shift + u * WIDTH)
                        q = e
                    if op == SOFTMAX:
                        for j in range(WIDTH):
                            q[j] = fma(q[j], a[u * WIDTH + j], q[j] * b[u * WIDTH + j])
                    else:
                        for j in range(WIDTH):
                            t = fma(q[j], a[u * WIDTH + j], q[j] * b[u * WIDTH + j]) * m[u * WIDTH + j]
                            q[j] = <real>0 if q[j] == <real>0 else t
                    if not keep or s >= to.ready:
                        put(to, &cut, po, s, q)
                if staged:
                    for s in range(cut.segments):
                        put(&O, &cut, out + u * O.row, s, stage + (u * cut.segments + s) * WIDTH)
        row += rows
        x += rows * sx
        out += rows * so
        if mask != NULL:
            mask += rows * sm
        if op == LOGSUMEXP_BACKWARD:
            dy += rows * sdy
    return 0


cdef inline void add_gradients(real** dy, real** y, int depth, bint products, double* hi, double* lo) noexcept nogil:
    """Add `depth` segments, one after the other, to the sums of each lane: dy·y, or dy alone."""
    cdef npy_intp j
    cdef int k
    cdef real d
    cdef double v, v_lo, s, sum_, sum_lo
    for j in range(WIDTH):
        sum_, sum_lo = hi[j], lo[j]
        for k in range(depth):
            d = dy[k][j]
            if products:
                d = <real>0 if y[k][j] == <real>0 else d            # masked
            if real is float:
                v = <double>d
                if products:
                    v *= <double>y[k][j]                            # exact
                sum_ += v
            else:
                v, v_lo = d, 0.0
                if products:
                    v = d * y[k][j]
                    v_lo = fma_f8(d, y[k][j], -v)
                s = sum_ + v
                sum_lo += sum_error_f8(sum_, v, s) + v_lo
                sum_ = s
        hi[j], lo[j] = sum_, sum_lo


cdef int backward_y_rows(real tag, int op, int storage, char* dy, char* y, char* out, npy_intp n_outer, npy_intp n,
                         npy_intp sd, npy_intp sy, npy_intp so, npy_intp cd, npy_intp cy, npy_intp co) noexcept nogil:
    cdef real e[WIDTH]
    cdef real buffer_d[4 * WIDTH]
    cdef real buffer_y[4 * WIDTH]
    cdef double hi[WIDTH * WIDTH]
    cdef double lo[WIDTH * WIDTH]
    cdef real a[BATCH * WIDTH]
    cdef real b[BATCH * WIDTH]
    cdef real* d[4]
    cdef real* v[4]
    cdef Cut cut
    cdef Operand D, Y, O
    cdef bint across = take_across(n_outer, n, sd, cd)
    cdef bint in_place = out == dy or out == y
    cdef npy_intp row = 0, units, rows, u, j, s, s0, l, back
    cdef int k, depth
    cdef real power, w, floor_, up, down
    cdef double h, h_lo

    if n == 0:
        return 0
    if real is float:
        up, down, floor_ = 32, 1 / 4294967296.0, -159 * 0.6931471805599453
    else:
        up, down, floor_ = 64, 1 / 18446744073709551616.0, -1087 * 0.6931471805599453
    lay_out(&D, storage, across, dy, sd, cd)
    lay_out(&Y, storage, across, y, sy, cy)
    lay_out(&O, storage, across, out, so, co)

    while row < n_outer:
        if across and n_outer - row < WIDTH and row > 0 and not in_place:
            back = WIDTH - (n_outer - row)
            row, dy, y, out = row - back, dy - back * sd, y - back * sy, out - back * so
        cut_rows(&cut, across, n, n_outer - row)
        D.ready, Y.ready, O.ready = ready_segments(&D, &cut), ready_segments(&Y, &cut), ready_segments(&O, &cut)
        units = 1 if across else min(min(BATCH, n_outer - row), max(1, STAGE // cut.segments))
        rows = cut.width if across else units

        for u in range(units):
            for j in range(cut.sums * WIDTH):
                hi[u * WIDTH + j] = lo[u * WIDTH + j] = 0.0
            s0 = 0
            while s0 < cut.segments:
                for l in range(min(cut.sums, cut.segments - s0)):
                    depth = <int>min(4, ((cut.segments - s0 - l - 1) >> cut.shift) + 1)
                    for k in range(depth):
                        s = s0 + l + (k << cut.shift)
                        d[k] = segment(&D, &cut, dy + u * D.row, <char*>NULL, s, <real>0, buffer_d + k * WIDTH)
                        v[k] = segment(&Y, &cut, y + u * Y.row, <char*>NULL, s, <real>0, buffer_y + k * WIDTH) if op == SOFTMAX else d[k]
                    if op == SOFTMAX:
                        if depth == 4:
                            add_gradients(d, v, 4, True, hi + (u + l) * WIDTH, lo + (u + l) * WIDTH)
                        else:
                            for k in range(depth):
                                add_gradients(d + k, v + k, 1, True, hi + (u + l) * WIDTH, lo + (u + l) * WIDTH)
                    else:
                        if depth == 4:
                            add_gradients(d, v, 4, False, hi + (u + l) * WIDTH, lo + (u + l) * WIDTH)
                        else:
                            for k in range(depth):
                                add_gradients(d + k, v + k, 1, False, hi + (u + l) * WIDTH, lo + (u + l) * WIDTH)
                s0 += 4 << cut.shift

        if across:
            add_sums(<real>0, hi, lo, cut.sums)
        else:
            add_lanes(<real>0, hi, lo, units)
        for u in range(units):
            for j in range(WIDTH):
                h = hi[u * WIDTH + (j if across else 0)]
                h_lo = 0.0
                if real is double:
                    h_lo = lo[u * WIDTH + (j if across else 0)]
                    h_lo = h_lo if abs_f8(h_lo) < <double>INFINITY else 0.0
                a[u * WIDTH + j] = <real>(h + h_lo)
                b[u * WIDTH + j] = <real>((h - <double>a[u * WIDTH + j]) + h_lo)
                if not (abs(b[u * WIDTH + j]) < <real>INFINITY):
                    b[u * WIDTH + j] = <real>0

        for u in range(units):
            for s in range(cut.segments):
                d[0] = segment(&D, &cut, dy + u * D.row, <char*>NULL, s, <real>0, buffer_d)
                v[0] = segment(&Y, &cut, y + u * Y.row, <char*>NULL, s, <real>0, buffer_y)
                if op == SOFTMAX:
                    for j in range(WIDTH):
                        w = v[0][j] * ((d[0][j] - a[u * WIDTH + j]) - b[u * WIDTH + j])
                        e[j] = <real>0 if v[0][j] == <real>0 else w
                else:
                    for j in range(WIDTH):
                        power = exp_parts(at_most(at_least(v[0][j], floor_), up), <real>(-0.0), up, &w)
                        e[j] = fma(-fma(power, w, power) * down, a[u * WIDTH + j], d[0][j])
                put(&O, &cut, out + u * O.row, s, e)
        row += rows
        dy += rows * sd
        y += rows * sy
        out += rows * so
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
