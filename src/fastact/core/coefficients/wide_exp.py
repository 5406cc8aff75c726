"""The polynomial of wide_exp_poly in vmath.h: 1 + c1 z + ... + c6 z^6 ~ e^z on |z| <= ln2/2, minimax relative to e^z.

    python wide_exp.py        prints c6 ... c1 and the error in units of float's 2^-24

Linear programming on what the coefficients differ from Taylor's; the constant is held at 1, so that e^0 is exact.
"""

import math

import numpy as np
from scipy.optimize import linprog

DEGREE, SCALE = 6, 1e7
z = math.log(2) / 2 * 1.000001 * np.cos(np.linspace(0, np.pi, 3001))
wide = z.astype(np.longdouble)
missing = sum((wide**k / math.factorial(k) for k in range(DEGREE + 1, 16)), np.longdouble(0)) * np.exp(-wide) * SCALE
powers = np.array([z**k * np.exp(-z) for k in range(1, DEGREE + 1)]).T
edge = -np.ones((z.size, 1))
found = linprog(
    [0] * DEGREE + [1],
    A_ub=np.block([[powers, edge], [-powers, edge]]),
    b_ub=np.concatenate([missing, -missing]).astype(float),
    bounds=[(None, None)] * (DEGREE + 1),
    method="highs",
)
for k in range(DEGREE, 0, -1):
    print(f"c{k}", float(1 / math.factorial(k) + found.x[k - 1] / SCALE).hex())
print("error", found.x[-1] / SCALE * 2**24)
