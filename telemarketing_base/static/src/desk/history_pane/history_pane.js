import {Component, onWillStart, useState} from "@odoo/owl";
import {formatMoment, formatSeconds} from "../desk_format";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";

const SIGNS = {
    order: () => ({sign: "fa-shopping-cart", what: _t("Order")}),
    event: () => ({sign: "fa-calendar", what: _t("Appointment")}),
    message: () => ({sign: "fa-envelope", what: _t("Message")}),
};

/**
 * What happened between this person and us, newest first. The last calls come with the
 * person; the rest (orders, appointments, messages, older calls) when this is opened.
 */
export class HistoryPane extends Component {
    static template = "telemarketing_base.HistoryPane";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.state = useState({items: null, next: false, loading: false});
        onWillStart(() => {
            // Not awaited: what is known is shown meanwhile.
            this.load();
        });
    }

    async load() {
        if (this.state.loading || this.desk.offline) {
            return;
        }
        this.state.loading = true;
        const targetId = this.desk.call.target.id;
        const answer = await this.desk.ask("history", "timeline", {
            target_id: targetId,
            before: this.state.next,
        });
        this.state.loading = false;
        if (answer && answer.items) {
            this.state.items = [...(this.state.items || []), ...answer.items];
            this.state.next = answer.next;
        }
    }

    get lines() {
        if (!this.state.items) {
            return this.desk.call.history.map((line) => this.callLine(line, line.id));
        }
        return this.state.items.map((item) =>
            item.kind === "call"
                ? this.callLine({...item, result: item.title, notes: item.text})
                : {
                      id: item.key,
                      ...SIGNS[item.kind](),
                      when: formatMoment(item.at),
                      title: item.title,
                      who: [item.who, item.campaign].filter(Boolean).join(" · "),
                      text: item.text,
                      length: "",
                  }
        );
    }

    callLine(line, id = line.key) {
        const shown = line.result || line.action;
        return {
            id,
            sign: line.incoming ? "fa-arrow-down" : "fa-phone",
            what: line.incoming ? _t("Incoming call") : _t("Call"),
            ...(line.is_call === false && {sign: "fa-check", what: _t("Action")}),
            when: formatMoment(line.at),
            title: shown,
            who: [
                line.action !== shown && line.result && line.action,
                line.agent || line.who,
                line.campaign,
            ]
                .filter(Boolean)
                .join(" · "),
            length: line.seconds ? formatSeconds(line.seconds) : "",
            text: line.notes,
        };
    }
}
