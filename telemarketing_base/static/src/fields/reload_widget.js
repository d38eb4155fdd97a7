import {Component, onWillDestroy, xml} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";

/**
 * Reads the record again every few seconds while it is shown: for work that goes on
 * in the background. Never over what the user is typing.
 */
export class ReloadWidget extends Component {
    static template = xml`<span class="o_telemarketing_reload"/>`;
    static props = {...standardWidgetProps, seconds: {type: Number, optional: true}};
    static defaultProps = {seconds: 5};

    setup() {
        const timer = browser.setInterval(
            () => this.reload(),
            this.props.seconds * 1000
        );
        onWillDestroy(() => browser.clearInterval(timer));
    }

    async reload() {
        const {record} = this.props;
        if (this.loading || document.hidden || !record.resId || record.dirty) {
            return;
        }
        this.loading = true;
        try {
            await record.load();
        } finally {
            this.loading = false;
        }
    }
}

export const reloadWidget = {
    component: ReloadWidget,
    extractProps: ({attrs}) => ({seconds: Number(attrs.seconds) || 5}),
};

registry.category("view_widgets").add("telemarketing_reload", reloadWidget);
