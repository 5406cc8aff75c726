#!/usr/bin/env bash
# The kernels under AddressSanitizer and UndefinedBehaviorSanitizer: builds the package with both, runs tests and the fuzzer on it.
#
#     tools/sanitize.sh                          # the tests of memory, rows, losses, edges and threads, and 50 000 random calls
#     tools/sanitize.sh tests/test_layout.py -k overlap      # pytest with these arguments, and nothing else
#
# Needs gcc with libasan and libubsan, and meson, ninja, Cython, NumPy and the test extra of the python3 in PATH. It builds in
# build/sanitize, some minutes the first time. The same by hand: meson setup -Db_sanitize=address,undefined -Db_lundef=false.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
work=$here/build/sanitize
cc=${CC:-gcc}
preload="$($cc -print-file-name=libasan.so) $($cc -print-file-name=libubsan.so)"
for library in $preload; do
    [ -e "$library" ] || { echo "$cc has no $library" >&2; exit 1; }
done

if [ ! -e "$work/build.ninja" ]; then
    CC=$cc meson setup "$work" -Db_sanitize=address,undefined -Db_lundef=false \
        -Dpython.purelibdir="$work/site" -Dpython.platlibdir="$work/site"
fi
ninja -C "$work"
meson install -C "$work" --quiet
for module in "$work"/site/fastact/_kernels_*.so; do
    symbols=$(nm -D "$module")      # not to a grep that ends early: of that nm dies, and pipefail takes it for a miss
    [[ $symbols == *__asan_report* && $symbols == *__ubsan_handle* ]] || { echo "$module is not checked" >&2; exit 1; }
done

# Python's own allocator would hide small arrays' ends; nothing that Python keeps until it ends is of interest
export LD_PRELOAD=$preload PYTHONMALLOC=malloc PYTHONPATH=$work/site PYTHONDONTWRITEBYTECODE=1
# a report goes to a file: what a process writes when it dies in a test, pytest has captured
rm -f "$work"/report.*
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:log_path=$work/report
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$work/report
trap 'status=$?; unset LD_PRELOAD; cat "$work"/report.* >&2 2>/dev/null || true; exit $status' EXIT
if [ $# -gt 0 ]; then
    python3 -m pytest -p no:cacheprovider "$@"
    exit
fi
slow="accuracy or million or exact or against or derivatives or extreme_parameters"
python3 -m pytest -q -p no:cacheprovider tests/test_layout.py tests/test_rows.py tests/test_edges.py tests/test_threads.py \
    tests/test_types.py tests/test_parameters.py tests/test_family.py tests/test_losses.py tests/test_gated.py \
    -k "not ($slow or pandas or xarray or dask)"
python3 tools/fuzz.py --cases 50_000
echo "no report of either sanitizer in the tests and the random calls above"
