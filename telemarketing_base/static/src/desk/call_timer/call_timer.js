import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatSeconds, timerLevel} from "../desk_format";
import {useDesk} from "../desk_hooks";
import {Countdown} from "../frame/countdown";
import {cap, shownCountdown} from "../frame/pace";

/** How long the call lasts, beside what it lasts on average in this campaign. */
export class CallTimer extends Component {
    static template = "telemarketing_base.CallTimer";
    static components = {Countdown};
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get average() {
        return this.desk.campaign?.average_seconds || 0;
    }

    get countsDown() {
        return this.desk.phase === "preview" && shownCountdown(this.desk);
    }

    get cap() {
        return this.desk.phase === "wrap_up" ? cap(this.desk) : null;
    }

    get capText() {
        const time = formatSeconds(Math.abs(this.cap.left));
        return this.cap.left > 0
            ? _t("%s left to record", time)
            : _t("%s over the time", time);
    }

    get level() {
        if (this.cap) {
            return this.cap.level;
        }
        return timerLevel(this.desk.callSeconds, this.average);
    }

    get elapsed() {
        return formatSeconds(this.desk.callSeconds);
    }

    /** The bar is full at 130 % of the average; the mark on it is the average. */
    get percent() {
        if (!this.average) {
            return 0;
        }
        return Math.min(100, (this.desk.callSeconds / (this.average * 1.3)) * 100);
    }

    get averageText() {
        return this.average ? _t("average %s", formatSeconds(this.average)) : "";
    }

    get levelText() {
        return {
            calm: "",
            amber: _t("Over the average"),
            red: _t("Far over the average"),
        }[this.level];
    }
}
