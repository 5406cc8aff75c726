/* Rows of few numbers in vectors: PLACES rows side by side, a vector for each number, which is what straight.h and across.h
 * say of them, operation by operation. Included by row.h for each type.
 *
 * Whatever a row needs once is then done for all of them together, and nothing is done for numbers that are not there.
 * Rows along memory are turned in pieces of 16 bytes; the last piece of a row begins before the one before it ends, so that none is
 * fetched or written beyond the row.
 */

/* rows that take each step together, of so many vectors: one vector's would wait for each other */
enum { NAME(MANY_ROWS) = IS_DOUBLE ? 16 : 32, NAME(TILES) = NAME(MANY_ROWS) / NAME(PLACES) };
typedef struct {                                   /* a vector's rows; what lies at known distances is known to be apart */
    REAL top[NAME(PLACES)] __attribute__((aligned(64))), part[NAME(PLACES)], power[NAME(PLACES)], c[NAME(PLACES)], low[NAME(PLACES)], shift[NAME(PLACES)];
    REAL a[NAME(PLACES)], b[NAME(PLACES)], unit[NAME(PLACES)], gradient[NAME(PLACES)];
    REAL label[NAME(PLACES)], chosen[NAME(PLACES)], count[NAME(PLACES)], loss[NAME(PLACES)];      /* of crossentropy.h; chosen: at the label */
    double hi[NAME(PLACES)], lo[NAME(PLACES)];
    NAME(vector) x[WIDTH], held[WIDTH], e[WIDTH];
} NAME(brief_tile);

/* ---- rows to columns ---- */

enum { NAME(PIECE) = 16 / sizeof(REAL) };          /* numbers of a row that are turned together */
#if defined(__AVX512F__)
#define MM(operation) _mm512_##operation
typedef __m512d NAME(wide);
#else
#define MM(operation) _mm256_##operation
typedef __m256d NAME(wide);
#endif
#if defined(__AVX512F__) && IS_DOUBLE
#define WITH_PIECE(v, piece, k) _mm512_insertf64x2(v, piece, k)
#define PIECE_OF(v, k) _mm512_extractf64x2_pd(v, k)
#define FROM_PIECE(piece) _mm512_castpd128_pd512(piece)
#elif defined(__AVX512F__)
#define WITH_PIECE(v, piece, k) _mm512_insertf32x4(v, piece, k)
#define PIECE_OF(v, k) _mm512_extractf32x4_ps(v, k)
#define FROM_PIECE(piece) _mm512_castps128_ps512(piece)
#elif IS_DOUBLE
#define WITH_PIECE(v, piece, k) _mm256_insertf128_pd(v, piece, k)
#define PIECE_OF(v, k) _mm256_extractf128_pd(v, k)
#define FROM_PIECE(piece) _mm256_castpd128_pd256(piece)
#else
#define WITH_PIECE(v, piece, k) _mm256_insertf128_ps(v, piece, k)
#define PIECE_OF(v, k) _mm256_extractf128_ps(v, k)
#define FROM_PIECE(piece) _mm256_castps128_ps256(piece)
#endif

#if IS_DOUBLE
VM_INLINE __m128d NAME(get_piece)(const char *x, ptrdiff_t n) { (void)n; return _mm_loadu_pd((const double *)x); }
VM_INLINE void NAME(put_piece)(char *to, __m128d v, ptrdiff_t n) { (void)n; _mm_storeu_pd((double *)to, v); }
VM_INLINE void NAME(turn_pieces)(NAME(vector) *v)
{
    const NAME(vector) t = MM(unpackhi_pd)(v[0], v[1]);
    v[0] = MM(unpacklo_pd)(v[0], v[1]);
    v[1] = t;
}
#else
VM_INLINE __m128 NAME(get_piece)(const char *x, ptrdiff_t n)
{
    if (n >= 4)
        return _mm_loadu_ps((const float *)x);
#if defined(__AVX512F__)
    return _mm_maskz_loadu_ps((__mmask8)((1 << n) - 1), x);
#else
    return _mm_movelh_ps(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)x)), n == 3 ? _mm_load_ss((const float *)x + 2) : _mm_setzero_ps());
