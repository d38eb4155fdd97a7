# Sourced by ./tm. Gets what the product runs on: system packages, Odoo 19,
# Python packages, PostgreSQL. Every step looks first and does nothing when done.
# shellcheck shell=sh

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
die() { printf '\ntm: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1; then sudo "$@"
    else die "system packages are missing and there is no sudo. As root: apt-get install -y $*"
    fi
}

# Debian packages whose command or file is not there yet. $1: newline list "probe package"
need_packages() {
    missing=
    while read -r probe package; do
        [ -n "$probe" ] || continue
        case $probe in
            /*) # shellcheck disable=SC2086
                set -- $probe; [ -e "$1" ] && continue ;;
            *) command -v "$probe" >/dev/null 2>&1 && continue ;;
        esac
        missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    say "System packages:$missing"
    [ -n "${TM_APT_FRESH:-}" ] || { as_root apt-get update -qq || die "apt-get update failed"; TM_APT_FRESH=1; }
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2 \
        || die "could not install:$missing"
}

# ---------------------------------------------------------------- Python
find_python() {
    if [ -n "${TM_PYTHON:-}" ]; then
        command -v "$TM_PYTHON" >/dev/null 2>&1 || die "TM_PYTHON=$TM_PYTHON is not a program"
        return 0
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue
        TM_PYTHON=$candidate
        return 0
    done
    need_packages <<-LIST
	/nonexistent python3
	LIST
    TM_PYTHON=python3
    "$TM_PYTHON" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
        || die "Odoo 19 needs Python 3.10 to 3.13; name one with TM_PYTHON=/path/to/python3"
}

lock_hash() { cat "$@" | sha256sum | cut -c1-12; }

# One setup at a time: two terminals must not build the same environment twice.
# Descriptor 9 is closed for whatever outlives us (PostgreSQL).
lock_setup() { exec 9>"$TM_CACHE/.lock"; flock 9 2>/dev/null || true; }
unlock_setup() { exec 9>&-; }

# pip with one line of noise left out: what it says of configured places that are not there.
# $1: the environment's pip; the rest: pip's arguments
quiet_pip() {
    pip=$1; shift
    said=$(mktemp) || die "no room for temporary files"
    "$pip" install -q --use-pep517 --disable-pip-version-check --no-warn-conflicts "$@" >"$said" 2>&1; code=$?
    grep -v "^WARNING: Location 'file:.*' is ignored: it is " "$said" >&2
    rm -f "$said"
    return $code
}

# Makes $TM_VENV from the lock file. $1: "run" or "dev"
setup_venv() {
    find_python
    pyver=$("$TM_PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    TM_VENV=$TM_CACHE/venv-$pyver-$(lock_hash "$TM_HOME/requirements.txt" "$TM_HOME/requirements-dev.txt")
    stamp=$TM_VENV/.tm-run
    if [ ! -e "$stamp" ]; then
        probe=$("$TM_PYTHON" -c 'import sysconfig, os; p = os.path.join(sysconfig.get_paths()["include"], "Python.h"); print(p)')
        need_packages <<-LIST
		gcc gcc
		g++ g++
		$probe python3-dev
		/usr/include/postgresql/libpq-fe.h libpq-dev
		LIST
        "$TM_PYTHON" -c 'import venv, ensurepip' 2>/dev/null || need_packages <<-LIST
		/nonexistent python3-venv
		LIST
        say "Python packages ($pyver) from requirements.txt"
        rm -rf "$TM_VENV"
        "$TM_PYTHON" -m venv "$TM_VENV" || die "could not make a virtual environment in $TM_VENV"
        quiet_pip "$TM_VENV/bin/pip" -r "$TM_HOME/requirements.txt" \
            || die "pip could not install requirements.txt; see the lines above"
        touch "$stamp"
    fi
    if [ "${1:-run}" = dev ] && [ ! -e "$TM_VENV/.tm-dev" ]; then
        say "Test and lint packages from requirements-dev.txt"
        quiet_pip "$TM_VENV/bin/pip" -r "$TM_HOME/requirements-dev.txt" \
            || die "pip could not install requirements-dev.txt; see the lines above"
        touch "$TM_VENV/.tm-dev"
    fi
    link_odoo
}

# The mirror that this machine's apt uses.
debian_mirror() {
    mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '/^URIs:/ && $2 !~ /security/ {print $2; exit}')
    [ -n "$mirror" ] || mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^(https?|mirror|file):/ && $i !~ /security/) {print $i; exit}}' | head -n 1)
    echo "$mirror"
}

# ---------------------------------------------------------------- Odoo
# Odoo's Community edition is on no Python index; Debian carries it whole as odoo-19 (suite sid).
# A private apt configuration reads that suite without adding it to the system.
setup_odoo() {
    TM_ODOO_LIB=
    if [ -n "${TM_ODOO:-}" ]; then
        for place in "$TM_ODOO" "$TM_ODOO/usr/lib/python3/dist-packages"; do
            if [ -f "$place/odoo/release.py" ]; then TM_ODOO_LIB=$(cd "$place" && pwd); break; fi
        done
        [ -n "$TM_ODOO_LIB" ] || die "TM_ODOO=$TM_ODOO holds no odoo/release.py; name the folder that contains the package 'odoo'"
        grep -q '^version_info = (19, 0' "$TM_ODOO_LIB/odoo/release.py" || die "TM_ODOO=$TM_ODOO is not Odoo 19.0"
        return 0
    fi
    root=$TM_CACHE/odoo
    TM_ODOO_LIB=$root/usr/lib/python3/dist-packages
    [ -e "$root/.tm-complete" ] && return 0
    need_packages <<-LIST
	apt-get apt
	dpkg-deb dpkg
	LIST
    say "Odoo 19 Community from Debian (122 MB, once)"
    debs=$TM_CACHE/debs; mkdir -p "$debs"
    if ! ls "$debs"/odoo-19_*.deb >/dev/null 2>&1 || [ ! -e "$debs/.tm-complete" ]; then
        mirror=$(debian_mirror)
        [ -n "$mirror" ] || die "no Debian mirror found in /etc/apt; name an Odoo 19 of yours with TM_ODOO=/path"
        conf=$TM_CACHE/apt; mkdir -p "$conf/lists/partial" "$conf/cache/archives/partial"
        keyring=/usr/share/keyrings/debian-archive-keyring.gpg
        [ -e "$keyring" ] || need_packages <<-LIST
		$keyring debian-archive-keyring
		LIST
        # Odoo's web client uses Font Awesome 4; sid has 7, trixie is the last suite with 4.
        for suite in sid trixie; do echo "deb [signed-by=$keyring] $mirror $suite main"; done > "$conf/sources.list"
        apt_private() {
            apt-get -q -o Dir::Etc::sourcelist="$conf/sources.list" -o Dir::Etc::sourceparts=- \
                -o Dir::State::lists="$conf/lists" -o Dir::Cache="$conf/cache" \
                -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User="" "$@"
        }
        apt_private update >&2 || die "could not read Debian's package list"
        # Debian keeps fonts and a few scripts in packages of their own; Odoo's links point into them.
        (cd "$debs" && apt_private download odoo-19 libjs-jquery libjs-jquery-form libjs-underscore \
            fonts-font-awesome/trixie fonts-roboto-unhinted fonts-montserrat fonts-inconsolata/trixie fonts-ocr-b \
            fonts-glyphicons-halflings >&2) || die "could not download odoo-19 and what it links to"
        touch "$debs/.tm-complete"
        rm -rf "$conf"
    fi
    say "Unpacking Odoo"
    rm -rf "$root"; mkdir -p "$root"
    for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$root" || die "could not unpack $deb"; done
    # The package carries every addon twice and leaves out one script that the web client's bundle names.
    rm -rf "${TM_ODOO_LIB:?}/addons"
    stub=$TM_ODOO_LIB/odoo/addons/mail/static/lib/selfie_segmentation
    mkdir -p "$stub"; [ -e "$stub/selfie_segmentation.js" ] || : > "$stub/selfie_segmentation.js"
    # The links are absolute (/usr/share/...): make them relative to this tree.
    find "$root" -xtype l | while read -r link; do
        target=$(readlink "$link")
        case $target in /*) [ -e "$root$target" ] && ln -sf "$root$target" "$link" ;; esac
    done
    dangling=$(find "$root" -xtype l | head -n 3)
    [ -z "$dangling" ] || note "links without a target (pages may lack a font): $dangling"
    touch "$root/.tm-complete"
}

# unpack_debs FOLDER PACKAGE…: of this machine's own Debian, without installing them.
unpack_debs() {
    need_packages <<-LIST
	apt-get apt
	dpkg-deb dpkg
	LIST
    target=$1; shift
    got=$(mktemp -d) || die "no room for temporary files"
    [ -n "${TM_APT_FRESH:-}" ] || { as_root apt-get update -qq || die "apt-get update failed"; TM_APT_FRESH=1; }
    (cd "$got" && apt-get -q -o APT::Sandbox::User="" download "$@" >&2) || die "could not download $*"
    rm -rf "$target"; mkdir -p "$target"
    for deb in "$got"/*.deb; do dpkg-deb -x "$deb" "$target" || die "could not unpack $deb"; done
    rm -rf "$got"
}

# ---------------------------------------------------------------- nginx
# For the bench through the shipped proxy file. Debian's package unpacked, not
# installed: installing it would start a server on port 80.
setup_nginx() {
    for TM_NGINX in /usr/sbin/nginx "$TM_CACHE/nginx/usr/sbin/nginx"; do
        [ -x "$TM_NGINX" ] && { export TM_NGINX; return 0; }
    done
    say "nginx from Debian (unpacked, not installed)"
    unpack_debs "$TM_CACHE/nginx" nginx
    "$TM_NGINX" -v >&2 || die "nginx does not start; install it: apt-get install nginx"
    export TM_NGINX
}

# ---------------------------------------------------------------- PyPy
# Simulated days run several times faster under its compiler; the code is the same. Of
# this machine's own Debian, unpacked: 13 MB to download, 76 MB on disk.
setup_pypy() {
    for TM_PYPY in /usr/bin/pypy3 "$TM_CACHE/pypy/pypy3"; do
        [ -x "$TM_PYPY" ] && { export TM_PYPY; return 0; }
    done
    say "PyPy from Debian (unpacked, not installed)"
    unpack_debs "$TM_CACHE/pypy" pypy3 pypy3-lib
    library=$(dirname "$(find "$TM_CACHE/pypy" -name 'libpypy3*.so' | head -n 1)")
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/usr/bin/pypy3 "$@"\n' "$library" "$TM_CACHE/pypy" > "$TM_CACHE/pypy/pypy3"
    chmod +x "$TM_CACHE/pypy/pypy3"
    "$TM_CACHE/pypy/pypy3" -c 'import json, multiprocessing' >&2 || die "pypy3 does not start; install it: apt-get install pypy3"
    TM_PYPY=$TM_CACHE/pypy/pypy3; export TM_PYPY
}

link_odoo() {
    [ -n "${TM_ODOO_LIB:-}" ] || return 0
    site=$("$TM_VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
    echo "$TM_ODOO_LIB" > "$site/odoo.pth"
}

# ---------------------------------------------------------------- PostgreSQL
# A cluster of our own, unless PGHOST names one that is already there.
pg_as() {
    if [ "$(id -u)" = 0 ]; then
        # shellcheck disable=SC2016
        su postgres -s /bin/sh -c 'cd /; exec "$@"' -- sh "$@"
    else "$@"; fi
}

setup_postgres() {
    if [ -n "${TM_PG:-}" ]; then  # "host[:port]" of a server that is already there; user and password by PGUSER, PGPASSWORD
        PGHOST=${TM_PG%%:*}; case $TM_PG in *:*) PGPORT=${TM_PG##*:} ;; esac
        export PGHOST PGPORT="${PGPORT:-5432}" PGUSER="${PGUSER:-odoo}"
        command -v psql >/dev/null 2>&1 || need_packages <<-LIST
		psql postgresql-client
		LIST
        psql -X -d postgres -qAtc 'select 1' >/dev/null || die "TM_PG=$TM_PG: cannot connect as $PGUSER"
        return 0
    fi
    if ! ls -d /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
        # Debian's package would start a cluster of its own on 5432; we only want the binaries.
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            as_root mkdir -p /etc/postgresql-common
            echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        fi
        need_packages <<-LIST
		/nonexistent postgresql
		LIST
    fi
    # shellcheck disable=SC2012
    bin=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
    major=$(basename "$(dirname "$bin")")
    TM_PGDATA=$TM_DATA/pg-$major
    export PGHOST=127.0.0.1 PGPORT="${TM_PGPORT:-54329}" PGUSER=odoo PGPASSWORD=odoo
    PATH=$bin:$PATH
    if [ ! -e "$TM_PGDATA/PG_VERSION" ]; then
        say "PostgreSQL $major, a private cluster on port $PGPORT"
        mkdir -p "$TM_PGDATA" "$TM_DATA/pg-run"
        if [ "$(id -u)" = 0 ]; then chown postgres "$TM_PGDATA" "$TM_DATA/pg-run"; fi
        pg_as "$bin/initdb" -D "$TM_PGDATA" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null || die "initdb failed in $TM_PGDATA"
        pg_as tee -a "$TM_PGDATA/postgresql.conf" >/dev/null <<-CONF
		listen_addresses = '127.0.0.1'
		unix_socket_directories = '$TM_DATA/pg-run'
		max_connections = 200
		shared_buffers = 512MB
		work_mem = 16MB
		maintenance_work_mem = 256MB
		max_wal_size = 4GB
		checkpoint_timeout = 15min
		random_page_cost = 1.1
		log_min_duration_statement = -1
		CONF
    fi
    if ! pg_as "$bin/pg_ctl" -D "$TM_PGDATA" status >/dev/null 2>&1; then
        note "starting PostgreSQL on 127.0.0.1:$PGPORT"
        pg_as "$bin/pg_ctl" -D "$TM_PGDATA" -o "-p $PGPORT" -l "$TM_PGDATA/server.log" -w -t 60 start >/dev/null </dev/null 3>&- 9>&- \
            || die "PostgreSQL did not start; see $TM_PGDATA/server.log (port $PGPORT taken? choose another with TM_PGPORT=)"
    fi
    if [ "$(psql -X -U postgres -d postgres -qAtc "select 1 from pg_roles where rolname='odoo'")" != 1 ]; then
        psql -X -U postgres -d postgres -qc "create role odoo login createdb password 'odoo'" || die "could not create the role odoo"
    fi
}

db_exists() { [ "$(psql -X -d postgres -qAtc "select 1 from pg_database where datname='$1'")" = 1 ]; }

stop_postgres() {
    [ -n "${TM_PG:-}" ] && return 0
    for data in "$TM_DATA"/pg-[0-9]*; do
        [ -e "$data/postmaster.pid" ] || continue
        bin=/usr/lib/postgresql/$(cat "$data/PG_VERSION")/bin
        pg_as "$bin/pg_ctl" -D "$data" -m fast stop >/dev/null 2>&1 || true
    done
}

setup_all() {
    mkdir -p "$TM_CACHE" "$TM_DATA" || die "cannot write $TM_CACHE or $TM_DATA; name other folders with TM_CACHE= and TM_DATA="
    lock_setup
    setup_odoo
    setup_venv "${1:-run}"
    setup_postgres
    unlock_setup
    export TM_HOME TM_CACHE TM_DATA TM_VENV TM_ODOO_LIB
    ODOO_RC=$TM_HOME/odoo.conf
    export ODOO_RC
    PATH=$TM_VENV/bin:$PATH
    export PATH
}
