/* Rows' hot loops in AVX-512's vectors, which take each step together, see places.h. Included by row.h for each type.
 *
 * Ends are masked, so that neither copies nor loops of single numbers are needed.
 */

/* ---- sums of a row's exponentials ---- */

enum { NAME(PARTS) = WIDTH / NAME(PLACES) };       /* vectors of a segment */

/* Of `segments`, one or two, at x: v is what is added up. `full`: all numbers are there; otherwise what is beyond n counts for
 * nothing, and is written if `padded`. */
VM_INLINE void NAME(raise_segments)(int segments, int what, int plain, int first, int full, int padded, const REAL *x, REAL *e, ptrdiff_t n,
                                    const NAME(scale) *scale, NAME(vector) *top, NAME(vector) *v)
{
    const NAME(vector) nothing = V(set1)((REAL)-INFINITY);
    const int count = 2 * segments;
    for (int p = 0; p < NAME(PARTS); p += 2) {
        NAME(vector) w[4];
        NAME(places) there[4];
        for (int k = 0; k < count; k++) {          /* two parts of the one segment, and the same of the other */
            const ptrdiff_t at = (k / 2) * WIDTH + (p + k % 2) * NAME(PLACES);
            there[k] = NAME(first_places)(n - at);
            w[k] = full ? V(loadu)(x + at) : V(mask_loadu)(nothing, there[k], x + at);
        }
        for (int k = 0; what != ALL && what != ALL_BUT_TINY && k < count; k++) {
            NAME(vector) *h = top + p + k % 2;
            if (what == OTHERS) {
                const NAME(vector) t = V(min)(*h, w[k]);
                *h = first && k < 2 ? w[k] : V(max)(w[k], *h);
                w[k] = t;
            } else
                *h = V(max)(w[k], *h);
        }
        if (what == OTHERS && first) {             /* all of the first segment are held back */
            NAME(raise)(count - 2, plain, 1, 1, w + 2, scale);
            for (int k = 0; k < 2; k++)
                v[p + k] = segments == 2 ? w[2 + k] : V(setzero)();
            continue;
        }
        NAME(raise)(count, plain, what != ALL, 1, w, scale);
        for (int k = 0; what != OTHERS && k < count; k++) {
            REAL *to = e + (k / 2) * WIDTH + (p + k % 2) * NAME(PLACES);
            if (full || padded)
                V(storeu)(to, w[k]);
            else
                V(mask_storeu)(to, there[k], w[k]);
        }
        for (int k = 0; k < 2; k++)
            v[p + k] = segments == 2 ? V(add)(w[k], w[2 + k]) : w[k];
    }
}

/* as add_lanes() */
VM_INLINE void NAME(add_vectors)(const NAME(vector) *v, __m512d *hi, __m512d *lo)
{
#if IS_DOUBLE
#define ERROR(a, b, s, t) _mm512_add_pd(_mm512_sub_pd(a, _mm512_sub_pd(s, t)), _mm512_sub_pd(b, t))
    const __m512d a = _mm512_add_pd(v[0], v[2]), b = _mm512_add_pd(v[1], v[3]), c = _mm512_add_pd(a, b), s = _mm512_add_pd(*hi, c);
    const __m512d ta = _mm512_sub_pd(a, v[0]), tb = _mm512_sub_pd(b, v[1]), tc = _mm512_sub_pd(c, a), ts = _mm512_sub_pd(s, *hi);
    *lo = _mm512_add_pd(*lo, _mm512_add_pd(_mm512_add_pd(ERROR(v[0], v[2], a, ta), ERROR(v[1], v[3], b, tb)),
                                           _mm512_add_pd(ERROR(a, b, c, tc), ERROR(*hi, c, s, ts))));
    *hi = s;
#undef ERROR
#else
#define HALF_OF(k, half) _mm512_cvtps_pd(_mm512_extractf32x8_ps(v[k], half))
    *hi = _mm512_add_pd(*hi, _mm512_add_pd(_mm512_add_pd(HALF_OF(0, 0), HALF_OF(1, 0)), _mm512_add_pd(HALF_OF(0, 1), HALF_OF(1, 1))));
#undef HALF_OF
#endif
}

