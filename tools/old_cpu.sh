#!/usr/bin/env bash
# An old CPU: imports the package, compares its fingerprints and runs a slice of the tests under qemu-user, which stops at any
# instruction that the CPU does not have. About ten minutes.
#
#     apt-get install qemu-user
#     tools/old_cpu.sh [CPU [PYTEST ARGUMENTS]]        # CPU as in qemu-x86_64 -cpu help
#
# The kernels themselves need x86-64 as it was in 2003; NumPy from 2.4 on, as in PyPI's wheels, needs x86-64-v2, which the
# default, a Nehalem of 2008, has: SSE4.2, no AVX. With an older NumPy "core2duo" does as well.
set -euo pipefail
cd "$(dirname "$0")/.."
cpu=${1:-Nehalem}
shift || true
python=$(python3 -c 'import sys; print(sys.executable)')
export OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
qemu() { qemu-x86_64 -cpu "$cpu" "$python" "$@"; }
qemu -m fastact info
qemu -c 'import fastact as fa; from fastact import _variants; assert _variants.available() == ["baseline"], _variants.available()'
qemu -m fastact golden tests/golden.json
if [ $# -gt 0 ]; then
    qemu -m pytest -q -p no:cacheprovider "$@"
else
    qemu -m pytest -q -p no:cacheprovider tests/test_variants.py tests/test_types.py tests/test_edges.py \
        -k "not pandas and not xarray and not dask and not subnormals and not variable"
fi
