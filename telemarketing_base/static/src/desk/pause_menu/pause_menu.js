import {Component, onMounted, useExternalListener, useRef} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";
import {formatSeconds} from "../desk_format";
import {consume, digitOf} from "../desk_keys";

/** The reasons for a pause, under its button; digits choose while it is open. */
export class PauseMenu extends Component {
    static template = "telemarketing_base.PauseMenu";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        onMounted(() => this.root.el.querySelector("button")?.focus());
        useExternalListener(window, "keydown", this.onKeydown, {capture: true});
        useExternalListener(window, "pointerdown", this.onPointerdown);
    }

    get reasons() {
        const none = {id: false, name: _t("Pause"), cap_seconds: 0};
        const reasons = this.desk.pauseReasons.length ? this.desk.pauseReasons : [none];
        return reasons.map((reason, index) => ({
            ...reason,
            key: index < 9 ? String(index + 1) : "",
            cap: reason.cap_seconds ? formatSeconds(reason.cap_seconds) : "",
        }));
    }

    onKeydown(ev) {
        const reason = this.reasons.find(({key}) => key && key === digitOf(ev));
        if (reason && !ev.ctrlKey && !ev.metaKey) {
            consume(ev);
            if (!ev.repeat) {
                this.desk.pause(reason.id);
            }
        }
    }

    onPointerdown(ev) {
        if (!this.root.el.contains(ev.target) && !ev.target.closest(".o_tm_pause")) {
            this.desk.menu = "";
        }
    }
}