#endif
}
VM_INLINE void NAME(put_piece)(char *to, __m128 v, ptrdiff_t n)
{
    if (n >= 4)
        _mm_storeu_ps((float *)to, v);
#if defined(__AVX512F__)
    else
        _mm_mask_storeu_ps(to, (__mmask8)((1 << n) - 1), v);
#else
    else
        _mm_storel_epi64((__m128i *)to, _mm_castps_si128(v));
    if (n == 3)
        _mm_store_ss((float *)to + 2, _mm_movehl_ps(v, v));
#endif
}
VM_INLINE void NAME(turn_pieces)(NAME(vector) *v)
{
    const NAME(wide) a = MM(castps_pd)(MM(unpacklo_ps)(v[0], v[1])), b = MM(castps_pd)(MM(unpackhi_ps)(v[0], v[1]));
    const NAME(wide) c = MM(castps_pd)(MM(unpacklo_ps)(v[2], v[3])), d = MM(castps_pd)(MM(unpackhi_ps)(v[2], v[3]));
    v[0] = MM(castpd_ps)(MM(unpacklo_pd)(a, c));
    v[1] = MM(castpd_ps)(MM(unpackhi_pd)(a, c));
    v[2] = MM(castpd_ps)(MM(unpacklo_pd)(b, d));
    v[3] = MM(castpd_ps)(MM(unpackhi_pd)(b, d));
}
#endif

/* pieces of rows that are `far` from each other, of which n numbers are there; n: 2 at least */
VM_INLINE NAME(vector) NAME(join_pieces)(const char *x, ptrdiff_t far, ptrdiff_t n)
{
    NAME(vector) v = FROM_PIECE(NAME(get_piece)(x, n));
    v = WITH_PIECE(v, NAME(get_piece)(x + far, n), 1);
#if defined(__AVX512F__)
    v = WITH_PIECE(v, NAME(get_piece)(x + 2 * far, n), 2);
    v = WITH_PIECE(v, NAME(get_piece)(x + 3 * far, n), 3);
#endif
    return v;
}
VM_INLINE void NAME(part_pieces)(char *to, ptrdiff_t far, ptrdiff_t n, NAME(vector) v)
{
    NAME(put_piece)(to, PIECE_OF(v, 0), n);
    NAME(put_piece)(to + far, PIECE_OF(v, 1), n);
#if defined(__AVX512F__)
    NAME(put_piece)(to + 2 * far, PIECE_OF(v, 2), n);
    NAME(put_piece)(to + 3 * far, PIECE_OF(v, 3), n);
#endif
}
#undef WITH_PIECE
#undef PIECE_OF
#undef FROM_PIECE
#undef MM

VM_INLINE void NAME(columns_of)(const char *x, ptrdiff_t s, ptrdiff_t n, ptrdiff_t few, NAME(vector) *to)
{
    const ptrdiff_t piece = NAME(PIECE), far = piece * s;
    for (ptrdiff_t i = 0; i < n; i += piece) {
        const ptrdiff_t at = i + piece <= n || n < piece ? i : n - piece;
        const char *p = x + at * (ptrdiff_t)sizeof(REAL);
        NAME(vector) v[NAME(PIECE)];
        for (int r = 0; r < NAME(PIECE); r++, p += s)
            v[r] = NAME(join_pieces)(p, far, few);
        NAME(turn_pieces)(v);
        for (int r = 0; r < NAME(PIECE); r++)
            to[at + r] = v[r];
    }
}

VM_INLINE void NAME(rows_from)(const NAME(vector) *from, ptrdiff_t n, ptrdiff_t few, char *out, ptrdiff_t s)
{
    const ptrdiff_t piece = NAME(PIECE), far = piece * s;
    for (ptrdiff_t i = 0; i < n; i += piece) {
        const ptrdiff_t at = i + piece <= n || n < piece ? i : n - piece;
        char *p = out + at * (ptrdiff_t)sizeof(REAL);
        NAME(vector) v[NAME(PIECE)];
        for (int r = 0; r < NAME(PIECE); r++)
            v[r] = from[at + r];
        NAME(turn_pieces)(v);
        for (int r = 0; r < NAME(PIECE); r++, p += s)
            NAME(part_pieces)(p, far, few, v[r]);
    }
}

/* ---- sums ---- */

