import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/** A loaded row, heading by heading, as it stood in the file. */
export class RawValuesField extends Component {
    static template = "telemarketing_base.RawValuesField";
    static props = {...standardFieldProps};

    get rows() {
        const values = this.props.record.data[this.props.name] || {};
        return Object.entries(values).map(([heading, value]) => ({
            heading,
            text: this.textOf(value),
        }));
    }

    textOf(value) {
        if (value === null || value === undefined) {
            return "";
        }
        if (typeof value === "object") {
            return value.date ?? JSON.stringify(value);
        }
        return String(value);
    }
}

export const rawValuesField = {
    component: RawValuesField,
    displayName: _t("Row as loaded"),
    supportedTypes: ["json"],
};

registry.category("fields").add("telemarketing_raw_values", rawValuesField);
