import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatWhen, toMillis} from "../desk_format";
import {useDesk} from "../desk_hooks";

const {DateTime} = luxon;

/** The key of one notice: moved to another hour it is another one. */
function noticeKey(callback) {
    return `notice.${callback.target_id}`;
}

/** Callbacks of mine within their campaign's notice, that I have not put away today. */
export function noticesOf(desk) {
    const {now} = desk.clock;
    if (!desk.loaded || desk.otherSeat) {
        return [];
    }
    const today = DateTime.fromMillis(now).toISODate();
    return desk.callbacksSoon.filter((callback) => {
        const seen = desk.io.storage.get(noticeKey(callback));
        return !seen || seen.at !== callback.at || seen.day !== today;
    });
}

/**
 * The next callback, in its own place of the header in every state: nothing moves and
 * nothing takes the focus. A screen reader is told once of each.
 */
export class CallbackNotice extends Component {
    static template = "telemarketing_base.CallbackNotice";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.state = useState({dismissed: 0});
    }

    get notices() {
        // Read, so that putting one away draws anew.
        return this.state.dismissed >= 0 ? noticesOf(this.desk) : [];
    }

    get notice() {
        const [first, ...others] = this.notices;
        if (!first) {
            return null;
        }
        return {
            ...first,
            due: first.due || toMillis(first.at) <= this.desk.clock.now,
            text: `${formatWhen(first.at, this.desk.clock.now)} ${first.name}`,
            more: others.length ? `+${others.length}` : "",
        };
    }

    /** What is read aloud; it changes only with the callback, not with the clock. */
    get spoken() {
        const [first] = this.notices;
        return first
            ? _t("Callback at %(hour)s: %(name)s", {
                  hour: formatWhen(first.at, this.desk.clock.now),
                  name: first.name,
              })
            : "";
    }

    /** In a call it shows the agenda; between calls it works the callback. */
    open() {
        const {desk} = this;
        if (desk.idle && !desk.busy && !desk.offline) {
            desk.workCallback(this.notice);
        } else {
            desk.menu = "agenda";
        }
    }

    dismiss() {
        const {notice, desk} = this;
        desk.io.storage.set(noticeKey(notice), {
            at: notice.at,
            day: DateTime.fromMillis(desk.clock.now).toISODate(),
        });
        this.state.dismissed++;
    }
}