VM_INLINE void NAME(raise_columns)(int cut, const NAME(vector) *from, NAME(vector) *e, ptrdiff_t first, ptrdiff_t n,
                                   const NAME(scale) *scale)
{
    enum { TOGETHER = 2 };
    NAME(vector) v[TOGETHER];
    for (ptrdiff_t k = first; n - first >= TOGETHER && k < n; k += TOGETHER) {
        const ptrdiff_t at = k + TOGETHER <= n ? k : n - TOGETHER; /* some once more */
        for (int i = 0; i < TOGETHER; i++)
            v[i] = from[at + i];
        NAME(raise)(TOGETHER, 0, cut, 1, v, scale);
        for (int i = 0; i < TOGETHER; i++)
            e[at + i] = v[i];
    }
    for (ptrdiff_t k = first; n - first < TOGETHER && k < n; k++) {
        v[0] = from[k];
        NAME(raise)(1, 0, cut, 1, v, scale);
        e[k] = v[0];
    }
}

/* as fold(), of lanes of which the first n are there: those at `other` to those at k */
VM_INLINE void NAME(fold_columns)(doubles *sum, doubles *lost, ptrdiff_t k, ptrdiff_t other)
{
    const doubles p = sum[k], q = sum[other], s = p + q;
    if (IS_DOUBLE)
        lost[k] = (lost[k] + lost[other]) + ((p - (s - (s - p))) + (q - (s - p)));
    sum[k] = s;
}
VM_INLINE void NAME(fold_eight)(doubles *sum, doubles *lost, ptrdiff_t n)
{
    for (ptrdiff_t k = 0; k < 4 && k + 4 < n; k++)
        NAME(fold_columns)(sum, lost, k, k + 4);
    for (ptrdiff_t k = 0; k < 4 && k + 1 < n; k += 2)
        NAME(fold_columns)(sum, lost, k, k + 1);
    if (n > 2)
        NAME(fold_columns)(sum, lost, 0, 2);
}

/* lanes of a segment, see add_lanes(), and all of them, see put_four() and add_fours() */
VM_INLINE void NAME(add_columns)(const NAME(vector) *e, ptrdiff_t n, double *hi, double *lo)
{
    for (int part = 0; part < NAME(PLACES) / DOUBLES; part++) {
        doubles sum[8], lost[8];
#if IS_DOUBLE
        for (ptrdiff_t l = 0; l < 8 && l < n; l++) {
            doubles a = e[l], a_lo = {0}, b_lo = {0}, v_lo = {0};
            if (l + 16 < n) {
                const doubles p = e[l], q = e[l + 16];
                a = p + q;
                a_lo = (p - (a - (a - p))) + (q - (a - p));
            }
            if (l + 8 < n) {
                doubles b = e[l + 8];
                if (l + 24 < n) {
                    const doubles p = e[l + 8], q = e[l + 24];
                    b = p + q;
                    b_lo = (p - (b - (b - p))) + (q - (b - p));
                }
                const doubles v = a + b;
                v_lo = (a - (v - (v - a))) + (b - (v - a));
                a = v;
            }
            sum[l] = a;
            lost[l] = (a_lo + b_lo) + v_lo;
        }
#else
        const float *f = (const float *)e + DOUBLES * part;
        for (ptrdiff_t l = 0; l < 8 && l < n; l++, f += NAME(PLACES)) {
            doubles a = widened(f);
            if (l + 16 < n)
                a += widened(f + 16 * NAME(PLACES));
            if (l + 24 < n)
                a += widened(f + 8 * NAME(PLACES)) + widened(f + 24 * NAME(PLACES));
            else if (l + 8 < n)
                a += widened(f + 8 * NAME(PLACES));
            sum[l] = a;
        }
#endif
        NAME(fold_eight)(sum, lost, n);
        *(unaligned_doubles *)(hi + DOUBLES * part) = sum[0];
        if (IS_DOUBLE)
            *(unaligned_doubles *)(lo + DOUBLES * part) = lost[0];
    }
}

/* The maxima to the first column, and where there are others like it; in the other columns the others */
VM_INLINE NAME(places) NAME(settle_columns)(NAME(vector) *held, ptrdiff_t n)
{
    NAME(places) again = {0};
    for (ptrdiff_t half = WIDTH / 2; half > 0; half /= 2)
        for (ptrdiff_t k = 0; k < half && k + half < n; k++) {
            const NAME(vector) p = held[k], q = held[k + half];
            held[k] = V(max)(q, p);
            held[k + half] = V(min)(p, q);
        }
    for (ptrdiff_t k = 1; k < n; k++)
        again |= V_IS(held[k], held[0], _CMP_EQ_OQ);
    return again;
}

