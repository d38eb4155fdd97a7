import {Component, onWillStart, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatFloat} from "@web/core/utils/numbers";
import {formatMoment} from "../desk_format";
import {registry} from "@web/core/registry";
import {useDesk} from "../desk_hooks";

/** What the person has with the client company; asked for when it is opened. */
export class RelatedPane extends Component {
    static template = "telemarketing_base.RelatedPane";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.state = useState({found: null});
        onWillStart(() => {
            this.load();
        });
    }

    async load() {
        const answer = await this.desk.ask("related", "related", {
            target_id: this.desk.call.target.id,
        });
        if (answer && answer.leads) {
            this.state.found = answer;
        }
    }

    get groups() {
        const titles = {
            leads: _t("Opportunities"),
            orders: _t("Orders"),
            appointments: _t("Appointments"),
            invoices: _t("Invoices"),
        };
        return Object.entries(titles)
            .map(([id, title]) => ({
                id,
                title,
                lines: this.state.found[id].map((line) => ({
                    ...line,
                    when: this.moment(line.date),
                    sum:
                        line.amount === false
                            ? ""
                            : `${formatFloat(line.amount)} ${line.currency}`,
                })),
            }))
            .filter((group) => group.lines.length);
    }

    /** An invoice has a day, the others an instant. */
    moment(date) {
        if (date && date.length === 10) {
            return luxon.DateTime.fromISO(date).toFormat("dd/MM/yy");
        }
        return formatMoment(date);
    }
}

registry.category("telemarketing_desk_panes").add("related", {
    Component: RelatedPane,
    title: () => _t("With us"),
    hotkey: "W",
    sequence: 35,
    isVisible: (desk) => Boolean(desk.call),
});
