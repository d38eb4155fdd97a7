# Sourced by ./tm: lint. Every check prints "ok" or "FAIL"; what it found stands above the line.
# shellcheck shell=sh

# Prettier and ESLint by package-lock.json, outside the repository.
setup_node() {
    need_packages <<-LIST
	node nodejs
	npm npm
	LIST
    TM_NODE=$TM_CACHE/node-$(lock_hash "$TM_HOME/package.json" "$TM_HOME/package-lock.json")
    if [ ! -e "$TM_NODE/.tm-complete" ]; then
        lock_setup
        say "Prettier and ESLint from package-lock.json"
        rm -rf "$TM_NODE"; mkdir -p "$TM_NODE"
        cp "$TM_HOME/package.json" "$TM_HOME/package-lock.json" "$TM_HOME/.npmrc" "$TM_NODE"
        (cd "$TM_NODE" && npm ci --ignore-scripts --loglevel=error >&2) || die "npm could not install package-lock.json"
        touch "$TM_NODE/.tm-complete"
        unlock_setup
    fi
    # Their configurations are looked for in the repository, their plugins here.
    export NODE_PATH="$TM_NODE/node_modules"
}

tm_lint() {
    fix=
    case ${1:-} in --fix) fix=yes ;; '') ;; *) die "./tm lint takes --fix and nothing else" ;; esac
    setup_all dev
    setup_node
    cd "$TM_HOME" || exit 1
    modules=$(python tools/check_modules.py --folders) || exit 1
    # pylint and OCA's checks take folders, one per word.
    # shellcheck disable=SC2086
    set -- $modules
    [ -z "$fix" ] || lint_fix "$@"

    failed=0
    check "shell scripts" lint_shell
    check "ruff" ruff check -q .
    check "ruff format" ruff format --check -q .
    check "kernels know no Odoo" python tools/check_kernels.py
    check "manifests, licences, tags" python tools/check_modules.py
    if [ $# -gt 0 ]; then
        check "pylint-odoo" pylint --rcfile=.pylintrc "$@"
        check "OCA's module checks" oca-checks-odoo-module "$@"
        check "OCA's po checks" lint_po
        check "Spanish complete" python tools/i18n.py --check
    fi
    check "prettier" lint_prettier --check
    check "eslint" "$NODE_PATH/.bin/eslint" --max-warnings 0 --no-error-on-unmatched-pattern .
    [ "$failed" = 0 ] || { printf '%s checks failed\n' "$failed"; return 1; }
}

check() {
    title=$1; shift
    said=$(mktemp) || die "no room for temporary files"
    if "$@" >"$said" 2>&1; then
        printf 'ok   %s\n' "$title"
    else
        cat "$said"
        printf 'FAIL %s\n' "$title"
        failed=$((failed + 1))
    fi
    rm -f "$said"
}

lint_fix() {
    ruff check -q --fix .
    ruff format -q .
    oca-checks-odoo-module --no-verbose --fix "$@" >/dev/null 2>&1
    lint_prettier --write >/dev/null
    "$NODE_PATH/.bin/eslint" --fix . >/dev/null
}

lint_shell() {
    bad=0
    for script in tm tools/*.sh; do sh -n "$script" || bad=1; done
    bash -n .ci/run || bad=1
    if command -v shellcheck >/dev/null 2>&1; then shellcheck -x tm tools/*.sh .ci/run || bad=1; fi
    return $bad
}

lint_po() {
    find . -path ./node_modules -prune -o -name '*.po' -print | sort | xargs -r oca-checks-po
}

lint_prettier() {
    "$NODE_PATH/.bin/prettier" "$1" --log-level warn --no-error-on-unmatched-pattern \
        '*.cjs' 'telemarketing_*/**/*.{xml,js}' 'addons/**/*.{xml,js}' 'tests/**/*.js'
}
