import {Component, onWillUnmount, useEffect, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {formatWhen, toMillis, zoneOf} from "../desk_format";
import {useDesk} from "../desk_hooks";
import {consume, isTextField} from "../desk_keys";

const {DateTime} = luxon;
const AT_PLACE = ["visit", "installation"];
const LENGTHS = [15, 30, 45, 60, 90, 120, 180, 240];

/** The person's address in one line, as the server writes it. */
export function addressOf({street, zip, city}) {
    const town = [zip, city].filter(Boolean).join(" ");
    return [street, town].filter(Boolean).join(", ");
}

/** The half-made appointment of the attempt, kept with its draft. */
export function appointmentOf(desk) {
    const offered = desk.campaign?.appointments || {};
    return {
        user_id: false,
        name: "",
        start: "",
        minutes: offered.minutes || 60,
        kind: offered.kind || "visit",
        place: addressOf(desk.call.contact),
        note: "",
        ...desk.draft?.extra?.appointment,
    };
}

/** "Carlos Ruiz, Wed 25 Nov 10:00", or "" while no slot is chosen. */
export function appointmentText(desk) {
    const {start, name} = desk.draft?.extra?.appointment || {};
    if (!start) {
        return "";
    }
    return `${name}, ${formatWhen(start, desk.now(), desk.call.contact.tz)}`;
}

/** Free slots of who visits, side by side; the chosen one goes with the result. */
export class BookingPane extends Component {
    static template = "telemarketing_base.BookingPane";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        const {start} = this.appointment;
        const when = start ? toMillis(start) : this.desk.now();
        this.state = useState({
            day: this.local(when).toISODate(),
            offer: null,
            key: "",
            asking: "",
            gone: "",
        });
        this.alive = true;
        this.wantsFocus = true;
        onWillUnmount(() => {
            this.alive = false;
        });
        useEffect(
            () => {
                this.load();
            },
            () => [this.key, this.desk.offline]
        );
        useEffect(
            () => this.focusSlot(),
            () => [this.state.offer]
        );
        // The server refused a slot: the others as they are now.
        useEffect(
            (error) => {
                if (error && this.appointment.start) {
                    this.reload();
                }
            },
            () => [this.desk.errors.result]
        );
    }

    get appointment() {
        return appointmentOf(this.desk);
    }

    get tz() {
        return zoneOf(this.state?.offer?.tz || this.desk.call.contact.tz);
    }

    get key() {
        const {minutes, kind, place} = this.appointment;
        return JSON.stringify([this.state.day, minutes, kind, place]);
    }

    get kinds() {
        const {kind} = this.appointment;
        return this.desk.campaign.appointments.kinds.map((each) => ({
            ...each,
            chosen: each.id === kind,
        }));
    }

    get lengths() {
        const {minutes} = this.appointment;
        const usual = this.desk.campaign.appointments.minutes;
        const all = new Set([...LENGTHS, usual, minutes]);
        return [...all]
            .sort((one, other) => one - other)
            .map((each) => ({minutes: each, chosen: each === minutes}));
    }

    get hasPlace() {
        return AT_PLACE.includes(this.appointment.kind);
    }

    get dayLabel() {
        return DateTime.fromISO(this.state.day).toFormat("cccc d LLLL");
    }

    get loading() {
        return this.state.asking !== "";
    }

    get isFirst() {
        const {offer, day} = this.state;
        return day <= (offer?.first_day || this.local(this.desk.now()).toISODate());
    }

    get isLast() {
        const {offer, day} = this.state;
        return Boolean(offer) && day >= offer.last_day;
    }

    get people() {
        const {start, user_id: userId} = this.appointment;
        return (this.state.offer?.people || []).map((person) => ({
            ...person,
            taken: person.busy
                .map((span) => span.map((each) => this.clock(each)).join("–"))
                .join(", "),
            slots: person.slots.map((slot) => ({
                start: slot,
                clock: this.clock(slot),
                chosen: slot === start && person.id === userId,
            })),
        }));
    }

    get nobody() {
        const {offer} = this.state;
        return Boolean(offer) && !offer.people.some((person) => person.slots.length);
    }

    get nextLabel() {
        const next = this.state.offer?.next_day;
        return next ? DateTime.fromISO(next).toFormat("cccc d LLLL") : "";
    }

    get chosen() {
        return appointmentText(this.desk);
    }

    local(millis) {
        return DateTime.fromMillis(millis, {zone: this.tz});
    }

    clock(instant) {
        return this.local(toMillis(instant)).toFormat("HH:mm");
    }

    set(changes) {
        this.desk.setExtra("appointment", {...this.appointment, ...changes});
    }

    choose(person, slot) {
        this.state.gone = "";
        if (slot.chosen) {
            this.clear();
            return;
        }
        this.set({user_id: person.id, name: person.name, start: slot.start});
    }

    clear() {
        this.set({user_id: false, name: "", start: ""});
    }

    setKind(kind) {
        this.set({kind});
        this.showChosen();
    }

    setMinutes(text) {
        this.set({minutes: Number(text)});
        this.showChosen();
    }

    setPlace(place) {
        this.set({place: place.trim() || addressOf(this.desk.call.contact)});
        this.showChosen();
    }

    /** What was changed may not fit the chosen slot: its day is asked for again. */
    showChosen() {
        const {start} = this.appointment;
        if (start) {
            this.state.day = this.local(toMillis(start)).toISODate();
        }
    }

    move(days) {
        if ((days < 0 && this.isFirst) || (days > 0 && this.isLast)) {
            return;
        }
        this.goTo(DateTime.fromISO(this.state.day).plus({days}).toISODate());
    }

    goTo(day) {
        if (day) {
            this.state.gone = "";
            this.state.day = day;
        }
    }

    async reload() {
        this.state.key = "";
        await this.load();
    }

    async load() {
        const {key} = this;
        if (this.desk.offline || this.state.key === key || this.state.asking === key) {
            return;
        }
        this.state.asking = key;
        const {minutes, kind, place} = this.appointment;
        const answer = await this.desk.ask("appointment", "slots", {
            target_id: this.desk.draft.target_id,
            day: this.state.day,
            minutes,
            kind,
            place,
        });
        if (!this.alive || this.state.asking !== key) {
            return; // somebody else is on the desk, or something else was asked since
        }
        this.state.asking = "";
        if (!answer) {
            return;
        }
        const first = !this.state.offer;
        this.state.offer = answer;
        this.state.day = answer.day;
        this.state.key = this.key;
        this.dropTaken(answer);
        if (first && this.nobody && !this.appointment.start) {
            this.goTo(answer.next_day);
        }
    }

    /** A chosen slot that is not offered any more is said so and taken off. */
    dropTaken({day, people}) {
        const {start, user_id: userId, name} = this.appointment;
        if (!start || this.local(toMillis(start)).toISODate() !== day) {
            return;
        }
        const person = people.find((each) => each.id === userId);
        if (!person?.slots.includes(start)) {
            this.clear();
            this.state.gone = _t("%(who)s is not free at %(hour)s any more.", {
                who: name,
                hour: this.clock(start),
            });
        }
    }

    /** Whoever opens the pane by its key goes on with the keys; once. */
    focusSlot() {
        const slot =
            this.root.el.querySelector(".o_tm_slot.o_tm_chosen") ||
            this.root.el.querySelector(".o_tm_slot");
        if (slot && this.wantsFocus) {
            this.wantsFocus = false;
            if (!isTextField(document.activeElement)) {
                slot.focus({preventScroll: true});
            }
        }
    }

    onKeydown(ev) {
        if (ev.altKey || ev.ctrlKey || ev.metaKey || isTextField(ev.target)) {
            return;
        }
        const days = {PageUp: -1, PageDown: 1}[ev.key];
        if (days) {
            consume(ev);
            this.move(days);
        } else if (ev.target.matches(".o_tm_slot")) {
            this.onArrow(ev);
        }
    }

    /** Arrows walk over the slots: up and down within a person, sideways between. */
    onArrow(ev) {
        const columns = [...this.root.el.querySelectorAll(".o_tm_visitor")]
            .map((column) => [...column.querySelectorAll(".o_tm_slot")])
            .filter((slots) => slots.length);
        const column = columns.findIndex((slots) => slots.includes(ev.target));
        const place = columns[column].indexOf(ev.target);
        const sideways = {ArrowLeft: -1, ArrowRight: 1}[ev.key];
        const along = {ArrowUp: -1, ArrowDown: 1}[ev.key];
        let next = null;
        if (along) {
            next = columns[column][place + along];
        } else if (sideways) {
            const other = columns[column + sideways];
            next = other && other[Math.min(place, other.length - 1)];
        } else {
            return;
        }
        consume(ev);
        next?.focus();
    }
}

registry.category("telemarketing_desk_panes").add("appointment", {
    Component: BookingPane,
    title: () => _t("Appointment"),
    hotkey: "J",
    sequence: 50,
    isVisible: (desk) => Boolean(desk.campaign?.appointments),
    check(disposition, desk) {
        const {start} = appointmentOf(desk);
        if (disposition.needs_appointment && !start) {
            return _t("“%s” books an appointment: choose a slot.", disposition.name);
        }
        if (start && !disposition.needs_appointment) {
            return _t(
                "“%s” books no appointment: take the slot off, or choose the result that books it.",
                disposition.name
            );
        }
        if (start && toMillis(start) <= desk.now()) {
            return _t("The hour of that slot has passed. Choose another.");
        }
        return "";
    },
    payload(desk) {
        const {user_id, start, minutes, kind, place, note} = appointmentOf(desk);
        return start ? {appointment: {user_id, start, minutes, kind, place, note}} : {};
    },
    summary: appointmentText,
});
