import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatSeconds, timerLevel} from "../desk_format";
import {CallbackNotice} from "../agenda/callback_notice";
import {useDesk} from "../desk_hooks";
import {HelpFlag} from "../help/help_flag";
import {cap} from "../frame/pace";
import {PauseMenu} from "../pause_menu/pause_menu";

const SIGNS = {
    ready: "fa-circle",
    empty: "fa-circle-o",
    preview: "fa-user",
    dialling: "fa-phone",
    talking: "fa-phone",
    wrap_up: "fa-pencil",
    paused: "fa-pause",
    kept: "fa-hourglass-half",
};

/** Who works for whom, in which state and since when, and the day's figures. */
export class DeskHeader extends Component {
    static template = "telemarketing_base.DeskHeader";
    static components = {CallbackNotice, HelpFlag, PauseMenu};
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get sign() {
        return this.desk.offline
            ? "fa-chain-broken"
            : SIGNS[this.desk.phase] || "fa-circle-o";
    }

    get label() {
        const labels = {
            ready: _t("Ready"),
            empty: _t("Nobody to call"),
            preview: _t("Before dialling"),
            dialling: _t("Dialling"),
            talking: _t("Talking"),
            wrap_up: _t("Wrap-up"),
            paused: _t("Paused"),
            kept: _t("Result kept"),
            no_campaign: _t("No campaign"),
            other_seat: _t("Open elsewhere"),
            out: _t("Left"),
            loading: _t("Opening"),
        };
        return labels[this.desk.phase];
    }

    get hasTimer() {
        return this.desk.idle || this.desk.working || this.desk.phase === "paused";
    }

    get timer() {
        return formatSeconds(this.desk.phaseSeconds);
    }

    /** A pause or wrap-up near its cap and a call beyond the average are told apart by a sign. */
    get level() {
        const {desk} = this;
        if (desk.phase === "talking") {
            return timerLevel(desk.callSeconds, desk.campaign?.average_seconds);
        }
        return cap(desk)?.level || "calm";
    }

    get figures() {
        const {figures} = this.desk;
        const shown = [
            {id: "calls", value: figures.calls || 0, label: _t("calls")},
            {id: "useful", value: figures.useful || 0, label: _t("useful")},
            {
                id: "conversions",
                value: figures.conversions || 0,
                label: figures.conversion_label || _t("conversions"),
            },
        ];
        shown.push({
            id: "average",
            value: formatSeconds(figures.average_seconds),
            label: _t("average"),
        });
        return shown;
    }

    get pauseLabel() {
        if (this.desk.phase === "paused") {
            return _t("Go on");
        }
        return this.desk.pauseAfter ? _t("Pause after this") : _t("Pause");
    }

    togglePause() {
        const {desk} = this;
        if (desk.phase === "paused") {
            desk.ready();
        } else if (desk.pauseAfter) {
            desk.cancelPause();
        } else {
            desk.menu = desk.menu === "pause" ? "" : "pause";
        }
    }

    toggle(menu) {
        this.desk.menu = this.desk.menu === menu ? "" : menu;
    }

    toggleHelp() {
        this.desk.menu = this.desk.menu === "help" ? "" : "help";
    }
}
