# Sourced by ./tm: a real Asterisk for tests, benchmarks and the demo.
# shellcheck shell=sh

# Debian 12 and 13 carry no Asterisk. The package of a later suite, with every library
# that it needs (libc too), is unpacked into the cache and started by its own loader:
# no root, nothing installed. 160 MB on disk.
setup_asterisk() {
    if [ -n "${TM_ASTERISK:-}" ]; then
        "$TM_ASTERISK" -V >/dev/null 2>&1 || die "TM_ASTERISK=$TM_ASTERISK does not start"
        return 0
    fi
    TM_ASTERISK=$TM_CACHE/asterisk/asterisk; export TM_ASTERISK
    [ -x "$TM_ASTERISK" ] && return 0
    need_packages <<-LIST
	apt-get apt
	dpkg-deb dpkg
	LIST
    say "Asterisk 22 from Debian (unpacked, not installed)"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e "$keyring" ] || need_packages <<-LIST
	$keyring debian-archive-keyring
	LIST
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "no Debian mirror found in /etc/apt; name an Asterisk of yours with TM_ASTERISK=/usr/sbin/asterisk"
    tree=$TM_CACHE/asterisk.new; rm -rf "$tree"; conf=$tree/.apt
    mkdir -p "$conf/lists/partial" "$conf/cache/archives/partial"; : > "$conf/status"
    echo "deb [signed-by=$keyring] $mirror forky main" > "$conf/sources.list"
    apt_asterisk() {
        apt-get -q -o Dir::Etc::sourcelist="$conf/sources.list" -o Dir::Etc::sourceparts=- \
            -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
            -o Dir::State="$conf" -o Dir::State::lists="$conf/lists" -o Dir::State::status="$conf/status" \
            -o Dir::Cache="$conf/cache" -o APT::Sandbox::User="" -o Acquire::Check-Valid-Until=false \
            -o APT::Install-Recommends=false -o Debug::NoLocking=1 -o APT::Keep-Downloaded-Packages=true "$@"
    }
    apt_asterisk update >&2 || die "could not read Debian's package list"
    # An empty status file: everything that Asterisk needs is fetched, whatever is here.
    apt_asterisk -y --download-only install asterisk >&2 || die "could not download asterisk"
    library=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
    for deb in "$conf"/cache/archives/*.deb; do
        # Packages that have none of these folders make tar complain.
        dpkg-deb --fsys-tarfile "$deb" | tar -C "$tree" -x --no-same-owner --wildcards --no-wildcards-match-slash \
            ./usr/sbin/asterisk "./$library" './usr/lib64' './usr/share/asterisk' './usr/lib/ssl' 2>/dev/null || true
    done
    for part in perl systemd gconv security guile krb5 sasl2 engines-3 ossl-modules bfd-plugins cmake pkgconfig; do
        rm -rf "${tree:?}/$library/$part"
    done
    rm -rf "$conf"
    # The package's own script would make this link; without it sounds are silent.
    ln -sfn en_US_f_Allison "$tree/usr/share/asterisk/sounds/en"
    loader=$(cd "$tree/$library" && ls ld-linux-*.so.* | head -n 1)
    [ -n "$loader" ] || die "the unpacked Asterisk has no loader"
    cat > "$tree/asterisk" <<-SCRIPT
	#!/bin/sh
	tree=\$(cd "\$(dirname "\$(readlink -f "\$0")")" && pwd)
	exec "\$tree/$library/$loader" --library-path "\$tree/$library" --argv0 asterisk "\$tree/usr/sbin/asterisk" "\$@"
	SCRIPT
    chmod 755 "$tree/asterisk"
    "$tree/asterisk" -V >&2 || die "the unpacked Asterisk does not start; name one of yours with TM_ASTERISK=/usr/sbin/asterisk"
    rm -rf "$TM_CACHE/asterisk"; mv "$tree" "$TM_CACHE/asterisk"
}
