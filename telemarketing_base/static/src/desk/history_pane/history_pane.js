import {Component} from "@odoo/owl";
import {formatMoment, formatSeconds} from "../desk_format";
import {useDesk} from "../desk_hooks";

/** What was said to this person before, newest first. */
export class HistoryPane extends Component {
    static template = "telemarketing_base.HistoryPane";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get lines() {
        return this.desk.call.history.map((line) => ({
            ...line,
            when: formatMoment(line.at),
            who: [line.result && line.action, line.agent, line.campaign]
                .filter(Boolean)
                .join(" · "),
            length: line.seconds ? formatSeconds(line.seconds) : "",
        }));
    }
}
