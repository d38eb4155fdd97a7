import {Component, onMounted, onWillStart, useRef, useState} from "@odoo/owl";
import {serializeDateTime} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {toMillis} from "../desk_format";
import {useDesk} from "../desk_hooks";

const {DateTime} = luxon;
const INPUT = "yyyy-MM-dd'T'HH:mm";

/** My callbacks, events and notes of a day or a week, over the desk in every state. */
export class AgendaPanel extends Component {
    static template = "telemarketing_base.AgendaPanel";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        this.state = useState({
            span: "week",
            from: DateTime.fromMillis(this.desk.clock.now).startOf("day").toMillis(),
            items: [],
            more: false,
            loaded: false,
            form: null,
            asked: "",
        });
        onWillStart(() => {
            this.load();
        });
        onMounted(() => this.root.el.focus({preventScroll: true}));
    }

    get from() {
        return DateTime.fromMillis(this.state.from);
    }

    get until() {
        return this.from.plus({days: this.state.span === "week" ? 7 : 1});
    }

    get title() {
        const day = (when) => when.toFormat("ccc d LLL");
        return this.state.span === "week"
            ? `${day(this.from)} – ${day(this.until.minus({days: 1}))}`
            : day(this.from);
    }

    /** Items by day; what nobody made in time stands first. */
    get days() {
        const days = [];
        for (const item of this.state.items) {
            const when = DateTime.fromMillis(toMillis(item.at));
            const late = when < this.from;
            const key = late ? "late" : when.toISODate();
            let day = days.find((each) => each.key === key);
            if (!day) {
                day = {
                    key,
                    late,
                    title: late ? _t("Not made in time") : when.toFormat("cccc d LLLL"),
                    items: [],
                };
                days.push(day);
            }
            day.items.push({
                ...item,
                key: `${item.kind}-${item.id}`,
                hour: when.toFormat(late ? "d LLL HH:mm" : "HH:mm"),
                about: [
                    item.phone,
                    item.city,
                    item.campaign,
                    item.last_result,
                    item.place,
                    item.note,
                ]
                    .filter(Boolean)
                    .join(" · "),
            });
        }
        return days;
    }

    get kinds() {
        return {callback: _t("Callback"), event: _t("Event"), note: _t("Note")};
    }

    get icons() {
        return {callback: "fa-phone", event: "fa-calendar", note: "fa-sticky-note-o"};
    }

    openLabel(item) {
        return _t("Open %s", item.title);
    }

    get mayOpen() {
        const {desk} = this;
        return !desk.inCall && !desk.busy && !desk.offline && desk.campaign;
    }

    get error() {
        return this.desk.errors.agenda;
    }

    /** Whom a note could be about: the person on the desk. */
    get person() {
        return this.desk.call || null;
    }

    async load() {
        const answer = await this.desk.request("agenda", "agenda", "agenda", {
            since: serializeDateTime(this.from),
            until: serializeDateTime(this.until),
        });
        if (answer) {
            this.state.items = answer.items;
            this.state.more = answer.more;
            this.state.loaded = true;
        }
    }

    show(span) {
        this.state.span = span;
        return this.load();
    }

    go(step) {
        const days = step * (this.state.span === "week" ? 7 : 1);
        this.state.from = this.from.plus({days}).toMillis();
        return this.load();
    }

    today() {
        const now = DateTime.fromMillis(this.desk.clock.now);
        this.state.from = now.startOf("day").toMillis();
        return this.load();
    }

    close() {
        this.desk.menu = "";
    }

    async openPerson(item) {
        const opened = await (item.kind === "callback"
            ? this.desk.workCallback(item)
            : this.desk.openTarget(item.target_id, item.campaign_id));
        if (opened) {
            this.close();
        } else if (this.desk.errors.next) {
            this.desk.setError("agenda", this.desk.errors.next);
            await this.reload();
        }
    }

    /** As it is now, keeping the sentence that says why something was refused. */
    async reload() {
        const text = this.error;
        await this.load();
        if (text) {
            this.desk.setError("agenda", text);
        }
    }

    // ------------------------------------------------------------------ a form in place
    newNote() {
        const at = DateTime.fromMillis(this.desk.clock.now).plus({hours: 1});
        this.state.form = {
            kind: "note",
            id: false,
            at: at.startOf("hour").toFormat(INPUT),
            title: "",
            note: "",
            minutes: 30,
            about: false,
        };
        this.desk.setError("agenda", "");
    }

    /** A callback of somebody found by name or number, agreed outside a call. */
    newCallback() {
        const at = DateTime.fromMillis(this.desk.clock.now).plus({hours: 1});
        this.state.form = {
            kind: "callback",
            id: false,
            at: at.startOf("hour").toFormat(INPUT),
            title: "",
            note: "",
            mine: true,
            phone_id: false,
            phones: [],
            number: "",
            find: {text: "", people: [], done: false},
        };
        this.desk.setError("agenda", "");
    }

    async find() {
        const {find} = this.state.form;
        const text = find.text.trim();
        if (!text) {
            return;
        }
        const answer = await this.desk.ask("agenda", "search_people", {
            text,
            own: false,
        });
        find.people = (answer && answer.people) || [];
        find.done = Boolean(answer);
    }

    choose(card) {
        const {form} = this.state;
        form.id = card.target_id;
        form.title = card.name;
    }

    edit(item) {
        const minutes =
            item.until &&
            Math.round((toMillis(item.until) - toMillis(item.at)) / 60000);
        this.state.form = {
            kind: item.kind,
            id: item.id,
            at: DateTime.fromMillis(toMillis(item.agreed_at || item.at)).toFormat(
                INPUT
            ),
            title: item.title,
            note: item.note,
            minutes: minutes || 30,
            mine: item.mine,
            phone_id: item.phone_id,
            phones: item.phones || [],
            number: "",
        };
        this.desk.setError("agenda", "");
    }

    cancel() {
        this.state.form = null;
        this.desk.setError("agenda", "");
    }

    async save(ev) {
        ev.preventDefault();
        const {form} = this.state;
        if (form.find && !form.id) {
            return this.find();
        }
        const when = DateTime.fromISO(form.at);
        if (!when.isValid) {
            this.desk.setError("agenda", _t("This is not a day and an hour."));
            return;
        }
        const at = serializeDateTime(when);
        let answer = false;
        if (form.kind === "callback") {
            const values = {
                target_id: form.id,
                at,
                mine: form.mine,
                phone_id: Number(form.phone_id) || false,
                number: form.number.trim(),
                note: form.note,
            };
            answer = form.find
                ? await this.desk.request("agenda", "agenda", "add_agenda", {
                      values: {...values, kind: "callback"},
                  })
                : await this.desk.request("agenda", "agenda", "move_callback", values);
        } else {
            const values = {
                title: form.title,
                at,
                minutes: Number(form.minutes) || 30,
                note: form.note,
            };
            answer = form.id
                ? await this.desk.request("agenda", "agenda", "move_note", {
                      note_id: form.id,
                      values,
                  })
                : await this.desk.request("agenda", "agenda", "add_agenda", {
                      values: {
                          ...values,
                          kind: "note",
                          target_id: form.about && this.person?.target.id,
                      },
                  });
        }
        if (answer) {
            this.state.form = null;
            await this.load();
        }
    }

    /** Twice, so that a slip of the hand takes nothing away. */
    async remove(item) {
        if (this.state.asked !== item.key) {
            this.state.asked = item.key;
            return;
        }
        this.state.asked = "";
        await this.desk.request("agenda", "agenda", "remove_agenda", {
            kind: item.kind,
            id: item.id,
        });
        await this.reload();
    }
}
