import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";

const {DateTime} = luxon;

/** What there is of consent, and asking for it or taking it back in the call. */
export class ConsentBox extends Component {
    static template = "telemarketing_base.ConsentBox";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get consent() {
        return this.desk.call.consent;
    }

    /** The state in words, where it is not simply a consent that stands. */
    get told() {
        const {state, until} = this.consent;
        const day = until && DateTime.fromISO(until).toFormat("dd/MM/yyyy");
        return {
            none: _t("No consent to commercial calls"),
            withdrawn: _t("The consent was withdrawn"),
            expired: _t("The consent ended on %s", day),
            expiring: _t("The consent ends on %s", day),
        }[state];
    }

    get answered() {
        return {
            given: _t("Consent recorded"),
            refused: _t("Recorded: said no"),
            withdrawn: _t("Recorded: the consent is withdrawn, no more calls"),
        }[this.desk.consentSaid];
    }

    get correction() {
        return {
            given: _t("No, they refused"),
            refused: _t("They said yes after all"),
        }[this.desk.consentSaid];
    }

    get stands() {
        return ["valid", "expiring"].includes(this.consent.state);
    }

    correct() {
        this.desk.recordConsent(this.desk.consentSaid === "refused");
    }
}
