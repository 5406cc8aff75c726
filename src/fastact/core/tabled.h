/* Kernels that look numbers up in tables of eight, which vectors do in registers: gather instructions take longer than a quotient.
 * Bit for bit what the formulas of tables.h give. Results may lie where operands lie.
 *
 * A kernel here is named like its ufunc. n is a multiple of LANES.
 */
#ifndef FASTACT_TABLED_H
#define FASTACT_TABLED_H

#include "lookup.h"
#include "tables.h"
#include <stddef.h>

#if defined(AS)
#define ALL AS(set1_ps)
#define FMA AS(fmadd_ps)
/* as those of tables.h; other: of -x */
VM_INLINE floats side_of_sum(floats x, floats s, floats v, floats sum) { return FMA(flipped_to_the_right(s, x), v, sum); }
VM_INLINE floats table_side(floats x, floats s, floats v, float one) { return side_of_sum(x, s, v, to_the_right(x, one)); }
VM_INLINE floats table_other_side(floats x, floats s, floats v, float one) { return FMA(flipped(s, x), v, to_the_left(x, one)); }
VM_INLINE floats add_bits(floats a, floats b) { return AS_FLOATS(AS(add_epi32)(AS_BITS(a), AS_BITS(b))); }
VM_INLINE floats less_bits(floats a, floats b) { return AS_FLOATS(AS(sub_epi32)(AS_BITS(a), AS_BITS(b))); }

typedef struct { row_of_8 row[11]; } table;
VM_INLINE table table_of(const float (*rows)[8], int n, int is_long)
{
    table t;
    for (int k = 0; k < n; k++)
        t.row[k] = is_long ? long_row_of(rows[k]) : row_of(rows[k]);
    return t;
}
/* where a NaN is to be seen: the second of two operands is left then */
VM_INLINE floats held_but_nan(floats x, float hi) { return AS(min_ps)(ALL(hi), size_of(x)); }
VM_INLINE floats down_to(const table *t, int degree, int lowest, places i, floats d)
{
    floats y = looked_up(t->row[degree + 1], i);
    for (int k = degree; k > lowest; k--)
        y = FMA(y, d, looked_up(t->row[k], i));
    return y;
}
VM_INLINE floats from_table(const table *t, int degree, places i, floats d) { return down_to(t, degree, 0, i, d); }
VM_INLINE floats table_slope(const float *e, floats z)
{
    floats q = FMA(ALL(e[5]), z, ALL(e[4]));
    q = FMA(q, z, ALL(e[3]));
    q = FMA(q, z, ALL(e[2]));
    q = FMA(q, z, ALL(e[1]));
    return FMA(q, z, ALL(e[0]));
}
VM_INLINE floats table_power(const float *e, floats z) { return AS(mul_ps)(table_slope(e, z), z); }
VM_INLINE floats table_scale(floats j) { return AS_FLOATS(AS(slli_epi32)(AS_BITS(j), 23)); }
VM_INLINE floats table_bell(const float *b, floats square)
{
    floats y = FMA(ALL(b[3]), square, ALL(b[2]));
    y = FMA(y, square, ALL(b[1]));
    return FMA(y, square, ALL(b[0]));
}
/* as the macros and functions of tables.h */
#define PLACE(NAME, at) place_of(FMA(at, ALL(NAME##_SCALE), ALL(NAME##_START)))
#define FROM_START(NAME, a) place_of(AS(add_ps)(a, ALL(NAME##_START)))
#define Y_OF(NAME, t, a, i) from_table(t, NAME##_DEGREE, i, AS(sub_ps)(a, looked_up((t)->row[0], i)))
VM_INLINE floats lined_y(const table *t, int degree, floats a, places i)
{
    floats d = AS(sub_ps)(a, looked_up(t->row[0], i));
    return FMA(looked_up(t->row[degree + 2], i), d, from_table(t, degree, i, d));
}
/* y (1 + w) */
VM_INLINE floats risen(floats y, floats w) { return FMA(y, w, y); }

