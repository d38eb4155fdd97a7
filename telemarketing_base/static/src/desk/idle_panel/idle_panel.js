import {Component, onMounted, useEffect, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatMoment, formatSeconds, formatWhen, toMillis} from "../desk_format";
import {hearCall, writeDown} from "../caller/people";
import {useDesk} from "../desk_hooks";
import {Countdown} from "../frame/countdown";
import {cap, pausedToday, shownCountdown} from "../frame/pace";

/** Between two calls: the day so far, callbacks, why there is nobody, a search. */
export class IdlePanel extends Component {
    static template = "telemarketing_base.IdlePanel";
    static components = {Countdown};
    static props = {};

    setup() {
        this.desk = useDesk();
        this.next = useRef("next");
        this.state = useState({
            text: "",
            cards: [],
            searched: false,
            searching: false,
            whose: "all",
            sort: "at",
            down: false,
            longer: null,
            own: true,
        });
        // Space holds the countdown: it must not press the button instead.
        const focusNext = () =>
            !this.desk.coming && this.next.el?.focus({preventScroll: true});
        onMounted(focusNext);
        useEffect(focusNext, () => [this.desk.phase]);
        // What came since is newer than the longer list.
        useEffect(
            () => {
                this.state.longer = null;
            },
            () => [this.desk.callbacks]
        );
    }

    get title() {
        if (this.desk.phase === "paused") {
            return _t("Paused");
        }
        return this.desk.phase === "empty" ? _t("Nobody to call now") : _t("Ready");
    }

    get pauseWhy() {
        const {reason, reason_cap_seconds: cap} = this.desk.session;
        const most = cap ? _t("up to %s", formatSeconds(cap)) : "";
        return [reason, most].filter(Boolean).join(" · ");
    }

    get pauseOver() {
        const state = cap(this.desk);
        if (!state || state.level === "calm") {
            return null;
        }
        const time = formatSeconds(Math.abs(state.left));
        return {
            level: state.level,
            text:
                state.left > 0
                    ? _t("%s left of this pause", time)
                    : _t("%s over the cap of this pause", time),
        };
    }

    /** Why there is nobody, in numbers, and from when there will be. */
    get emptyLines() {
        const {empty, clock} = this.desk;
        const lines = [];
        if (empty.next_at) {
            lines.push({
                text: _t("The next at %s", formatWhen(empty.next_at, clock.now)),
            });
        }
        if (empty.mine_callbacks) {
            lines.push({count: empty.mine_callbacks, text: _t("callbacks of yours")});
        }
        return lines.concat(empty.reasons || []);
    }

    get asksByItself() {
        return this.desk.flowing && this.desk.phase === "empty";
    }

    /** Callbacks as the table shows them: chosen, sorted, overdue ones first. */
    get callbacks() {
        const {whose, sort, down} = this.state;
        const {now} = this.desk.clock;
        const rows = this.listed.filter((callback) => {
            if (whose === "here") {
                return callback.campaign_id === this.desk.campaign?.id;
            }
            return whose === "all" || callback.mine === (whose === "mine");
        });
        const value = (row) => String(row[sort] ?? "").toLocaleLowerCase();
        rows.sort((one, other) => {
            const order = value(one).localeCompare(value(other)) || 0;
            return (down ? -order : order) || one.at.localeCompare(other.at);
        });
        return rows.map((callback) => ({
            ...callback,
            due: callback.due || toMillis(callback.at) <= now,
            when: formatWhen(callback.at, now),
            elsewhere: this.campaignName(callback.campaign_id),
            result_on: formatMoment(callback.last_result_at),
            first_on: formatMoment(callback.first_contact_at).slice(0, 8),
        }));
    }

    /** What came with the last answer, or the longer list that was asked for. */
    get listed() {
        return [...(this.state.longer || this.desk.callbacks)];
    }

    /** Every answer carries thirty: there may be more. */
    get mayBeMore() {
        return !this.state.longer && this.desk.callbacks.length >= 30;
    }

    get choices() {
        return [
            ["all", _t("All callbacks")],
            ["mine", _t("My own")],
            ["anyone", _t("Anyone's")],
            ["here", _t("This campaign")],
        ];
    }

    get columns() {
        return [
            ["at", _t("Hour")],
            ["name", _t("Person")],
            ["phone", _t("Phone")],
            ["city", _t("Town")],
            ["database", _t("Database")],
            ["last_result", _t("Last result")],
            ["operator", _t("Operator")],
            ["first_contact_at", _t("First contact")],
            ["mine", _t("For")],
        ].map(([id, label]) => ({id, label, order: this.orderOf(id)}));
    }

    orderOf(column) {
        if (this.state.sort !== column) {
            return "none";
        }
        return this.state.down ? "descending" : "ascending";
    }

    sortBy(column) {
        this.state.down = this.state.sort === column && !this.state.down;
        this.state.sort = column;
    }

    async showMore() {
        const whose = ["mine", "anyone"].includes(this.state.whose)
            ? this.state.whose
            : "all";
        const answer = await this.desk.request("callbacks", "callbacks", "callbacks", {
            own: whose,
        });
        if (Array.isArray(answer)) {
            this.state.longer = answer;
        }
    }

    get cards() {
        return this.state.cards.map((card) => ({
            ...card,
            about: [card.city, card.phone_masked, card.last_result]
                .filter(Boolean)
                .join(" · "),
        }));
    }

    /** The campaign of a callback, when it is another one than I am in. */
    campaignName(id) {
        const {campaign, campaigns} = this.desk;
        const other =
            id && id !== campaign?.id && campaigns.find((each) => each.id === id);
        return other ? other.name : "";
    }

    /** In the place of the day's figures: nothing below moves when it comes. */
    get countdown() {
        return shownCountdown(this.desk);
    }

    get figures() {
        const {figures} = this.desk;
        return [
            {id: "calls", value: figures.calls || 0, label: _t("calls")},
            {id: "contacts", value: figures.contacts || 0, label: _t("contacts")},
            {id: "useful", value: figures.useful || 0, label: _t("useful")},
            {
                id: "conversions",
                value: figures.conversions || 0,
                label: figures.conversion_label || _t("conversions"),
            },
            {
                id: "average",
                value: formatSeconds(figures.average_seconds),
                label: _t("average call"),
            },
            {
                id: "paused",
                value: formatSeconds(pausedToday(this.desk)),
                label: _t("paused"),
            },
        ];
    }

    get opensCards() {
        return this.desk.idle && !this.desk.busy && !this.desk.offline;
    }

    hearCall() {
        hearCall(this.desk);
    }

    writeDown() {
        writeDown(this.desk);
    }

    setOwn(own) {
        this.state.own = own;
        return this.state.searched && this.search();
    }

    closeSearch() {
        this.state.searched = false;
        this.state.cards = [];
        this.state.text = "";
    }

    onSearch(ev) {
        ev.preventDefault();
        return this.search();
    }

    async search() {
        const text = this.state.text.trim();
        if (!text || this.state.searching) {
            return;
        }
        this.state.searching = true;
        this.state.cards = await this.desk.search(text, this.state.own);
        this.state.searching = false;
        this.state.searched = true;
    }
}
