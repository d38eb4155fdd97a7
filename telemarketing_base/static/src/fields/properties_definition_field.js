import {Component} from "@odoo/owl";
import {ConfirmationDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

const WITH_CHOICES = ["selection", "tags"];

function newName() {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Editor of a Properties definition on the record that holds it. Odoo's own lets one
 * define fields only from a record that has them, which does not exist yet when a
 * campaign is prepared.
 */
export class PropertiesDefinitionField extends Component {
    static template = "telemarketing_base.PropertiesDefinitionField";
    static props = {...standardFieldProps};

    setup() {
        this.dialog = useService("dialog");
    }

    get definition() {
        return this.props.record.data[this.props.name] || [];
    }

    get types() {
        return [
            ["char", _t("Text")],
            ["text", _t("Several lines")],
            ["integer", _t("Whole number")],
            ["float", _t("Number")],
            ["boolean", _t("Yes or no")],
            ["date", _t("Date")],
            ["datetime", _t("Date and time")],
            ["selection", _t("One of several")],
            ["tags", _t("Some of several")],
        ];
    }

    /** Kinds that only Odoo's own editor offers stay as they are. */
    isKnown(type) {
        return this.types.some(([value]) => value === type);
    }

    typeLabel(type) {
        return (this.types.find(([value]) => value === type) || [type, type])[1];
    }

    hasChoices(field) {
        return WITH_CHOICES.includes(field.type);
    }

    choicesText(field) {
        return (field[field.type] || []).map((choice) => choice[1]).join(", ");
    }

    save(definition) {
        return this.props.record.update({[this.props.name]: definition});
    }

    change(index, values) {
        this.save(
            this.definition.map((field, place) =>
                place === index ? {...field, ...values} : field
            )
        );
    }

    onLabel(index, ev) {
        this.change(index, {string: ev.target.value.trim()});
    }

    onType(index, ev) {
        // Another kind is another field: values of the old one would not fit.
        const {string} = this.definition[index];
        const field = {name: newName(), string, type: ev.target.value};
        if (this.hasChoices(field)) {
            field[field.type] = [];
        }
        this.save(this.definition.map((old, place) => (place === index ? field : old)));
    }

    onChoices(index, ev) {
        const field = this.definition[index];
        const known = new Map((field[field.type] || []).map((c) => [c[1], c]));
        const labels = ev.target.value
            .split(",")
            .map((label) => label.trim())
            .filter(Boolean);
        const choices = [...new Set(labels)].map(
            (label) =>
                known.get(label) ||
                (field.type === "tags" ? [newName(), label, 0] : [newName(), label])
        );
        this.change(index, {[field.type]: choices});
    }

    add() {
        this.save([...this.definition, {name: newName(), string: "", type: "char"}]);
    }

    move(index, step) {
        const definition = [...this.definition];
        const [field] = definition.splice(index, 1);
        definition.splice(index + step, 0, field);
        this.save(definition);
    }

    remove(index) {
        const field = this.definition[index];
        const drop = () => this.save(this.definition.filter((_f, at) => at !== index));
        if (!field.string) {
            drop();
            return;
        }
        this.dialog.add(ConfirmationDialog, {
            title: _t("Remove the field"),
            body: _t(
                "Remove “%s”? What was written in it is no longer shown.",
                field.string
            ),
            confirmLabel: _t("Remove"),
            confirm: drop,
            cancel: () => {},
        });
    }
}

export const propertiesDefinitionField = {
    component: PropertiesDefinitionField,
    displayName: _t("Editor of extra fields"),
    supportedTypes: ["properties_definition"],
    isEmpty: () => false,
};

registry
    .category("fields")
    .add("telemarketing_properties_definition", propertiesDefinitionField);
