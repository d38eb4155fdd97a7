# Sourced by ./tm: run, dialer, lock, clean.
# shellcheck shell=sh

# ---------------------------------------------------------------- run
tm_run() {
    setup_all
    TM_DB=${TM_DB:-telemarketing_demo} TM_PORT=${TM_PORT:-8069}
    logs=$TM_DATA/log; mkdir -p "$logs"
    # Base of the watched folders (docs/watched-folders.md).
    # Who names another one, here or in Odoo's configuration, makes it himself: a share
    # that is not mounted yet must not become a folder.
    if [ -z "${TELEMARKETING_WATCH_ROOT:-}" ]; then
        TELEMARKETING_WATCH_ROOT=$TM_DATA/watch
        make_watch_root
    fi
    export TELEMARKETING_WATCH_ROOT
    port_free "$TM_PORT" || die "port $TM_PORT of 127.0.0.1 is taken.
    Perhaps Odoo is already running there: open http://127.0.0.1:$TM_PORT
    Or choose another port:                TM_PORT=$((TM_PORT + 1)) ./tm run"
    python "$TM_HOME/tools/databases.py" demo "$TM_DB" --log "$logs/$TM_DB-database.log" || exit 1

    say "Starting Odoo"
    log=$logs/$TM_DB.log; : > "$log"
    # In a session of its own: the terminal's Ctrl-C reaches us, and we ask Odoo once.
    # shellcheck disable=SC2094
    setsid python -m odoo -d "$TM_DB" --db-filter "^$TM_DB\$" --http-interface 127.0.0.1 --http-port "$TM_PORT" \
        --data-dir "$TM_DATA/odoo" --logfile "$log" </dev/null >>"$log" 2>&1 &
    odoo=$! telephone='' dialer=''
    trap 'kill -TERM "$odoo" 2>/dev/null' INT TERM HUP
    if ! wait_for_odoo; then
        tail -n 30 "$log" >&2
        kill -TERM "$odoo" 2>/dev/null; wait "$odoo"
        die "Odoo did not start; the last lines of $log are above"
    fi
    start_telephone && start_dialer
    print_welcome
    # A signal ends the first wait; the second waits for Odoo's own clean end.
    wait "$odoo"; code=$?
    if kill -0 "$odoo" 2>/dev/null; then note "stopping Odoo"; wait "$odoo"; code=$?; fi
    for process in $dialer $telephone; do kill -TERM "$process" 2>/dev/null; wait "$process"; done
    [ "$code" -le 130 ] || [ "$code" = 143 ] || die "Odoo ended with code $code; see $log"
}

# ---------------------------------------------------------------- telephone and dialer
# A real Asterisk, and a telephone network that is played. The demonstration goes on
# without them where Asterisk cannot be had.
start_telephone() {
    uuid=$(python "$TM_HOME/tools/databases.py" uuid "$TM_DB") && [ -n "$uuid" ] || return 1
    . "$TM_HOME/tools/asterisk.sh"
    if ! (setup_asterisk); then note "no Asterisk: the demonstration does not dial"; return 1; fi
    setup_asterisk
    say "Starting Asterisk, and a telephone network that is played"
    folder=$TM_DATA/telephone/$TM_DB; told=$folder/telephone.json
    mkdir -p "$folder"; rm -f "$told"
    setsid python "$TM_HOME/tools/telephone.py" "$folder" --database "$uuid" </dev/null >>"$logs/telephone.log" 2>&1 &
    telephone=$!
    tries=100
    until [ -e "$told" ]; do
        tries=$((tries - 1))
        if [ "$tries" = 0 ] || ! kill -0 "$telephone" 2>/dev/null; then
            note "Asterisk did not start: the demonstration does not dial; see $logs/telephone.log"
            return 1
        fi
        sleep 0.1
    done
    python "$TM_HOME/tools/databases.py" telephone "$TM_DB" --described "$told"
}

start_dialer() {
    dialer_log=$logs/$TM_DB-dialer.log; : > "$dialer_log"
    setsid python -m odoo dialer -d "$TM_DB" --data-dir "$TM_DATA/odoo" --logfile "$dialer_log" </dev/null >>"$dialer_log" 2>&1 &
    dialer=$!
}

# ./tm dialer -d DB: in the foreground, to the end.
tm_dialer() {
    setup_all
    exec python -m odoo dialer "$@" --data-dir "$TM_DATA/odoo"
}

# Marked as ours, so that clean removes no folder that somebody put there.
make_watch_root() {
    [ -e "$TM_DATA/watch" ] || [ -L "$TM_DATA/watch" ] && return 0
    mkdir -m 755 "$TM_DATA/watch" && : > "$TM_DATA/watch/.made-by-tm"
}

port_free() {
    python - "$1" <<-'PY'
	import socket, sys
	probe = socket.socket()
	probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	try:
	    probe.bind(("127.0.0.1", int(sys.argv[1])))
	except OSError:
	    sys.exit(1)
	PY
}