/* the maxima, and whether they occur again */
VM_INLINE void NAME(brief_tops)(int op, NAME(brief_tile) *t, ptrdiff_t n)
{
    NAME(vector) top = t->x[0];
    if (IS_LOG(op)) {
        for (ptrdiff_t k = 0; k < n; k++)
            t->held[k] = t->x[k];
        V(storeu)(t->unit, V(maskz_mov)(NAME(settle_columns)(t->held, n), V(set1)(1)));
        top = t->held[0];
    } else
        for (ptrdiff_t k = 1; k < n; k++)
            top = V(max)(t->x[k], top);
    V(storeu)(t->top, top);
    NAME(scales)(op, op != LOGSUMEXP_BACKWARD, NAME(PLACES), t->top, t->part, t->power, t->c, t->low, t->shift);
}

VM_INLINE void NAME(brief_sums)(int op, NAME(brief_tile) *t, ptrdiff_t n)
{
    const NAME(scale) scale = NAME(scales_of)(t->c, t->low, t->shift);
    if (IS_LOG(op)) {
        NAME(vector) unit[1] = {t->held[0]};
        NAME(raise)(1, 0, 0, 1, unit, &scale);
        V(storeu)(t->unit, V(maskz_mov)(V_IS(V(loadu)(t->unit), V(setzero)(), _CMP_NEQ_UQ), unit[0]));
        t->e[0] = V(setzero)();
    }
    NAME(raise_columns)(HAS_VECTORS && op != LOGSUMEXP_BACKWARD, IS_LOG(op) ? t->held : t->x, t->e, IS_LOG(op), n, &scale);
    NAME(add_columns)(t->e, n, t->hi, t->lo);
}

VM_INLINE void NAME(brief_results)(int op, NAME(brief_tile) *t, ptrdiff_t n, ptrdiff_t seen)
{
    const NAME(vector) a = V(loadu)(t->a), b = V(loadu)(t->b), power = V(loadu)(t->power), *v = op == LOG_SOFTMAX ? t->x : t->e;
    const int whole = NAME(PLACES) % 8 == 0;       /* as sharp rows are taken, see rows.h */
    if (op == SOFTMAX && whole && NAME(sharp)()) {
        NAME(careful_lines)((const REAL *)v, NAME(PLACES), (REAL *)t->x, NAME(PLACES), n, NAME(PLACES), t->a, t->b);
        return;
    }
    if (op == LOGSUMEXP_BACKWARD && whole && NAME(sharp)()) {
        NAME(careful_slopes)((const REAL *)v, NAME(PLACES), (REAL *)t->x, NAME(PLACES), n, NAME(PLACES), 1, t->a, t->b, t->power);
        return;
    }
    for (ptrdiff_t k = 0; k < n; k++)
        t->x[k] = NAME(results)(op, v[k], a, b, power);
    if (op != LOG_SOFTMAX && whole)
        for (ptrdiff_t j = 0; j < NAME(PLACES); j += 8)
            NAME(look)((const REAL *)&t->x[seen] + j);
}

/* From row `first` on, as many rows as there are, zeros for the others. Lines are those of rows or, if `across`, of all first numbers,
 * all second ... */
VM_INLINE void NAME(brief_load)(int across, const lines *x, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t n, NAME(vector) *to)
{
    const ptrdiff_t many = NAME(PLACES), some = rows - first, size = n * (ptrdiff_t)sizeof(REAL);
    const char *from = x->p + first * (across ? (ptrdiff_t)sizeof(REAL) : x->line);
    ptrdiff_t line = x->line;
    REAL room[NAME(PLACES) * WIDTH];
    if (across) {
        const NAME(places) there = NAME(first_places)(some);
        for (ptrdiff_t k = 0; k < n; k++)
            to[k] = some >= many ? V(loadu)(from + k * line) : V(maskz_loadu)(there, from + k * line);
        return;
    }
    if (some < many) {
        memset(room, 0, sizeof room);
        for (ptrdiff_t u = 0; u < some; u++)
            memcpy(room + u * n, from + u * line, size);
        from = (const char *)room, line = size;
    }
    if (n >= NAME(PIECE))
        NAME(columns_of)(from, line, n, NAME(PIECE), to);
    else
        NAME(columns_of)(from, line, n, n, to);
}

