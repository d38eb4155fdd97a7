import {Component} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {url} from "@web/core/utils/urls";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";

/** Links to the empty file for what the record loads, asked for as its database asks. */
export class TemplateLinksWidget extends Component {
    static template = "telemarketing_base.TemplateLinksWidget";
    static props = {...standardWidgetProps};

    get links() {
        const {data} = this.props.record;
        const database = data.database_id && data.database_id.id;
        return [
            ["xlsx", "Excel"],
            ["csv", "CSV"],
        ].map(([fmt, label]) => ({
            fmt,
            label,
            href: url(
                `/telemarketing/template/${data.kind || "contacts"}/${fmt}`,
                database ? {database} : {}
            ),
        }));
    }
}

registry.category("view_widgets").add("telemarketing_template_links", {
    component: TemplateLinksWidget,
});