/* a, j and w as in tables.h, a held: 2^n is taken from j as late as it is used, for registers are few */
VM_INLINE floats gelu_of(floats x, floats a, floats j, floats w, const table *t)
{
    floats y = Y_OF(GELU, t, a, FROM_START(GELU, a));
    return AS(fnmadd_ps)(AS(mul_ps)(AS(min_ps)(a, ALL(0.5f)), table_scale(j)), risen(y, w), AS(max_ps)(ALL(0.0f), x));
}
VM_INLINE floats gelu_slope_of(floats x, floats a, floats j, floats w, const table *t)
{
    return table_side(x, table_scale(j), risen(lined_y(t, GELU_SLOPE_DEGREE, a, FROM_START(GELU_SLOPE, a)), w), 1.0f);
}
VM_INLINE floats ndtr_of(floats x, floats a, floats j, floats w, const table *t)
{
    return table_side(x, table_scale(j), risen(Y_OF(NORMAL, t, a, FROM_START(NORMAL, a)), w), 1.0f);
}
VM_INLINE floats erfc_of(floats x, floats a, floats j, floats w, const table *t)
{
    return table_other_side(x, table_scale(j), risen(Y_OF(ERROR, t, a, FROM_START(ERROR, a)), w), 2.0f);
}
VM_INLINE floats silu_slope_of(floats x, floats a, floats j, floats w, const table *t)
{
    places i = PLACE(SILU_SLOPE, held_in_row(a, SILU_SLOPE_LAST));
    return table_side(x, table_scale(j), risen(lined_y(t, SILU_SLOPE_DEGREE, a, i), w), 1.0f);
}
VM_INLINE floats ndtr_slope_of(floats a, floats j, floats w)
{
    return FMA(table_scale(j), risen(table_bell(NORMAL_BELL, AS(mul_ps)(a, a)), w), ALL(-0.0f));
}
VM_INLINE floats erfc_slope_of(floats a, floats j, floats w)
{
    return AS(fnmadd_ps)(table_scale(j), risen(table_bell(ERROR_BELL, AS(mul_ps)(a, a)), w), ALL(-0.0f));
}

/* what belongs to mu and sigma, and (x - mu)/sigma as standard_f4() has it */
typedef struct { floats unit, mu, over, over_lo; } standard;
VM_INLINE standard standard_of(float mu, float sigma)
{
    float unit = unit_f4(mu, sigma), over_lo, over = over_f4(unit, sigma, &over_lo);
    return (standard){ALL(unit), ALL(mu * unit), ALL(over), ALL(over_lo)};
}
VM_INLINE floats standardized(floats x, const standard *u, floats *lo)
{
    floats d = AS(fmsub_ps)(x, u->unit, u->mu), t = AS(fnmadd_ps)(x, u->unit, d);
    floats d_lo = AS(sub_ps)(FMA(x, u->unit, AS(sub_ps)(t, d)), AS(add_ps)(u->mu, t)), h = AS(mul_ps)(d, u->over);
    *lo = FMA(d_lo, u->over, FMA(d, u->over_lo, AS(fmsub_ps)(d, u->over, h)));
    return h;
}
VM_INLINE floats laplace_of(floats h, floats less, floats a, floats j, floats z, const table *t)
{
    floats lo = only(below(size_of(h), NORMAL_END), flipped(less, h)), more = AS(mul_ps)(a, lo), q = table_slope(BELL_E, z);
    floats w = AS(fmsub_ps)(q, z, FMA(AS(mul_ps)(q, z), more, more));
    places i = FROM_START(NORMAL, a);
    floats d = AS(add_ps)(AS(sub_ps)(a, looked_up(t->row[0], i)), lo), c = looked_up(t->row[1], i);
    floats y = AS(mul_ps)(down_to(t, NORMAL_DEGREE, 1, i, d), d), v = AS(add_ps)(c, FMA(AS(add_ps)(c, y), w, y));
    floats least = only(below(h, NORMAL_IS_SMALL), ALL(0x1p-126f));
    return less_bits(side_of_sum(h, table_scale(j), v, add_bits(to_the_right(h, 1.0f), least)), least);
}