VM_INLINE void NAME(brief_store)(int across, const lines *out, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t n, const NAME(vector) *v)
{
    const ptrdiff_t many = NAME(PLACES), some = rows - first, size = n * (ptrdiff_t)sizeof(REAL);
    char *there = out->p + first * (across ? (ptrdiff_t)sizeof(REAL) : out->line), *to = there;
    ptrdiff_t line = out->line;
    REAL room[NAME(PLACES) * WIDTH];
    if (across) {
        const NAME(places) all = NAME(first_places)(some);
        for (ptrdiff_t k = 0; k < n; k++)
            if (some >= many)
                V(storeu)(to + k * line, v[k]);
            else
                V(mask_storeu)(to + k * line, all, v[k]);
        return;
    }
    if (some < many)
        to = (char *)room, line = size;
    if (n >= NAME(PIECE))
        NAME(rows_from)(v, n, NAME(PIECE), to, line);
    else
        NAME(rows_from)(v, n, n, to, line);
    for (ptrdiff_t u = 0; some < many && u < some; u++)
        memcpy(there + u * out->line, room + u * n, size);
}

/* Rows that are ready, as their results are */
VM_INLINE void NAME(brief_rows)(int op, int across, const lines *dy, const lines *x, const lines *out, ptrdiff_t rows, ptrdiff_t n)
{
    const ptrdiff_t many = NAME(PLACES);
    NAME(brief_tile) t[NAME(TILES)];
    for (ptrdiff_t q = 0; q < NAME(TILES); q++)
        for (ptrdiff_t j = 0; j < many; j++) {
            t[q].lo[j] = 0.0;
            t[q].gradient[j] = 1;
            t[q].unit[j] = 0;
        }
    for (ptrdiff_t row = 0; row < rows; row += NAME(MANY_ROWS)) {
        const ptrdiff_t w = rows - row < NAME(MANY_ROWS) ? rows - row : NAME(MANY_ROWS);
#define EACH_TILE for (ptrdiff_t q = 0, first = row; q * many < w; q++, first += many)
        EACH_TILE {
            NAME(brief_load)(across, x, first, rows, n, t[q].x);
            NAME(brief_tops)(op, &t[q], n);
            if (op == LOGSUMEXP_BACKWARD)
                NAME(gather)(dy, 0, first, rows - first < many ? rows - first : many, 0, t[q].gradient);
        }
        EACH_TILE
            NAME(brief_sums)(op, &t[q], n);
        EACH_TILE
            NAME(factors)(op, many, t[q].top, t[q].part, t[q].power, t[q].gradient, t[q].unit, t[q].hi, t[q].lo, t[q].a, t[q].b);
        EACH_TILE {
            if (op == LOGSUMEXP) {
                NAME(scatter)(out, 0, first, rows - first < many ? rows - first : many, t[q].top);
                continue;
            }
            NAME(brief_results)(op, &t[q], n, NAME(pick)(2 * (uintptr_t)first, n));
            NAME(brief_store)(across, out, first, rows, n, t[q].x);
        }
#undef EACH_TILE
    }
}

#define OF_ROWS(name, op)                                                          \
    static __attribute__((noinline)) void NAME(name)(int across, const lines *dy, const lines *x, const lines *out, ptrdiff_t rows, ptrdiff_t n) \
    {                                                                              \
        NAME(brief_rows)(op, across, dy, x, out, rows, n);                         \
    }
OF_ROWS(brief_softmax, SOFTMAX)
OF_ROWS(brief_log_softmax, LOG_SOFTMAX)
OF_ROWS(brief_logsumexp, LOGSUMEXP)
OF_ROWS(brief_backward, LOGSUMEXP_BACKWARD)
#undef OF_ROWS
VM_INLINE void NAME(brief)(int op, int across, const lines *dy, const lines *x, const lines *out, ptrdiff_t rows, ptrdiff_t n)
{
    (op == SOFTMAX ? NAME(brief_softmax) : op == LOG_SOFTMAX ? NAME(brief_log_softmax) : op == LOGSUMEXP ? NAME(brief_logsumexp) : NAME(brief_backward))(across, dy, x, out, rows, n);
}

/* ---- gradients from the result ---- */