wait_for_odoo() {
    python - "http://127.0.0.1:$TM_PORT/web/health" "$odoo" <<-'PY'
	import os, sys, time, urllib.request
	url, pid = sys.argv[1], int(sys.argv[2])
	for _ in range(600):
	    try:
	        os.kill(pid, 0)
	    except ProcessLookupError:
	        sys.exit("Odoo ended while starting")
	    try:
	        with urllib.request.urlopen(url, timeout=5) as answer:
	            sys.exit(answer.status != 200)
	    except OSError:
	        time.sleep(0.2)
	sys.exit("Odoo did not answer within two minutes")
	PY
}

# Logins: one per line, login <tab> password <tab> role, written beside the demo data.
print_welcome() {
    printf '\n    Odoo runs at  http://127.0.0.1:%s\n' "$TM_PORT"
    logins=$TM_HOME/telemarketing_base/demo/LOGINS.txt
    if [ -e "$logins" ]; then
        printf '\n    %-16s %-16s %s\n' login password role
        while IFS='	' read -r login password role; do
            case $login in '' | '#'*) continue ;; esac
            printf '    %-16s %-16s %s\n' "$login" "$password" "$role"
        done < "$logins"
    fi
    printf '\n    Database %s, log %s\n' "$TM_DB" "$log"
    if [ -n "$dialer" ]; then
        printf '    The dialer dials a network that is played; its log %s\n' "$dialer_log"
        printf '    Asterisk: %s/console.log, the network: %s/console.log\n' "$folder/centre" "$folder/carrier"
    fi
    printf '    Ctrl-C stops all of it; ./tm stop stops PostgreSQL too\n\n'
}

# ---------------------------------------------------------------- lock
# Keeps the versions that a lock file already names; delete the file to take the newest.
tm_lock() {
    find_python
    uv=$TM_CACHE/uv
    mkdir -p "$TM_CACHE"
    if [ ! -x "$uv/bin/uv" ]; then
        say "uv, which resolves the lock files"
        rm -rf "$uv"
        { "$TM_PYTHON" -m venv "$uv" && quiet_pip "$uv/bin/pip" uv; } || die "could not install uv in $uv"
    fi
    cd "$TM_HOME" || exit 1
    for name in requirements requirements-dev; do
        note "$name.in -> $name.txt"
        "$uv/bin/uv" pip compile -q --universal --python-version 3.10 --no-header \
            --no-emit-index-url --no-emit-find-links "$name.in" -o "$name.txt" >/dev/null \
            || die "$name.in could not be resolved"
    done
}

# ---------------------------------------------------------------- clean
tm_clean() {
    for folder in "$TM_CACHE" "$TM_DATA"; do
        case $folder in
            '' | / | /*/.. | /*/../* | "$HOME" | "$TM_HOME") die "'$folder' is not a folder that clean may empty" ;;
            /*) ;;
            *) die "'$folder' is not an absolute path" ;;
        esac
    done
    if [ -n "${TM_PG:-}" ]; then
        setup_postgres
        for db in $(psql -X -d postgres -qAtc "select datname from pg_database where datname = '${TM_DB:-telemarketing_demo}' or datname ~ '^tm_(tpl|t|ours)_'"); do
            note "dropping database $db"
            dropdb --if-exists --force "$db"
        done
    else
        stop_postgres
        remove "$TM_DATA"/pg-[0-9]* "$TM_DATA/pg-run"
    fi
    remove "$TM_DATA/odoo" "$TM_DATA/log" "$TM_DATA/telephone" "$TM_CACHE"/venv-* "$TM_CACHE"/node-* "$TM_CACHE/uv" "$TM_CACHE/odoo" "$TM_CACHE/asterisk" "$TM_HOME/artefacts"
    remove_watch_root
    if [ "${1:-}" = --all ]; then remove "$TM_CACHE/debs" "$TM_CACHE/apt" "$TM_CACHE/npm"; fi
    rm -f "$TM_CACHE/.lock" "$TM_DATA"/.lock-*
    rmdir "$TM_CACHE" "$TM_DATA" 2>/dev/null || true
}

# Only what make_watch_root made, and nothing of a share mounted within.
remove_watch_root() {
    watch=$TM_DATA/watch
    [ -e "$watch" ] || [ -L "$watch" ] || return 0
    if [ -L "$watch" ] || [ ! -f "$watch/.made-by-tm" ]; then
        note "leaving $watch, which ./tm did not make"
        return 0
    fi
    note "removing $watch"
    rm -rf --one-file-system "${watch:?}" || note "leaving what is mounted in $watch"
}

remove() {
    for path in "$@"; do
        [ -e "$path" ] || continue
        note "removing $path"
        rm -rf "${path:?}"
    done
}
