#!/bin/sh
# The one command. ./tm help says what it does.
set -u
TM_HOME=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" = 0 ]; then
    # PostgreSQL runs as its own user and must reach its folder, so not under /root.
    : "${TM_CACHE:=/var/cache/telemarketing}" "${TM_DATA:=/var/lib/telemarketing}"
else
    : "${TM_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/telemarketing}" "${TM_DATA:=${XDG_DATA_HOME:-$HOME/.local/share}/telemarketing}"
fi
export TM_HOME TM_CACHE TM_DATA
# shellcheck source=tools/platform.sh
. "$TM_HOME/tools/platform.sh"

usage() {
    cat <<'HELP'
./tm run              get what is missing, make the demo database, start Odoo on 127.0.0.1:8069,
                      an Asterisk, a telephone network that is played, and the dialer
./tm dialer -d DB     the dialer process alone
./tm test             everything, from nothing: lint, kernels, modules, browser, faults, install matrix
./tm test quick       kernels and telemarketing_base without browser, on a prepared database
./tm test NAME ...    only these stages: lint kernels modules matrix core whole
./tm bench [NAME]     measure: lease, close, gate, shift, pacing, joining, cold start; writes a table and JSON
./tm pictures         make the pictures of the agents' guide again
./tm lint [--fix]     ruff, pylint-odoo, eslint, prettier, kernels free of odoo, Spanish complete
./tm shell            Odoo's Python shell on the demo database
./tm psql [DB]        PostgreSQL's prompt
./tm i18n             write each module's .pot and merge it into i18n/es.po
./tm lock             resolve requirements*.in into the lock files
./tm stop             stop the private PostgreSQL
./tm clean [--all]    drop databases and built environments (--all: downloads too)
./tm help             this page

Named by the environment, all optional:
  TM_ODOO=FOLDER      an Odoo 19 that is already there (the folder that holds the package "odoo")
  TM_PG=HOST[:PORT]   a PostgreSQL that is already there (user and password by PGUSER, PGPASSWORD)
  TM_PYTHON=PROGRAM   a Python 3.10 to 3.13         TM_PORT=8069    Odoo's port
  TM_PGPORT=54329     the private cluster's port    TM_DB=telemarketing_demo
  TM_CACHE=FOLDER     downloads and built environments    TM_DATA=FOLDER  databases and files
HELP
}

command=${1:-help}
[ $# -gt 0 ] && shift
case $command in
    run) . "$TM_HOME/tools/run.sh"; tm_run "$@" ;;
    dialer) . "$TM_HOME/tools/run.sh"; tm_dialer "$@" ;;
    test) . "$TM_HOME/tools/test.sh"; tm_test "$@" ;;
    lint) . "$TM_HOME/tools/lint.sh"; tm_lint "$@" ;;
    bench) setup_all dev; case " $* " in *" shift "*) setup_nginx ;; *" pacing "*) setup_pypy ;; *" joining "* | *" dialer "*) . "$TM_HOME/tools/asterisk.sh"; setup_asterisk; setup_nginx ;; esac; exec "$TM_VENV/bin/python" "$TM_HOME/tools/bench.py" "$@" ;;
    pictures) setup_all dev; cd "$TM_HOME" && TM_PICTURES=1 exec "$TM_VENV/bin/python" -m pytest -q tests/whole/desk/test_guide.py ;;
    i18n) setup_all dev; exec "$TM_VENV/bin/python" "$TM_HOME/tools/i18n.py" "$@" ;;
    shell) setup_all; exec "$TM_VENV/bin/python" -m odoo shell -d "${TM_DB:-telemarketing_demo}" --data-dir "$TM_DATA/odoo" "$@" ;;
    psql) setup_all; exec psql "${1:-${TM_DB:-telemarketing_demo}}" ;;
    lock) . "$TM_HOME/tools/run.sh"; tm_lock ;;
    setup) setup_all "${1:-run}" ;;
    stop) stop_postgres ;;
    clean) . "$TM_HOME/tools/run.sh"; tm_clean "$@" ;;
    help | -h | --help) usage ;;
    *) usage >&2; die "there is no './tm $command'" ;;
esac
