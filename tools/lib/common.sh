# What the other parts of tools/dev share. Sourced; the working directory is the repository.

# Debian's Python: another one may stand first in PATH and lack Debian's modules.
readonly python=/usr/bin/python3
readonly clang_version=19

say() { printf '%s\n' "$*"; }

die() {
  printf 'tools/dev: %s\n' "$*" >&2
  exit 1
}

die_usage() {
  printf 'tools/dev: %s\n' "$*" >&2
  exit 2
}

need_root() {
  [[ $EUID -eq 0 ]] || die "$1 needs root"
}
