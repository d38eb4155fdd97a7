import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";
import {secondsLeft, shownCountdown, toggleHold} from "./pace";

/** What happens by itself in so many seconds, and the button that holds it. */
export class Countdown extends Component {
    static template = "telemarketing_base.Countdown";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get shown() {
        return shownCountdown(this.desk);
    }

    get seconds() {
        return secondsLeft(this.desk);
    }

    /** Told once to a screen reader; the number that runs is not. */
    get text() {
        const {kind, held} = this.shown;
        if (held) {
            return kind === "next" ? _t("The next person waits") : _t("The call waits");
        }
        return kind === "next" ? _t("The next person comes") : _t("Calls by itself");
    }

    toggle() {
        toggleHold(this.desk);
    }
}
