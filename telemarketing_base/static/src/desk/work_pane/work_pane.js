import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";
import {HistoryPane} from "../history_pane/history_pane";
import {OrderPane} from "../order_pane/order_pane";
import {ScriptPane} from "../script_pane/script_pane";

const OWN = {
    script: {Component: ScriptPane, hotkey: "S", title: () => _t("Script")},
    history: {Component: HistoryPane, hotkey: "H", title: () => _t("History")},
    order: {Component: OrderPane, hotkey: "O", title: () => _t("Order")},
};

/**
 * The middle of the desk: script, history, order, and what other modules add through
 * the registry `telemarketing_desk_panes` as `{Component, title, sequence, hotkey,
 * isVisible(desk), check(disposition, desk) → sentence, payload(desk) → values}`.
 */
export class WorkPane extends Component {
    static template = "telemarketing_base.WorkPane";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get tabs() {
        return this.desk.panes.map((pane) => {
            const own = OWN[pane.id] || pane;
            const title = typeof own.title === "function" ? own.title() : own.title;
            return {
                id: pane.id,
                title,
                hotkey: own.hotkey || "",
                Component: own.Component,
                count: pane.id === "history" ? this.desk.call.history.length : 0,
                wanted: this.desk.pending?.where === pane.id,
            };
        });
    }

    get current() {
        return this.tabs.find((tab) => tab.id === this.desk.tab) || this.tabs[0];
    }

    open(id) {
        this.desk.tab = id;
    }
}
