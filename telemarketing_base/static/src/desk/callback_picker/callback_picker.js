import {Component, useEffect, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {serializeDateTime} from "@web/core/l10n/dates";
import {formatWhen, inCallingHours, toMillis, zoneOf} from "../desk_format";
import {useDesk} from "../desk_hooks";

const {DateTime} = luxon;
const INPUT = "yyyy-MM-dd'T'HH:mm";

/**
 * Moments one click away, in the zone of the person called.
 * @returns {{hour, afternoon, morning}} luxon instants; hour and afternoon are null when
 * nobody may be called then
 */
export function quickMoments(now, zone, calling = false) {
    const here = DateTime.fromMillis(now, {zone}).set({second: 0, millisecond: 0});
    const open = (when) => inCallingHours(when, calling);
    const hour = here.plus({hours: 1});
    const afternoon = [
        here.set({hour: 17, minute: 0}),
        here.set({hour: 19, minute: 30}),
    ].find((when) => when > here.plus({minutes: 30}) && open(when));
    let morning = here.plus({days: 1}).set({hour: 10, minute: 0});
    for (
        let ahead = 0;
        ahead < 14 && (morning.weekday > 5 || !open(morning));
        ahead++
    ) {
        morning = morning.plus({days: 1});
    }
    return {hour: open(hour) ? hour : null, afternoon: afternoon || null, morning};
}

/** When to call again, for whom, and on which phone. */
export class CallbackPicker extends Component {
    static template = "telemarketing_base.CallbackPicker";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        this.number = useRef("number");
        this.state = useState({error: "", other: Boolean(this.callback.number)});
        useEffect(
            (el) => {
                if (el && !el.value) {
                    el.focus({preventScroll: true});
                }
            },
            () => [this.number.el]
        );
        useEffect(
            (wanted) => {
                if (wanted) {
                    this.root.el.querySelector("button:not(:disabled)")?.focus();
                }
            },
            () => [this.wanted]
        );
    }

    get callback() {
        return this.desk.draft.callback;
    }

    get wanted() {
        return this.desk.pending?.where === "callback";
    }

    get text() {
        return this.wanted ? this.desk.pendingText : "";
    }

    get zone() {
        return zoneOf(this.desk.call.contact.tz);
    }

    get choices() {
        const moments = quickMoments(
            this.desk.clock.now,
            this.zone,
            this.desk.call.calling
        );
        const choice = (id, label, when) => ({
            id,
            label,
            when,
            chosen: Boolean(when) && serializeDateTime(when) === this.callback.at,
        });
        const morning = moments.morning.diff(
            DateTime.fromMillis(this.desk.clock.now, {zone: this.zone}).startOf("day"),
            "days"
        ).days;
        return [
            choice("hour", _t("1 h"), moments.hour),
            choice(
                "afternoon",
                moments.afternoon
                    ? _t("Today %s", moments.afternoon.toFormat("HH:mm"))
                    : _t("This afternoon"),
                moments.afternoon
            ),
            choice(
                "morning",
                morning < 2
                    ? _t("Tomorrow %s", "10:00")
                    : moments.morning.toFormat("ccc HH:mm"),
                moments.morning
            ),
        ];
    }

    get inputValue() {
        const millis = toMillis(this.callback.at);
        return millis
            ? DateTime.fromMillis(millis, {zone: this.zone}).toFormat(INPUT)
            : "";
    }

    get inputMin() {
        return DateTime.fromMillis(this.desk.clock.now, {zone: this.zone}).toFormat(
            INPUT
        );
    }

    /** The same moment on our own clock, when that differs. */
    get here() {
        const millis = toMillis(this.callback.at);
        if (!millis) {
            return "";
        }
        const there = DateTime.fromMillis(millis, {zone: this.zone});
        const here = DateTime.fromMillis(millis);
        return there.offset === here.offset
            ? ""
            : _t("%s on our clock", formatWhen(this.callback.at, this.desk.clock.now));
    }

    /** Outside calling hours: only if the person asked for that very hour. */
    get outside() {
        return this.desk.outsideHours;
    }

    get phones() {
        return this.desk.call.phones.map((phone) => ({
            id: phone.id,
            text: phone.display || phone.e164 || phone.raw,
            chosen: phone.id === this.callback.phone_id,
        }));
    }

    choose(choice) {
        const at = serializeDateTime(choice.when);
        this.state.error = "";
        this.desk.setCallback({at: at === this.callback.at ? "" : at, asked: false});
    }

    onCustom(ev) {
        const {value} = ev.target;
        if (!value) {
            this.clear();
            return;
        }
        const when = DateTime.fromISO(value, {zone: this.zone});
        if (!when.isValid) {
            this.state.error = _t("This is not a day and an hour.");
        } else if (when.toMillis() <= this.desk.now()) {
            this.state.error = _t("That moment has passed. Choose another.");
            this.desk.setCallback({at: ""});
        } else {
            this.state.error = "";
            this.desk.setCallback({at: serializeDateTime(when), asked: false});
        }
    }

    /** One of the person's, or another one, typed in the same place. */
    onPhone(ev) {
        if (ev.target.value === "other") {
            this.state.other = true;
            return;
        }
        this.desk.setCallback({phone_id: Number(ev.target.value) || false});
    }

    clear() {
        this.state.error = "";
        this.state.other = false;
        this.desk.setCallback({at: "", number: ""});
    }

    /** Enter on a chosen moment records the result that asked for it. */
    onKeydown(ev) {
        const {pending} = this.desk;
        if (
            ev.key !== "Enter" ||
            ev.repeat ||
            !this.wanted ||
            !this.callback.at ||
            ev.target.matches("button:not(.o_tm_chosen), select")
        ) {
            return;
        }
        ev.preventDefault();
        this.desk.close(pending.dispositionId);
    }
}