/* as add_row(), and fold_across() of what the lanes have */
VM_INLINE NAME(vector) NAME(brief_products)(int op, int select, const NAME(vector) *dy, const NAME(vector) *y, ptrdiff_t n)
{
    const ptrdiff_t again = 16 * NAME(PLACES);
    doubles all[NAME(PLACES) / DOUBLES];
    for (int part = 0; part < NAME(PLACES) / DOUBLES; part++) {
        const REAL *d = (const REAL *)dy + DOUBLES * part, *v = (const REAL *)y + DOUBLES * part;
        doubles sum[16], lost[16];
        for (ptrdiff_t l = 0; l < 16 && l < n; l++, d += NAME(PLACES), v += NAME(PLACES)) {
            doubles s = {0}, error = {0};
            s = NAME(plus_product)(op, select, 1, d, v, s, &error);
            if (l + 16 < n)
                s = NAME(plus_product)(op, select, 0, d + again, v + again, s, &error);
            sum[l] = s;
            lost[l] = error;
        }
        for (ptrdiff_t l = 8; l < 16 && l < n; l++)
            NAME(fold_columns)(sum, lost, l - 8, l);
        NAME(fold_eight)(sum, lost, n);
        all[part] = sum[0];
        if (IS_DOUBLE)
            all[part] += lost[0];
    }
#if IS_DOUBLE
    return all[0];
#elif defined(__AVX512F__)
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(all[0])), _mm512_cvtpd_ps(all[1]), 1);
#else
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(all[0])), _mm256_cvtpd_ps(all[1]), 1);
#endif
}

VM_INLINE void NAME(brief_gradients_of)(int op, int select, NAME(brief_tile) *t, ptrdiff_t n)
{
    const NAME(vector) a = V(loadu)(t->a);
    for (ptrdiff_t k = 0; op == SOFTMAX && k < n; k++)
        t->x[k] = NAME(gradients)(select, t->x[k], t->held[k], a);
    for (ptrdiff_t k = 0; op != SOFTMAX && k < n; k++) {
        REAL *d = (REAL *)(t->x + k);
        const REAL *v = (const REAL *)(t->held + k);
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < NAME(PLACES); j++)
            d[j] = NAME(log_softmax_gradient)(d[j], v[j], t->a[j]);
    }
}

static __attribute__((noinline)) void NAME(brief_selected)(NAME(brief_tile) *t, ptrdiff_t n)
{
    V(storeu)(t->a, NAME(brief_products)(SOFTMAX, 1, t->x, t->held, n));
    NAME(brief_gradients_of)(SOFTMAX, 1, t, n);
}

VM_INLINE void NAME(brief_gradients)(int op, int across, const lines *dy, const lines *y, const lines *out, ptrdiff_t rows, ptrdiff_t n)
{
    const ptrdiff_t many = NAME(PLACES);
    NAME(brief_tile) t[NAME(TILES)];
    for (ptrdiff_t row = 0; row < rows; row += NAME(MANY_ROWS)) {
        const ptrdiff_t w = rows - row < NAME(MANY_ROWS) ? rows - row : NAME(MANY_ROWS);
#define EACH_TILE for (ptrdiff_t q = 0, first = row; q * many < w; q++, first += many)
        EACH_TILE {
            NAME(brief_load)(across, dy, first, rows, n, t[q].x);
            NAME(brief_load)(across, y, first, rows, n, t[q].held);
            V(storeu)(t[q].a, NAME(brief_products)(op, 0, t[q].x, t[q].held, n));
        }
        EACH_TILE {
            if (op != SOFTMAX || NAME(all_small)(many, t[q].a))
                NAME(brief_gradients_of)(op, 0, &t[q], n);
            else
                NAME(brief_selected)(&t[q], n);
            NAME(brief_store)(across, out, first, rows, n, t[q].x);
        }
#undef EACH_TILE
    }
}
static __attribute__((noinline)) void NAME(brief_softmax_gradients)(int across, const lines *dy, const lines *y, const lines *out, ptrdiff_t rows, ptrdiff_t n)
{
    NAME(brief_gradients)(SOFTMAX, across, dy, y, out, rows, n);
}
static __attribute__((noinline)) void NAME(brief_log_softmax_gradients)(int across, const lines *dy, const lines *y, const lines *out, ptrdiff_t rows, ptrdiff_t n)
{
    NAME(brief_gradients)(LOG_SOFTMAX, across, dy, y, out, rows, n);
}

/* Softmax of segments that lie one after the other, of WIDTH numbers at most: of how many. Equal ones are rows where they are, others are
 * padded. */
