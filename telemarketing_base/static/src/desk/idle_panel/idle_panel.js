import {Component, onMounted, useEffect, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatMoment, formatSeconds, formatWhen} from "../desk_format";
import {useDesk} from "../desk_hooks";

/** Between two calls: the day so far, callbacks, why there is nobody, a search. */
export class IdlePanel extends Component {
    static template = "telemarketing_base.IdlePanel";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.next = useRef("next");
        this.state = useState({text: "", cards: [], searched: false, searching: false});
        const focusNext = () => this.next.el?.focus({preventScroll: true});
        onMounted(focusNext);
        useEffect(focusNext, () => [this.desk.phase]);
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

    get callbacks() {
        return this.desk.callbacks.map((callback) => ({
            ...callback,
            when: formatWhen(callback.at, this.desk.clock.now),
            elsewhere: this.campaignName(callback.campaign_id),
            about: [
                callback.city,
                callback.last_result,
                formatMoment(callback.last_result_at),
                callback.note,
            ]
                .filter(Boolean)
                .join(" · "),
        }));
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
                value: formatSeconds(figures.paused_seconds),
                label: _t("paused"),
            },
        ];
    }

    get opensCards() {
        return this.desk.idle && !this.desk.busy && !this.desk.offline;
    }

    async onSearch(ev) {
        ev.preventDefault();
        const text = this.state.text.trim();
        if (!text || this.state.searching) {
            return;
        }
        this.state.searching = true;
        this.state.cards = await this.desk.search(text);
        this.state.searching = false;
        this.state.searched = true;
    }
}
