import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "@telemarketing_base/desk/desk_hooks";
import {chime, chimes, setChimes} from "./chime";

/** The agent's telephone: connected or not, why, and the seat's extension. */
export class PhoneBox extends Component {
    static template = "telemarketing_dialer.PhoneBox";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.state = useState({extension: "", chimes: chimes()});
    }

    get phone() {
        return this.desk.session.phone;
    }

    get wantsExtension() {
        return !this.phone.extension;
    }

    get text() {
        const {state, alive, extension} = this.phone;
        if (!alive) {
            return _t("Calls by click: your telephone rings first.");
        }
        return {
            none: _t("Telephone %s not connected", extension),
            calling: _t("Telephone %s rings: pick it up", extension),
            up: _t("Telephone %s connected", extension),
        }[state];
    }

    get sign() {
        return {none: "fa-phone", calling: "fa-bell", up: "fa-check"}[
            this.phone.alive ? this.phone.state : "none"
        ];
    }

    get connects() {
        return this.phone.state === "none";
    }

    connect() {
        return this.desk.connectPhone(this.connects);
    }

    onExtension(ev) {
        ev.preventDefault();
        return this.desk.connectPhone(true, this.state.extension.trim());
    }

    toggleChime() {
        this.state.chimes = !this.state.chimes;
        setChimes(this.state.chimes);
        chime();
    }
}