VM_INLINE floats geglu_of(floats a, floats gate, floats b, const table *t)
{
    floats square = AS(mul_ps)(b, b), square_lo = AS(fmsub_ps)(b, b, square), j = FMA(square, ALL(-BELL_PER), ALL(BELL_MAGIC));
    floats z = AS(sub_ps)(FMA(j, ALL(-BELL_G), ALL(BELL_MAGIC_G)), square), q = table_slope(BELL_E, z);
    floats less = AS(mul_ps)(square_lo, ALL(-0.5f)), w = FMA(q, z, FMA(AS(mul_ps)(q, z), less, less));
    places i = FROM_START(GELU, b);
    floats d = AS(sub_ps)(b, looked_up(t->row[0], i)), c = looked_up(t->row[1], i), p = AS(mul_ps)(down_to(t, GELU_DEGREE, 1, i, d), d);
    floats more = FMA(AS(add_ps)(c, p), w, p), v = AS(add_ps)(c, more), v_lo = AS(add_ps)(AS(sub_ps)(c, v), more);
    floats up = only(below(gate, GATE_IS_DEEP), ALL(0x1p-63f));                 /* whose bits add 64 to an exponent */
    floats part = AS(mul_ps)(AS(min_ps)(b, ALL(0.5f)), add_bits(table_scale(j), up)), line = AS(max_ps)(ALL(0.0f), gate);
    floats value = AS(fnmadd_ps)(part, v, line), lo = AS(fnmadd_ps)(part, v_lo, AS(fnmadd_ps)(part, v, AS(sub_ps)(line, value)));
    floats product = AS(mul_ps)(a, value), sum = FMA(a, value, FMA(product, ALL(-0x1p-26f), AS(mul_ps)(a, lo)));
    floats unit = only(not_below(gate, -GATE_END), less_bits(ALL(1.0f), up));
    return FMA(chosen(is_number_but_0(sum), sum, product), unit, ALL(-0.0f));
}

VM_INLINE floats tanh_shrink_of(floats x, floats high, const table *t)
{
    floats a = AS(max_ps)(ALL(0x1p-60f), high), y = Y_OF(SHRINK, t, a, PLACE(SHRINK, held_in_row(a, TANH_LAST)));
    floats m = AS(min_ps)(a, ALL(0.25f)), square = AS(mul_ps)(m, m), q = AS(mul_ps)(m, y);
    floats lo = FMA(square, AS(fmsub_ps)(m, y, q), AS(mul_ps)(AS(fmsub_ps)(m, m, square), q));
    return flipped(AS(add_ps)(FMA(square, q, lo), AS(sub_ps)(size_of(x), high)), x);
}
VM_INLINE floats tanh_square_of(floats high, const table *t)
{
    floats a = AS(max_ps)(ALL(0x1p-80f), high), y = Y_OF(TANH_SQUARE, t, a, PLACE(TANH_SQUARE, held_in_row(a, TANH_LAST)));
    floats m = AS(min_ps)(a, ALL(0.25f)), held = AS(max_ps)(ALL(0x1p-50f), m);
    return FMA(AS(mul_ps)(m, m), y, AS(mul_ps)(AS(fmsub_ps)(held, held, AS(mul_ps)(held, held)), y));
}

