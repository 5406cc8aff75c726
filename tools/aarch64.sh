#!/usr/bin/env bash
# The same bits on another architecture: cross-compiles the kernels for aarch64, runs the package there under qemu-user,
# and compares the fingerprints of all results with tests/golden.json. About five minutes.
#
#     apt-get install gcc-aarch64-linux-gnu qemu-user
#     pip install meson-python ninja Cython "numpy>=2"
#     tools/aarch64.sh [FOLDER]        # FOLDER keeps what was fetched and built; default: build/aarch64
#
# Needs Debian. The foreign Python comes from Debian's packages, the foreign NumPy from PyPI's wheel; nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
work=$(mkdir -p "${1:-build/aarch64}" && cd "${1:-build/aarch64}" && pwd)
python=python3.$(python3 -c 'import sys; print(sys.version_info.minor)')
for tool in aarch64-linux-gnu-gcc qemu-aarch64 cython dpkg-deb; do
    command -v $tool >/dev/null || { echo "$tool is missing; the head of this script says what it needs" >&2; exit 1; }
done

# a root with Debian's Python for aarch64, fetched through an apt of its own
root=$work/root
if [ ! -e "$root/usr/bin/$python" ]; then
    apt=$work/apt
    mkdir -p "$apt"/{state/lists/partial,cache/archives/partial} "$root"
    touch "$apt/status"
    options=(-q -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
        -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update
    apt-get "${options[@]}" install --download-only -y "$python-minimal" "lib$python-stdlib" "lib$python-dev" libstdc++6 libc6 zlib1g
    for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
fi
site=$work/site
if [ ! -d "$site/numpy" ]; then
    python3 -m pip install -q --target "$site" --only-binary=:all: --python-version "${python#python}" --implementation cp \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 "numpy>=2"
fi

# the package: generated source, compiled with the flags of src/fastact/meson.build
rm -rf "$site/fastact"
mkdir -p "$site/fastact" "$work/c"
cp -r src/fastact/*.py src/fastact/verify "$site/fastact/"
sed "s/@version@/0/" src/fastact/_version.py.in >"$site/fastact/_version.py"
python3 src/fastact/core/generate.py "$work/c/_kernels.pyx"
mapfile -t flags < <(sed -n "/^contraction_off/,/^\]/p" src/fastact/meson.build | grep -o "'-[^']*'" | tr -d "'")
compile() { # MODULE SOURCE.c FLAG...
    local module=$1 source=$2
    shift 2
    aarch64-linux-gnu-gcc -shared -fPIC -std=gnu11 -DNDEBUG "$@" -I src/fastact/core -I "$root/usr/include/$python" -I "$root/usr/include" \
        -I "$site/numpy/_core/include" -o "$site/fastact/$module.so" "$source" -lm
}
build() { # MODULE SOURCE.pyx FLAG...
    local module=$1 source=$2
    shift 2
    python3 src/fastact/core/independent.py "$source" "$work/c/$module.c" cython -3 -I src/fastact/core --module-name "fastact.$module"
    compile "$module" "$work/c/$module.c" "$@"
}
build _kernels_baseline "$work/c/_kernels.pyx" "${flags[@]}"
build _cpu src/fastact/core/_cpu.pyx -O2
compile _quick src/fastact/core/_quick.c -O2 -DWIDE= -DNPY_TARGET_VERSION=NPY_2_0_API_VERSION -DNPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION

export PYTHONHOME=$root/usr PYTHONPATH=$site PYTHONDONTWRITEBYTECODE=1
qemu-aarch64 -L "$root" "$root/usr/bin/$python" -m fastact info
exec qemu-aarch64 -L "$root" "$root/usr/bin/$python" -m fastact golden "$here/tests/golden.json"
