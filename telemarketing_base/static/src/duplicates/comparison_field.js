import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/**
 * People side by side, what differs marked: whom to keep, and whose value of each
 * field. What is chosen goes to another field of the record: {keep, values: {field: id}}.
 */
export class ComparisonField extends Component {
    static template = "telemarketing_base.ComparisonField";
    static props = {...standardFieldProps, choices: {type: String}};

    get comparison() {
        return this.props.record.data[this.props.name] || {people: [], rows: []};
    }

    get choices() {
        return this.props.record.data[this.props.choices] || {};
    }

    get keep() {
        return this.choices.keep || this.comparison.keep;
    }

    get canChoose() {
        return !this.props.readonly;
    }

    /** The person whose value of the row stays: as chosen, else of who is kept. */
    sourceOf(row) {
        const chosen = (this.choices.values || {})[row.field];
        if (chosen) {
            return chosen;
        }
        const people = this.comparison.people;
        const own = people.findIndex((person) => person.id === this.keep);
        const place = row.texts[own] ? own : row.texts.findIndex((text) => text);
        return people[place]?.id;
    }

    cellClass(row, person) {
        if (!row.differs) {
            return "text-muted";
        }
        if (!row.chosen) {
            return "table-warning";
        }
        return this.sourceOf(row) === person.id
            ? "table-success fw-bold"
            : "table-warning";
    }

    choose(changes) {
        const {keep, values} = this.choices;
        return this.props.record.update({
            [this.props.choices]: {
                keep: keep || this.comparison.keep,
                values: values || {},
                ...changes,
            },
        });
    }

    onKeep(person) {
        return this.choose({keep: person.id});
    }

    onValue(row, person) {
        const values = {...(this.choices.values || {}), [row.field]: person.id};
        return this.choose({values});
    }
}

export const comparisonField = {
    component: ComparisonField,
    displayName: _t("People side by side"),
    supportedTypes: ["json"],
    extractProps: ({options}) => ({choices: options.choices}),
    fieldDependencies: ({options}) => [{name: options.choices, type: "json"}],
};

registry.category("fields").add("telemarketing_comparison", comparisonField);

/** What a button answers with, in the place of the screen that it was pressed on. */
registry.category("actions").add("telemarketing_replace_action", (env, {params}) =>
    env.services.action.doAction(params.action, {
        stackPosition: "replaceCurrentAction",
    })
);
