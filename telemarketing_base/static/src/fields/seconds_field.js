import {Component, xml} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/**
 * Whole seconds as people read them: 0:45, 3:07, 1:02:09.
 *
 * @param {number|false} value
 * @returns {string}
 */
export function formatSeconds(value) {
    const total = Math.round(Math.abs(value || 0));
    const hours = Math.floor(total / 3600);
    const minutes = Math.floor((total % 3600) / 60);
    const seconds = String(total % 60).padStart(2, "0");
    const sign = value < 0 ? "-" : "";
    return hours
        ? `${sign}${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
        : `${sign}${minutes}:${seconds}`;
}

/** An integer of seconds, shown as a duration; for figures, so it is read-only. */
export class SecondsField extends Component {
    static template = xml`<span class="o_telemarketing_seconds" t-esc="formatted"/>`;
    static props = {...standardFieldProps};

    get formatted() {
        return formatSeconds(this.props.record.data[this.props.name]);
    }
}

export const secondsField = {
    component: SecondsField,
    displayName: _t("Duration in seconds"),
    supportedTypes: ["integer"],
    isEmpty: () => false,
};

registry.category("fields").add("telemarketing_seconds", secondsField);
// Sums of lists, and pivots and graphs, which have no component.
registry.category("formatters").add("telemarketing_seconds", formatSeconds);