/* n numbers of a row, whole stretches but at its end, to the sums of eight lanes; `next`: NULL, or what is fetched meanwhile */
VM_INLINE void NAME(raise_row)(int what, int plain, int first, int padded, const REAL *x, REAL *e, ptrdiff_t n, const NAME(scale) *scale,
                               NAME(vector) *top, __m512d *hi, __m512d *lo, const char *next)
{
    for (ptrdiff_t begin = 0; begin < n; begin += STRETCH) {
        const ptrdiff_t end = n - begin < STRETCH ? n : begin + STRETCH;
        NAME(vector) sum[NAME(PARTS)], v[NAME(PARTS)];
        ptrdiff_t i = begin;
        for (int k = 0; k < NAME(PARTS); k++)
            sum[k] = V(setzero)();
        for (ptrdiff_t k = begin; next != NULL && k < end; k += 64 / (ptrdiff_t)sizeof(REAL))
            __builtin_prefetch(next + k * (ptrdiff_t)sizeof(REAL));
        if (what == OTHERS && first && begin == 0) {
            if (n <= WIDTH)
                NAME(raise_segments)(1, OTHERS, plain, 1, 0, 0, x, e, n, scale, top, sum);
            else
                NAME(raise_segments)(2, OTHERS, plain, 1, 0, 0, x, e, n, scale, top, sum);
            i = 2 * WIDTH;
        }
        for (; i + 2 * WIDTH <= end; i += 2 * WIDTH) {
            NAME(raise_segments)(2, what, plain, 0, 1, 0, x + i, e + i, 2 * WIDTH, scale, top, v);
            for (int k = 0; k < NAME(PARTS); k++)
                sum[k] = V(add)(sum[k], v[k]);
        }
        if (i < end) {
            if (end - i <= WIDTH)
                NAME(raise_segments)(1, what, plain, 0, 0, padded, x + i, e + i, end - i, scale, top, v);
            else
                NAME(raise_segments)(2, what, plain, 0, 0, padded, x + i, e + i, end - i, scale, top, v);
            for (int k = 0; k < NAME(PARTS); k++)
                sum[k] = V(add)(sum[k], v[k]);
        }
        NAME(add_vectors)(sum, hi, lo);
    }
}

/* maxima by place, of a row: as forget() and all_near() in straight.h */
VM_INLINE void NAME(forget_vectors)(NAME(vector) *top)
{
    for (int k = 0; k < NAME(PARTS); k++)
        top[k] = V(set1)((REAL)-INFINITY);
}
VM_INLINE int NAME(vectors_near)(const NAME(vector) *top)
{
    NAME(places) some = 0, all = (NAME(places))-1;
    for (int k = 0; k < NAME(PARTS); k++) {
        some |= V_IS(top[k], V(set1)(LOWEST_NEAR), _CMP_GE_OQ);
        all &= V_IS(top[k], V(set1)(TOO_HIGH), _CMP_LT_OQ);
    }
    return (some != 0) & (all == (NAME(places))-1);
}

/* ---- results ---- */

/* n results to `to`, of which WHOLE computes a vector, from number i on, and SOME those of places m. The first `head` come alone, so that the
 * others begin with a line: a vector across two lines takes two stores. */
#define IN_VECTORS(to, head, n, WHOLE, SOME)                                       \
    NAME(places) m;                                                                \
    ptrdiff_t i = 0;                                                               \
    if (head > 0) {                                                                \
        m = NAME(first_places)(head);                                              \
        V(mask_storeu)(to, m, SOME);                                               \
    }                                                                              \
    for (i = head; i + 2 * NAME(PLACES) <= n; i += NAME(PLACES)) {                 \
        V(storeu)(to + i, WHOLE);                                                  \
        i += NAME(PLACES);                                                         \
        V(storeu)(to + i, WHOLE);                                                  \
    }                                                                              \
    for (; i < n; i += NAME(PLACES)) {                                             \
        m = NAME(first_places)(n - i);                                             \
        V(mask_storeu)(to + i, m, SOME);                                           \
    }
/* numbers of `to` before a line begins */
#define BEFORE_LINE(to) ((ptrdiff_t)(-(uintptr_t)(to) & 63) / (ptrdiff_t)sizeof(REAL))

/* As finish(). Numbers of a short row have just been stored, and are had before they are in the cache only where they are loaded as
 * they were stored: `padded`, to the end of a vector. */
VM_INLINE void NAME(finish_vectors)(int op, int padded, const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b, REAL power)
{
    const NAME(vector) A = V(set1)(a), B = V(set1)(b), P = V(set1)(power);
    const ptrdiff_t head = n < STRETCH ? 0 : BEFORE_LINE(y);
    IN_VECTORS(y, head, n, NAME(results)(op, V(loadu)(v + i), A, B, P),
               NAME(results)(op, padded ? V(loadu)(v + i) : V(maskz_loadu)(m, v + i), A, B, P))
}

/* as finish_products() */
VM_INLINE void NAME(gradient_vectors)(int select, const REAL *dy, const REAL *y, REAL *out, ptrdiff_t n, REAL a)
{
    const NAME(vector) A = V(set1)(a);
    const ptrdiff_t head = n < 4 * NAME(PLACES) ? 0 : BEFORE_LINE(out);
    IN_VECTORS(out, head, n, NAME(gradients)(select, V(loadu)(dy + i), V(loadu)(y + i), A),
               NAME(gradients)(select, V(maskz_loadu)(m, dy + i), V(maskz_loadu)(m, y + i), A))
}
#undef IN_VECTORS
#undef BEFORE_LINE
