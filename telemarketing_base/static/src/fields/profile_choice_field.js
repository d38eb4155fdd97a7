import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/** One of the choices that another field of the record holds as [[value, label], …]. */
export class ProfileChoiceField extends Component {
    static template = "telemarketing_base.ProfileChoiceField";
    static props = {...standardFieldProps, choices: {type: String}};

    get value() {
        return this.props.record.data[this.props.name] || "";
    }

    get choices() {
        return this.props.record.data[this.props.choices] || [];
    }

    get label() {
        const found = this.choices.find(([value]) => value === this.value);
        return found ? found[1] : this.value;
    }

    onChange(ev) {
        this.props.record.update({[this.props.name]: ev.target.value || false});
    }
}

export const profileChoiceField = {
    component: ProfileChoiceField,
    displayName: _t("Choice"),
    supportedTypes: ["char"],
    extractProps: ({options}) => ({choices: options.choices}),
};

registry.category("fields").add("telemarketing_profile_choice", profileChoiceField);
