import {Component, useEffect, useExternalListener, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";
import {consume, digitOf, isTextField} from "../desk_keys";

const PLACES = 9;

function plain(text) {
    return (text || "").normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * Nine places, each the key of its number: first those whose result asks for that key,
 * then the others in their order. A place may stay empty.
 */
export function placeByKey(dispositions) {
    const places = Array(PLACES).fill(null);
    const others = [];
    for (const disposition of dispositions) {
        const wanted = Number(disposition.key) - 1;
        if (wanted >= 0 && wanted < PLACES && !places[wanted]) {
            places[wanted] = disposition;
        } else {
            others.push(disposition);
        }
    }
    for (let place = 0; place < PLACES && others.length; place++) {
        if (!places[place]) {
            places[place] = others.shift();
        }
    }
    return {places, left: others};
}

/** The results of a call: one row of keys, whose levels unfold in the same place. */
export class DispositionBar extends Component {
    static template = "telemarketing_base.DispositionBar";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.search = useRef("search");
        this.state = useState({path: [], filter: ""});
        useExternalListener(window, "keydown", this.onKeydown, {capture: true});
        useEffect(
            () => this.reset(),
            () => [this.desk.draft?.uuid, this.desk.campaign?.id]
        );
    }

    get all() {
        return this.desk.campaign ? this.desk.campaign.dispositions : [];
    }

    get parent() {
        const id = this.state.path.at(-1);
        return id ? this.desk.disposition(id) : null;
    }

    get level() {
        const parentId = this.parent?.id || false;
        return this.all.filter((each) => (each.parent_id || false) === parentId);
    }

    get found() {
        const typed = plain(this.state.filter).trim();
        const words = typed.split(/\s+/).filter(Boolean);
        return this.all
            .filter((each) => each.leaf)
            .map((each) => {
                const path = this.pathName(each);
                const begins = plain(each.name).startsWith(typed);
                return {...each, key: "", name: path, begins};
            })
            .filter((each) => words.every((word) => plain(each.name).includes(word)))
            .sort((one, other) => other.begins - one.begins);
    }

    get row() {
        const shown = this.state.filter ? this.found : this.level;
        const {places, left} = placeByKey(shown);
        return {
            left: left.length,
            places: places.map((disposition, index) => ({
                key: String(index + 1),
                disposition,
                pending:
                    disposition && disposition.id === this.desk.pending?.dispositionId,
            })),
        };
    }

    get active() {
        return this.desk.working && !this.desk.menu;
    }

    get crumbs() {
        return this.state.path
            .map((id) => `${this.desk.disposition(id)?.name} ▸`)
            .join(" ");
    }

    get recorded() {
        const {name, label, order, appointment, training, todo} = this.desk.notice;
        const what = name
            ? _t("Recorded for %(name)s: %(label)s", {name, label})
            : _t("Recorded: %s", label);
        return [what, order, appointment, ...training, ...todo]
            .filter(Boolean)
            .join(" · ");
    }

    /** What goes with the result besides: the slot of an appointment… */
    get taken() {
        return this.desk.working
            ? this.desk.panes
                  .map((pane) => pane.summary?.(this.desk))
                  .filter(Boolean)
                  .join(" · ")
            : "";
    }

    get hint() {
        if (this.desk.busy === "close") {
            return _t("Recording…");
        }
        if (!this.desk.working) {
            return "";
        }
        if (this.state.filter && !this.found.length) {
            return _t(
                "No result is called “%s”. Esc clears it; letters on buttons go with Alt.",
                this.state.filter
            );
        }
        if (this.state.path.length) {
            return _t("Choose which. 0 goes back.");
        }
        if (this.desk.told) {
            return this.desk.told;
        }
        return this.row.left ? _t("%s more: write to find them.", this.row.left) : "";
    }

    /** Its own name first: what it is under may be cut off. */
    pathName(disposition) {
        const names = [];
        let each = disposition;
        while (each && names.length < 5) {
            names.push(each.name);
            each = each.parent_id ? this.desk.disposition(each.parent_id) : null;
        }
        return names.join(" ◂ ");
    }

    reset() {
        this.state.path = [];
        this.state.filter = "";
    }

    back() {
        if (this.state.filter) {
            this.state.filter = "";
        } else {
            this.state.path.pop();
        }
    }

    choose(disposition, ev) {
        // The second click of a double click was meant for what stood here before.
        if (!disposition || !this.active || ev?.detail > 1) {
            return;
        }
        if (disposition.leaf) {
            this.desk.close(disposition.id);
        } else if (this.desk.takesResults) {
            this.state.path.push(disposition.id);
        }
    }

    chooseFirst(ev) {
        if (ev.key !== "Enter" || ev.repeat) {
            return;
        }
        consume(ev);
        const first = this.row.places.find((place) => place.disposition);
        if (this.state.filter && first) {
            this.search.el.blur();
            this.choose(first.disposition);
        }
    }

    onKeydown(ev) {
        if (!this.active || ev.defaultPrevented || !this.isOurs(ev)) {
            return;
        }
        const writing = isTextField(ev.target);
        const digit = digitOf(ev);
        if (digit && (ev.altKey || !writing)) {
            consume(ev);
            if (!ev.repeat) {
                this.onDigit(Number(digit));
            }
        } else if (ev.key === "Escape") {
            this.onEscape(ev, writing);
        } else if (!writing && !ev.altKey && /^\p{L}$/u.test(ev.key)) {
            this.search.el?.focus(); // the letter falls into it
        }
    }

    isOurs(ev) {
        // AltGr writes characters (@, # on a Spanish keyboard); it is not Alt.
        const other = ev.ctrlKey || ev.metaKey || ev.getModifierState?.("AltGraph");
        const foreign = ev.target.closest?.(".modal, .o_popover, .o_main_navbar");
        return !other && !foreign && !ev.isComposing;
    }

    onDigit(digit) {
        if (digit) {
            this.choose(this.row.places[digit - 1].disposition);
        } else {
            this.back();
        }
    }

    onEscape(ev, writing) {
        if (writing && ev.target !== this.search.el) {
            consume(ev);
            ev.target.blur(); // the digits classify again
        } else if (this.state.filter || this.state.path.length || writing) {
            consume(ev);
            this.search.el?.blur();
            this.back();
        } else if (this.desk.pending) {
            consume(ev);
            this.desk.pending = null;
            // Where the result had put the hand: the next Enter is not for it.
            document.activeElement?.blur();
        }
    }
}
