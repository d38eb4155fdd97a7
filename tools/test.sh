# Sourced by ./tm: test. Gets what tests need beside the product; tools/stages.py runs them.
# shellcheck shell=sh

tm_test() {
    setup_all dev
    . "$TM_HOME/tools/lint.sh"
    case "${*:-all}" in
        quick | kernels) ;;
        *)
            # Odoo looks for the browser under several names; Debian's is chromium.
            command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || need_packages <<-LIST
			chromium chromium
			LIST
            setup_node ;;
    esac
    exec python "$TM_HOME/tools/stages.py" "$@"
}