static __attribute__((noinline)) ptrdiff_t NAME(brief_segments)(const REAL *x, const int64_t *offsets, ptrdiff_t segments, REAL *out)
{
    REAL stage[NAME(MANY_ROWS) * WIDTH] __attribute__((aligned(64)));
    const int storage = IS_DOUBLE ? STORE_F8 : STORE_F4;
    const int64_t length = offsets[1] - offsets[0];
    ptrdiff_t alike = 1, some = 0, most = 2;
    while (alike < segments && offsets[alike + 1] - offsets[alike] == length)
        alike++;
    if (length > 1 && length <= WIDTH && alike >= NAME(MANY_ROWS)) {
        const ptrdiff_t line = length * (ptrdiff_t)sizeof(REAL);
        const lines from = make_lines(storage, (const char *)(x + offsets[0]), line, sizeof(REAL)), to = make_lines(storage, (const char *)(out + offsets[0]), line, sizeof(REAL));
        NAME(brief)(SOFTMAX, 0, NULL, &from, &to, alike, length);
        return alike;
    }
    for (; some < NAME(MANY_ROWS) && some < segments && offsets[some + 1] - offsets[some] <= WIDTH; some++)
        most = offsets[some + 1] - offsets[some] > most ? offsets[some + 1] - offsets[some] : most;
    const ptrdiff_t step = (most + NAME(PLACES) - 1) / NAME(PLACES) * NAME(PLACES);
    for (ptrdiff_t u = 0; u < some; u++)
        for (ptrdiff_t j = 0; j < step; j += NAME(PLACES))
            V(storeu)(stage + u * step + j, V(mask_loadu)(V(set1)((REAL)-INFINITY), NAME(first_places)(offsets[u + 1] - offsets[u] - j), x + offsets[u] + j));
    const lines rows = make_lines(storage, (const char *)stage, step * (ptrdiff_t)sizeof(REAL), sizeof(REAL));
    if (some > 0)
        NAME(brief)(SOFTMAX, 0, NULL, &rows, &rows, some, most);
    for (ptrdiff_t u = 0; u < some; u++)
        for (ptrdiff_t j = 0; j < offsets[u + 1] - offsets[u]; j += NAME(PLACES))
            V(mask_storeu)(out + offsets[u] + j, NAME(first_places)(offsets[u + 1] - offsets[u] - j), V(loadu)(stage + u * step + j));
    return some;
}

/* Of crossentropy.h: the sums without the maxima, how often those occur, and their exponentials in `unit` */
static __attribute__((noinline)) void NAME(brief_counts)(NAME(brief_tile) *t, const lines *x, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t n)
{
    const NAME(vector) label = V(loadu)(t->label), one = V(set1)(1);
    NAME(vector) top, chosen = V(setzero)(), count = chosen;
    NAME(brief_load)(0, x, first, rows, n, t->x);
    NAME(brief_tops)(LOGSUMEXP_BACKWARD, t, n);                    /* whose maxima are not guessed either */
    const NAME(scale) scale = NAME(scales_of)(t->c, t->low, t->shift);
    NAME(raise_columns)(0, t->x, t->e, 0, n, &scale);
    top = V(loadu)(t->top);
    for (ptrdiff_t k = 0; k < n; k++) {
        const NAME(places) is = V_IS(t->x[k], top, _CMP_EQ_OQ);
        t->held[k] = V(mask_mov)(t->e[k], is, V(setzero)());
        count = V(mask_add)(count, is, count, one);
        chosen = V(mask_mov)(chosen, V_IS(label, V(set1)((REAL)k), _CMP_EQ_OQ), t->x[k]);
    }
    NAME(add_columns)(t->held, n, t->hi, t->lo);
    NAME(raise)(1, 0, 0, 1, &top, &scale);
    V(storeu)(t->unit, top);
    V(storeu)(t->count, count);
    V(storeu)(t->chosen, chosen);
}

/* and the gradient, `chosen` at the label */
static __attribute__((noinline)) void NAME(brief_slopes)(NAME(brief_tile) *t, const lines *out, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t n)
{
    const NAME(vector) label = V(loadu)(t->label), chosen = V(loadu)(t->chosen);
    const NAME(places) counts = V_IS(label, V(setzero)(), _CMP_GE_OQ);
    NAME(brief_results)(LOGSUMEXP_BACKWARD, t, n, NAME(pick)(2 * (uintptr_t)first, n));
    for (ptrdiff_t k = 0; k < n; k++)
        t->x[k] = V(maskz_mov)(counts, V(mask_mov)(t->x[k], V_IS(label, V(set1)((REAL)k), _CMP_EQ_OQ), chosen));
    NAME(brief_store)(0, out, first, rows, n, t->x);
}
