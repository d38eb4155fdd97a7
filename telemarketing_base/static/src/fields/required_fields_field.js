import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/**
 * Names of fields separated by commas, as boxes to tick. The boxes come from a
 * selection field of the same record; the first one cannot be unticked.
 */
export class RequiredFieldsField extends Component {
    static template = "telemarketing_base.RequiredFieldsField";
    static props = {...standardFieldProps, choices: {type: String}};

    get names() {
        return (this.props.record.data[this.props.name] || "")
            .split(",")
            .map((name) => name.trim())
            .filter(Boolean);
    }

    get boxes() {
        const chosen = new Set(this.names);
        const {selection} = this.props.record.fields[this.props.choices];
        return selection.map(([name, label], index) => ({
            name,
            label,
            always: index === 0,
            checked: index === 0 || chosen.has(name),
        }));
    }

    toggle(name, checked) {
        const rest = this.names.filter((other) => other !== name);
        const names = checked ? [...rest, name] : rest;
        return this.props.record.update({[this.props.name]: names.join(",")});
    }
}

export const requiredFieldsField = {
    component: RequiredFieldsField,
    displayName: _t("Required fields"),
    supportedTypes: ["char"],
    isEmpty: () => false,
    extractProps: ({options}) => ({choices: options.choices}),
};

registry.category("fields").add("telemarketing_required_fields", requiredFieldsField);
