# lint and format.

tracked_cpp() { git ls-files -z --cached --others --exclude-standard '*.cc' '*.h'; }

dev_lint() {
  [[ $# -eq 0 ]] || die_usage "lint takes no arguments"
  install_packages
  "$python" -m pytest -q -p no:cacheprovider tools/lint
}

dev_format() {
  [[ $# -eq 0 ]] || die_usage "format takes no arguments"
  tracked_cpp | xargs -0 -r clang-format-$clang_version -i
}
