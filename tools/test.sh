# Sourced by ./tm: test. Gets what tests need beside the product; tools/stages.py runs them.
# shellcheck shell=sh

tm_test() {
    setup_all dev
    case "$*" in
        quick | kernels) ;;
        *)
            # Odoo's tests look for the browser under these names; Debian's is chromium.
            command -v google-chrome >/dev/null 2>&1 || need_packages <<-LIST
			chromium chromium
			LIST
            ;;
    esac
    # lint formats with what stands in package-lock.json; whole checks pages with axe.
    case " ${*:-lint} " in
        *" lint "* | *" whole "*) . "$TM_HOME/tools/lint.sh"; setup_node ;;
    esac
    case " ${*:-whole} " in *" whole "*) . "$TM_HOME/tools/asterisk.sh"; setup_asterisk ;; esac
    exec python "$TM_HOME/tools/stages.py" "$@"
}