/* Kernels: tables, a of x, its power, and what is stored of them. */
#define TABLE(NAME, t, is_long) const table t = table_of(NAME##_TABLE_F4, NAME##_ROWS, is_long)
#define REDUCED_SQUARE(POWER)                                                                                    \
    floats j = FMA(AS(mul_ps)(a, a), ALL(-POWER##_PER), ALL(POWER##_MAGIC));                                     \
    floats z = AS(fnmsub_ps)(a, a, FMA(j, ALL(POWER##_G), ALL(-POWER##_MAGIC_G)))
#define OF_SQUARE(POWER) REDUCED_SQUARE(POWER); floats w = table_power(POWER##_E, z)
#define STANDARD(u) const standard u = standard_of(*(const float *)args[1], *(const float *)args[2])
#define OF_FALL                                                                                                  \
    floats j = FMA(a, ALL(-FALL_PER), ALL(FALL_MAGIC));                                                          \
    floats w = table_power(FALL_E, AS(sub_ps)(FMA(j, ALL(-FALL_G), ALL(FALL_MAGIC_G)), a))
#define LOAD(k) AS(loadu_ps)((const float *)args[k] + i)
#define STORE(k, v) AS(storeu_ps)((float *)out[k] + i, v)
#define KERNEL(UFUNC, TABLES, X, A, POWER, STORED)                                                               \
    static void tabled_##UFUNC(void *const *out, const void *const *args, ptrdiff_t n)                           \
    {                                                                                                            \
        TABLES;                                                                                                  \
        for (ptrdiff_t i = 0; i < n; i += TABLE_LANES) {                                                         \
            floats x = X, a = A;                                                                                 \
            POWER;                                                                                               \
            STORED;                                                                                              \
        }                                                                                                        \
    }
#define PAIR(y, slope) floats first = y, second = slope; STORE(0, first); STORE(1, second)
#else
#define KERNEL(UFUNC, TABLES, X, A, POWER, STORED) \
    static inline void tabled_##UFUNC(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
#endif

/* gelu's NaN comes by the last sum */
KERNEL(gelu_f4, TABLE(GELU, t, 0), LOAD(0), held(x, GELU_END), OF_SQUARE(BELL), STORE(0, gelu_of(x, a, j, w, &t)))
KERNEL(gelu_backward_f4, TABLE(GELU_SLOPE, t, 0), LOAD(1), held_but_nan(x, GELU_SLOPE_END), OF_SQUARE(BELL),
       STORE(0, AS(mul_ps)(LOAD(0), gelu_slope_of(x, a, j, w, &t))))
KERNEL(gelu_value_and_grad_f4, TABLE(GELU, t, 0); TABLE(GELU_SLOPE, u, 0), LOAD(0), held_but_nan(x, GELU_SLOPE_END), OF_SQUARE(BELL),
       PAIR(gelu_of(x, a, j, w, &t), gelu_slope_of(x, a, j, w, &u)))
KERNEL(ndtr_f4, TABLE(NORMAL, t, 0), LOAD(0), held_but_nan(x, NORMAL_END), OF_SQUARE(BELL), STORE(0, ndtr_of(x, a, j, w, &t)))
KERNEL(ndtr_value_and_grad_f4, TABLE(NORMAL, t, 0), LOAD(0), held_but_nan(x, NORMAL_END), OF_SQUARE(BELL),
       PAIR(ndtr_of(x, a, j, w, &t), ndtr_slope_of(a, j, w)))
KERNEL(erfc_f4, TABLE(ERROR, t, 0), LOAD(0), held_but_nan(x, ERROR_END), OF_SQUARE(SQUARE), STORE(0, erfc_of(x, a, j, w, &t)))
KERNEL(erfc_value_and_grad_f4, TABLE(ERROR, t, 0), LOAD(0), held_but_nan(x, ERROR_END), OF_SQUARE(SQUARE),
       PAIR(erfc_of(x, a, j, w, &t), erfc_slope_of(a, j, w)))
KERNEL(silu_backward_f4, TABLE(SILU_SLOPE, t, 1), LOAD(1), held_but_nan(x, SILU_SLOPE_END), OF_FALL,
       STORE(0, AS(mul_ps)(LOAD(0), silu_slope_of(x, a, j, w, &t))))
KERNEL(tanh_shrink_f4, TABLE(SHRINK, t, 1), LOAD(0), held_but_nan(x, SHRINK_END), , STORE(0, tanh_shrink_of(x, a, &t)))
KERNEL(tanh_shrink_backward_f4, TABLE(TANH_SQUARE, t, 1), LOAD(1), held_but_nan(x, TANH_SQUARE_END), ,
       STORE(0, AS(mul_ps)(LOAD(0), tanh_square_of(a, &t))))
KERNEL(geglu_f4, TABLE(GELU, t, 0), LOAD(1), held(x, GATE_END), , STORE(0, geglu_of(LOAD(0), x, a, &t)))
KERNEL(laplace_f4, TABLE(NORMAL, t, 0); STANDARD(u); floats lo, standardized(LOAD(0), &u, &lo), held_but_nan(x, NORMAL_END),
       REDUCED_SQUARE(BELL), STORE(0, laplace_of(x, lo, a, j, z, &t)))

#undef KERNEL
#undef PLACE
#undef FROM_START
#undef Y_OF
#undef TABLE
#undef REDUCED_SQUARE
#undef OF_SQUARE
#undef STANDARD
#undef OF_FALL
#undef LOAD
#undef STORE
#undef PAIR
#undef AS
#undef AS_BITS
#undef AS_FLOATS
#undef ALL
#undef FMA
#endif
