import {onWillDestroy} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";
import {formatSeconds, formatWhen} from "@telemarketing_base/desk/desk_format";
import {CallPanel} from "@telemarketing_base/desk/call_panel/call_panel";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {DeskHeader} from "@telemarketing_base/desk/desk_header/desk_header";
import {HelpOverlay} from "@telemarketing_base/desk/help_overlay/help_overlay";
import {IdlePanel} from "@telemarketing_base/desk/idle_panel/idle_panel";
import {Keypad, LineButtons, TransferBox} from "./line_buttons";
import {PhoneBox} from "./phone_box";

// Fields in which the person says how to pay: nothing of it is recorded.
const PAYMENT = ".o_tm_iban";

patch(IdlePanel, {components: {...IdlePanel.components, PhoneBox}});
patch(IdlePanel.prototype, {
    /** Waits for who answers, instead of asking for the next person. */
    get waits() {
        return this.desk.dials && this.desk.phase === "ready";
    },

    get title() {
        return this.waits ? _t("Waiting for a call") : super.title;
    },

    get waited() {
        return formatSeconds(this.desk.phaseSeconds);
    },

    get mode() {
        return {progressive: _t("Progressive"), predictive: _t("Predictive")}[
            this.desk.campaign.dialing_mode
        ];
    },

    get modeText() {
        return {
            progressive: _t("Progressive: one number at a time is dialled for you."),
            predictive: _t("Predictive: who answers comes to whoever is free."),
        }[this.desk.campaign.dialing_mode];
    },

    get whyIdle() {
        const {reason, next_at: nextAt} = this.desk.waiting || {};
        if (!reason || !nextAt) {
            return reason || "";
        }
        const when = formatWhen(nextAt, this.desk.clock.now);
        return `${reason} ${_t("The next one: %s.", when)}`;
    },
});

patch(CallPanel, {
    components: {...CallPanel.components, Keypad, LineButtons, TransferBox},
});
patch(CallPanel.prototype, {
    /** Of Asterisk's calls only: nothing to hang up yet. */
    get before() {
        return this.desk.onAsterisk && this.desk.phase === "preview";
    },

    get beforeOrOther() {
        return this.before || !this.desk.onAsterisk;
    },

    get mayHold() {
        return this.desk.onAsterisk ? this.desk.phase === "talking" : this.onLine;
    },

    get connects() {
        const {desk} = this;
        const phone = desk.session.phone;
        return (
            desk.phase === "preview" &&
            desk.onAsterisk &&
            phone?.alive &&
            phone.state === "none"
        );
    },
});

patch(DeskHeader.prototype, {
    get label() {
        const {dials, phase} = this.desk;
        return dials && phase === "ready" ? _t("Waiting") : super.label;
    },
});

patch(DeskAction.prototype, {
    setup() {
        super.setup();
        const store = this.desk;
        const hush = (ev) =>
            ev.target.closest?.(PAYMENT) && store.pauseRecording(true, true);
        const speak = (ev) =>
            ev.target.closest?.(PAYMENT) && store.pauseRecording(false, true);
        window.addEventListener("focusin", hush);
        window.addEventListener("focusout", speak);
        onWillDestroy(() => {
            window.removeEventListener("focusin", hush);
            window.removeEventListener("focusout", speak);
        });
    },

    get letters() {
        const {desk} = this;
        const letters = super.letters;
        if (!desk.onAsterisk || desk.phase !== "talking") {
            return letters;
        }
        const more = {
            M: ["mute", () => desk.mute()],
            E: ["keys", () => this.openMenu("keys")],
            T: ["transfer", () => desk.openTransfer()],
            G: ["record", () => desk.pauseRecording(desk.lineNow.recording !== false)],
        };
        for (const [letter, [capability, action]] of Object.entries(more)) {
            if (desk.can(capability)) {
                letters[letter] = () => {
                    this.showPane(2);
                    return action();
                };
            }
        }
        return letters;
    },
});

patch(HelpOverlay.prototype, {
    get keys() {
        const keys = super.keys;
        if (!this.desk.onAsterisk) {
            return keys;
        }
        const place = keys.findIndex(([key]) => key === "Alt+N");
        keys.splice(
            place,
            0,
            ["Alt+M", _t("Mute: they do not hear you")],
            ["Alt+E", _t("Keys of the telephone")],
            ["Alt+T", _t("Transfer")],
            ["Alt+G", _t("Recording: pause for payment data, and go on")]
        );
        return keys;
    },
});
