# Sourced by `maso` and `check`: finds a python3 that is new enough and brings the virtual environment up to
# date. POSIX sh. Expects `root` (the checkout); sets `venv`.
#
# The common case, nothing changed, costs one `cmp` a lock file. Everything else is tools/install_env.py, in
# Python, because a lock that the kernel releases when its holder dies cannot be had from mkdir.

venv=${MASO_VENV:-$root/.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac

# A python of the caller's surroundings must not leak into ours.
unset PYTHONHOME PYTHONPATH

# Prints the first python that is 3.11 or newer; fails when there is none.
find_python() {
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    found=$(python3 -c 'import sys; print("is Python %d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        found='was not found'
    printf 'maso: needs `python3` 3.11 or newer; `python3` on your PATH %s\n' "$found" >&2
    return 1
}

# ensure_env NAME...: installs NAME.lock into $venv unless its stamp says that exactly this was installed for
# exactly this checkout.
ensure_env() {
    stale=
    [ -x "$venv/bin/python" ] || stale=yes
    for name in "$@"; do
        { printf '%s\n' "$root"; cat "$root/$name.lock"; } | cmp -s - "$venv/maso-$name.stamp" || stale=yes
    done
    [ -n "$stale" ] || return 0
    python=$(find_python) || return 1
    "$python" "$root/tools/install_env.py" "$root" "$venv" "$@"
}
